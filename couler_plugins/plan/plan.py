"""What goes from lifting through the optimizers to lowering: the plan and its decisions."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from couler_plugins.ir import Bundle, Homes, Libraries, Operation, Scalar, SettableStep, Workflow, move_into_graph
from couler_plugins.ir.homes import change_operations, change_steps

if TYPE_CHECKING:
    # Every plugin imports Decision, and `couler plugins` imports every plugin: that must not cost a YAML parser. The
    # structs below are written as JSON and never read from it, so msgspec does not evaluate these annotations.
    from couler_plugins.plan.objections import Objection, SourcePlace

Outcome = Literal["", "cached", "declarable", "never", "run-time", "not-in-call"]
"""What becomes of a call site: cached (by its engine or by us), cached once its owner declares something, never cached,
decided by the worker that runs it, or unknown since its callee is in no file of the call."""

Loss = Literal["", "detail", "run", "step"]


class Decision(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Why something changed (or, with an empty `action`, why it did not).

    Attributes:
        optimizer: who decided.
        workflow: the label of the workflow.
        subject: the step (`graph/step`), graph or operation decided on; empty for the workflow as a whole.
        action: what was done, in a few words.
        reason: why, in one sentence for a person who did not write the workflow.
        figures: numbers behind it, by name (bytes, seconds, counts; the name says the unit).
        affects: other steps, graphs or operations that change in consequence.
        document: the number of the workflow's document in the bundle; `Plan.with_workflow` fills it in, since workflows
            of several files may share a label.
        verdict: what becomes of the call site; empty for a decision that is no verdict.
        calls: what the call site calls, `OPERATION` or `WORKFLOW/OPERATION`; empty for what is no call site.
        objections: everything against it, what no declaration takes away first.
        warnings: what would be against it if its owner had not declared the thing itself, or if its engine did not
            cache all steps by itself.
        waived: the words by which its owner vouches for what no key covers, sorted.
        place: where the call site is.
        loss: what a conversion leaves out by it: a `detail` of how it is run, or what whole runs mean (`run`), or a
            `step` that is to be written by hand; empty where nothing is lost.
    """

    optimizer: str
    workflow: str
    subject: str = ""
    action: str = ""
    reason: str = ""
    figures: tuple[tuple[str, Scalar], ...] = ()
    affects: tuple[str, ...] = ()
    document: int | None = None
    verdict: Outcome = ""
    calls: str = ""
    objections: tuple[Objection, ...] = ()
    warnings: tuple[Objection, ...] = ()
    waived: tuple[str, ...] = ()
    place: SourcePlace | None = None
    loss: Loss = ""

    def map_places(self, change: Callable[[SourcePlace | None, str], SourcePlace | None]) -> Decision:
        """This decision with its places changed; `change` is also told the text that an objection was found by."""
        if self.place is None and not self.objections and not self.warnings:
            return self
        objections, warnings = (
            tuple(msgspec.structs.replace(item, place=change(item.place, item.seen)) for item in items)
            for items in (self.objections, self.warnings)
        )
        return msgspec.structs.replace(self, place=change(self.place, ""), objections=objections, warnings=warnings)

    def __str__(self) -> str:
        what = f"{self.action}: " if self.action else ""
        figures = f" ({', '.join(f'{name} {value}' for name, value in self.figures)})" if self.figures else ""
        subject = f" {self.subject}" if self.subject else ""
        return f"[{self.optimizer}] {self.workflow}{subject}: {what}{self.reason}{figures}"


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A value that one workflow of a plan hands to another.

    Attributes:
        producer, consumer: the names of the workflows.
        output: what the producer calls it.
        input: what the consumer calls it.
        kind: `parameter` or `artifact`.
    """

    producer: str
    output: str
    consumer: str
    input: str
    kind: str


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Steps of a workflow that were moved into a graph or a workflow of their own.

    Attributes:
        workflow: the label of the workflow that was split.
        name: of the part; it stays the same where a later split follows this one.
        steps: their names.
    """

    workflow: str
    name: str
    steps: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The workflows of one call on their way through the optimizers. Optimizers return a changed copy.

    Attributes:
        bundle: what they were read from.
        originals: the workflows as lifted; lowering compares with them.
        workflows: the workflows as they are to be, in an order in which they may start.
        decisions: every decision taken so far, in order.
        parts: what was split, parts in an order in which they may start.
        links: what crosses between workflows of the plan.
        side: documents that the workflows need beside them, such as permissions.
        homes: where their engine keeps settings of steps; None where its adapter does not say.
    """

    bundle: Bundle
    originals: tuple[Workflow, ...]
    workflows: tuple[Workflow, ...]
    decisions: tuple[Decision, ...] = ()
    parts: tuple[Part, ...] = ()
    links: tuple[Link, ...] = ()
    side: tuple[Any, ...] = ()
    homes: Homes | None = field(default=None, repr=False)
    _libraries: list[Libraries] = field(default_factory=list, init=False, repr=False, compare=False)

    @property
    def libraries(self) -> Libraries:
        """The workflows that others call, to look up what a call means; made when it is first asked for."""
        if not self._libraries:
            self._libraries.append(Libraries(self.workflows, self.bundle))
        return self._libraries[0]

    def with_workflow(self, old: Workflow, new: Workflow, *decisions: Decision) -> Plan:
        """This plan with one workflow replaced and the decisions that explain it added."""
        workflows = tuple(new if workflow is old else workflow for workflow in self.workflows)
        if old.source is not None:
            document = int(old.source[0])
            decisions = tuple(msgspec.structs.replace(decision, document=document) for decision in decisions)
        return replace(self, workflows=workflows, decisions=(*self.decisions, *decisions))

    def with_added(self, added: Workflow, decision: Decision) -> Plan:
        """This plan with one more workflow, which nothing was read as; one that it has already is not added again."""
        if added in self.workflows:
            return self
        return replace(self, workflows=(added, *self.workflows), decisions=(*self.decisions, decision))

    def map_operations(
        self, optimizer: str, change: Callable[[Operation], Operation], *, action: str, reason: str
    ) -> Plan:
        """This plan with every operation replaced by what `change` makes of it, and a Decision for each that differs.

        Retries and timeouts go to all its calls where the engine keeps them there. What the engine cannot say is left
        out; a Decision without an action says why.

        Args:
            optimizer, action, reason: the name of the optimizer, what is done, and why, for the decisions.
            change: returns the operation itself where nothing is to be done; its name has to stay.
        """
        return self._map(change_operations, change, optimizer, action, reason)

    def map_steps(
        self, optimizer: str, change: Callable[[SettableStep], SettableStep], *, action: str, reason: str
    ) -> Plan:
        """As `map_operations`, for every call of an operation or of another workflow.

        A step comes with all settings in force; `ir.with_settings` changes some. They are written where the engine
        keeps them. An operation that keeps them is copied for a call where its calls differ, or others may call it.
        """
        return self._map(change_steps, change, optimizer, action, reason)

    def _map(self, apply: Callable[..., Any], change: object, optimizer: str, action: str, reason: str) -> Plan:
        plan = self
        for workflow in self.workflows:
            changed, outcomes = apply(workflow, self.homes, change)
            done = Decision(optimizer=optimizer, workflow=workflow.label, action=action, reason=reason)
            decisions = [msgspec.structs.replace(done, **outcome) for outcome in outcomes]
            plan = plan.with_workflow(workflow, changed, *decisions) if decisions else plan
        return plan

    def move_steps(  # what to move where, and who says why
        self, optimizer: str, workflow: Workflow, graph: str, steps: Collection[str], new_graph: str, *, reason: str
    ) -> Plan:
        """This plan with steps of a workflow moved into a new graph, and a Decision that says what that changes.

        A composite is a barrier: the Decision names the steps that may start later.

        Args:
            optimizer, reason: the name of the optimizer, and why, for the decision.
            workflow: the workflow, one of this plan's.
            graph, steps, new_graph: the graph that the steps belong to, their names, and the name of the new graph.

        Raises:
            Unsupported: the workflow would mean something else afterwards.
        """
        move = move_into_graph(workflow, graph, steps, new_graph)
        waits = f"; as {move.graph} ends as a whole, {', '.join(move.waits)} may start later" if move.waits else ""
        decision = Decision(
            optimizer=optimizer,
            workflow=workflow.label,
            subject=graph,
            action=f"move {', '.join(steps)} into {move.graph}",
            reason=reason + waits,
            figures=(("steps moved", len(steps)), ("steps that may start later", len(move.waits))),
            affects=(*(f"{graph}/{name}" for name in (move.step, *steps)), move.graph),
        )
        return self.with_workflow(workflow, move.workflow, decision)

    def decisions_about(self, document: int, *labels: str) -> list[tuple[int, Decision]]:
        """The decisions about a document's workflow, under any of its labels, each with its position among all.

        Those that did something come last, so that they are the ones that an edit is traced to.
        """
        numbered = enumerate(self.decisions)
        about = [item for item in numbered if item[1].document in (None, document) and item[1].workflow in labels]
        return sorted(about, key=lambda item: bool(item[1].action))

    def without(self, dropped: Mapping[int, Any] | set[int]) -> Plan:
        """This plan without the workflows of some files (by number), which then pass through untouched."""
        numbers = self.bundle.file_numbers
        stays = [item for item in self.workflows if item.source is None or numbers[int(item.source[0])] not in dropped]
        return replace(self, workflows=tuple(stays))
