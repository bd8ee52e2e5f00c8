"""Reads the files that Kubernetes' tools read, as Kubernetes reads them.

Where files stand, for references by name: their folders, their scope, and the version that a folder names.
"""

from __future__ import annotations

import bisect
import codecs
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from couler_plugins.documents.builder import build
from couler_plugins.documents.collector import collector_paused
from couler_plugins.documents.json_text import looks_like_json, parse_json
from couler_plugins.documents.positions import ALL, locate
from couler_plugins.documents.spans import Path, Span
from couler_plugins.errors import InvalidInput

RECORDS = (".jsonl", ".csv", ".tsv")
"""Endings of files of one record a line, which are no documents: whoever knows the records reads the text."""
RUN = '{"schema":"couler.run/'
"""How a file of past runs begins, whatever it is called."""
VERSION = re.compile(r"v?\d+(?:\.\d+)+(?:[-+.][0-9A-Za-z.+-]+)?|v\d+")


class FilePlace(NamedTuple):
    """Where a file stands.

    Attributes:
        path: its folders and its own name, from the outside in.
        scope: the folder whose files are deployed together, such as an environment or a chart; empty for the rest.
        version: what the nearest folder that is called like a version says (`task/git-clone/0.2`); empty without one.
        relative: its path below the folder that was given; empty where none was.
    """

    path: tuple[str, ...] = ()
    scope: str = ""
    version: str = ""
    relative: str = ""

    @property
    def version_folder(self) -> tuple[str, ...]:
        """The path of that folder; empty where there is none."""
        if not self.version:
            return ()
        return self.path[: len(self.path) - self.path[::-1].index(self.version)]


def version_in(folders: Sequence[str]) -> str:
    """Return the innermost of some folders that is called like a version; empty where none is."""
    return next((folder for folder in reversed(folders) if VERSION.fullmatch(folder)), "")


MAX_BYTES = 64 * 1024 * 1024
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_TEMPLATE = re.compile(
    r"""\{%|<%|\{\{-?\s*(?:/\*|\$|\b(?:cookiecutter|copier|values)\.|
        \.(?:Values|Release|Chart|Capabilities|Files|Template)\b|
        (?:block|define|else|end|if|include|range|template|toYaml|tpl|with)\b)""",
    re.VERBOSE,
)
"""What Helm, or Jinja, fills in before there is YAML: Argo's own tags in braces look like none of it."""


@dataclass(slots=True)
class Document:
    """One document of a file.

    Args:
        file: the file's name.
        index: which document of the file it is, from 0.
        data: what it says, in dict, list, str, int, float, bool and None; aliased parts are shared objects.
        line: the line of its first content, from 1.
        text: the whole file's text.
        letters: whether y and n stand for themselves in it, and not for booleans.
    """

    file: str
    index: int
    data: Any
    line: int
    text: str = field(repr=False, compare=False)
    letters: bool = False
    _root: Span | None = field(default=None, init=False, repr=False, compare=False)
    _breaks: list[int] = field(default_factory=list, init=False, repr=False, compare=False)

    def line_of(self, path: Path) -> int | None:
        """The line, from 1, of the value at `path`, or of the nearest enclosing value that the text holds.

        The first call parses the text again; None where the text has no positions to give.
        """
        root = self._located()
        if root is None:
            return None
        span, _ = root.find(path)
        return bisect.bisect_left(self._breaks, span.key_start if span.key_start >= 0 else span.start) + 1

    def line_within(self, path: Path, text: str) -> int | None:
        """The line, from 1, where a text first stands in the value at `path`; as `line_of` where it does not."""
        root = self._located()
        if root is None or not text:
            return self.line_of(path)
        span, _ = root.find(path)
        word = re.compile(rf"(?<![\w-]){re.escape(text)}(?![\w-])")
        match = word.search(self.text, span.start, span.end)
        start = match.start() if match is not None else self.text.find(text, span.start, span.end)
        return bisect.bisect_left(self._breaks, start) + 1 if start >= 0 else self.line_of(path)

    def plain(self, path: Path) -> str | None:
        """The scalar at `path` as it stands in the text, where it has neither quotes nor a tag; None elsewhere."""
        root = self._located()
        span, depth = root.find(path) if root is not None else (None, 0)
        bare = span is not None and depth == len(path) and span.kind == "scalar" and not (span.marked or span.tagged)
        return self.text[span.start : span.end] if span is not None and bare and not span.style else None

    def key(self, path: Path) -> str | None:
        """The key of the value at `path` as it stands in the text, with its quotes; None where there is none."""
        root = self._located()
        span, depth = root.find(path) if root is not None else (None, 0)
        has_key = span is not None and depth == len(path) and span.key_start >= 0
        return self.text[span.key_start : span.key_end] if span is not None and has_key else None

    def _located(self) -> Span | None:
        """Where everything stands; found out when it is first asked for."""
        if self._root is None:
            try:
                spans, _ = locate(self.text, {self.index: ALL}, letters=self.letters)
            except InvalidInput:  # JSON with escapes that YAML does not know
                return None
            if self.index not in spans:
                return None
            self._root = spans[self.index].root
            self._breaks = [found.start() for found in re.finditer("\n", self.text)]
        return self._root


