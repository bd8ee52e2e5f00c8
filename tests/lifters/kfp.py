"""A compiled KFP v2 pipeline (IR YAML, with its platform document if there is one) as a workflow."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Container,
    EnvVar,
    Expression,
    FirstOf,
    Graph,
    Loop,
    Need,
    Operation,
    Output,
    Port,
    PortKind,
    Reference,
    Retry,
    Step,
    Value,
    Workflow,
    all_of,
    references,
    replace,
)
from lifters.build import arguments, maybe, merged, native, ports, rest, value

PLACEHOLDER = re.compile(
    r"\{\{\$(?:\.(inputs|outputs)\.(parameters|artifacts)\['([^']*)'\]([^}]*)|([^}]*))\}\}|"
    r"\{\"InputName\": \"([^\"]*)\"|\"IfPresent\": \{\"InputName\": \"([^\"]*)\""
)
OWN_INPUT = re.compile(r"inputs\.(?:parameter_values|artifacts)\['([^']*)'\]")
ENDED = ("errored", "failed", "omitted", "skipped", "succeeded")
"""What a task with the strategy `ALL_UPSTREAM_TASKS_COMPLETED` waits for."""

KINDS: tuple[tuple[str, PortKind], ...] = (("parameters", "parameter"), ("artifacts", "artifact"))
Data = Mapping[str, Any]
Given = dict[tuple[PortKind, str], Value]


def scan(text: str) -> list[str | Reference]:
    """Placeholders in the body of an executor."""
    pieces: list[str | Reference] = []
    end = 0
    for match in PLACEHOLDER.finditer(text):
        pieces += [text[end : match.start()], placeholder(match)]
        end = match.end()
    return merged([*pieces, text[end:]])


def placeholder(match: re.Match[str]) -> Reference:
    side, kind, name, path, fact, *present = match.groups()
    if side is None and fact is None:
        return Reference(to="input", name=present[0] or present[1], path=("present",), native=match[0])
    if side is None:
        return Reference(to="run", name=fact.strip(".") or "executor_input", native=match[0])
    keys = tuple(re.findall(r"[\w-]+", path))
    to = "input" if side == "inputs" else "output"
    return Reference(to=to, kind=kind.removesuffix("s"), name=name, path=keys, native=match[0])  # type: ignore[arg-type]


def source(data: Data) -> Reference | None:
    """What an input of a task, or a field of the platform document, is taken from."""
    spelling = json.dumps(data)
    match data:
        case {"taskOutputParameter": {"producerTask": step, "outputParameterKey": name}}:
            return Reference(to="output", kind="parameter", step=step, name=name, native=spelling)
        case {"taskOutputArtifact": {"producerTask": step, "outputArtifactKey": name}}:
            return Reference(to="output", kind="artifact", step=step, name=name, native=spelling)
        case {"componentInputParameter": name}:
            return Reference(to="input", kind="parameter", name=name, native=spelling)
        case {"componentInputArtifact": name}:
            return Reference(to="input", kind="artifact", name=name, native=spelling)
        case {"taskFinalStatus": {"producerTask": step}}:
            return Reference(to="status", step=step, name="finalStatus", native=spelling)
    return None


def given_to(task: Data) -> Given:
    """What a task passes; a constant may read other arguments of the same task."""
    entries = [
        (kind, key, entry) for group, kind in KINDS for key, entry in task.get("inputs", {}).get(group, {}).items()
    ]
    given: Given = {(kind, key): passed(entry) for kind, key, entry in entries if "runtimeValue" not in entry}

    def scanned(text: str) -> list[str | Reference]:
        return own_inputs(text, PLACEHOLDER, given)

    left = [(kind, key, entry["runtimeValue"]["constant"]) for kind, key, entry in entries if "runtimeValue" in entry]
    constants = {(kind, key): value(constant, scanned) for kind, key, constant in left}
    return {**given, **constants}


def own_inputs(text: str, pattern: re.Pattern[str], given: Given) -> list[str | Reference]:
    """A text that reads the task's own arguments: what is passed to them stands in their place."""
    pieces: list[str | Reference] = []
    end = 0
    for match in pattern.finditer(text):
        own = placeholder(match) if pattern is PLACEHOLDER else Reference(to="input", name=match[1])
        argument = given.get(("parameter", own.name)) or given.get(("artifact", own.name))
        found = next(references(argument), own) if argument else own
        pieces += [text[end : match.start()], replace(found, native=match[0])]
        end = match.end()
    return merged([*pieces, text[end:]])


def passed(data: Data) -> Value:
    found = source(data)
    selector = data.get("parameterExpressionSelector")
    if found and selector:
        texts = selector.split("string_value")
        parts = [part for text in texts[:-1] for part in (text, found)] + [texts[-1]]
        return Expression(language="cel", parts=tuple(merged(parts)))
    assert found is not None, data
    return found


