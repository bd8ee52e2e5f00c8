"""Interprets pipelines of Tekton over symbolic results: what each task is given, in which order, and what comes out.

A result is a text that holds a digest of all that its task was given, so that two runs whose results are equal have
given every task the same. Written after `docs/pipelines.md`, `docs/variables.md` and `docs/matrix.md`, with nothing of
the adapter. A task that fails stops those that need it; which of the others a failing run still starts is a matter of
time, and here all of them are.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Ran", "run_document", "run_pipeline"]

Data = dict[str, Any]
VARIABLE = re.compile(r"\$\(([a-zA-Z][^()\s]*)\)")
PART = "PipelinePart"


class Missing(Exception):
    """A variable has no value."""


@dataclass
class Ran:
    """What became of a pipeline.

    Attributes:
        status: `Succeeded`, `Completed` (something was skipped) or `Failed`.
        tasks: of each task that ran, what it was: all that it was given.
        order: the tasks that ran, in their order.
        skipped: those that did not.
        results: of the pipeline.
        mistakes: variables without a value in tasks that ran.
    """

    status: str = "Succeeded"
    tasks: dict[str, Any] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    skipped: set[str] = field(default_factory=set)
    results: Data = field(default_factory=dict)
    mistakes: list[str] = field(default_factory=list)


def run_document(documents: Sequence[Data], run: Data, failing: frozenset[str] = frozenset(), name: str = "RUN") -> Ran:
    """Interprets a PipelineRun among documents that it may refer to."""
    spec = run["spec"]
    pipeline = spec.get("pipelineSpec") or named(documents, "Pipeline", spec["pipelineRef"]["name"])
    given = {item["name"]: item["value"] for item in spec.get("params") or ()}
    bound = {item["name"]: _where(item) for item in spec.get("workspaces") or ()}
    called = name if "pipelineSpec" in spec else spec["pipelineRef"]["name"]
    context = {
        "context.pipelineRun.name": name,
        "context.pipeline.name": called,
        "context.pipelineRun.namespace": run["metadata"].get("namespace", "NAMESPACE"),
        "context.pipelineRun.uid": f"uid-{name}",
    }
    return run_pipeline(documents, pipeline, given, bound, context, failing, embedded="pipelineSpec" in spec)


def named(documents: Sequence[Data], kind: str, name: str) -> Data:
    """The spec of an object."""
    (found,) = (item["spec"] for item in documents if item["kind"] == kind and item["metadata"].get("name") == name)
    return dict(found)


def _where(item: Data) -> str:
    """A workspace as those see it who use it, whatever volume is behind its name."""
    return f"{item['name']}/{item.get('subPath', '')}"


def run_pipeline(
    documents: Sequence[Data],
    spec: Data,
    given: Mapping[str, Any],
    bound: Mapping[str, str],
    context: Mapping[str, str],
    failing: frozenset[str] = frozenset(),
    *,
    embedded: bool = False,
) -> Ran:
    """Interprets one pipeline.

    Args:
        documents: where Tasks and Pipelines are looked up.
        spec: of the pipeline.
        given: the values of its parameters.
        bound: what its workspaces are.
        context: variables of the run.
        failing: names of tasks that fail.
        embedded: whether it stands in its run, whose parameters and workspaces it then finds.
    """
    declared = {item["name"] for item in spec.get("params") or ()}
    if not embedded and given.keys() - declared:
        raise AssertionError(f"given, and not declared: {given.keys() - declared}")
    values = {item["name"]: item["default"] for item in spec.get("params") or () if "default" in item} | dict(given)
    if declared - values.keys():
        raise AssertionError(f"declared, and not given: {declared - values.keys()}")
    if not embedded:
        bound = {item["name"]: bound[item["name"]] for item in spec.get("workspaces") or () if item["name"] in bound}
    return _Run(documents, spec, values, bound, context, failing).ran()


class _Run:
    def __init__(
        self,
        documents: Sequence[Data],
        spec: Data,
        values: Mapping[str, Any],
        bound: Mapping[str, str],
        context: Mapping[str, str],
        failing: frozenset[str],
    ) -> None:
        self._documents, self._spec, self._bound, self._failing = documents, spec, bound, failing
        self._known: Data = dict(context)
        self._values = values
        self._known |= _parameters(values)
        self._results: dict[str, Data] = {}
        self._fates: dict[str, str] = {}
        self.out = Ran()

    def ran(self) -> Ran:
        tasks = {task["name"]: task for task in self._spec.get("tasks") or ()}
        for name in self._order(tasks):
            self._fates[name] = self._task(tasks[name], self._main_fate(tasks[name], tasks))
        fates = self._fates.values()
        whole = "Failed" if "Failed" in fates else "Completed" if {"Skipped", "None", "Completed"} & {*fates} else ""
        self.out.status = whole or "Succeeded"
        self._known["tasks.status"] = self.out.status
        for name, fate in self._fates.items():
            self._known[f"tasks.{name}.status"] = {"Skipped": "None", "Completed": "Succeeded"}.get(fate, fate)
        for task in self._spec.get("finally") or ():
            fate = self._task(task, self._when(task) if self._reads(task) <= self._results.keys() else "Skipped")
            if fate == "Failed":
                self.out.status = "Failed"
        for result in self._spec.get("results") or ():
            with contextlib.suppress(Missing):
                self.out.results[result["name"]] = self._filled(result["value"], self._known)
        return self.out

    def _order(self, tasks: Data) -> list[str]:
        order: list[str] = []
        while len(order) < len(tasks):
            ready = [
                name
                for name, task in tasks.items()
                if name not in order and {*(task.get("runAfter") or ()), *self._reads(task)} <= {*order}
            ]
            assert ready, f"a circle, or what is not there: {tasks.keys() - set(order)}"
            order.append(ready[0])
        return order

    @staticmethod
    def _reads(task: Data) -> set[str]:
        return {match[1] for match in re.finditer(r"\$\((?:tasks|finally)\.([\w-]+)\.results\.", json.dumps(task))}

    def _main_fate(self, task: Data, tasks: Data) -> str:
        before = [self._fates[name] for name in task.get("runAfter") or ()]
        before += ["Ended" if name in self._results else self._fates[name] for name in self._reads(task)]
        tolerated = {name for name, other in tasks.items() if other.get("onError") == "continue"}
        failed = [name for name in (*(task.get("runAfter") or ()), *self._reads(task)) if name not in tolerated]
        if any(self._fates[name] in ("Failed", "None") for name in failed):
            return "None"
        if any(self._fates[name] in ("Skipped", "Failed") for name in self._reads(task)):
            return "Skipped"
        return self._when(task)

    def _when(self, task: Data) -> str:
        """Whether the conditions of a task let it run; one that reads what is not there fails."""
        for item in task.get("when") or ():
            try:
                subject = self._filled(item["input"], self._known)
                among = [value for entry in item["values"] for value in _listed(self._filled(entry, self._known))]
            except Missing:
                return "Failed"
            if (subject in among) is not (item["operator"] == "in"):
                return "Skipped"
        return ""

    def _task(self, task: Data, fate: str) -> str:
        """Runs a task unless it has its fate already; one that reads what is not there fails."""
        try:
            fate = fate or self._run(task)
        except Missing:
            fate = "Failed"
        if task["name"] not in self.out.tasks and not _is_part(task):
            self.out.skipped.add(task["name"])
        return fate

    def _run(self, task: Data) -> str:
        name = task["name"]
        if _is_part(task):
            return self._part(task)
        made = [self._one(task, own) for own in self._combinations(task)]
        if not made:
            return "Skipped"
        self.out.order.append(name)
        self.out.tasks[name] = [what for what, _ in made] if "matrix" in task else made[0][0]
        if name in self._failing:
            return "Failed"
        results = made[0][1]
        if "matrix" in task:
            results = {key: [one[key] for _, one in made] for key in results}
        self._keep(name, results)
        return "Succeeded"

    def _part(self, task: Data) -> str:
        given = {item["name"]: self._filled(item["value"], self._known) for item in task.get("params") or ()}
        bound = {
            item["name"]: self._bound[item.get("workspace") or item["name"]]
            for item in task.get("workspaces") or ()
            if (item.get("workspace") or item["name"]) in self._bound
        }
        nested = "pipelineRef" in task
        called = task["pipelineRef" if nested else "taskRef"]["name"]
        pipeline = named(self._documents, "Pipeline", called)
        context = {"context.pipelineRun.name": task["name"], "context.pipeline.name": called}
        context |= {key: value for key, value in self._known.items() if key == "context.pipelineRun.namespace"}
        context["context.pipelineRun.uid"] = f"uid-{self._known['context.pipelineRun.name']}"
        inner = run_pipeline(self._documents, pipeline, given, bound, context, self._failing)
        self.out.tasks |= inner.tasks
        self.out.order += inner.order
        self.out.skipped |= inner.skipped
        self.out.mistakes += inner.mistakes
        if nested:  # Tekton hands out no results of it, and knows only whether it succeeded
            return "Failed" if inner.status == "Failed" else "Succeeded"
        self._keep(task["name"], inner.results)
        return inner.status

    def _keep(self, name: str, results: Data) -> None:
        self._results[name] = results
        for key, value in results.items():
            for spelled in (f"tasks.{name}", f"finally.{name}"):
                self._known |= _spread(f"{spelled}.results.{key}", value)

    def _combinations(self, task: Data) -> list[Data]:
        matrix = task.get("matrix")
        if matrix is None:
            return [{}]
        axes = [
            (item["name"], _listed(self._filled(item["value"], self._known))) for item in matrix.get("params") or ()
        ]
        found = [
            dict(zip([name for name, _ in axes], some, strict=True))
            for some in itertools.product(*(v for _, v in axes))
        ]
        include = [
            {item["name"]: item["value"] for item in row.get("params") or ()} for row in matrix.get("include") or ()
        ]
        return [*(found if axes else []), *include]

    def _one(self, task: Data, own: Data) -> tuple[Any, Data]:
        """What a task is once everything is filled in, and its results."""
        passed = {item["name"]: self._filled(item["value"], self._known) for item in task.get("params") or ()} | own
        spec = task.get("taskSpec")
        known = dict(self._known) if spec is not None else {}
        if spec is None and (task.get("taskRef") or {}).get("name") and not task["taskRef"].get("apiVersion"):
            found = [item for item in self._documents if item["kind"] == "Task"]
            if any(item["metadata"].get("name") == task["taskRef"]["name"] for item in found):
                spec = named(self._documents, "Task", task["taskRef"]["name"])
        defaults = {item["name"]: item["default"] for item in (spec or {}).get("params") or () if "default" in item}
        own_defaults = {key: held for key, held in defaults.items() if key not in self._values or "taskRef" in task}
        known |= _parameters({**own_defaults, **passed})
        uses = {
            item["name"]: f"{self._bound.get(item.get('workspace') or item['name'])}{item.get('subPath', '')}"
            for item in task.get("workspaces") or ()
        }
        for item in (spec or {}).get("workspaces") or ():
            uses.setdefault(item["name"], str(self._bound.get(item["name"])))
        said: Data = {key: task[key] for key in ("retries", "timeout", "onError", "taskRef") if key in task}
        body = self._filled(spec, known, lax=True) if spec is not None else None
        what: Data = {"name": task["name"], "params": passed, "workspaces": uses, "spec": body, **said}
        mark = hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:12]
        declared = {item["name"]: item for item in (spec or {}).get("results") or ()}
        for match in re.finditer(
            rf"\$\(tasks\.{re.escape(task['name'])}\.results\.([\w-]+)(\[?)", json.dumps(self._spec)
        ):
            declared.setdefault(match[1], {"type": "array"} if match[2] else {})
        return what, {key: _symbol(f"{task['name']}.{key}:{mark}", item) for key, item in declared.items()}

    def _filled(self, content: Any, known: Data, *, lax: bool = False) -> Any:
        match content:
            case dict():
                return {key: self._filled(inner, known, lax=lax) for key, inner in content.items()}
            case list():
                found: list[Any] = []
                for inner in content:
                    filled = self._filled(inner, known, lax=lax)
                    star = isinstance(inner, str) and isinstance(filled, list)
                    found += filled if star else [filled]
                return found
            case str():
                whole = VARIABLE.fullmatch(content)
                if whole and whole[1] in known:
                    return known[whole[1]]
                return VARIABLE.sub(lambda match: self._text(match, known, lax), content)
        return content

    def _text(self, match: re.Match[str], known: Data, lax: bool) -> str:
        if match[1] in known:
            return str(known[match[1]])
        if match[1].startswith(("tasks.", "finally.")):
            raise Missing(match[1])
        if match[1].startswith("params."):
            self.out.mistakes.append(match[1])
            if not lax:
                raise Missing(match[1])
        return match[0]


def _is_part(task: Data) -> bool:
    return "pipelineRef" in task or (task.get("taskRef") or {}).get("kind") == PART


def _symbol(text: str, declared: Data) -> Any:
    kind = declared.get("type") or ("object" if "properties" in declared else "string")
    if kind == "array":
        return [f"{text}/{number}" for number in range(4)]
    if kind == "object":
        return {key: f"{text}/{key}" for key in declared.get("properties") or {}}
    return text


def _parameters(values: Mapping[str, Any]) -> Data:
    return {key: content for name, value in values.items() for key, content in _spread(f"params.{name}", value).items()}


def _spread(name: str, value: Any) -> Data:
    """The variables that a value has: itself, or all of it and its pieces."""
    found: Data = {name: value}
    if isinstance(value, (list, dict)):
        found[f"{name}[*]"] = value
    if isinstance(value, list):
        found |= {f"{name}[{number}]": item for number, item in enumerate(value)}
    if isinstance(value, dict):
        found |= {f"{name}.{key}": item for key, item in value.items()}
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