@dataclass(slots=True)
class SourceFile:
    """A file as it was given, and what it says.

    Args:
        name: the file's name as given (`<stdin>` for standard input).
        text: its text, character by character (byte-order mark and CRLF included).
        format: the notation that it is written in.
        documents: at least one; an empty document, and a program or a file of lines as a whole, has the data None.
        place: where it stands among the files of a call, for references by name.
    """

    name: str
    text: str = field(repr=False)
    format: Literal["yaml", "json", "python", "lines"]
    documents: tuple[Document, ...]
    place: FilePlace = field(default=FilePlace(), compare=False)

    def line_of(self, path: Path, document: int = 0) -> int | None:
        """As `Document.line_of`, for the nth document of the file."""
        return self.documents[document].line_of(path)


def read(content: bytes | str, name: str, *, max_bytes: int = MAX_BYTES, letters: bool = False) -> SourceFile:
    """Reads a YAML or JSON file, or a Python file, or one of records by lines, as the text that it is.

    Args:
        content: the whole file.
        name: the file's name, for errors and findings; one that ends with `.py` is Python's, others are of lines.
        max_bytes: the largest size accepted, in bytes of UTF-8.
        letters: whether y and n stand for themselves, as for PyYAML and yaml.v3, and not for booleans, as for
            Kubernetes; for engines that read their files so.

    Raises:
        InvalidInput: the content is too large, not UTF-8, not YAML, or YAML that Kubernetes would refuse.
    """
    of_lines = _is_of_lines(content, name)
    if of_lines and isinstance(content, bytes):  # a line that is not UTF-8 does not spoil the others
        content = content.decode(errors="surrogateescape")
    text = _decode(content, name, max_bytes)
    if of_lines:
        return SourceFile(name, text, "lines", (Document(name, 0, None, 1, text),))
    if name.endswith(".py"):
        return SourceFile(name, text, "python", (Document(name, 0, None, 1, text),))
    with collector_paused():
        if looks_like_json(text) and (parsed := parse_json(text, name)) is not None:
            return SourceFile(name, text, "json", (Document(name, 0, *parsed, text),))
        return SourceFile(name, text, "yaml", tuple(_yaml_documents(text, name, letters)))


def _is_of_lines(content: bytes | str, name: str) -> bool:
    """Whether this is a file of lines, by its name, or by the first line of a table with tabs or of past runs."""
    start = content[:4096] if isinstance(content, str) else content[:4096].decode(errors="replace")
    first = start.partition("\n")[0]
    return name.endswith(RECORDS) or ("\t" in first.strip() and name.endswith(".txt")) or first.startswith(RUN)


def is_template(text: str) -> bool:
    """Whether Helm, Jinja or another tool has to fill a text in before it is YAML."""
    return _TEMPLATE.search(text) is not None


def read_yaml(text: str, name: str, *, letters: bool = False) -> list[Any]:
    """The data of each document of a text, read as YAML even where it is JSON.

    Raises:
        InvalidInput: as `read`.
    """
    with collector_paused():
        return [data for data, _ in build(text, name, letters=letters)]


def _yaml_documents(text: str, name: str, letters: bool) -> Iterator[Document]:
    try:
        built = build(text, name, letters=letters)
    except InvalidInput as error:
        if is_template(text):
            error.hint = "it is a template, of Helm perhaps, that makes YAML: render it, as `helm template` does"
        raise
    yield from (Document(name, index, data, line, text, letters) for index, (data, line) in enumerate(built))


def _decode(content: bytes | str, name: str, max_bytes: int) -> str:
    # A character takes up to four bytes: the encoded size is worked out only where it can matter.
    size = len(content)
    if isinstance(content, str) and size <= max_bytes < 4 * size:
        size = len(content.encode("utf-8", "surrogatepass"))
    if size > max_bytes:
        raise InvalidInput(
            f"the file has {size:,} bytes, more than the {max_bytes:,} allowed",
            file=name,
            hint="allow more with --max-bytes",
        )
    if isinstance(content, str):
        return content
    if content.startswith(_UTF16):
        raise InvalidInput("the file is UTF-16", file=name, line=1, hint="save it as UTF-8")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidInput(
            f"the byte 0x{content[error.start]:02x} at offset {error.start} is not UTF-8",
            file=name,
            line=content.count(b"\n", 0, error.start) + 1,
            hint="save the file as UTF-8",
        ) from None
