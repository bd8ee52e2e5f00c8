"""Parameters that tasks of a pipeline are passed, and those that a run hands down without a declaration.

Source: `validateInlineParameters` in `pipelinerun_validation.go` and `taskrun_validation.go`.

Matrices of tasks.

Source: `pkg/apis/pipeline/v1/matrix_types.go`; the limit is that of a cluster as it is installed
(`default-max-matrix-combinations-count`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from couler_plugins.documents import Mapped, Path
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.lint.names import check_once
from couler_tekton.lint.parameters import Declared, check_variable, declared, value_type
from couler_tekton.lint.texts import entire_problem, is_isolated_whole, isolated_problem, prohibited_problem

MOST = 256


def matrix_params(task: Mapped, path: Path) -> list[tuple[Mapped, Path, bool]]:
    """What a matrix fills: the parameter, its place, whether it stands in an include."""
    matrix, place = task.get("matrix") or {}, (*path, "matrix")
    params = [(item, (*place, "params", number), False) for number, item in enumerate(matrix.get("params") or ())]
    for number, include in enumerate(matrix.get("include") or ()):
        where = (*place, "include", number, "params")
        params += [(item, (*where, index), True) for index, item in enumerate(include.get("params") or ())]
    return params


def check_matrix(task: Mapped, path: Path, report: Report) -> None:
    """The matrix of a task."""
    matrix, place = task.get("matrix") or {}, (*path, "matrix")
    count = _combinations(matrix)
    if count > MOST:
        message = f"it has {count} combinations, and a cluster takes {MOST}"
        report.error("matrix", place, message, "split it, or raise default-max-matrix-combinations-count")
    for number, include in enumerate(matrix.get("include") or ()):
        check_once(include.get("params"), (*place, "include", number, "params"), "parameters", report)
    check_once(matrix.get("params"), (*place, "params"), "parameters", report)
    filled = {item.get("name") for item, _, _ in matrix_params(task, path)}
    for number, param in enumerate(task.get("params") or ()):
        if param.get("name") in filled:
            message = f"the parameter {param['name']!r} is passed, and the matrix fills it"
            report.error("matrix", (*path, "params", number), message, "keep one of the two")


def _combinations(matrix: Mapped) -> int:
    """How often a task with this matrix runs, as far as that is known before."""
    params, includes = matrix.get("params") or (), matrix.get("include") or ()
    if not params:
        return len(includes)
    lists = {item.get("name"): item["value"] if isinstance(item.get("value"), list) else [] for item in params}
    count = math.prod(len(held) for held in lists.values() if held)
    for include in includes:
        for param in include.get("params") or ():
            if param.get("name") in lists:
                if param.get("value") in lists[param["name"]]:
                    break
                count += 1
    return count


def check_passing(tasks: Sequence[tuple[Mapped, Path]], params: Sequence[Declared], report: Report) -> None:
    """That tasks are passed parameters that are there, each where one of its type may stand."""
    checker = _Checker(params, report)
    for task, path in tasks:
        for number, param in enumerate(task.get("params") or ()):
            checker.argument(param.get("value"), (*path, "params", number, "value"))
        for param, place, included in matrix_params(task, path):
            value = param.get("value")
            if included and isinstance(value, str):
                checker.text(value, (*place, "value"))
            elif not included and value_type(value) == "array":
                for item in value or ():
                    checker.item(item, (*place, "value"))
        for number, when in enumerate(task.get("when") or ()):
            where = (*path, "when", number)
            checker.text(when.get("input") or "", (*where, "input"))
            for item in when.get("values") or ():
                checker.value(item or "", (*where, "values"))


class _Checker:
    def __init__(self, params: Sequence[Declared], report: Report) -> None:
        self._report = report
        self._names = {param.name for param in params}
        self._lists = {param.name for param in params if param.type == "array"}
        self._objects = {param.name: param.keys for param in params if param.type == "object" and param.keys}

    def argument(self, value: Any, path: Path) -> None:
        """What a task is passed."""
        kind = value_type(value)
        if kind == "array":
            for item in value:
                self.item(item, path)
        elif kind == "object":
            for item in value.values():
                self.text(item, path)
        elif isinstance(value, str):
            if is_isolated_whole(value):
                check_variable(value, path, "params", self._names, self._report)
            else:
                self.text(value, path)

    def value(self, text: str, path: Path) -> None:
        """One of the values of a when expression: a text, or a whole list."""
        listed = text.removeprefix("$(params.").removesuffix("[*])") in self._lists
        (self.item if listed else self.text)(text, path)

    def text(self, text: str, path: Path) -> None:
        """Where a text is wanted."""
        self._known(text, path)
        self._say(prohibited_problem(text, "params", self._lists), path)

    def item(self, text: str, path: Path) -> None:
        """Where a list may stand alone."""
        self._known(text, path)
        self._say(isolated_problem(text, "params", self._lists), path)

    def _known(self, text: str, path: Path) -> None:
        check_variable(text, path, "params", self._names, self._report)
        for name, keys in self._objects.items():
            check_variable(text, path, rf"params\.{name}", keys or {}, self._report, f"key of {name!r}")
        self._say(entire_problem(text, "params", self._objects), path)

    def _say(self, problem: str, path: Path) -> None:
        if problem:
            self._report.error("parameter-use", path, problem, "pass a list or an object alone, with [*]")


def handed_to_task(spec: Mapped, path: Path, report: Report) -> list[Declared]:
    """The parameters that a task in a TaskRun can use."""
    params = _Handed(report)
    params.add(spec.get("params") or (), (*path, "params"))
    params.declared(declared(spec["taskSpec"].get("params") or (), (*path, "taskSpec", "params")))
    return list(params.params.values())


def handed_to_pipeline(spec: Mapped, path: Path, report: Report) -> list[Declared]:
    """The parameters that the pipeline in a PipelineRun can use, and the tasks that are written in it."""
    params = _Handed(report)
    pipeline, inner = spec["pipelineSpec"], (*path, "pipelineSpec")
    params.add(spec.get("params") or (), (*path, "params"))
    params.declared(declared(pipeline.get("params") or (), (*inner, "params")))
    for number, task in enumerate(pipeline.get("tasks") or ()):
        place = (*inner, "tasks", number)
        params.passed(task.get("params") or (), (*place, "params"))
        body = task.get("taskSpec") or {}
        params.declared(declared(body.get("params") or (), (*place, "taskSpec", "params")))
    return list(params.params.values())


class _Handed:
    def __init__(self, report: Report) -> None:
        self._report = report
        self.params: dict[str, Declared] = {}

    def add(self, params: Iterable[Mapped], path: Path) -> None:
        """What the run is given: each parameter is as its value is."""
        for number, param in enumerate(params):
            name, value = param.get("name") or "", param.get("value")
            kind = value_type(value) if "value" in param else ""
            self.params[name] = Declared(name, kind, _keys(value), value, (), (*path, number))

    def passed(self, params: Iterable[Mapped], path: Path) -> None:
        """What a task is passed: a parameter that is known gets the keys of an object."""
        for number, param in enumerate(params):
            param_known, keys = self.params.get(param.get("name") or ""), _keys(param.get("value"))
            if param_known is None:
                self.add([param], (*path, number))
            elif keys and (param_known.keys is None or value_type(param_known.default) != "object"):
                message = f"an object is passed as {param_known.name!r}, which is none around it"
                hint = "pass it under another name: the webhook itself fails here"
                self._report.error("parameter-use", (*path, number), message, hint)
            elif keys is not None:
                self.params[param_known.name] = param_known._replace(keys={**(param_known.keys or {}), **keys})

    def declared(self, params: Iterable[Declared]) -> None:
        """Declarations: of what is passed, they say the keys; all else has to be declared whole."""
        for param in params:
            other = self.params.get(param.name)
            if other is None:
                self.params[param.name] = param
                continue
            is_object = isinstance(param.default, dict) and value_type(param.default) == "object"
            if is_object and param.default and other.default is None:
                message = f"the object {param.name!r} has a default here, and none around it"
                hint = "give it one there, too: the webhook itself fails here"
                self._report.error("parameter-default", param.path, message, hint)
            elif param.keys is None and (is_object or other.type == "object"):
                hint = "declare its keys under properties"
                message = f"the object {param.name!r} has no properties"
                self._report.error("parameter-properties", param.path, message, hint)
            elif other.type == "object":
                self.params[param.name] = other._replace(keys=param.keys)


def _keys(value: Any) -> dict[str, str] | None:
    """The keys of an object, with their types."""
    return dict.fromkeys(value, "string") if isinstance(value, dict) and value_type(value) == "object" else None
