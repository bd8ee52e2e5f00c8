"""The journal of a run: what was submitted and what became of it, in a file that survives the death of its writer.

One JSON object a line. A line is appended by one write and is on the disk before the run goes on; a last line without
an end was being written when the writer died, and says nothing. A lock keeps a second writer out, and goes with the
first one's process.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from couler_plugins.errors import EngineError, InvalidInput, restating
from couler_plugins.hookspecs.running import Job, Phase, Produced, Where

ALPHABET, DIGITS = "abcdefghijklmnopqrstuvwxyz0123456789", 10
"""What the identity of a run is made of where nobody gives one."""
SCHEMA = "couler.journal/v1"
MOST = 64 * 1024**2
"""Bytes that a journal may have: more than any run writes, and few enough to be read at once."""


class Head(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line: which run this is.

    Attributes:
        schema: the format of the journal.
        run: the identity of the run.
        engine: the engine's name.
        where: which one.
        jobs: the place and the digest of every job, by its name; a change of any makes it another run.
    """

    schema: str = SCHEMA
    run: str
    engine: str
    where: Where
    jobs: dict[str, tuple[str, str]]

    @classmethod
    def of(cls, run: str, engine: str, where: Where, jobs: Iterable[Job]) -> Head:
        """The head of a run of these jobs."""
        return cls(run=run, engine=engine, where=where, jobs={job.name: (job.place, _digest(job)) for job in jobs})


def new_run() -> str:
    """A name that no other run has."""
    return "".join(secrets.choice(ALPHABET) for _ in range(DIGITS))


class Entry(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is known of a job: that it was submitted, and, from the second of its lines on, how it ended.

    Attributes:
        job: its name.
        outcome: what submitting it did.
        phase: how it ended; empty while it has not.
        message: what its engine said of that.
        outputs: what it handed out.
    """

    job: str
    outcome: str = ""
    phase: Phase | None = None
    message: str = ""
    outputs: tuple[Produced, ...] = ()


class Journal:
    """The journal of one run; without a file, one that is forgotten with the process.

    Attributes:
        head: which run it is; None in a journal that was not begun.
        entries: what is known of each job, by name.
    """

    def __init__(self, descriptor: int | None = None, head: Head | None = None, entries: Iterable[Entry] = ()) -> None:
        self._descriptor = descriptor
        self.head = head
        self.entries = {entry.job: entry for entry in entries}

    @classmethod
    @contextlib.contextmanager
    def opened(cls, path: Path | None) -> Iterator[Journal]:
        """A journal to go on with, or to begin; nobody else can write to it until the end of the block.

        Raises:
            InvalidInput: the file is no journal, or cannot be read or written, or somebody else is writing to it.
        """
        if path is None:
            yield cls()
            return
        with restating(OSError, "the journal cannot be written", file=str(path)):
            # Outputs may be nobody else's business.
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _lock(descriptor, path)
            head, entries, end = _read(descriptor, path)
            os.ftruncate(descriptor, end)
            yield cls(descriptor, head, entries)
        finally:
            os.close(descriptor)

    @classmethod
    def read(cls, path: Path) -> Journal:
        """A journal to look at, whoever is writing to it.

        Raises:
            InvalidInput: there is none, or it cannot be read.
        """
        with restating(OSError, "the journal cannot be read", file=str(path)), path.open("rb") as stream:
            head, entries, _ = _read(stream.fileno(), path)
        if head is None:
            raise InvalidInput("the journal is empty: no run has begun", file=str(path))
        return cls(head=head, entries=entries)

    def begin(self, head: Head, path: Path | None = None) -> None:
        """Writes the head, or finds that this is the journal of the very same run.

        Raises:
            InvalidInput: it is another one's.
            EngineError: the disk failed.
        """
        if self.head is None:
            self._append(head)
            self._keep_entry_of_folder(path)
            self.head = head
        elif self.head != head:
            differing = _difference(self.head, head)
            hint = "give each run a journal of its own, or call it as it was called before"
            raise InvalidInput(f"this is the journal of another run: {differing}", file=str(path), hint=hint)

    def add(self, entry: Entry) -> None:
        """Adds what is known of a job by now.

        Raises:
            EngineError: the disk failed.
        """
        self._append(entry)
        self.entries[entry.job] = entry

    def _append(self, line: msgspec.Struct) -> None:
        if self._descriptor is None:
            return
        text = msgspec.json.encode(line) + b"\n"
        with restating(OSError, "the journal cannot be written", EngineError):
            if os.write(self._descriptor, text) != len(text):
                raise EngineError("the journal cannot be written: the disk is full")
            os.fsync(self._descriptor)

    def _keep_entry_of_folder(self, path: Path | None) -> None:
        """Has the folder remember a new file, too, when the machine fails."""
        if self._descriptor is None or path is None:
            return
        with contextlib.suppress(OSError):  # some file systems cannot; the file itself is safe
            folder = os.open(path.resolve().parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def _digest(job: Job) -> str:
    told = [job.runs, job.needs, job.content, *(["always"] if job.always else [])]
    return hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()


def _lock(descriptor: int, path: Path) -> None:
    with (
        restating(OSError, "the journal cannot be locked", file=str(path)),
        restating(
            BlockingIOError,
            "somebody else is writing to this journal",
            reason=False,
            file=str(path),
            hint="is `couler run` still at work with it?",
        ),
    ):
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _read(descriptor: int, path: Path) -> tuple[Head | None, list[Entry], int]:
    """The head, the entries, and where the last whole line ends."""
    size = os.fstat(descriptor).st_size
    if size > MOST:
        raise InvalidInput("this is no journal: it is too large", file=str(path))
    text = os.pread(descriptor, size, 0)
    end = text.rfind(b"\n") + 1
    if text and not end and not text.startswith(b'{"schema"'[: len(text)]):
        raise InvalidInput("this is no journal", file=str(path), line=1)
    lines = text[:end].split(b"\n")[:-1]
    head: Head | None = None
    entries: list[Entry] = []
    kind: Any
    for number, line in enumerate(lines, 1):
        kind = Entry if head else Head
        try:
            record = msgspec.json.decode(line, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"this is no line of a journal: {error}" if head else "this is no journal"
            raise InvalidInput(message, file=str(path), line=number) from error
        if isinstance(record, Entry):
            entries.append(record)
        elif record.schema != SCHEMA:
            raise InvalidInput(f"this is a journal of the format {record.schema!r:.40}", file=str(path), line=number)
        else:
            head = record
    return head, entries, end


def _difference(old: Head, new: Head) -> str:
    for field in ("run", "engine", "where"):
        if getattr(old, field) != getattr(new, field):
            return f"its {field} is {_words(getattr(old, field))}, not {_words(getattr(new, field))}"
    names = sorted(name for name in old.jobs.keys() | new.jobs.keys() if old.jobs.get(name) != new.jobs.get(name))
    return f"{', '.join(names[:3])}{' and others' if names[3:] else ''} was not the same"


def _words(value: Any) -> str:
    if isinstance(value, Where) and value.folder:
        return f"the folder {value.folder}"
    if isinstance(value, Where):
        return f"the namespace {value.namespace or 'of the context'} in the context {value.context or 'in use'}"
    return str(value)
