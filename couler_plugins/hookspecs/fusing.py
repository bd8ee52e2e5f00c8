"""Contract of `fuse`: steps that run one after another become one step, whose pod does the work of all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from couler_plugins.ir import Argument, Graph, Operation, PortKind, Step, Workflow

__all__ = ["Fused", "Fusing", "Member", "Refusal"]


class Member(NamedTuple):
    """One step of a chain.

    Attributes:
        step: the call site.
        operation: what it calls.
        library: the workflow of the plan that holds the operation; None where the step's own workflow does.
    """

    step: Step
    operation: Operation
    library: Workflow | None = None


class Refusal(NamedTuple):
    """Why a step, or a pair of steps, cannot be fused.

    Attributes:
        rule: the name of the rule, such as `retry`; refusals are counted by it.
        reason: why, in half a sentence.
        remedy: what its owner can write to allow it; empty where nothing does.
    """

    rule: str
    reason: str
    remedy: str = ""


class Fused(NamedTuple):
    """What runs a chain in one pod.

    Attributes:
        operation: what runs.
        arguments: of its only call.
        outputs: what it calls the outputs of the members: by step, kind and name.
        form: how the parts run in the pod, for people: `one script`, `container set`, `steps of one Task`.
    """

    operation: Operation
    arguments: tuple[Argument, ...]
    outputs: Mapping[tuple[str, PortKind, str], str]
    form: str


class Fusing(Protocol):
    """How one engine runs a chain in one pod; made for one workflow of a plan.

    `fuse` asks about members and links first, and has what holds for all engines refused before.
    """

    def refuse_member(self, graph: Graph, member: Member) -> Refusal | None:
        """Return why a step can be in no chain; None where it can."""

    def refuse_link(self, graph: Graph, first: Member, second: Member) -> Refusal | None:
        """Return why two neighbours of a chain cannot share a pod; None where they can."""

    def fuse(self, graph: Graph, members: Sequence[Member], name: str) -> Fused:
        """Return what runs a chain, under a name that is free in the workflow.

        Raises:
            Unsupported: the chain as a whole cannot run in one pod.
        """
