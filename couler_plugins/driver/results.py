"""What a call gives back: one record a file, with its text, its decisions and its edits; one a workflow."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from couler_plugins.driver.pipeline import Pass
from couler_plugins.errors import CoulerError
from couler_plugins.ir import Workflow
from couler_plugins.plan import Decision, Part, TracedEdit


@dataclass(frozen=True, slots=True, kw_only=True)
class FileResult:
    """What became of one file.

    Attributes:
        name: the file's path as given, or what stands for it (`<stdin>`).
        relative: its path relative to the folder that was given.
        path: the file itself; None where it is none.
        status: `refused` files are left as they were, and `error` says why.
        original: the text that was read; None where it could not be read. Of a program: the workflows that it makes.
        text: the text as it should be; None where the file is refused, or a conversion writes none of it. Of a program:
            these, as they should be.
        documents: the data of its documents as they should be; empty where the file is refused.
        passes: what each optimizer decided about it, then what lowering did, by the engine's name.
        edits: every difference; documents are numbered within the file, decisions within `decisions`.
        workflows: how many workflows were found in it.
        error: why it is refused.
        unwritable: why its text is for people only, and cannot be written; None for a file that can.
    """

    name: str
    relative: str
    path: Path | None = None
    status: Literal["ok", "changed", "refused"]
    original: str | None = None
    text: str | None = None
    documents: tuple[Any, ...] = ()
    passes: tuple[Pass, ...] = ()
    edits: tuple[TracedEdit, ...] = ()
    workflows: int = 0
    error: CoulerError | None = None
    unwritable: CoulerError | None = None

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """Every decision about the file, in the order in which they were taken."""
        return tuple(decision for item in self.passes for decision in item.decisions)


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkflowVersions:
    """One workflow on its way through the optimizers.

    Attributes:
        file: the position of its file in `Result.files`; None for a workflow that an optimizer made.
        document: the number of its document within that file; None for such a workflow.
        versions: it as read, then as each optimizer left it; None where there was no such workflow.
    """

    file: int | None
    document: int | None
    versions: tuple[Workflow | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of all files of a call.

    Attributes:
        files: in the order given.
        optimizers: the texts of the optimizers that ran.
        seconds: how long each of them took.
        workflow_versions: the workflows of the files that are not refused, version by version.
        added: the text of documents that belong to no file that was read; empty where there are none.
        added_documents: their data.
        parts: what was split, parts in an order in which they may start.
    """

    files: tuple[FileResult, ...]
    optimizers: tuple[str, ...] = ()
    seconds: tuple[float, ...] = field(default=(), compare=False)
    workflow_versions: tuple[WorkflowVersions, ...] = ()
    added: str = ""
    added_documents: tuple[Any, ...] = ()
    parts: tuple[Part, ...] = ()

    def to_write(self) -> Result:
        """As this, for somebody who is about to write: files that cannot be written are refused."""
        files = tuple(
            file if file.unwritable is None else replace(file, status="refused", text=None, error=file.unwritable)
            for file in self.files
        )
        return replace(self, files=files)

    @property
    def changed(self) -> bool:
        """Whether anything is not as it was."""
        return bool(self.added) or any(file.status == "changed" for file in self.files)

    @property
    def decisions(self) -> tuple[Decision, ...]:
        """The decisions of all files."""
        return tuple(decision for file in self.files for decision in file.decisions)

    @property
    def documents(self) -> tuple[Any, ...]:
        """The data of all documents as they should be, files in order, added ones last.

        Raises:
            CoulerError: a file was refused, or cannot be written; look at `files` to go on without it.
        """
        self.to_write()._raise_refused()
        return (*(document for file in self.files for document in file.documents), *self.added_documents)

    @property
    def text(self) -> str:
        """The text of the only file, documents that were added included.

        Raises:
            CoulerError: the file was refused, or cannot be written.
            ValueError: there are several files.
        """
        self.to_write()._raise_refused()
        if len(self.files) != 1:
            raise ValueError(f"there are {len(self.files)} files: look at `files`")
        return join_documents(self.files[0].text or "", self.added)

    def _raise_refused(self) -> None:
        for file in self.files:
            if file.error is not None:
                raise file.error


def join_documents(*texts: str) -> str:
    """YAML texts as one stream of documents; empty ones are left out."""
    joined = ""
    for text in filter(None, texts):
        if joined:
            joined = f"{joined}{'' if joined.endswith(chr(10)) else chr(10)}---\n"
        joined += text.removeprefix("---\n") if joined else text
    return joined
