"""`fuse` for KFP: a chain of Python components of one image becomes one, which runs the command of each.

KFP's launcher fetches the input artifacts of all parts before the first one starts, and puts their outputs in the store
after the last one has ended. What one part reads of another one stays where that one has put it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain as chain_of
from typing import Any

from couler_kfp.fuse.in_pod import PROGRAM, TOLD
from couler_kfp.fuse.rules import CACHING, link_refusals, member_refusals, platforms_of
from couler_kfp.portable.types import said_of, type_of
from couler_kfp.structures import rest_of
from couler_kfp.texts import EXECUTOR_INPUT
from couler_plugins.documents.mappings import mapping_at, without_empty
from couler_plugins.engine_kit.wiring import Wiring, largest_amounts, wire
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.fusing import Chain, Fused, Member, Refusal
from couler_plugins.ir import (
    Argument,
    Graph,
    Literal,
    Operation,
    Reference,
    Template,
    Value,
    Workflow,
    callables,
    fresh_name,
    references,
    replace,
)
from couler_plugins.plan import Plan
from couler_plugins.plan.part_files import kept


def fusing_of(workflow: Workflow, plan: Plan) -> KfpFusing:
    """Return how tasks of a pipeline share a pod."""
    return KfpFusing(workflow)


@dataclass(frozen=True)
class KfpFusing:
    """One pipeline.

    Attributes:
        workflow: the pipeline.
    """

    workflow: Workflow
    keeps_timeouts: bool = False

    def refuse_member(self, graph: Graph, member: Member) -> Iterable[Refusal]:
        """Return every reason why a task can be in no chain."""
        return member_refusals(member)

    def refuse_link(self, graph: Graph, members: Sequence[Member], following: Member) -> Iterable[Refusal]:
        """Return every reason why a task cannot be in the pod of others, which run before it."""
        return link_refusals(members, following)

    def fuse(self, chain: Chain) -> Fused:
        """Return one component that runs the commands of all members."""
        members, wiring = chain.members, wire(chain.members)
        mains = [member.operation.containers[0] for member in members]
        words = [[*main.command, *main.args] for main in mains]
        parts = [_part(member, wiring, len(own)) for member, own in zip(members, words, strict=True)]
        resources = dict(chain_of(*(mapping_at(said_of(main), "resources").items() for main in mains)))
        container = replace(
            mains[0],
            command=(
                *(Literal(value=word) for word in ("python3", "-c", PROGRAM)),
                Reference(to="run", name=EXECUTOR_INPUT),
                Literal(value=json.dumps(parts, ensure_ascii=False)),
                *(_told(word) for own in words for word in own),
            ),
            args=(),
            requests=largest_amounts(mains, "requests"),
            limits=largest_amounts(mains, "limits"),
            native_extra=rest_of(without_empty({**said_of(mains[0]), "resources": resources})),
        )
        outputs = [
            replace(output, name=wiring.outputs[member.step.name, output.kind, output.name][1])
            for member in members
            for output in member.operation.outputs
        ]
        operation = Operation(
            name=fresh_name(f"comp-{chain.name}", callables(self.workflow)),
            kind="container",
            inputs=wiring.inputs,
            outputs=tuple(sorted(outputs, key=lambda output: output.kind == "artifact")),
            containers=(container,),
            native_extra=rest_of(without_empty({"platforms": platforms_of(members[0])})),
            inline=any(member.operation.inline for member in members),
        )
        logs = "each behind a line `couler: step NAME` in the log of their pod"
        return Fused(
            operation,
            (*wiring.arguments, *_beside(members, wiring)),
            wiring.outputs,
            "Python components one after another",
            logs,
            rest_of({key: said for key, said in said_of(members[0].step).items() if key == CACHING}),
        )

    def original(self, file: str, text: str) -> tuple[Any, ...]:
        """Return ConfigMaps that keep the text of the file of the pipeline."""
        return kept(self.workflow.name, self.workflow.namespace, file, text)


def _told(word: Value) -> Value:
    """A word of a command, with a mark where its executor is told what it is given."""
    if isinstance(word, Template):
        return Literal(value="".join(part if isinstance(part, str) else TOLD for part in word.parts))
    return Literal(value=TOLD) if isinstance(word, Reference) else word


def _part(member: Member, wiring: Wiring, words: int) -> dict[str, Any]:
    """What the program in the pod is told of a part."""
    step, operation, _ = member

    def name_of(item: Reference) -> str:
        return wiring.outputs[item.step, item.kind, item.name][1]

    def source(value: Value) -> Any:
        named: list[Any] = [
            [name_of(one)] if isinstance(one, Reference) else one for one in getattr(value, "parts", (value,))
        ]
        return named if isinstance(value, Template) else named[0][0]

    inner = {
        port: wiring.inner[step.name, port.kind, port.name]
        for port in operation.inputs
        if (step.name, port.kind, port.name) in wiring.inner
    }
    outside = {port: wiring.names[step.name, port.kind, port.name] for port in operation.inputs if port not in inner}
    results = [(output, wiring.outputs[step.name, output.kind, output.name][1]) for output in operation.outputs]
    return {
        "step": step.name,
        "words": words,
        "parameters": {port.name: name for port, name in outside.items() if port.kind != "artifact"},
        "artifacts": {port.name: name for port, name in outside.items() if port.kind == "artifact"},
        "handoffs": {
            port.name: [type_of(port), source(value)] for port, value in inner.items() if port.kind != "artifact"
        },
        "read": {port.name: source(value) for port, value in inner.items() if port.kind == "artifact"},
        "values": {output.name: [name, type_of(output)] for output, name in results if output.kind != "artifact"},
        "outputs": {output.name: name for output, name in results if output.kind == "artifact"},
    }


def _beside(members: Sequence[Member], wiring: Wiring) -> list[Argument]:
    """Arguments that no input takes: texts of other arguments, and configuration, refer to them.

    Raises:
        Unsupported: two tasks have others of one name.
    """
    steps = {member.step.name for member in members}
    ports = {(member.step.name, port.kind, port.name) for member in members for port in member.operation.inputs}
    beside = [
        argument
        for member in members
        for argument in member.step.arguments
        if (member.step.name, argument.kind, argument.name) not in ports
        and not any(item.step in steps for item in references(argument.value))
    ]
    added = [*dict.fromkeys(argument for argument in beside if argument not in wiring.arguments)]
    places = [(argument.kind, argument.name) for argument in (*wiring.arguments, *added)]
    if len(set(places)) < len(places):
        reason = "its tasks are given different values by one name, which no input takes"
        raise Unsupported(reason, engine="kfp", hint="give one of them another name")
    return added
