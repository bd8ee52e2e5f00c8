"""Carries out edits in the text of a file and leaves every other character as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from couler_plugins.documents.changes import arrange, needed_places
from couler_plugins.documents.diff import Edit
from couler_plugins.documents.layout import Layout, line_break
from couler_plugins.documents.positions import locate
from couler_plugins.documents.reader import SourceFile, read
from couler_plugins.documents.rewriting import Rewriter, same_data
from couler_plugins.documents.writer import rewrite_json
from couler_plugins.errors import InvalidInput


class Spliced(NamedTuple):
    """The text of an edited file.

    Args:
        text: the whole file.
        redumped: for each document whose formatting and comments could not be kept, its index and why.
    """

    text: str
    redumped: tuple[tuple[int, str], ...]


def splice(file: SourceFile, changed: Mapping[int, tuple[Any, Sequence[Edit]]]) -> Spliced:
    """The file's text with the edits carried out.

    Every rewritten document is read again: what is returned always says exactly what was wanted, types included.

    Args:
        file: the file as it was read.
        changed: for each document that changes, by its index: its new data, and what `diff` gives for old and new.

    Raises:
        InvalidInput: YAML, or Kubernetes, cannot hold the new data.
    """
    changed = {index: change for index, change in changed.items() if change[1]}
    if not changed:
        return Spliced(file.text, ())
    return _splice_json(file, changed[0][0]) if file.format == "json" else _splice_yaml(file, changed)


def _splice_json(file: SourceFile, new: Any) -> Spliced:
    text, kept = rewrite_json(file.text, file.documents[0].data, new)
    again = read(text, file.name, max_bytes=4 * len(text))
    if not same_data(again.documents[0].data, new):
        raise InvalidInput("the data does not read back from JSON as it is", file=file.name)
    return Spliced(text, () if kept else ((0, "the file is JSON with a formatting of its own"),))


def _splice_yaml(file: SourceFile, changed: Mapping[int, tuple[Any, Sequence[Edit]]]) -> Spliced:
    arranged = {index: arrange(edits) for index, (_, edits) in changed.items()}
    needed = {index: needed_places(edits, arranged[index]) for index, (_, edits) in changed.items()}
    letters = file.documents[0].letters
    places, starts = locate(file.text, needed, letters=letters)
    ended = file.text.endswith("\n")
    layout = Layout(file.text if ended else file.text + line_break(file.text))
    pieces: list[str] = []
    redumped: list[tuple[int, str]] = []
    for index, (start, end) in enumerate(pairwise([0, *starts[1:], len(layout.text)])):
        last = end == len(layout.text)
        if index not in changed:
            pieces.append(file.text[start:end])
            continue
        rewriter = Rewriter(layout, start, end, places.pop(index, None), ended or not last, letters)
        new, edits = changed[index]
        text, reason = rewriter.rewrite(file.documents[index].data, new, edits, arranged[index])
        pieces.append(text)
        if reason:
            redumped.append((index, reason))
    return Spliced("".join(pieces), tuple(redumped))
