"""What the script needs to know of steps and decisions, as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from couler_plugins.ir import Call, Graph, Operation, callables
from couler_plugins.viz.page.annotations import DecisionCard, Story
from couler_plugins.viz.page.escaping import clean
from couler_plugins.viz.page.facts import step_facts
from couler_plugins.viz.page.panels import Node
from couler_plugins.viz.page.parts import Mark, Parts
from couler_plugins.viz.page.sections import Section

__all__ = ["island"]


def island(sections: Sequence[Section], story: Story, parts: Parts, titles: Sequence[str]) -> dict[str, Any]:
    """The data: decisions and pieces of text by position, steps by their number; nothing that is empty."""
    return {
        "versions": [clean(title) for title in titles],
        "decisions": [_decision(told) for told in story.told],
        "hunks": story.hunks,
        "steps": {str(number): record for section in sections for number, record in _steps(section, story, parts)},
    }


def _decision(card: DecisionCard) -> dict[str, Any]:
    decision = card.decision
    return _filled(
        optimizer=clean(card.optimizer),
        workflow=clean(decision.workflow),
        subject=clean(decision.subject),
        action=clean(decision.action),
        reason=clean("; ".join(item.advice for item in decision.objections) or decision.reason),
        figures=[[clean(name), clean(f"{value}")] for name, value in decision.figures],
        steps=list(card.nodes) if decision.action else [],
        hunks=list(card.hunks),
    )


def _steps(section: Section, story: Story, parts: Parts) -> Iterator[tuple[int, dict[str, Any]]]:
    by_name = [callables(workflow) if workflow is not None else {} for workflow in section.versions]
    panel_of = {panel.graph: panel.number for panel in section.panels if panel.graph}
    for panel in section.panels:
        for node in panel.steps:
            yield node.number, _step(node, by_name, panel_of, story) | _part(parts.of.get(node.number))


def _step(
    node: Node, by_name: Sequence[Mapping[str, Graph | Operation]], panel_of: Mapping[str, int], story: Story
) -> dict[str, Any]:
    first, last = min(node.steps), max(node.steps)
    facts = step_facts(node.steps[last], by_name[last])
    before = step_facts(node.steps[first], by_name[first]) if first != last else facts
    call = node.steps[last].call
    status = story.status[node.number]
    return {"name": clean(node.title)} | _filled(
        graph=clean(node.panel.graph),
        status="" if status == "same" else status,
        facts=facts,
        before=before if before != facts else [],
        opens=panel_of.get(call.name) if isinstance(call, Call) else None,
        decisions=list(story.decided.get(node.number, ())),
        hunks=list(story.changed_lines.get(node.number, ())),
    )


def _part(mark: Mark | None) -> dict[str, Any]:
    return {} if mark is None else {"part": clean(mark.name)}


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None and value not in ("", [])}
