"""What one call was given: files with their documents, in one name scope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from couler_plugins.documents import Document, SourceFile

__all__ = ["Bundle"]


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

    @classmethod
    def of(cls, files: Iterable[SourceFile]) -> Bundle:
        """A bundle of these files."""
        files = tuple(files)
        pairs = [(document, number) for number, file in enumerate(files) for document in file.documents]
        return cls(files, tuple(document for document, _ in pairs), tuple(number for _, number in pairs))

    def file_of(self, document: int) -> SourceFile:
        """The file that a document (by its number) belongs to."""
        return self.files[self.file_numbers[document]]
