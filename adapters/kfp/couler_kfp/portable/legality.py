"""What pipelines and their tasks say that means something only to KFP; `components` says the same of what they run."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from couler_kfp.portable.components import is_python
from couler_kfp.portable.types import ONLY_KFP, Types, constant_of, may_be_absent, said_of
from couler_kfp.tasks import COMPLETED
from couler_kfp.texts import VALUE
from couler_plugins.engine_kit.legalize.legality import Rule
from couler_plugins.engine_kit.legalize.tables import StepSite, Table
from couler_plugins.ir import (
    Expression,
    FirstOf,
    Graph,
    Literal,
    Native,
    Need,
    Operation,
    Output,
    Reference,
    Step,
    Template,
    Value,
    Workflow,
    needed,
    references,
)

FACTS = {
    "pipeline_job_name": "name",
    "pipeline_job_uuid": "uid",
    "pipeline_job_create_time_utc": "creationTimestamp",
    "pipeline_job_schedule_time_utc": "scheduledTime",
}
"""Facts of a run, and what Argo calls them, whose words other engines read."""
SPEC = frozenset({"sdkVersion", "pipelineInfo", "defaultPipelineRoot", "deploymentSpec"})
DROPPED = frozenset({"cachingOptions", "taskInfo"})
"""What a task says that is about KFP's own pages and cache."""
STRING = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
PLAIN = re.compile(rf"(?:\s|[()!<>=]|&&|\|\||-?\d+(?:\.\d+)?|\b(?:int|double|true|false)\b|{STRING})*\Z")


def _platforms(workflow: Workflow) -> list[tuple[str, str]]:
    platforms = said_of(workflow).get("platform", {}).get("platforms", {})
    return [(min(content), platform) for platform, content in platforms.items() if content]


def _only_in_kfp(*values: Value | None) -> list[str]:
    """Return what is read that only KFP knows."""
    read = (item for item in references(values) if item.to in ("unknown", "run"))
    return [item.native or item.name for item in read if item.name not in FACTS]


def _collected(steps: dict[str, Step], *values: Value | None) -> list[str]:
    """Return the loops of which the artifacts of all runs together are read."""
    read = (item.step for item in references(values) if item.kind == "artifact" and item.to == "output" and item.step)
    return [name for name in read if steps[name].loop is not None]


COLLECTED = Rule("Step.arguments", "collects the artifacts of each run of {!r}", hint="let the loop give their places")
UNKNOWN = Rule("Step.arguments", "reads {}, which only KFP knows")


def _chosen(output: Output) -> tuple[Any, ...]:
    return output.value.values if isinstance(output.value, FirstOf) else (output.value,)


def _given(graph: Graph) -> list[Value]:
    """Return those outputs of a graph that are ones of its tasks."""
    return [item for output in graph.outputs for item in _chosen(output) if isinstance(item, Reference)]


def _computed(graph: Graph) -> list[str]:
    return [
        output.name
        for output in graph.outputs
        if output.value is not None and not all(isinstance(item, Reference) for item in _chosen(output))
    ]


def _read(site: StepSite) -> list[Value]:
    """Return the arguments and items of a call that have references in them."""
    values = [item.value for item in site.step.arguments if any(references(item.value))]
    return [*values, *(axis.values for axis in _axes(site) if isinstance(axis.values, Reference))]


def _axes(site: StepSite) -> tuple[Any, ...]:
    return site.step.loop.axes if site.step.loop is not None else ()


def _may_be_absent(site: StepSite) -> list[str]:
    """Return what a container is given that may turn out to be nothing at all."""
    absent = {port.name for port in site.graph.inputs if may_be_absent(port)} if site.graph is not None else set()
    plain = isinstance(site.callee, Operation) and not is_python(site.callee)
    return [
        item.name
        for item in site.step.arguments
        if plain and isinstance(item.value, Reference) and item.value.to == "input" and item.value.name in absent
    ]


def _is_constant(value: Value) -> bool:
    """Return whether a value is data, with texts in it that the run completes, or without."""
    if isinstance(value, Native) and any(references(value)):
        return str(value.parts[0]).startswith('{"constant":') and str(value.parts[-1]).endswith("}")
    try:
        constant_of(value)
    except ValueError:
        return False
    return True


def _parts(site: StepSite) -> tuple[Any, ...]:
    return site.step.condition.parts if isinstance(site.step.condition, Expression) else ()


def argument_named(reference: Reference, step: Step) -> Value | None:
    """Return the argument that a condition reads by the name of the task's input."""
    named = VALUE.match(reference.native or reference.name)
    return next((item.value for item in step.arguments if named and item.name == named[2]), None)


def _not_given(site: StepSite) -> list[str]:
    read = (part for part in _parts(site) if isinstance(part, Reference) and part.to == "unknown")
    return [item.name for item in read if not isinstance(argument_named(item, site.step), (Literal, Native))]


def _structures(site: StepSite) -> Iterator[str]:
    """Yield the types of values in a condition that cannot be compared."""
    if site.graph is not None:
        types = Types(site.graph, dict(site.by_name))
        for part in _parts(site):
            if isinstance(part, Reference) and (kind := types.of(part)) in ("LIST", "STRUCT"):
                yield kind


# Tasks that run whatever became of another one: KFP's own compiler makes exit hooks of them (`argocompiler/dag.go`), so
# nothing can wait for them there either.


def runs_last(step: Step) -> bool:
    """Return whether a task runs whatever became of the task before it."""
    return any(need.outcomes == COMPLETED for need in needed(step.needs))


