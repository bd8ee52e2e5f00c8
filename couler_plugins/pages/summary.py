"""What a page says in one sentence: how much the optimizers changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from couler_plugins.pages.sections import Section
from couler_plugins.pages.story import Story
from couler_plugins.pages.wording import bytes_text, counted
from couler_plugins.results import Result

__all__ = ["summary"]


def summary(result: Result, sections: Sequence[Section], story: Story) -> str:
    """The sentence, such as `3 of 41 steps changed, 2 operations removed, −1.2 kB`."""
    total = sum(1 for status in story.status.values() if status != "added")
    changed = sum(1 for status in story.status.values() if status == "changed")
    parts = [f"{changed:,} of {counted(total, 'step')} changed" if changed else f"{counted(total, 'step')}"]
    for status in ("added", "removed"):
        count = sum(1 for other in story.status.values() if other == status)
        parts += [f"{counted(count, 'step')} {status}"] if count else []
    for noun in ("operation", "graph"):
        before, after = (_names(sections, noun, version) for version in (0, -1))
        parts += [f"{counted(len(before - after), noun)} removed"] if before - after else []
        parts += [f"{counted(len(after - before), noun)} added"] if after - before else []
    size = _size(file.text for file in result.files) - _size(file.original for file in result.files if file.text)
    if size:
        parts.append(bytes_text(size))
    elif not any(file.status == "changed" for file in result.files):
        parts.append("nothing changed" if result.optimizers else "as written")
    return ", ".join(parts)


def _names(sections: Iterable[Section], noun: str, version: int) -> set[tuple[int, str]]:
    return {
        (number, item.name)
        for number, section in enumerate(sections)
        if (workflow := section.versions[version]) is not None
        for item in (workflow.operations if noun == "operation" else workflow.graphs)
    }


def _size(texts: Iterable[str | None]) -> int:
    return sum(len(text.encode()) for text in texts if text)
