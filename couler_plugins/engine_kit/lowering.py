"""Lowering to documents that are data: what changed goes into the originals, and each edit to its decision."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from couler_plugins.documents import Edit, Path, diff
from couler_plugins.errors import CoulerError
from couler_plugins.ir import Workflow
from couler_plugins.plan import Decision, Lowered, Plan, TracedEdit


class Lowering(ABC):
    """Lowers the workflows of a plan, one after another; one that cannot be written refuses its file.

    Args:
        plan: workflows with an origin become their document again, the others documents of their own.
        always: whether workflows that did not change are lowered, too.

    Attributes:
        decisions: those of the plan, and those that lowering takes.
        refused: the error of each file (by number) that cannot be lowered.
    """

    def __init__(self, plan: Plan, always: bool = False) -> None:
        self.plan = plan
        self.decisions = list(plan.decisions)
        self.refused: dict[int, Exception] = {}
        self._always = always
        self._changed: dict[int, Any] = {}
        self._edits: list[TracedEdit] = []

    @abstractmethod
    def generate(self, workflow: Workflow) -> Iterable[Any]:
        """The documents of a workflow without an origin."""

    @abstractmethod
    def patch(self, workflow: Workflow, original: Workflow, document: int) -> None:
        """Carries the changes of a workflow into what it was lifted from, and records them.

        Args:
            workflow: as it is to be.
            original: as it was lifted.
            document: the number of the document that it was lifted from.
        """

    def lowered(self) -> Lowered:
        """The documents of the plan.

        Raises:
            Unsupported: a workflow without an origin has something that the engine cannot say.
        """
        bundle = self.plan.bundle
        added: list[Any] = []
        originals = {original.source: original for original in self.plan.originals}
        for workflow in self.plan.workflows:
            original = originals.get(workflow.source)
            if original is None or workflow.source is None:
                added += self.generate(workflow)
            elif workflow is not original or self._always:
                document = int(workflow.source[0])
                file = bundle.file_numbers[document]
                try:
                    self.patch(workflow, original, document)
                except CoulerError as error:
                    error.file = error.file or bundle.files[file].name
                    self.refused[file] = error
        refused = {number for number, file in enumerate(bundle.file_numbers) if file in self.refused}
        return Lowered(
            bundle=bundle,
            changed={number: data for number, data in self._changed.items() if number not in refused},
            added=(*added, *self.plan.side),
            edits=tuple(edit for edit in self._edits if edit.document not in refused),
            decisions=tuple(self.decisions),
            refused=self.refused,
        )

    def data(self, document: int) -> Any:
        """What a document holds by now."""
        return self._changed.get(document, self.plan.bundle.documents[document].data)

    def record(
        self,
        document: int,
        after: Any,
        origins: Mapping[int, Path],
        names_of: Callable[[Edit], Sequence[str]],
        decisions: Sequence[tuple[int, Decision]],
        otherwise: int | None = None,
    ) -> None:
        """Records what a document is to hold; `origins` is as in `diff`, and the others are as in `trace`."""
        if edits := diff(self.data(document), after, origins):
            self._edits += trace(edits, document, names_of, decisions, otherwise)
            self._changed[document] = after


def trace(
    edits: Iterable[Edit],
    document: int,
    names_of: Callable[[Edit], Sequence[str]],
    decisions: Iterable[tuple[int, Decision]],
    otherwise: int | None = None,
) -> list[TracedEdit]:
    """The edits with their subjects and decisions.

    Args:
        edits: the difference between two versions of a document.
        document: its number in the bundle.
        names_of: gives the subject of an edit, and behind it what else a decision on the edit may be about.
        decisions: the decisions on the workflow, each with its position among all.
        otherwise: the position of the decision behind an edit that none of these is about.
    """
    positions: dict[str, int] = {}
    for position, decision in decisions:
        positions.update(dict.fromkeys((decision.subject, *decision.affects), position))
    traced = []
    for edit in edits:
        names = names_of(edit)
        existing = next((positions[name] for name in (*names, "") if name in positions), otherwise)
        traced.append(TracedEdit(document=document, edit=edit, subject=names[0], decision=existing))
    return traced
