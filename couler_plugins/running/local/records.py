"""What is known of steps that have ended, in a file that survives the death of its writer.

A record says what ran (a digest of the program with all that it was given) and what came of it (digests of its outputs,
which lie in the step's folder). It says no path: where things lie follows from the step's name. A record whose digests
do not fit is as good as none.

One process at a time works in the folder of a run, and counts what of it has ended.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

from couler_plugins.errors import EngineError, InvalidInput, restating
from couler_plugins.hookspecs.local import Ended, Outcome
from couler_plugins.hookspecs.running import Phase, Status, StepPhase
from couler_plugins.runs import Fate

MOST = 256 * 1024**2


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """One step that has ended, or the end of the run.

    Attributes:
        step: its path; empty for the run.
        site: its call, `graph/step`.
        operation: what it called.
        identity: the digest of what ran.
        outcome: how it ended.
        message: why, where that was not well.
        code: the exit code of its last attempt.
        contents: the contents of its outputs, by the names of their files.
        fate: what became of it, as history sees it.
        attempts: how often it was tried.
        key: what its result was looked up by; empty where that was not.
        seconds: how long the last attempt took, or the look-up where there was none.
        ended: when, in seconds since 1970.
        parents: the paths of the steps that its values came from, or that it waited for.
    """

    step: str
    site: str = ""
    operation: str = ""
    identity: str = ""
    outcome: Outcome
    message: str = ""
    code: int | None = None
    contents: Mapping[str, str] = msgspec.field(name="made", default={})
    fate: Fate = "computed"
    attempts: int = 1
    key: str = ""
    seconds: float = 0.0
    ended: float = 0.0
    parents: tuple[str, ...] = ()


class Records:
    """The records of a run.

    Args:
        path: the file; it is made where there is none.

    Raises:
        InvalidInput: it holds something else.
        EngineError: it cannot be read or written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.records: dict[str, Record] = {}
        with restating(OSError, f"{path} cannot be read", EngineError):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            self._read()

    def _read(self) -> None:
        size = os.fstat(self._descriptor).st_size
        if size > MOST:
            raise InvalidInput("these are no records of a run: they are too large", file=str(self._path))
        text = os.pread(self._descriptor, size, 0)
        end = text.rfind(b"\n") + 1  # what follows was being written when its writer died
        for number, line in enumerate(text[:end].splitlines(), 1):
            with restating(
                (msgspec.DecodeError, UnicodeDecodeError),
                "this is no record of a step",
                file=str(self._path),
                line=number,
                hint="take another folder",
            ):
                record = msgspec.json.decode(line, type=Record)
            if record.step:
                self.records[record.step] = record
            elif record.outcome != "succeeded":
                # The run is taken up after its end: what failed is tried again.
                self.records = {name: record for name, record in self.records.items() if record.outcome == "succeeded"}
        os.ftruncate(self._descriptor, end)

    def add(self, record: Record) -> None:
        """Adds a record; it is on the disk when this returns.

        Raises:
            EngineError: the disk failed.
        """
        line = msgspec.json.encode(record) + b"\n"
        with restating(OSError, f"{self._path} cannot be written", EngineError):
            if os.write(self._descriptor, line) != len(line):
                raise EngineError(f"{self._path} cannot be written: the disk is full")
            os.fsync(self._descriptor)
        if record.step:
            self.records[record.step] = record

    def close(self) -> None:
        """Lets go of the file."""
        os.close(self._descriptor)


LOCK = "lock"


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keeps others from running in a folder, which is made, until the end of the block; the lock goes with the process.

    Raises:
        InvalidInput: another process is at work there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with restating(
            BlockingIOError,
            "this run is at work in another process",
            reason=False,
            file=str(folder),
            hint="wait for it, or stop it",
        ):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def is_locked(folder: Path) -> bool:
    """Whether a process is at work in a folder."""
    try:
        with locked(folder):
            return False
    except InvalidInput:
        return True


class Progress:
    """Counts the programs of a run. `changed` is set whenever something has happened."""

    def __init__(self) -> None:
        self.changed = threading.Event()
        self._lock = threading.Lock()
        self._begun: dict[str, None] = {}
        self._running: dict[str, None] = {}
        self._ended: dict[str, Ended] = {}
        self._loaded: set[str] = set()
        self._around: dict[str, Ended | None] = {}

    def begin(self, step: str) -> None:
        """A step is there, and waits for its turn."""
        with self._lock:
            self._begun[step] = None

    def start(self, step: str) -> None:
        """A step has its turn."""
        with self._lock:
            self._running[step] = None
        self.changed.set()

    def load(self, step: str) -> None:
        """A step's result was in the cache."""
        with self._lock:
            self._loaded.add(step)

    def enclose(self, step: str, ended: Ended | None) -> None:
        """A step that is no program itself, but has others in it, has begun or ended; or a step is not to run."""
        with self._lock:
            self._around[step] = ended
        self.changed.set()

    def phases(self) -> dict[str, tuple[StepPhase, str]]:
        """Where each step stands, and why it failed."""
        with self._lock:
            phases: dict[str, tuple[StepPhase, str]] = {}
            for step in {**self._around, **self._begun}:
                ended = self._ended.get(step) or self._around.get(step)
                if ended is None:
                    is_running = step in self._running or step in self._around
                    phases[step] = ("running" if is_running else "pending", "")
                elif ended.bad:
                    phases[step] = ("failed", ended.message)
                elif ended.outcome in ("skipped", "omitted"):
                    phases[step] = ("skipped", "")
                else:
                    phases[step] = ("cached" if step in self._loaded else "succeeded", "")
            return phases

    def end(self, step: str, ended: Ended) -> None:
        """A step has ended."""
        with self._lock:
            self._running.pop(step, None)
            self._ended[step] = ended
        self.changed.set()

    def status(self, phase: Phase, message: str) -> Status:
        """The same for those who ask."""
        with self._lock:
            ended: Mapping[str, Ended] = dict(self._ended)
            return Status(
                phase=phase,
                message=message,
                done=len(ended),
                steps=len(self._begun),
                running=tuple(self._running),
                failed=tuple(step for step, item in ended.items() if item.bad),
            )
