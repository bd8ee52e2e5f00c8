"""Who decided what about which step: the decisions and edits of a result, brought to the nodes of its panels."""

from __future__ import annotations

from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Literal

from couler_plugins.driver.results import FileResult, Result
from couler_plugins.ir import Call, Operation, callables
from couler_plugins.plan import Decision
from couler_plugins.viz.page.costs import Costs
from couler_plugins.viz.page.hunks import FileHunks
from couler_plugins.viz.page.panels import Node, Panel, Section

Status = Literal["same", "changed", "added", "removed", "moved"]


@dataclass(slots=True, eq=False)
class DecisionCard:
    """A decision, the optimizer (as the pipeline writes it) that took it, and what it is about.

    Attributes:
        number: unique on the page.
        nodes: the steps that it names, or that call what it names.
        panel: the graph that it names.
        hunks: the changed lines, by their position in the story's.
    """

    number: int
    optimizer: str
    decision: Decision
    nodes: dict[int, Node] = field(default_factory=dict)
    panel: Panel | None = None
    hunks: dict[int, None] = field(default_factory=dict)


@dataclass(slots=True)
class Story:
    """All decisions, and by the number of each node: what was decided, which lines changed, what became of it.

    Beside these, what a run of each workflow costs, as far as that is known.
    """

    cards: list[DecisionCard] = field(default_factory=list)
    hunks: list[str] = field(default_factory=list)
    decided: dict[int, dict[int, None]] = field(default_factory=dict)
    changed_lines: dict[int, dict[int, None]] = field(default_factory=dict)
    status: dict[int, Status] = field(default_factory=dict)
    costs: dict[Section, Costs] = field(default_factory=dict)


def tell(result: Result, sections: Iterable[Section], last: int, moved: Set[int] = frozenset()) -> Story:
    """The story of a result.

    Args:
        result: what the optimizers made.
        sections: its workflows.
        last: the number of the last version that the sections show.
        moved: the numbers of the nodes whose steps went elsewhere, or came from there.
    """
    return _Teller(result, list(sections), last, moved).story


class _Teller:
    def __init__(self, result: Result, sections: list[Section], last: int, moved: Set[int]) -> None:
        self.story = Story()
        self._moved = moved
        self._indexes = {section: _Index(section) for section in sections}
        self._by_decision: dict[int, DecisionCard] = {}
        for position, file in enumerate(result.files):
            own = [section for section in sections if section.file in (position, None)]
            self._decisions(file, own)
            if file.status == "changed":
                self._edits(file, own, FileHunks(file))
        for section in sections:
            for node in section.steps:
                self.story.status[node.number] = self._status(node, section, last)

    def _decisions(self, file: FileResult, sections: list[Section]) -> None:
        for item in file.passes:
            for decision in item.decisions:
                card = self._by_decision.get(id(decision))  # one about several files is handed to each of them
                if card is None:
                    card = self._by_decision[id(decision)] = DecisionCard(
                        len(self.story.cards), item.optimizer, decision
                    )
                    self.story.cards.append(card)
                for section in sections:
                    if section.is_about(decision):
                        self._aim(card, self._indexes[section])

    def _aim(self, card: DecisionCard, index: _Index) -> None:
        decision = card.decision
        for name in (*filter(None, [decision.subject]), *decision.affects):
            for node in index.nodes(name):
                self._bring(card, node)
            card.panel = card.panel or index.panels.get(name)

    def _bring(self, told: DecisionCard, node: Node) -> None:
        told.nodes[node.number] = node
        self.story.decided.setdefault(node.number, {})[told.number] = None

    def _edits(self, file: FileResult, sections: list[Section], hunks: FileHunks) -> None:
        offset = len(self.story.hunks)
        decisions = file.decisions
        for traced in sorted(file.edits, key=lambda edit: "/" not in edit.subject):  # those of steps themselves first
            hunk = offset + hunks.of_edit(traced.document, traced.edit)
            card = None if traced.decision is None else self._by_decision[id(decisions[traced.decision])]
            if card is not None:
                card.hunks[hunk] = None
            for section in sections:
                if section.document == traced.document:
                    for node in self._indexes[section].nodes(traced.subject) if traced.subject else ():
                        self.story.changed_lines.setdefault(node.number, {})[hunk] = None
                        if card is not None:
                            self._bring(card, node)
        self.story.hunks += hunks.texts

    def _status(self, node: Node, section: Section, last: int) -> Status:
        if node.number in self._moved and not {0, last} <= node.steps.keys():
            return "moved"
        if 0 not in node.steps:
            return "added"
        if last not in node.steps:
            return "removed"
        acted = any(self.story.cards[number].decision.action for number in self.story.decided.get(node.number, ()))
        touched = acted or node.number in self.story.changed_lines or node.steps[0] != node.steps[last]
        return "changed" if touched else "same"


class _Index:
    """What a name in a decision or an edit stands for."""

    def __init__(self, section: Section) -> None:
        self.panels = {panel.graph: panel for panel in section.panels if panel.graph}
        self._steps: dict[str, list[Node]] = {}
        self._callers: dict[str, dict[int, Node]] = {}
        operations = {
            name
            for workflow in section.versions
            if workflow is not None
            for name, callee in callables(workflow).items()
            if isinstance(callee, Operation)
        }
        for node in section.steps:
            self._steps.setdefault(node.label, []).append(node)
            for step in node.steps.values():
                for called in (step, *(handler.step for handler in step.handlers)):
                    if isinstance(called.call, Call) and called.call.name in operations:
                        self._callers.setdefault(called.call.name, {})[node.number] = node

    def nodes(self, name: str) -> list[Node]:
        """The step of that label, or the steps that call an operation of that name."""
        if not name:  # the entry or a handler, nobody says which
            return [node for node in self._steps.get(name, []) if len(set(node.steps.values())) > 1]
        return self._steps.get(name) or list(self._callers.get(name, {}).values())
