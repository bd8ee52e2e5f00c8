"""The list of what the optimizers did, in the order of the pipeline; what they left alone is folded away."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from couler_plugins.documents.mappings import by_key
from couler_plugins.viz.page.annotations import DecisionCard, Story
from couler_plugins.viz.page.markup import Markup, counted, element, text

REASONS, NAMED = 30, 12
"""How many reasons to leave something alone are listed, and how many names for each; each step tells its own."""


def changes(story: Story, optimizers: Sequence[str], several: bool) -> Markup:
    """The list.

    Args:
        story: what was decided.
        optimizers: the pipeline.
        several: whether it takes the workflow's name to say which step is meant.
    """
    cards = by_key((card.optimizer, card) for card in story.cards)
    names = dict.fromkeys((*optimizers, *cards))
    return text(*(_group(name, cards.get(name, ()), several) for name in names))


def _group(name: str, items: Sequence[DecisionCard], several: bool) -> Markup:
    done = [told for told in items if told.decision.action]
    cards_left = [told for told in items if not told.decision.action]
    steps = {number for told in done for number in told.nodes}
    reach = f" to {len(steps):,} steps" if len(steps) > len(done) else ""
    count = element("span", f"{counted(len(done), 'change')}{reach}" if done else "no change", class_="count")
    alike = by_key(((told.decision.action, told.decision.reason), told) for told in done)
    links = [_row(told, several, is_first=told is group[0]) for group in alike.values() for told in group]
    rows = element("ol", *links) if done else Markup()
    return element("section", element("h3", element("code", name), count), rows, _left_alone(cards_left), class_="pass")


def _row(card: DecisionCard, several: bool, *, is_first: bool) -> Markup:
    """A link to a change; what was done and why is told with the first of those that are alike."""
    decision = card.decision
    where = f"{decision.workflow} " if several or not decision.subject else ""
    reach = f" · {len(card.nodes):,} steps" if len(card.nodes) > 1 else ""
    link = element(
        "a",
        element("b", (f"{where}{decision.subject}".strip() or "the workflow") + reach),
        *([element("span", decision.action), element("small", decision.reason)] if is_first else []),
        href=f"#{_target(card)}",
        data_decision=card.number,
    )
    return element("li", link)


def _target(card: DecisionCard) -> str:
    """What to show: the first step that it names and that is still there."""
    if card.nodes:
        return f"s{max(card.nodes.values(), key=lambda node: max(node.steps)).number}"
    return f"g{card.panel.number}" if card.panel else "changes"


def _left_alone(items: Sequence[DecisionCard]) -> Markup:
    if not items:
        return Markup()
    reasons = by_key((card.decision.reason, card) for card in items)
    entries = [
        text(element("dt", f"{reason} ", element("span", f"×{len(group):,}", class_="count")), _names(group))
        for reason, group in islice(reasons.items(), REASONS)
    ]
    if len(reasons) > REASONS:
        entries.append(element("dt", f"and {len(reasons) - REASONS:,} more reasons; each step says its own"))
    return element("details", element("summary", f"{len(items):,} left alone"), element("dl", *entries))


def _names(group: Sequence[DecisionCard]) -> Markup:
    named = [told.decision.subject or told.decision.workflow for told in group[:NAMED]]
    more = f" and {len(group) - NAMED:,} more; each step says so itself" if len(group) > NAMED else ""
    return element("dd", f"{', '.join(named)}{more}")