class Lifter:
    def __init__(self, documents: Sequence[Any]) -> None:
        pipeline, *platform = [item for item in documents if item]
        self.spec: Data = pipeline
        self.executors: Data = pipeline.get("deploymentSpec", {}).get("executors", {})
        kubernetes = [item["platforms"]["kubernetes"] for item in platform]
        self.platform: Data = {
            label: config
            for item in kubernetes
            for label, config in item.get("deploymentSpec", {}).get("executors", {}).items()
        }
        dags = [item["dag"] for item in (pipeline["root"], *pipeline.get("components", {}).values()) if "dag" in item]
        self.tasks = [task for dag in dags for task in dag["tasks"].values()]
        self.rest = {"platform": [{k: v for k, v in item.items() if k != "deploymentSpec"} for item in kubernetes]}

    def workflow(self) -> Workflow:
        root = self.spec["root"]
        components: list[tuple[str, Data, tuple[int | str, ...]]] = [("root", root, (0, "root"))]
        components += [(name, item, (0, "components", name)) for name, item in self.spec.get("components", {}).items()]
        graphs = [self.graph(name, item, path) for name, item, path in components if "dag" in item]
        operations = [self.operation(name, item, path) for name, item, path in components if "dag" not in item]
        given = inputs(root)
        handed = [
            Argument(name=p.name, kind=p.kind, value=Reference(to="parameter", kind=p.kind, name=p.name)) for p in given
        ]
        return Workflow(
            engine="kfp",
            kind="PipelineSpec",
            name=self.spec["pipelineInfo"]["name"],
            parameters=given,
            entry=Step(name="root", call=Call(name="root"), arguments=arguments(handed), source=(0, "root")),
            graphs=tuple(graphs),
            operations=tuple(operations),
            rest=rest({**self.spec, **self.rest}, ("root", "components", "deploymentSpec"), scan),
            source=(0,),
        )

    def graph(self, name: str, item: Data, path: tuple[int | str, ...]) -> Graph:
        dag = item["dag"]
        steps = [self.step(key, task, (*path, "dag", "tasks", key)) for key, task in dag["tasks"].items()]
        values = {
            (kind, key): dag_output(entry)
            for group, kind in KINDS
            for key, entry in dag.get("outputs", {}).get(group, {}).items()
        }
        return Graph(
            name=name,
            inputs=inputs(item),
            outputs=outputs(item, values.get),
            steps=tuple(steps),
            rest=rest(item, ("dag", "inputDefinitions", "outputDefinitions"), scan),
            source=path,
        )

    def step(self, name: str, task: Data, path: tuple[int | str, ...]) -> Step:
        given = given_to(task)
        trigger = task.get("triggerPolicy", {})
        outcomes = ENDED if trigger.get("strategy") == "ALL_UPSTREAM_TASKS_COMPLETED" else ("succeeded",)
        upstream = list(task.get("dependentTasks", ()))
        upstream += [r.step for r in references(tuple(given.values())) if r.step and r.step not in upstream]
        component = self.spec["components"][task["componentRef"]["name"]]
        hidden = [Argument(name=key, value=found) for key, found in self.hidden(component)]
        item = iterated(task)
        looped = [Argument(name=item[1], kind=item[0], value=Reference(to="item", name=item[1]))] if item else []
        plain = [Argument(name=key, kind=kind, value=entry) for (kind, key), entry in given.items()]
        retry = task.get("retryPolicy")
        known = (
            "componentRef",
            "inputs",
            "dependentTasks",
            "triggerPolicy",
            "parameterIterator",
            "artifactIterator",
            "iteratorPolicy",
            "retryPolicy",
        )
        return Step(
            name=name,
            call=Call(name=task["componentRef"]["name"]),
            arguments=arguments([*looped, *plain, *hidden]),
            needs=all_of([Need(step=step, outcomes=outcomes) for step in dict.fromkeys(upstream)]),
            condition=Expression(language="cel", parts=tuple(own_inputs(trigger["condition"], OWN_INPUT, given)))
            if "condition" in trigger
            else None,
            loop=loop(task, given) if item else None,
            retry=retry and Retry(limit=maybe(retry.get("maxRetryCount"), scan), rest=native(retry, scan)),
            rest=rest(task, known, scan),
            source=path,
        )

    def hidden(self, component: Data) -> Iterator[tuple[str, Reference]]:
        """The inputs of a component that only the platform document knows: where in it, and what they hold."""
        yield from _sources(self.platform.get(component.get("executorLabel", ""), {}), "platform")

    def undeclared(self, name: str, declared: Sequence[Port]) -> list[tuple[PortKind, str]]:
        """The compiler passes to a task, for its resources, what its component does not declare."""
        known = {(port.kind, port.name) for port in declared}
        passed = [key for task in self.tasks if task["componentRef"]["name"] == name for key in given_to(task)]
        item = [key for task in self.tasks for key in (iterated(task),) if key]
        return [key for key in dict.fromkeys(passed) if key not in known and key not in item]

    def operation(self, name: str, item: Data, path: tuple[int | str, ...]) -> Operation:
        label = item["executorLabel"]
        executor = self.executors[label]
        kind = next(iter(executor))
        declared = inputs(item)
        hidden = [Port(name=key) for key, _ in self.hidden(item)]
        hidden += [Port(name=key, kind=kind) for kind, key in self.undeclared(name, declared)]
        return Operation(
            name=name,
            kind=kind,
            inputs=ports([*declared, *hidden]),
            outputs=outputs(item, lambda key: None),
            containers=(container(executor["container"]),) if kind == "container" else (),
            rest=native(
                {
                    "executor": {k: v for k, v in executor.items() if k != "container"},
                    "platform": without_sources(self.platform.get(label, {})),
                },
                scan,
            ),
            source=path,
        )


