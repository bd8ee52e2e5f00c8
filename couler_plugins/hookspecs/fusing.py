"""Contract of `fuse`: steps that run one after another become one step, whose pod does the work of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

from couler_plugins.ir import Argument, Graph, Native, Operation, SettableStep, Workflow

__all__ = ["FUSED_STEPS", "Chain", "Fused", "Fusing", "Member", "Place", "Refusal", "Word"]

FUSED_STEPS = "couler.io/fused-steps"
"""The annotation of an operation that does the work of several steps: their names in their order, with commas."""

Word = Literal["idempotent", "timeout", "files", "name"]
"""What an owner may say of a step, so that a refusal does not stand.

idempotent  it may run again although it has succeeded
timeout     its chain may take as long as all timeouts of its steps together
files       it works as well where it finds files that steps in front of it have left in its container
name        it uses the name of its pod only to tell its own things from those of others
"""

Place = tuple[str, str, str]
"""An input or an output of a step of a chain: the step, the kind, and the name, as in a `Reference`."""


class Member(NamedTuple):
    """One step of a chain.

    Attributes:
        step: the call site, with all settings in force.
        operation: what it calls.
        library: the workflow of the plan that holds the operation; None where the step's own workflow does.
    """

    step: SettableStep
    operation: Operation
    library: Workflow | None = None


class Refusal(NamedTuple):
    """Why a step, or a pair of steps, cannot be fused.

    Attributes:
        rule: the name of the rule, such as `retry`; refusals are counted by it.
        reason: why, in half a sentence.
        word: what its owner can say of the step to lift it; empty where nothing does.
        remedy: what else its owner can do; empty where there is nothing, or a word says it.
        step: whose owner has to say the word; empty for the step that was asked about.
    """

    rule: str
    reason: str
    word: Word | Literal[""] = ""
    remedy: str = ""
    step: str = ""


class Chain(NamedTuple):
    """Steps that become one, in their order.

    Attributes:
        graph: where they are.
        members: the steps: two at least.
        name: what the step and its operation are to be called; free in the graph and in the workflow.
        read: their outputs that something outside of the chain reads.
    """

    graph: Graph
    members: tuple[Member, ...]
    name: str
    read: frozenset[Place]


class Fused(NamedTuple):
    """What runs a chain in one pod.

    Attributes:
        operation: what runs, with the annotation `FUSED_STEPS`, and without a retry or a timeout of its own: `fuse`
            sets these.
        arguments: of its only call.
        outputs: the kind and the name of its outputs, by the outputs of the members: all of `Chain.read` at least.
        form: how the parts run in the pod, for people: `one script`, `a container set`, `steps of one Task`.
        logs: where the logs of the members are, for people: `a in container 0, b in container 1`.
        native_extra: what else the call site says, in the engine's own words: Tekton binds workspaces there.
        notes: what else a reader of the decision has to know, each as half a sentence.
    """

    operation: Operation
    arguments: tuple[Argument, ...]
    outputs: Mapping[Place, tuple[str, str]]
    form: str
    logs: str
    native_extra: Native | None = None
    notes: tuple[str, ...] = ()


class Fusing(Protocol):
    """How one engine runs a chain in one pod; made for one workflow of a plan.

    `fuse` has what holds for all engines refused before: conditions, loops, handlers, roles, locks, metrics, caches,
    daemons, failures that are tolerated, exported outputs, status that others read, retries and timeouts, and pods
    that differ in labels, annotations, node selector, priority or scheduler.
    """

    @property
    def keeps_timeouts(self) -> bool:
        """Whether each part of a pod is stopped after the timeout of its own step."""

    def refuse_member(self, graph: Graph, member: Member) -> Iterable[Refusal]:
        """Return every reason why a step can be in no chain; none where it can."""

    def refuse_link(self, graph: Graph, members: Sequence[Member], following: Member) -> Iterable[Refusal]:
        """Return every reason why a step cannot share the pod of the members of a chain in front of it.

        It is asked where nothing stands against any of them alone, nor against the members together.
        """

    def fuse(self, chain: Chain) -> Fused:
        """Return what runs a chain, whose members and links stand no refusal against that no word has lifted.

        Raises:
            Unsupported: the chain cannot run in one pod as a whole.
        """

    def original(self, file: str, text: str) -> tuple[Any, ...]:
        """Return documents that keep the text of the file that the workflow was read from, for `couler rollback`."""
