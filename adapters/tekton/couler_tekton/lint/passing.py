"""What tasks of a pipeline are passed of its parameters.

Source: `validatePipelineTaskParameterUsage` in `pipeline_validation.go`, `param_types.go`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from couler_plugins.documents import Path
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.lint.matrices import matrix_params
from couler_tekton.lint.parameters import Declared, check_variable, value_type
from couler_tekton.lint.texts import entire_problem, is_isolated_whole, isolated_problem, prohibited_problem

__all__ = ["check_passing"]

Mapped = dict[str, Any]


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
