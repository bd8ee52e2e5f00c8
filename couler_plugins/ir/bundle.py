"""Input of one call: files with their documents."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any, TypeVar

from couler_plugins.documents import Document, FilePlace, SourceFile
from couler_plugins.ir.values import Source

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Bundle:
    """The files of one call.

    Attributes:
        files: in the order given.
        documents: all their documents in order; a document's number is its position here.
        file_numbers: the number of the file that each document belongs to.
    """

    files: tuple[SourceFile, ...]
    documents: tuple[Document, ...]
    file_numbers: tuple[int, ...]
    _indexes: dict[Any, Any] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, files: Iterable[SourceFile]) -> Bundle:
        """A bundle of these files."""
        files = tuple(files)
        pairs = [(document, number) for number, file in enumerate(files) for document in file.documents]
        return cls(files, tuple(document for document, _ in pairs), tuple(number for _, number in pairs))

    def file_of(self, document: int) -> SourceFile:
        """The file that a document (by its number) belongs to."""
        return self.files[self.file_numbers[document]]

    def name_of(self, document: int) -> str:
        """Return the path of a document's file below the folder that was given; its name alone where none was."""
        file = self.file_of(document)
        return PurePath(file.place.relative or PurePath(file.name).name).as_posix()

    def place_of(self, document: int) -> FilePlace:
        """Return where a document (by its number) stands."""
        return self.file_of(document).place if self.files else FilePlace()

    def index(self, build: Callable[[Bundle], T]) -> T:
        """Return what a function builds of the bundle; it is called once, however often its result is looked at."""
        if build not in self._indexes:
            self._indexes[build] = build(self)
        index: T = self._indexes[build]
        return index

    def place_and_version(self, source: Source) -> tuple[FilePlace, str]:
        """Return where an object stands, and the version that its label says; empty where it says none."""
        data = self.documents[int(source[0])].data
        for key in source[1:]:
            data = data[key]
        for name in ("metadata", "labels", "app.kubernetes.io/version"):
            data = data.get(name) if isinstance(data, dict) else None
        return self.place_of(int(source[0])), data if isinstance(data, str) else ""

    def describe(self, source: Source) -> str:
        """Return where an object is, for people: its file and line, and the version that it or its folder says."""
        document = self.documents[int(source[0])]
        place, label = self.place_and_version(source)
        line = document.line_of(source[1:]) if source[1:] else document.line  # positions cost a second look at a file
        version = label or place.version
        return f"{document.file}:{line}" + (f" (version {version})" if version else "")
