"""Builds plain data straight from libyaml's events.

No node tree and no recursion: the memory is that of the data itself, and nesting can exhaust nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple, NoReturn

from yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from couler_plugins.documents.anchors import Anchors
from couler_plugins.documents.events import Event, event_parser, is_merge, key_of, meaning, yaml_errors
from couler_plugins.documents.resolver import LETTERS, BadScalar, Scalar, key_text, resolve, value_of
from couler_plugins.errors import InvalidInput

MAX_DEPTH = 250
_MAPPING_TAG = "tag:yaml.org,2002:map"
_SEQUENCE_TAG = "tag:yaml.org,2002:seq"
_MEMO_SIZE = 65_536
_MEMO_LENGTH = 64

_UNSET: Any = object()
"""No key is waiting for its value."""
_MERGE: Any = object()
"""The key `<<` is waiting for its value."""


class _Frame(NamedTuple):
    """An open collection's surroundings, to go back to when it ends."""

    container: Any
    key: Any
    mapping: bool
    anchor: str | None


def build(text: str, name: str, *, letters: bool = False) -> list[tuple[Any, int]]:
    """The documents of a YAML text: for each its data and the line of its first content, from 1.

    Args:
        text: the whole file.
        name: the file's name, for errors.
        letters: whether y and n stand for themselves, and not for booleans.

    Raises:
        InvalidInput: the text is not YAML, or is YAML that Kubernetes would refuse or that would exhaust the memory.
    """
    with yaml_errors(text, name):
        return _Builder(text, name, letters).run()


