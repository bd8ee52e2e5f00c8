"""Rewrites one document of a YAML file: by cuts if its text allows it, else as a whole.

Carries out edits in the text of a file and leaves every other character as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import msgspec

from couler_plugins.documents.diff import Change, Edit, arrange, needed_places
from couler_plugins.documents.emitter import Indentation, dump_yaml, rewrite_json
from couler_plugins.documents.positions import locate
from couler_plugins.documents.reader import SourceFile, read, read_yaml
from couler_plugins.documents.spans import CannotCut, Cut, DocumentSpan, Layout, Place, Span, also, apply, line_break
from couler_plugins.documents.text_reuse import Cutter, TextReuse
from couler_plugins.errors import InvalidInput

_BLOCK_HEADER = re.compile(r"[^|>]*[|>][0-9]*(?![-+0-9])")


def same_data(left: Any, right: Any) -> bool:
    """Whether two JSON-like trees are the same, types included, whatever the order of their keys."""
    return left is right or _canonical(left) == _canonical(right)


def _canonical(data: Any) -> bytes:
    return msgspec.json.encode(data, order="sorted")


class Rewriter:
    """One document, to be rewritten.

    Args:
        layout: the whole file's text, ended by a line break.
        start, end: the offsets in it that the document lies between, with the comments around it.
        place: where its values stand; None where it holds none.
        ended: whether the file itself ends with a line break, or this is not its last document.
        letters: whether y and n stand for themselves in it; see `read`.
    """

    def __init__(
        self, layout: Layout, start: int, end: int, place: DocumentSpan | None, ended: bool, letters: bool
    ) -> None:
        self._layout = layout
        self._start = start
        self._end = end
        self._place = place
        self._ended = ended
        self._letters = letters
        self._indentation = _habits(place)

    def rewrite(self, old: Any, new: Any, edits: Sequence[Edit], change: Change) -> tuple[str, str | None]:
        """The document's new text; and why it was written anew, if it was.

        Args:
            old, new: its data before and after.
            edits: the difference.
            change: the same, arranged.

        Raises:
            InvalidInput: YAML, or Kubernetes, cannot hold the new data.
        """
        # Reading back takes as much memory as the spans do: they must be gone by then.
        place, self._place = self._place, None
        reason = "the edited text would not read back as the wanted data"
        if place is not None and place.root.end > place.root.start:
            cut: list[str] = []
            try:
                cut.extend(self._cut(place, old, new, edits, change))
            except CannotCut as error:
                reason = str(error)
            texts = self._written_anew(place.content_start, place.root.start, place.root.end, new)
            del place
            for text in cut:
                if self._reads_as(text, new):
                    return text, None
        else:  # an empty document: its comments stay above what it now holds
            reason = ""
            texts = self._endings(self._layout.text[self._start : self._end] + self._dump(new))
        for text in texts:
            if self._reads_as(text, new):
                return text, reason or None
        for text in self._endings(self._separator() + self._dump(new)):
            if self._reads_as(text, new):
                return text, reason or "the text around an empty document could not be kept"
        raise InvalidInput("the data does not read back from YAML as it is", hint="report this with the input file")

    def _cut(self, place: DocumentSpan, old: Any, new: Any, edits: Sequence[Edit], change: Change) -> Iterator[str]:
        removed = {edit.before for edit in edits if edit.op != "add" and edit.before is not None}
        strip = self._strip(place.last)
        lender = TextReuse(self._layout, self._indentation, place.root, old, removed, strip)
        cutter = Cutter(self._layout, self._indentation, lender.of)
        cutter.carry_out(change, Place(place.root, None), new)
        yield from self._endings(apply(self._layout.text, cutter.cuts, self._start, self._end))
        if strip is not None:
            cuts = also(cutter.cuts, strip, self._start, self._end)
            yield from self._endings(apply(self._layout.text, cuts, self._start, self._end))

    def _strip(self, last: Span) -> Cut | None:
        """A `-` for the header of the block scalar that ends the file without a line break.

        Its value has no final line break either, and would get one as soon as more text stands below.
        """
        header = _BLOCK_HEADER.match(self._layout.text, last.start) if last.style in ("|", ">") else None
        return Cut(header.end(), header.end(), "-") if header and not self._ended else None

    def _written_anew(self, content_start: int, start: int, end: int, new: Any) -> Iterator[str]:
        """The document with its data (from `start` to `end`) dumped, between the comments above and below it."""
        layout = self._layout
        if layout.alone(start):
            above = layout.text[self._start : layout.line_start(start)]
        else:
            above = layout.text[self._start : content_start] + layout.newline
        below = layout.text[layout.line_end(end) : self._end]
        yield from self._endings(above + self._dump(new) + below)

    def _endings(self, text: str) -> Iterator[str]:
        if not self._ended:
            yield text.removesuffix(self._layout.newline)
        yield text

    def _separator(self) -> str:
        return f"---{self._layout.newline}" if self._start else ""

    def _dump(self, data: Any) -> str:
        return dump_yaml(data, indentation=self._indentation).replace("\n", self._layout.newline)

    def _reads_as(self, text: str, wanted: Any) -> bool:
        try:
            documents = read_yaml(text, "<spliced>", letters=self._letters)
        except InvalidInput:
            return False
        return len(documents) == 1 and same_data(documents[0], wanted)


def _habits(place: DocumentSpan | None) -> Indentation:
    if place is None:
        return Indentation()
    steps = {step: count for step, count in place.mapping_steps.items() if step > 0}
    sequences = {step: count for step, count in place.sequence_steps.items() if step >= 0}
    usual = Indentation()
    return Indentation(_most_common(steps, usual.step), _most_common(sequences, usual.sequence))


def _most_common(counts: dict[int, int], default: int) -> int:
    return max(counts, key=lambda step: (counts[step], -step), default=default)


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
