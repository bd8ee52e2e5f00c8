"""Tekton v1 documents as workflows: one for each run, and one for each Pipeline or Task that no run of the set uses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Callee,
    Container,
    Dynamic,
    EnvVar,
    External,
    Graph,
    Literal,
    Loop,
    Need,
    Operation,
    Output,
    Port,
    Reference,
    Retry,
    Step,
    Workflow,
    all_of,
)
from lifters.build import Scan, arguments, maybe, merged, native, ports, rest, value

VARIABLE = re.compile(r"""\$\(((?:[a-zA-Z][\w-]*)(?:\.[\w./-]+|\[(?:\*|\d+|'[^']*'|"[^"]*")\])+)\)""")
PART = re.compile(r"""\[(\*|\d+)\]|\['([^']*)'\]|\["([^"]*)"\]|\.?([^.\[\]]+)""")
ENDED = ("skipped", "succeeded")
"""What `runAfter` waits for: a skipped task lets those that are merely ordered after it run."""

Path = tuple[int | str, ...]
Known = frozenset[str]


class Scope:
    """Which `$(params.x)` is whose: the task's or pipeline's own, or a parameter of the run that is handed down."""

    def __init__(
        self, run: Known = frozenset(), *own: Known, items: Known = frozenset(), passed: Known = frozenset()
    ) -> None:
        self.run, self.own, self.items, self.passed = run, frozenset().union(*own), items, passed

    def scan(self, text: str) -> list[str | Reference]:
        pieces: list[str | Reference] = []
        end = 0
        for match in VARIABLE.finditer(text):
            if reference := self.reference(match[1], match[0]):
                pieces += [text[end : match.start()], reference]
                end = match.end()
        return merged([*pieces, text[end:]])

    def reference(self, variable: str, native: str) -> Reference | None:
        index, single, double, word = range(4)
        cut = [(m[0], m[2], m[3], m[4]) for m in PART.finditer(variable)]
        parts = [m[single] or m[double] or m[word] or m[index].strip("[]") for m in cut]
        if parts[:2] == ["inputs", "params"]:
            parts = parts[1:]
        match parts:
            case ["params", name, *path] if name not in self.passed - self.own:
                to = "input" if name in self.own else "item" if name in self.items else "parameter"
                to = to if name in self.own | self.items | self.run else "input"
                return Reference(to=to, kind="parameter", name=name, path=tuple(path), native=native)  # type: ignore[arg-type]
            case ["tasks" | "finally", step, "results", name, *path]:
                return Reference(to="output", kind="parameter", step=step, name=name, path=tuple(path), native=native)
            case ["tasks", step, "outputs", name, *path]:
                return Reference(to="output", kind="result", step=step, name=name, path=tuple(path), native=native)
            case ["tasks", "status"]:
                return Reference(to="run", name="tasks.status", native=native)
            case ["tasks", step, *fact]:
                return Reference(to="status", step=step, name=".".join(fact), native=native)
            case ["results", name, *path]:
                return Reference(to="output", kind="parameter", name=name, path=tuple(path), native=native)
            case ["workspaces", name, *path]:
                return Reference(to="workspace", name=name, path=tuple(path), native=native)
            case ["context" | "credentials", *fact]:
                return Reference(to="run", name=".".join(fact), native=native)
            case ["params" | "step" | "steps" | "artifacts", *_]:  # a task's own argument, or between its containers
                return Reference(to="unknown", name=variable, native=native)
        return None


class Lifter:
    def __init__(self, documents: Sequence[Any]) -> None:
        self.documents = [(number, item) for number, item in enumerate(documents) if isinstance(item, dict)]
        self.shared = {
            (item["kind"], item["metadata"]["name"]): (number, item)
            for number, item in self.documents
            if item.get("kind") in ("Task", "Pipeline") and "name" in item["metadata"]
        }
        self.used: set[int] = set()

    def workflows(self) -> Iterable[Workflow]:
        runs = [entry for entry in self.documents if entry[1].get("kind") in ("PipelineRun", "TaskRun")]
        yield from [self.run(number, item) for number, item in runs]
        for kind in ("Pipeline", "Task"):
            for number, item in self.documents:
                if item.get("kind") == kind and number not in self.used:
                    yield self.library(number, item)

    def run(self, number: int, item: Mapping[str, Any]) -> Workflow:
        kind, spec, meta = item["kind"].removesuffix("Run"), item["spec"], item["metadata"]
        given = spec.get("params") or []
        scan = Scope().scan
        self.start(frozenset(param["name"] for param in given))
        inline, ref = f"{kind.lower()}Spec", spec.get(f"{kind.lower()}Ref")
        path = (number, "spec", inline)
        callee = self.callee(kind, f"{kind}Run", spec.get(inline), ref, path, Scope(self.given))
        passed = [Argument(name=p["name"], value=Reference(to="parameter", name=p["name"])) for p in given]
        name, prefix = meta.get("name", ""), meta.get("generateName", "")
        return Workflow(
            engine="tekton",
            kind=item["kind"],
            name=name,
            prefix=prefix,
            parameters=ports(Port(name=param["name"], value=value(param["value"], scan)) for param in given),
            entry=Step(name="run", call=callee, arguments=arguments(passed), source=(number, "spec")),
            graphs=tuple(self.graphs.values()),
            operations=tuple(self.operations.values()),
            rest=rest(spec, ("params", inline, f"{kind.lower()}Ref"), scan),
            source=(number,),
        )

    def library(self, number: int, item: Mapping[str, Any]) -> Workflow:
        self.start(frozenset())
        self.callee(item["kind"], "", None, {"name": item["metadata"]["name"]}, (number,), Scope())
        graphs, operations = tuple(self.graphs.values()), tuple(self.operations.values())
        common: dict[str, Any] = {"engine": "tekton", "kind": item["kind"], "library": "namespace", "source": (number,)}
        return Workflow(name=item["metadata"]["name"], graphs=graphs, operations=operations, **common)

    def start(self, given: Known) -> None:
        self.given = given
        self.graphs: dict[str, Graph] = {}
        self.operations: dict[str, Operation] = {}

    def callee(self, kind: str, name: str, spec: Any, ref: Any, path: Path, outer: Scope) -> Callee:
        """What a run or a pipeline task calls; whatever lies in the set of documents is lifted."""
        if spec is None and ref and (kind, ref.get("name")) in self.shared and ref.get("kind", kind) == kind:
            number, item = self.shared[kind, ref["name"]]
            self.used.add(number)
            name, spec, path, inline, outer = f"{kind}/{ref['name']}", item["spec"], (number, "spec"), False, Scope()
            if name in self.graphs or name in self.operations:
                return Call(name=name)
        elif spec is None or spec.get("apiVersion") or spec.get("kind"):  # a resolver, a custom task, or far away
            plain = spec is None and set(ref) <= {"name", "kind"} and ref.get("kind", kind) == kind
            far = External(workflow=ref["name"], name=ref["name"]) if plain else None
            return far or Dynamic(target=native(spec or ref, outer.scan))
        else:
            inline = True
        if kind == "Pipeline":
            self.graphs[name] = self.graph(name, spec, path, inline, outer)
        else:
            self.operations[name] = operation(name, spec, path, inline, outer)
        return Call(name=name)

    def graph(self, name: str, spec: Mapping[str, Any], path: Path, inline: bool, outer: Scope) -> Graph:
        scope = Scope(outer.run, outer.own, names(spec.get("params")))
        places = [(key, number) for key in ("tasks", "finally") for number in range(len(spec.get(key) or ()))]
        steps = [self.step(name, spec[key][number], (*path, key, number), scope) for key, number in places]
        return Graph(
            name=name,
            inputs=inputs(spec, scope),
            outputs=outputs(spec, scope),
            steps=tuple(steps),
            finalizers=tuple(task["name"] for task in spec.get("finally") or ()),
            inline=inline,
            rest=rest(spec, ("params", "results", "tasks", "finally"), scope.scan),
            source=path,
        )

    def step(self, graph: str, task: Mapping[str, Any], path: Path, scope: Scope) -> Step:
        kind = "Pipeline" if "pipelineSpec" in task or "pipelineRef" in task else "Task"
        key, ref = f"{kind.lower()}Spec", f"{kind.lower()}Ref"
        matrix = task.get("matrix") or {}
        own = names(task.get("params"))
        scan = Scope(scope.run, scope.own, items=frozenset(self.axes(matrix)), passed=own).scan
        callee = self.callee(kind, f"{graph}/{task['name']}", task.get(key), task.get(ref), (*path, key), scope)
        extra = [Argument(name=name, value=Reference(to="item", name=name)) for name in self.axes(matrix)]
        passed = [Argument(name=p["name"], value=value(p["value"], scan)) for p in task.get("params") or ()]
        passed += self.handed_down(callee, scope)
        spaces = [
            {**w, "workspace": Reference(to="workspace", name=w["workspace"])} if w.get("workspace") else w
            for w in task.get("workspaces") or ()
        ]
        known = ("name", "params", "runAfter", "when", "matrix", "retries", "timeout", "onError", key, ref)
        order = [Need(step=name, outcomes=ENDED) for name in task.get("runAfter") or ()]
        return Step(
            name=task["name"],
            call=callee,
            arguments=arguments([*extra, *passed]),
            needs=all_of(list(order)),
            condition=maybe(task.get("when"), scan),
            loop=loop(matrix, scan) if matrix else None,
            tolerates=("failed",) if task.get("onError") == "continue" else (),
            retry=Retry(limit=Literal(value=task["retries"])) if "retries" in task else None,
            timeout=maybe(task.get("timeout"), scan),
            rest=rest({**task, **({"workspaces": spaces} if spaces else {})}, known, scan),
            source=path,
        )

    def axes(self, matrix: Mapping[str, Any]) -> list[str]:
        includes = [param["name"] for item in matrix.get("include") or () for param in item.get("params") or ()]
        return list(dict.fromkeys([param["name"] for param in matrix.get("params") or ()] + includes))

    def handed_down(self, callee: Callee, scope: Scope) -> list[Argument]:
        """The parameters that a task written in place declares, and that the engine completes from around it."""
        item = self.operations.get(callee.name) if isinstance(callee, Call) else None
        own = [port.name for port in item.inputs if item.inline] if item else []
        found = [name for name in own if name in scope.own | scope.run]
        return [Argument(name=n, value=Reference(to="input" if n in scope.own else "parameter", name=n)) for n in found]


def names(params: Any) -> Known:
    return frozenset(param["name"] for param in params or ())


def loop(matrix: Mapping[str, Any], scan: Scan) -> Loop:
    axes = tuple(Axis(name=p["name"], values=value(p["value"], scan)) for p in matrix.get("params") or ())
    return Loop(combine="product", axes=axes, includes=tuple(native(i, scan) for i in matrix.get("include") or ()))


def inputs(spec: Mapping[str, Any], scope: Scope) -> tuple[Port, ...]:
    known = ("name", "default")
    params = spec.get("params") or ()
    return ports(
        Port(name=p["name"], default=maybe(p.get("default"), scope.scan), rest=rest(p, known, scope.scan))
        for p in params
    )


def outputs(spec: Mapping[str, Any], scope: Scope) -> tuple[Output, ...]:
    known = ("name", "value")
    items = [
        Output(name=r["name"], value=maybe(r.get("value"), scope.scan), rest=rest(r, known, scope.scan))
        for r in spec.get("results") or ()
    ]
    return tuple(sorted(items, key=lambda item: item.name))


def operation(name: str, spec: Mapping[str, Any], path: Path, inline: bool, outer: Scope) -> Operation:
    scope = Scope(outer.run, outer.own, names(spec.get("params")))
    steps = [container(item, "main", scope) for item in spec.get("steps") or ()]
    sidecars = [container(item, "sidecar", scope) for item in spec.get("sidecars") or ()]
    return Operation(
        name=name,
        kind="container",
        inputs=inputs(spec, scope),
        outputs=outputs(spec, scope),
        containers=(*steps, *sidecars),
        inline=inline,
        rest=rest(spec, ("params", "results", "steps", "sidecars"), scope.scan),
        source=path,
    )


def container(item: Mapping[str, Any], role: Any, scope: Scope) -> Container:
    scan, resources = scope.scan, item.get("computeResources") or {}
    amounts = {
        kind: tuple(sorted((k, value(v, scan)) for k, v in (resources.get(kind) or {}).items()))
        for kind in ("requests", "limits")
    }
    plain = [entry for entry in item.get("env") or () if "valueFrom" not in entry]
    known = ("name", "image", "command", "args", "script", "env", "computeResources")
    environment = [
        EnvVar(
            name=e["name"], value=native(e["valueFrom"], scan) if e not in plain else value(e.get("value", ""), scan)
        )
        for e in item.get("env") or ()
    ]
    return Container(
        name=item.get("name", ""),
        role=role,
        image=maybe(item.get("image"), scan),
        command=tuple(value(part, scan) for part in item.get("command") or ()),
        args=tuple(value(part, scan) for part in item.get("args") or ()),
        script=maybe(item.get("script"), scan),
        env=tuple(environment),
        rest=rest(item, known, scan),
        **amounts,
    )


def lift(documents: Sequence[Any]) -> list[Workflow]:
    """The workflows of a set of documents that refer to each other."""
    return list(Lifter(documents).workflows())
