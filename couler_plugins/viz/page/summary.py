"""What a page says in one sentence: how much the optimizers changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from couler_plugins.driver.results import Result
from couler_plugins.viz.page.annotations import Story
from couler_plugins.viz.page.parts import Parts
from couler_plugins.viz.page.sections import Section
from couler_plugins.viz.page.wording import bytes_text, counted

__all__ = ["summary"]


def summary(result: Result, sections: Sequence[Section], story: Story, parts: Parts) -> str:
    """The sentence, such as `3 of 41 steps changed, 2 operations removed, −1.2 kB`."""
    before = [node for section in sections for panel in section.panels for node in panel.steps if 0 in node.steps]
    total, moved = len(before), sum(1 for node in before if story.status[node.number] == "moved")
    changed = sum(1 for status in story.status.values() if status == "changed")
    said = [f"{changed:,} of {counted(total, 'step')} changed" if changed else f"{counted(total, 'step')}"]
    said += [f"{moved:,} moved into {counted(parts.count, 'part')}"] if moved else []
    for status in ("added", "removed"):
        count = sum(1 for other in story.status.values() if other == status)
        said += [f"{counted(count, 'step')} {status}"] if count else []
    for noun in ("operation", "graph"):
        old, new = (_names(sections, noun, version, apart=not moved) for version in (0, -1))
        said += [f"{counted(len(old - new), noun)} removed"] if old - new else []
        said += [f"{counted(len(new - old), noun)} added"] if new - old else []
    size = _size([result.added, *(file.text for file in result.files)])
    size -= _size(file.original for file in result.files if file.text)
    if size:
        said.append(bytes_text(size))
    elif not any(file.status == "changed" for file in result.files):
        said.append("nothing changed" if result.optimizers else "as written")
    return ", ".join(said)


def _names(sections: Iterable[Section], noun: str, version: int, *, apart: bool) -> set[tuple[int, str]]:
    """What there is by that noun; where steps have moved between workflows, no matter in which of them."""
    return {
        (number if apart else 0, item.name)
        for number, section in enumerate(sections)
        if (workflow := section.versions[version]) is not None
        for item in (workflow.operations if noun == "operation" else workflow.graphs)
    }


def _size(texts: Iterable[str | None]) -> int:
    return sum(len(text.encode()) for text in texts if text)
