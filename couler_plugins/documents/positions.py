"""Where everything stands in the text: a second pass over the events, made only when someone asks.

All offsets are indexes into the text as given, in characters. libyaml's own marks are not enough for cutting: a block
collection's end mark passes its last value, a block scalar's takes in the blank lines after it, and a byte-order mark
shifts all by one. The spans here end where their content ends.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from couler_plugins.documents.events import BOM, Event, event_parser, is_merge, key_of, yaml_errors
from couler_plugins.documents.resolver import LETTERS, BadScalar
from couler_plugins.documents.spans import DocumentSpan, Kind, Span

Needed = dict[str | int, "Needed"] | bool
"""Which values' places are needed: those of the keys given, and so on below them; True for all, False for none."""

ALL: Needed = True

_Key = tuple[str | None, int, int] | None
"""A key that waits for its value: its text (None for one that no path can name) and its place."""
_NO_KEY: _Key = (None, -1, -1)
_BLOCK_HEADER = re.compile(r"[^|>]*[|>]([-+0-9]*)")
_BLANK_END = re.compile(r"(?:\r?\n[ \t]*)+\Z")


def locate(
    text: str, wanted: Mapping[int, Needed], *, letters: bool = False
) -> tuple[dict[int, DocumentSpan], list[int]]:
    """The places of the wanted documents, by index, and the start of every document of the text.

    Args:
        text: the whole file.
        wanted: for each wanted document what is needed of it. A collection that is needed has all its entries as
            children; those that are not needed themselves have none. Of a collection in brackets, all is.
        letters: as for `build`.

    Raises:
        InvalidInput: the text is not YAML.
    """
    with yaml_errors(text, "<text>"):
        return _Locator(text, wanted, letters).run()


class _Locator:
    def __init__(self, text: str, wanted: Mapping[int, Needed], letters: bool) -> None:
        self._letters = LETTERS if letters else {}
        self._text = text
        self._wanted = wanted
        self._shift = 1 if text.startswith(BOM) else 0
        self._next_event = event_parser(text).get_event

    def run(self) -> tuple[dict[int, DocumentSpan], list[int]]:
        spans: dict[int, DocumentSpan] = {}
        starts: list[int] = []
        while True:
            event: Event = self._next_event()
            kind = type(event)
            if kind is DocumentStartEvent:
                starts.append(event.start_mark.index + self._shift)
                if len(starts) - 1 in self._wanted:
                    spans[len(starts) - 1] = self._document(event, self._wanted[len(starts) - 1])
            elif kind is StreamEndEvent:
                return spans, starts

    def _document(self, event: Event, wanted: Needed) -> DocumentSpan:
        shift = self._shift
        document = DocumentSpan(event.start_mark.index + shift, event.end_mark.index + shift, _nowhere(), _nowhere())
        top = parent = _nowhere()
        needed: Needed = {0: wanted}
        stack: list[tuple[Span, _Key, Needed]] = []
        key: _Key = _NO_KEY
        end = 0  # of the last value: a block collection ends with the last one inside of it
        while True:
            event = self._next_event()
            kind = type(event)
            if kind is ScalarEvent:
                if key is None:
                    key = self._key(event, parent)
                    continue
                span = self._scalar(event, parent)
            elif kind is AliasEvent:
                if key is None:
                    parent.marked = True
                    key = (None, -1, -1)
                    continue
                span = self._span(event, "alias", parent)
            elif kind is DocumentEndEvent:
                document.root = top.children[0]
                return document
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                if event.end_mark.index > event.start_mark.index:  # a bracket
                    end = event.end_mark.index + shift
                parent.end = end
                parent, key, needed = stack.pop()
                continue
            else:
                span = self._collection(event, parent)
                _note_habits(document, span, parent)
                within = _within(needed, key, parent)
                if needed is not False:
                    self._add(span, parent, key)
                stack.append((parent, None if parent.kind == "mapping" else key, needed))
                parent, needed = span, ALL if span.flow and within is not False else within
                key = None if span.kind == "mapping" else _NO_KEY
                continue
            document.last = span
            if needed is not False:
                self._add(span, parent, key)
            end = span.end
            if parent.kind == "mapping":
                key = None

    def _key(self, event: Event, parent: Span) -> _Key:
        start, end = event.start_mark.index + self._shift, event.end_mark.index + self._shift
        if event.anchor is not None or is_merge(event):
            parent.marked = True
        if is_merge(event):
            return (None, start, end)
        try:
            letter = self._letters.get(event.value) if event.implicit[0] else None
            return (letter or key_of(event), start, end)
        except BadScalar:  # in JSON-like text that the YAML reader never saw
            return (None, start, end)

    def _add(self, span: Span, parent: Span, key: _Key) -> None:
        if parent.kind == "sequence":
            parent.children[len(parent.children)] = span
        elif key is not None:
            name, span.key_start, span.key_end = key
            if name is not None:
                parent.marked = parent.marked or name in parent.children
                parent.children[name] = span

    def _span(self, event: Event, kind: Kind, parent: Span) -> Span:
        mark = event.start_mark
        return Span(
            mark.index + self._shift,
            event.end_mark.index + self._shift,
            mark.column,
            kind,
            flow=parent.flow,
            marked=event.anchor is not None,
        )

    def _scalar(self, event: Event, parent: Span) -> Span:
        span = self._span(event, "scalar", parent)
        span.tagged = event.tag is not None
        span.style = event.style or ""
        if span.style and span.style in "|>":
            span.end = self._block_scalar_end(span, event.value)
        return span

    def _collection(self, event: Event, parent: Span) -> Span:
        span = self._span(event, "sequence" if type(event) is SequenceStartEvent else "mapping", parent)
        span.flow = parent.flow or bool(event.flow_style)
        span.children = {}
        span.tagged = event.tag is not None
        return span

    def _block_scalar_end(self, span: Span, value: str) -> int:
        """Where its last line ends; libyaml's mark is after all blank lines that follow."""
        text = self._text[span.start : span.end]
        header = _BLOCK_HEADER.match(text)
        last = value.rstrip("\n").rpartition("\n")[2]
        if last.isspace() or (header and "+" in header[1]):  # the blank lines are part of the value
            return span.start + len(text.removesuffix("\n").removesuffix("\r"))
        return span.start + len(_BLANK_END.sub("", text))


def _nowhere() -> Span:
    return Span(0, 0, 0, "sequence", children={})


def _within(needed: Needed, key: _Key, parent: Span) -> Needed:
    """What is needed of the value that comes next."""
    if isinstance(needed, bool):
        return needed
    name = len(parent.children) if parent.kind == "sequence" else key and key[0]
    return needed.get(name, False) if name is not None else False


def _note_habits(document: DocumentSpan, span: Span, parent: Span) -> None:
    if parent.kind == "mapping" and not (span.flow or span.marked or span.tagged or parent.tagged):
        steps = document.mapping_steps if span.kind == "mapping" else document.sequence_steps
        step = span.column - parent.column
        steps[step] = steps.get(step, 0) + 1