class _Builder:
    def __init__(self, text: str, name: str, letters: bool) -> None:
        self._parser = event_parser(text)
        self._name = name
        self._documents: list[Any] = []
        self._starts: list[int] = []
        self._stack: list[_Frame] = []
        # The innermost open collection, and whether it is a mapping. A key that is set twice takes the last value, as
        # in Kubernetes.
        self._container: Any = self._documents
        self._key: Any = _UNSET
        self._mapping = False
        self._anchors = Anchors()
        # Manifests repeat themselves: remembering short scalars saves both time and memory.
        self._plain: dict[str, Scalar] = {**LETTERS} if letters else {}
        self._keys: dict[str, str] = {**LETTERS} if letters else {}

    def run(self) -> list[tuple[Any, int]]:
        next_event = self._parser.get_event
        while True:
            event: Event = next_event()
            kind = type(event)
            if kind is ScalarEvent:
                self._anchors.nodes += 1
                if self._mapping and self._key is _UNSET:
                    self._take_key(event)
                else:
                    self._place(event, self._scalar(event))
            elif kind is MappingStartEvent:
                self._open(event, {}, True)
            elif kind is SequenceStartEvent:
                self._open(event, [], False)
            elif kind is MappingEndEvent or kind is SequenceEndEvent:
                self._close(event)
            elif kind is AliasEvent:
                self._alias(event)
            elif kind is DocumentStartEvent:
                self._start_document(event)
            elif kind is DocumentEndEvent:
                self._check_expansion(event)
            elif kind is StreamEndEvent:
                return list(zip(self._documents, self._starts, strict=True)) or [(None, 1)]

    def _start_document(self, event: Event) -> None:
        if event.version not in (None, (1, 1)):
            self._refuse(event, "Kubernetes reads YAML 1.1 only", "remove the %YAML line")
        self._anchors = Anchors()
        content: Event = self._parser.peek_event()
        start, end = content.start_mark, content.end_mark
        empty = type(content) is ScalarEvent and start.index == end.index
        self._starts.append((event.start_mark if empty else start).line + 1)

    def _place(self, event: Event, value: Any) -> None:
        if not self._mapping:
            self._container.append(value)
        elif self._key is _MERGE:
            self._merge(event, value)
            self._key = _UNSET
        else:
            self._container[self._key] = value
            self._key = _UNSET

    def _take_key(self, event: Event) -> None:
        if event.anchor is None and event.tag is None and event.implicit[0]:
            key = self._keys.get(event.value)
            if key is not None:
                self._key = key
                return
        elif event.anchor is not None:
            self._anchors.scalar(event.anchor, meaning(event, resolve))
        if is_merge(event):
            self._key = _MERGE
            return
        try:
            key = key_of(event)
        except BadScalar as error:
            self._refuse_scalar(event, error)
        if event.tag is None and event.implicit[0] and len(self._keys) < _MEMO_SIZE:
            self._keys[event.value] = key
        self._key = key

    def _scalar(self, event: Event) -> Scalar:
        text: str = event.value
        if event.tag is None and event.anchor is None:
            if not event.implicit[0]:
                return text
            plain: Scalar = self._plain.get(text, _UNSET)
            if plain is not _UNSET:
                return plain
        try:
            value = meaning(event, value_of)
        except BadScalar as error:
            self._refuse_scalar(event, error)
        if event.anchor is not None:
            self._anchors.scalar(event.anchor, value)
        elif event.tag is None and len(text) <= _MEMO_LENGTH and len(self._plain) < _MEMO_SIZE:
            self._plain[text] = value
        return value

    def _open(self, event: Event, container: Any, mapping: bool) -> None:
        if event.tag is not None and event.tag != (_MAPPING_TAG if mapping else _SEQUENCE_TAG):
            self._refuse(
                event,
                f"unknown tag `{event.tag.replace('tag:yaml.org,2002:', '!!')}`",
                "remove the tag; Kubernetes has no use for it",
            )
        if self._mapping and self._key is _UNSET:
            self._refuse(event, "a mapping's key is itself a mapping or a list", "use text as the key; quote { and [")
        self._anchors.nodes += 1
        self._stack.append(_Frame(self._container, self._key, self._mapping, event.anchor))
        self._check_depth(event, len(self._stack))
        self._anchors.opened(event.anchor, container, len(self._stack))
        if self._key is not _MERGE:
            self._place(event, container)
        self._container, self._key, self._mapping = container, _UNSET, mapping

    def _close(self, event: Event) -> None:
        finished = self._container
        self._container, self._key, self._mapping, anchor = self._stack.pop()
        if anchor is not None:
            self._anchors.closed()
        if self._key is _MERGE:
            self._place(event, finished)
        elif self._mapping:
            self._key = _UNSET

    def _alias(self, event: Event) -> None:
        self._anchors.nodes += 1
        anchor = self._anchors.get(event.anchor)
        if anchor is None:
            self._refuse(event, f"unknown anchor `{event.anchor}`", f"define it before its use, with &{event.anchor}")
        if anchor.weight is None:
            self._refuse(event, f"the alias *{event.anchor} is inside of what it stands for", "remove the alias")
        self._check_depth(event, self._anchors.used(anchor, len(self._stack)))
        if not self._mapping or self._key is not _UNSET:
            self._place(event, anchor.value)
        elif isinstance(anchor.value, dict | list):
            self._refuse(event, "a mapping's key is itself a mapping or a list", "use text as the key")
        else:
            try:
                self._key = key_text(anchor.value)
            except BadScalar as error:
                self._refuse_scalar(event, error)

    def _merge(self, event: Event, value: Any) -> None:
        """Carries out `<<`, in goyaml's order: what comes later in the mapping wins, be it merged or its own."""
        self._check_expansion(event)
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            self._refuse(event, "the merge key `<<` wants a mapping or a list of mappings", "quote it if it is text")
        for source in reversed(sources):
            self._container.update(source)

    def _check_expansion(self, event: Event) -> None:
        if self._anchors.exploded:
            self._refuse(
                event,
                "the aliases make this document more than ten times larger than it is written",
                "write the repeated parts out, or split the file",
            )

    def _check_depth(self, event: Event, depth: int) -> None:
        if depth > MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH} levels", "flatten the document")

    def _refuse_scalar(self, event: Event, error: BadScalar) -> NoReturn:
        self._refuse(event, str(error), "put the text in quotes if it is meant as text")

    def _refuse(self, event: Event, message: str, hint: str) -> NoReturn:
        raise InvalidInput(message, file=self._name, line=event.start_mark.line + 1, hint=hint)
