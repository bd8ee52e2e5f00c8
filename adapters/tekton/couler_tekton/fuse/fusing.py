"""`fuse` for Tekton: a chain of tasks becomes one task, whose Task has the steps of all.

Results reach later steps by way of a step in front of them, which makes JSON of the texts (`HAND_ON`): Tekton reads
results of steps as JSON when it fills them in, and would take the text `[1]` for a list, and `null` for nothing.
A result that was not written stops the chain there, as it stops a pipeline.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from couler_plugins.documents.mappings import Mapped, entries, without_empty
from couler_plugins.engine_kit.wiring import Wiring, wire
from couler_plugins.hookspecs.fusing import FUSED_STEPS, Chain, Fused, Member, Refusal
from couler_plugins.ir import (
    Argument,
    External,
    Graph,
    Port,
    Reference,
    Workflow,
    map_references,
    references,
    replace,
    take_name,
    without_origin,
)
from couler_plugins.parallelism.cuts import base_name
from couler_plugins.plan import Plan
from couler_plugins.plan.part_files import kept
from couler_tekton.bodies import read_operation, write_inputs, write_operation
from couler_tekton.cache.declared import mapping_at, rest_of
from couler_tekton.fuse.amounts import with_largest
from couler_tekton.fuse.chains import FILLED, Workspaces, join_workspaces, parameter, pod_metadata, shell
from couler_tekton.fuse.rules import STEP, refuse_pod, refuse_task
from couler_tekton.home_kinds import said_of_tasks
from couler_tekton.variables import Scope, write_text

HAND_ON = r"""#!{shell}
# Hands results on to the next task of the chain, as JSON, which Tekton takes apart again.
set -eu
export LC_ALL=C
special='["\\[:cntrl:]]'
hand() {{
  [ -f "$1" ] || {{ echo "$3 was not written" >&2; exit 1; }}
  text=$(cat "$1" && echo .)
  text=${{text%.}}
  json=
  while head=${{text%%$special*}}; [ "$head" != "$text" ]; do
    text=${{text#"$head"}}
    after=${{text#?}}
    char=${{text%"$after"}}
    case $char in
      '"' | '\') char=\\$char ;;
      *) char=$(printf '\\u%04x' "'$char") ;;
    esac
    json=$json$head$char
    text=$after
  done
  printf '"%s"' "$json$text" > "$2"
}}
"""
LONGEST = 50
"""Characters of the name of a step: its container's has some more, and 63 at most."""


def fusing_of(workflow: Workflow, plan: Plan) -> TektonFusing | None:
    """Return how tasks of a pipeline share a pod; None for what holds no pipeline."""
    if workflow.kind not in ("Pipeline", "PipelineRun"):
        return None
    runs = [
        item
        for item in plan.workflows
        if item.entry is not None
        and isinstance(item.entry.call, External)
        and item.entry.call.kind == "Pipeline"
        and any(other is workflow for other in plan.libraries.candidates(item, item.entry.call))
    ]
    return TektonFusing(
        workflow, frozenset(name for run in (workflow, *runs) for name in said_of_tasks(run.native_extra))
    )


@dataclass(frozen=True)
class TektonFusing:
    """One pipeline.

    Attributes:
        workflow: what holds it.
        by_runs: the names of tasks that its runs say something of.
    """

    workflow: Workflow
    by_runs: frozenset[str]
    keeps_timeouts: bool = False

    def refuse_member(self, graph: Graph, member: Member) -> Iterable[Refusal]:
        """Return every reason why a task can be in no chain."""
        return refuse_task(graph, member, self.workflow, self.by_runs)

    def refuse_link(self, graph: Graph, members: Sequence[Member], following: Member) -> Iterable[Refusal]:
        """Return every reason why a task cannot be in the pod of others, which run before it."""
        yield from refuse_pod(members, following)
        if not self._is_timed and all(item.step.timeout is None for item in (*members, following)):
            reason = "where no timeout is said, Tekton stops a task after an hour, and so all of the chain together"
            yield Refusal("timeout", reason, "timeout")

    def fuse(self, chain: Chain) -> Fused:
        """Return one Task with the steps of all members, and its call."""
        around = Scope(
            run=frozenset(port.name for port in self.workflow.parameters),
            own=frozenset(port.name for port in chain.graph.inputs),
        )
        return _Pod(chain).fused(around)

    @property
    def _is_timed(self) -> bool:
        """Whether the run ends when its first task without a timeout may: it has the same hour for all tasks."""
        spec = mapping_at(rest_of(self.workflow), "spec")
        return self.workflow.kind == "PipelineRun" and not {"timeout", "timeouts"} & spec.keys()

    def original(self, file: str, text: str) -> tuple[Any, ...]:
        """Return ConfigMaps that keep the text of the file of the pipeline."""
        return kept(base_name(self.workflow), self.workflow.namespace, file, text)


class _Pod:
    """Puts a chain together.

    Args:
        chain: its tasks.
    """

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._members = chain.members
        self._wiring: Wiring = wire(self._members)
        self._spaces: Workspaces = join_workspaces(self._members)
        self._taken: set[str] = set()
        self._steps = {member.step.name: self._step_names(member) for member in self._members}
        self._inputs = list(self._wiring.inputs)
        self._arguments = list(self._wiring.arguments)

    def fused(self, around: Scope) -> Fused:
        """Return the Task and its call; `around` is what names mean in the pipeline."""
        tasks = [self._written(member) for member in self._members]
        hands = [self._hand_on(member, tasks) for member in self._members]
        bodies = with_largest([task["steps"] for task in tasks])
        steps = [
            step
            for hand, body, member in zip(hands, bodies, self._members, strict=True)
            for step in (*hand, *self._own(body, member))
        ]
        for member in self._members:
            self._pass_defaults(member)
        first = self._members[0]
        metadata = pod_metadata(first)
        marks = {**metadata.get("annotations", {}), FUSED_STEPS: ",".join(self._steps)}
        spec = {
            "metadata": {**metadata, "annotations": marks},
            "params": write_inputs(tuple(self._inputs), embedded=True),
            "results": [result for task in tasks for result in task.get("results", ())],
            "workspaces": self._spaces.declared,
            "volumes": list(
                {volume["name"]: volume for task in tasks[::-1] for volume in task.get("volumes", ())}.values()
            ),
            "stepTemplate": rest_of(first.operation).get("stepTemplate"),
            "steps": steps,
        }
        scope = Scope(own=frozenset(port.name for port in self._inputs))
        name = f"{self._chain.graph.name}/{self._chain.name}"
        operation = without_origin(read_operation(name, without_empty(spec), (), (), scope, embedded=True))
        logs = ", ".join(
            f"{name} in {' and '.join(map('step-{}'.format, own.values()))}" for name, own in self._steps.items()
        )
        copies = sorted({member.library.name for member in self._members if member.library is not None})
        form = "steps of one Task"
        if copies:
            form += f", which is written in the pipeline and follows no later edits of the Tasks {', '.join(copies)}"
        bound = {"workspaces": self._spaces.bound} if self._spaces.bound else {}
        return Fused(operation, tuple(self._arguments), self._wiring.outputs, form, logs, around.rest(bound))

    def _step_names(self, member: Member) -> dict[str, str]:
        """Return the new names of the steps of a task, by their own."""
        name, containers = member.step.name, member.operation.containers
        own = [item.name or f"unnamed-{place}" for place, item in enumerate(containers)]
        wanted = [name] if len(own) == 1 else [f"{name}-{item}" for item in own]
        return {old: take_name(new[:LONGEST].rstrip("-"), self._taken) for old, new in zip(own, wanted, strict=True)}

    def _renamed(self, member: Member, reference: Reference) -> Reference:
        place, name = (member.step.name, "parameter", reference.name), reference.name
        match reference.to:
            case "input":
                name = self._wiring.names.get(place) or self._mark(member, name)
            case "output":
                name = self._wiring.outputs[place][1]
            case "workspace":
                name = self._spaces.names[member.step.name, name]
            case "unknown" if match := STEP.fullmatch(name):
                names, prefix, word = self._steps[member.step.name], match[1] or "", match[2]
                new = names[f"{prefix}{word}"] if f"{prefix}{word}" in names else f"{prefix}{names[word]}"
                name = f"steps.{new}{match[3]}"
        return replace(reference, name=name, native="")

    def _mark(self, member: Member, name: str) -> str:
        """Return what stands for a parameter until what is handed on stands in its place."""
        return f"{member.step.name}-{name}-of-the-chain"

    def _written(self, member: Member) -> Mapped:
        """Return a task in the names of the whole, its parameters aside."""
        operation = map_references(member.operation, lambda reference: self._renamed(member, reference))
        outputs = tuple(
            replace(output, name=self._wiring.outputs[member.step.name, "parameter", output.name][1])
            for output in operation.outputs
        )
        return write_operation(replace(operation, inputs=(), outputs=outputs), embedded=True, action=False)

    def _own(self, body: list[Mapped], member: Member) -> Iterator[Mapped]:
        """Yield the steps of a task, named, each with the workspaces of its task only."""
        spaces = [new for (task, _), new in self._spaces.names.items() if task == member.step.name]
        for step, name in zip(body, self._steps[member.step.name].values(), strict=True):
            yield without_empty(
                {
                    "name": name,
                    **{key: content for key, content in step.items() if key != "name"},
                    "workspaces": [{"name": item} for item in spaces],
                }
            )

    def _hand_on(self, member: Member, tasks: Sequence[Mapped]) -> list[Mapped]:
        """Return the step that hands results on to a task, and fill in what its steps get."""
        values = {place: value for place, value in self._wiring.inner.items() if place[0] == member.step.name}
        if not values:
            return []
        name = take_name(f"{member.step.name[: LONGEST - 7]}-inputs", self._taken)
        results: dict[str, str] = {}

        def inside(place: tuple[str, str, str], reference: Reference) -> Reference:
            if reference.step in self._steps:
                result = self._wiring.outputs[reference.step, "parameter", reference.name][1]
                results[result] = f"the result {reference.name} of the task {reference.step}"
                return Reference(to="unknown", name=f"steps.{name}.results.{result}")
            if reference.to == "input":  # of the new Task already
                return reference
            new = take_name(f"{place[0]}-{place[2]}", {port.name for port in self._inputs})
            self._inputs.append(Port(name=new))
            self._arguments.append(Argument(name=new, value=reference))
            return Reference(to="input", kind="parameter", name=new)

        texts = {
            parameter(self._mark(member, place[2])): write_text(map_references(value, partial(inside, place)))
            for place, value in values.items()
        }
        rank = self._members.index(member)
        for step in tasks[rank]["steps"]:
            for key in FILLED:
                if key in step:
                    step[key] = [_replaced(word, texts) for word in step[key]]
            for variable in entries(step, "env"):
                if "value" in variable:
                    variable["value"] = _replaced(variable["value"], texts)
        runs = shell((member, *reversed(self._members[:rank])))
        assert runs is not None, "refuse_pod has refused it"
        task, number, words = runs
        source = tasks[list(self._steps).index(task)]["steps"][number]
        calls = [
            f'hand "$(results.{item}.path)" "$(step.results.{item}.path)" "{what}"\n' for item, what in results.items()
        ]
        return [
            {
                "name": name,
                **{key: source[key] for key in ("image", "imagePullPolicy", "securityContext") if key in source},
                "results": [{"name": item} for item in results],
                "script": HAND_ON.format(shell=words) + "".join(calls),
            }
        ]

    def _pass_defaults(self, member: Member) -> None:
        """A spec that is written in a pipeline finds parameters around it, before its own defaults: a Task does not."""
        if member.library is None:
            return
        passed = {argument.name for argument in member.step.arguments}
        for port in member.operation.inputs:
            if port.name not in passed and port.default is not None and not any(references(port.default)):
                name = self._wiring.names[member.step.name, "parameter", port.name]
                self._arguments.append(Argument(name=name, value=port.default))


def _replaced(text: str, texts: Mapping[str, str]) -> str:
    for old, new in texts.items():
        text = text.replace(old, new)
    return text