def _sources(data: Any, place: str) -> Iterator[tuple[str, Reference]]:
    if isinstance(data, dict):
        found = source({k: v for k, v in data.items() if k != "mountPath"})
        if found and place.endswith(("Parameter", "Json")):
            yield place, found
        for key, item in data.items():
            yield from _sources(item, f"{place}.{key}")
    for number, item in enumerate(data if isinstance(data, list) else ()):
        yield from _sources(item, f"{place}[{number}]")


def without_sources(data: Any) -> Any:
    if isinstance(data, dict):
        return {
            k: without_sources(v)
            for k, v in data.items()
            if k not in ("componentInputParameter", "taskOutputParameter")
        }
    return [without_sources(item) for item in data] if isinstance(data, list) else data


def iterated(task: Data) -> tuple[PortKind, str] | None:
    found = [(kind, f"{kind}Iterator") for _, kind in KINDS if f"{kind}Iterator" in task]
    return (found[0][0], task[found[0][1]]["itemInput"]) if found else None


def loop(task: Data, given: Given) -> Loop:
    kind, name = iterated(task) or ("parameter", "")
    items = task.get("parameterIterator", task.get("artifactIterator", {}))["items"]
    wanted = items.get("inputParameter", items.get("inputArtifact"))
    values = value(json.loads(items["raw"]), scan) if "raw" in items else given[kind, wanted]
    limit = task.get("iteratorPolicy", {}).get("parallelismLimit")
    return Loop(axes=(Axis(name=name, values=values),), limit=maybe(limit, scan))


def dag_output(entry: Data) -> Value:
    match entry:
        case {"valueFromParameter": selected}:
            return produced(selected)
        case {"valueFromOneof": {"parameterSelectors": many}} | {"artifactSelectors": many}:
            values = tuple(produced(selected) for selected in many)
            return values[0] if len(values) == 1 else FirstOf(values=values)
    raise ValueError(f"an output of a kind that is not known: {sorted(entry)}")


def produced(selected: Data) -> Reference:
    kind = "artifact" if "outputArtifactKey" in selected else "parameter"
    name = selected.get("outputArtifactKey", selected.get("outputParameterKey"))
    return Reference(to="output", kind=kind, step=selected["producerSubtask"], name=name, native=json.dumps(selected))


def inputs(item: Data) -> tuple[Port, ...]:
    known = ("defaultValue", "isOptional")
    entries = [
        (kind, name, port)
        for group, kind in KINDS
        for name, port in item.get("inputDefinitions", {}).get(group, {}).items()
    ]
    return ports(
        Port(
            name=name,
            kind=kind,
            default=maybe(port.get("defaultValue"), scan),
            optional=port.get("isOptional", False),
            rest=rest(port, known, scan),
        )
        for kind, name, port in entries
    )


def outputs(item: Data, values: Callable[[tuple[PortKind, str]], Value | None]) -> tuple[Output, ...]:
    entries = [
        (kind, name, port)
        for group, kind in KINDS
        for name, port in item.get("outputDefinitions", {}).get(group, {}).items()
    ]
    found = [
        Output(name=name, kind=kind, value=values((kind, name)), rest=native(port, scan))
        for kind, name, port in entries
    ]
    return tuple(sorted(found, key=lambda output: (output.kind, output.name)))


def container(item: Data) -> Container:
    known = ("image", "command", "args", "env", "resources")
    return Container(
        image=value(item["image"], scan),
        command=tuple(value(part, scan) for part in item.get("command", ())),
        args=tuple(value(part, scan) for part in item.get("args", ())),
        env=tuple(
            EnvVar(name=entry["name"], value=value(entry.get("value", ""), scan)) for entry in item.get("env", ())
        ),
        limits=tuple(sorted((key, value(amount, scan)) for key, amount in item.get("resources", {}).items())),
        rest=rest(item, known, scan),
    )


def lift(documents: Sequence[Any]) -> Workflow:
    """The workflow of one file: the pipeline, and what its platform document adds."""
    return Lifter(documents).workflow()
