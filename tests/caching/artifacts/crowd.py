"""Many processes at one cache: what each does, what it complains of, and how they are started, frozen and killed.

Every result is a function of its key, so that whoever reads one can tell whether it is whole and whose it is.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import multiprocessing
import os
import random
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from couler_plugins.caching.artifacts import ArtifactCache, Content, Hit, Meta, Stored, open_cache
from servers.processes import until

__all__ = [
    "Crowd",
    "Place",
    "check",
    "evicts",
    "frozen",
    "key_of",
    "outputs_of",
    "reads",
    "replaces",
    "stored_bytes",
    "writes",
]

LOGGER = "couler_plugins.caching.artifacts"
KEYS = 60
"""So many keys are fought for."""


@dataclass(frozen=True)
class Place:
    """A cache that every process opens by itself.

    Attributes:
        url: the store.
        index: as `open_cache` takes it.
        capacity: bytes.
        clock: a file with the seconds that the clock is ahead of the machine's; None for the machine's clock.
        namespace: the namespace.
    """

    url: str
    index: str | None = None
    capacity: int | None = None
    clock: Path | None = None
    namespace: str = "crowd"

    def open(self) -> ArtifactCache:
        return open_cache(
            self.url, namespace=self.namespace, capacity=self.capacity, index=self.index, clock=self._clock()
        )

    def _clock(self) -> Callable[[], float] | None:
        if self.clock is None:
            return None
        path = self.clock
        return lambda: time.time() + float(path.read_text() or 0)


def key_of(number: int) -> str:
    return f"key-{number}"


def payload(key: str, output: str) -> bytes:
    """What an output of a key holds: 100 bytes to 200 kB, by the key, mostly little."""
    draw = random.Random(f"{key}/{output}")
    return hashlib.sha256(f"{key}/{output}".encode()).digest() * draw.choice((3, 30, 30, 300, 300, 6_000))


def outputs_of(key: str) -> dict[str, bytes | Content]:
    """The outputs of a key: one of them is shared with other keys, which share its blob then."""
    shared = f"shared-{hash_of(key) % 5}"
    return {
        "model": payload(key, "model"),
        "log": Content(payload(key, "log"), codec="text"),
        "common": payload(shared, "x"),
    }


def hash_of(key: str) -> int:
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:4])


def check(key: str, hit: Hit) -> None:
    """Raises AssertionError where a hit is not the whole result of this key."""
    expected = outputs_of(key)
    assert hit.entry.key == key, f"asked for {key}, got {hit.entry.key}"
    assert set(hit.outputs) == set(expected), f"{key} has the outputs {sorted(hit.outputs)}"
    for name, value in expected.items():
        want = value.value if isinstance(value, Content) else value
        assert hit.read(name) == want, f"{key}/{name} is torn or another's"


def writes(cache: ArtifactCache, draw: random.Random) -> None:
    key = key_of(draw.randrange(KEYS))
    cache.put(key, outputs_of(key), Meta(family="crowd", step=key, seconds=float(hash_of(key) % 97)))


def reads(cache: ArtifactCache, draw: random.Random) -> None:
    key = key_of(draw.randrange(KEYS))
    hit = cache.get(key)
    if hit is not None:
        with hit:
            check(key, hit)


def replaces(cache: ArtifactCache, draw: random.Random) -> None:
    """Takes no result but one of this very moment: what is there is replaced, by what has the same content."""
    key, now = key_of(draw.randrange(KEYS)), str(draw.random())
    with cache.claim(key, usable=lambda entry: entry.meta.run == now) as claim:
        assert not isinstance(claim, Hit)
        stored = claim.put(outputs_of(key), Meta(family="crowd", step=key, run=now, seconds=float(hash_of(key) % 97)))
        assert not isinstance(stored, Stored) or stored.entry.meta.run == now


def evicts(cache: ArtifactCache, draw: random.Random) -> None:
    key = key_of(draw.randrange(KEYS))
    match draw.randrange(4):
        case 0:
            cache.evict(draw.randrange(1, 800_000))
        case 1:
            cache.remove(key)
        case 2:
            cache.pin(key, draw.random())
        case _:
            cache.unpin(key)


Work = Callable[[ArtifactCache, random.Random], None]


class _Complaints(logging.Handler):
    """Writes what goes wrong into one file that all processes append to; a line is written at once or not at all."""

    def __init__(self, path: Path) -> None:
        super().__init__(logging.WARNING)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def emit(self, record: logging.LogRecord) -> None:
        self.say(f"logged: {record.getMessage()}")

    def say(self, text: str) -> None:
        os.write(self._descriptor, (text.replace("\n", " | ") + "\n").encode())


def _process(place: Place, work: Work, seed: int, times: int | None, complaints: Path) -> None:
    log = _Complaints(complaints)
    logging.getLogger(LOGGER).addHandler(log)
    try:
        cache = place.open()
        draw = random.Random(seed)
        done = 0
        while times is None or done < times:
            work(cache, draw)
            done += 1
        cache.close()
    except BaseException:
        log.say(traceback.format_exc())
        raise


class Crowd:
    """Processes at one cache; `complaints` is what went wrong in any of them."""

    def __init__(self, place: Place, folder: Path) -> None:
        self.place = place
        self._file = folder / "complaints"
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__, "sqlalchemy", "psycopg"])
        self.living: list[ForkServerProcess] = []

    @property
    def complaints(self) -> list[str]:
        return self._file.read_text().splitlines() if self._file.exists() else []

    def start(self, work: Work, seed: int, times: int | None = None) -> ForkServerProcess:
        """A process that does `work` so many times, or until it is killed."""
        process = self._context.Process(target=_process, args=(self.place, work, seed, times, self._file), daemon=True)
        process.start()
        self.living.append(process)
        return process

    def kill(self, process: ForkServerProcess) -> None:
        process.kill()
        process.join()
        self.living.remove(process)

    def wait(self, seconds: float) -> list[int | None]:
        """Waits for all; their exit codes."""
        limit = time.monotonic() + seconds
        for process in self.living:
            process.join(max(0.0, limit - time.monotonic()))
        codes = [process.exitcode for process in self.living]
        self.end()
        return codes

    def end(self) -> None:
        for process in list(self.living):
            self.kill(process)


@contextlib.contextmanager
def frozen(processes: Sequence[ForkServerProcess]) -> Iterator[None]:
    """Stops processes in the middle of what they do, so that what is seen on the disk was there at one moment."""
    pids = [process.pid for process in processes if process.pid]
    try:
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        until(lambda: all(_stands_still(pid) for pid in pids), 10, "stopping the processes")
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _stands_still(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "TZX"
    except FileNotFoundError:
        return True


def stored_bytes(folder: Path) -> int:
    """What the blobs in a folder take, with those that are being written: counted in the file system itself.

    Manifests are no blobs; those that are being written are told by how they begin.
    """
    files = [path for path in folder.glob("v1/*/blobs/*/*") if path.is_file()]
    files += [path for path in folder.glob("v1/*/tmp/*") if not _begins(path, b'{"')]
    return sum(path.lstat().st_size for path in files)


def _begins(path: Path, start: bytes) -> bool:
    with path.open("rb") as file:
        return file.read(len(start)) == start
