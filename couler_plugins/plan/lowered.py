"""What lowering gives: new documents, how they differ from the originals, and their text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from couler_plugins.documents import Edit
from couler_plugins.errors import CoulerError
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan.plan import Decision


class TracedEdit(msgspec.Struct, frozen=True, kw_only=True):
    """One difference between an original document and the lowered one.

    Attributes:
        document: the document's number in the bundle.
        edit: the difference.
        subject: the step (`graph/step`), graph or operation that it belongs to; empty for the workflow as a whole.
        decision: the position, in the decisions, of the one behind it; None where lowering itself is the reason.
    """

    document: int
    edit: Edit
    subject: str = ""
    decision: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lowered:
    """What lowering gives: new documents, and exactly how they differ from those that were read.

    Attributes:
        bundle: what was read.
        changed: the new data of each document (by number) that changed.
        appended: documents that go to the end of a file, each with the number of the file; edits count these documents
            on from those of the bundle.
        added: documents that have no original, and belong to no file.
        names: what the engine knows these by, where it knows no two by one name, whatever files they are in.
        edits: the difference, complete.
        decisions: those of the plan, and those that lowering took.
        refused: the error of each file (by number) that could not be lowered; its documents stay as they were.
    """

    bundle: Bundle
    changed: Mapping[int, Any] = field(default_factory=dict)
    appended: tuple[tuple[int, Any], ...] = ()
    added: tuple[Any, ...] = ()
    names: tuple[str, ...] = ()
    edits: tuple[TracedEdit, ...] = ()
    decisions: tuple[Decision, ...] = ()
    refused: Mapping[int, Exception] = field(default_factory=dict)

    @property
    def documents(self) -> list[Any]:
        """The data of the documents of all files as they are to be, file by file."""
        own = zip(self.bundle.file_numbers, self.bundle.documents, strict=True)
        documents = [(file, self.changed.get(number, document.data)) for number, (file, document) in enumerate(own)]
        return [data for _, data in sorted([*documents, *self.appended], key=lambda item: item[0])]


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A file that is not ours to write, since it is a program that makes workflows.

    Attributes:
        before, after: the workflows that it makes, as text for people.
        error: what is raised where somebody wants it to be written.
    """

    before: str
    after: str
    error: CoulerError


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """The text of files after lowering.

    Attributes:
        texts: the new text of each changed file, by its number in the bundle.
        added: the text of documents that have no original; empty where there are none.
        decisions: where formatting could not be kept, and why.
        shown: the files, by number, that are shown and not written.
    """

    texts: Mapping[int, str]
    added: str = ""
    decisions: tuple[Decision, ...] = ()
    shown: Mapping[int, Shown] = field(default_factory=dict)