def _reasons_against_last(site: StepSite) -> Iterator[str]:
    step, steps = site.step, site.steps
    if not runs_last(step):
        return
    upstream = [need.step for need in needed(step.needs)]
    last = [other for other in steps.values() if runs_last(other)]
    earlier = last[: last.index(step)]
    readers = [
        other.name
        for other in steps.values()
        if step.name in {*(need.step for need in needed(other.needs)), *(item.step for item in references(other))}
    ]
    reasons = {
        "runs at the end of a loop, and elsewhere it would do so for each item": any(
            steps[name].loop is not None for name in upstream
        ),
        "waits for the end of several tasks": not isinstance(step.needs, Need)
        or any(map(runs_last, (steps[name] for name in upstream))),
        "runs at the end of another, and has a condition, a loop or further attempts": step.condition
        or step.loop
        or step.retry,
        "runs at the end of another, and reads what tasks give": any(
            item.step and item.to == "output" for item in references(step.arguments)
        ),
        f"runs at the end of another, and {min(readers, default='')!r} needs it": readers,
        "runs at the end of another, and gives an output": step.name
        in {item.step for item in references(site.graph and site.graph.outputs)},
        f"is the second that runs at the end of {upstream[0]!r}": any(other.needs == step.needs for other in earlier),
    }
    yield from (reason for reason, holds in reasons.items() if holds)


LISTS = Rule(
    "Port.kind",
    "takes a list of artifacts ({})",
    lambda graph: [port.name for port in graph.inputs if said_of(port).get("isArtifactList")],
    "let each task take one",
)
TABLE = Table(
    legality=ONLY_KFP,
    title="KFP",
    workflow=(
        Rule(
            "Workflow.native_extra", "has {}", lambda workflow: sorted(said_of(workflow).get("spec", {}).keys() - SPEC)
        ),
        Rule("Workflow.native_extra", "has {0[0]} for the platform {0[1]}", _platforms),
    ),
    parameter=(
        Rule(
            "Workflow.parameters",
            "is an artifact that a run is given",
            lambda port: port.kind == "artifact",
            "pass its place as a parameter",
        ),
    ),
    graph=(
        Rule("Graph.native_extra", "has {}", lambda graph: sorted(said_of(graph))),
        Rule("Graph.steps", "has no tasks, which no other engine takes", lambda graph: not graph.steps, "give it one"),
        LISTS,
        Rule(
            "Output.kind",
            "gives a list of artifacts ({})",
            lambda graph: [output.name for output in graph.outputs if said_of(output).get("isArtifactList")],
        ),
        Rule(
            "Output.value",
            "declares the output {!r}, and does not give it",
            lambda graph: [output.name for output in graph.outputs if output.value is None],
        ),
        Rule("Output.value", "gives {!r} in a way that only KFP knows", _computed),
        UNKNOWN._replace(fault=lambda graph: _only_in_kfp(*_given(graph))),
        COLLECTED._replace(fault=lambda graph: _collected({step.name: step for step in graph.steps}, *_given(graph))),
    ),
    step=(
        Rule("Step.native_extra", "has {}", lambda site: sorted(said_of(site.step).keys() - DROPPED)),
        Rule(
            "Step.arguments",
            "passes {!r} on to a container, which cannot tell that it was not given",
            _may_be_absent,
            "give the input of the pipeline a default",
        ),
        Rule(
            "Step.arguments",
            "takes the final status of a task, which only KFP makes",
            lambda site: (
                not runs_last(site.step)
                and any(isinstance(item.value, Reference) and item.value.to == "status" for item in site.step.arguments)
            ),
        ),
        UNKNOWN._replace(fault=lambda site: _only_in_kfp(*_read(site))),
        COLLECTED._replace(fault=lambda site: _collected(site.steps, *_read(site))),
        Rule(
            "Step.arguments",
            "passes {!r} in a way that only KFP knows",
            lambda site: [
                item.name
                for item in site.step.arguments
                if not isinstance(item.value, (Reference, Template)) and not _is_constant(item.value)
            ],
        ),
        Rule(
            "Step.condition",
            "has a condition that is more than comparisons of parameters",
            lambda site: any(
                not (isinstance(part, Reference) or (isinstance(part, str) and PLAIN.match(part)))
                for part in _parts(site)
            ),
        ),
        Rule("Step.condition", "has a condition on {}, which it is not given", _not_given),
        Rule("Step.condition", "compares a {}", lambda site: list(_structures(site))),
        Rule(
            "Loop.axes",
            "loops over artifacts",
            lambda site: any(item.kind == "artifact" for axis in _axes(site) for item in references(axis.values)),
        ),
        Rule(
            "Loop.axes",
            "loops over a list with references in it",
            lambda site: any(
                not isinstance(axis.values, (Native, Reference))
                or (isinstance(axis.values, Native) and any(references(axis.values)))
                for axis in _axes(site)
            ),
        ),
        Rule(
            "Loop.axes",
            "loops over texts with quotes, backslashes or newlines",
            lambda site: any(
                "\\" in json.dumps(axis.values.data, ensure_ascii=False)
                for axis in _axes(site)
                if isinstance(axis.values, Native) and not any(references(axis.values))
            ),
            "leave quotes, backslashes and newlines out of the items",
        ),
        Rule(
            "Step.needs",
            "{}",
            lambda site: list(_reasons_against_last(site)),
            "let it need the success of the task before it",
        ),
    ),
    operation=(),
    circle=(),
)
