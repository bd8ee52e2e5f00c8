"""Operations of a local run: from a record, from the cache, or as often as it takes."""

from __future__ import annotations

import asyncio
import concurrent.futures
import hashlib
import re
import shutil
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from couler_plugins.caching.keys import digest
from couler_plugins.caching.reads import ReadSet
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.local import Ended, File, Local, Look, NotThere, Program
from couler_plugins.ir import Operation
from couler_plugins.running.local.attempts import LOG, attempt, contents, ended_of, last_lines, printed, take
from couler_plugins.running.local.caching import Cached, Caching
from couler_plugins.running.local.containers import MOUNTS, Containers
from couler_plugins.running.local.records import Progress, Record, Records
from couler_plugins.running.local.scope import Scope

READABLE = 80
STEPS = "steps"
OTHER = re.compile(r"[^A-Za-z0-9._]+")


def log_file(folder: Path, path: str) -> Path | None:
    """Return the file with what the last attempt of a step printed; None where it has not begun.

    Args:
        folder: where the run keeps everything.
        path: the step's.
    """
    attempts = [item for item in (folder / STEPS / _slug(path)).glob("[0-9]*") if item.name.isdigit()]
    last = max(attempts, key=lambda item: int(item.name), default=None)
    return None if last is None or not (last / LOG).is_file() else last / LOG


class Site(msgspec.Struct, frozen=True):
    """Where something is called.

    Attributes:
        path: the names of the steps that lead to it.
        call: the graph and the step; the graph is empty outside of all.
        parents: the paths of the steps before it.
    """

    path: str
    call: tuple[str, str]
    parents: tuple[str, ...] = ()


class Operations:
    """What runs the operations of one run.

    Args:
        facet: what the engine knows.
        folder: where the run keeps everything.
        records: what is known of it.
        caching: what is cached.
        progress: is told what happens.
        limit: how many programs may run at a time.
        containers: what runs them in containers; None where they are processes.
    """

    def __init__(
        self,
        facet: Local,
        folder: Path,
        records: Records,
        caching: Caching,
        progress: Progress,
        limit: int,
        containers: Containers | None = None,
    ) -> None:
        self._facet = facet
        self._folder = folder
        self._records = records
        self._caching = caching
        self.progress = progress
        self._containers = containers
        self._turns = asyncio.Semaphore(limit)
        # Threads that wait for a program while the cache keeps its place: as many as there are programs, and no others.
        self._waiting = ThreadPoolExecutor(limit, "couler cache")

    async def run(self, operation: Operation, scope: Scope, caller: Scope, site: Site) -> Ended:
        """Runs an operation, unless it has ended before.

        Args:
            operation: the operation.
            scope: its own.
            caller: the one that it is called in.
            site: where that is.
        """
        self.progress.begin(site.path)
        try:
            ended = await self._run(operation, scope, caller, site)
        except NotThere as error:
            ended = Ended(outcome="errored", message=f"{site.path}: {error}")
        except OSError as error:
            ended = Ended(outcome="errored", message=f"{site.path}: {error.strerror or error}")
        self.progress.end(site.path, ended)
        return ended

    def close(self) -> None:
        """Waits for what is still being kept."""
        self._waiting.shutdown()

    async def _run(self, operation: Operation, scope: Scope, caller: Scope, site: Site) -> Ended:
        program = self._facet.program(operation, scope.look)
        files = {name: scope.inputs[kind, name] for kind, name in scope.inputs if kind == "artifact"}
        artifacts = {name: item for name, item in files.items() if isinstance(item, (File, bytes))}
        own = self._folder / STEPS / _slug(site.path)
        identity = _identity(program, artifacts)
        existing = self._records.records.get(site.path)
        if existing is not None and existing.identity == identity:
            result = _from_record(operation, existing, own / "made", site)
            if result is not None:
                return result
        async with self._turns:
            self.progress.start(site.path)
            cached = self._caching.of(operation, scope, caller, site.call, site.path)
            run = _Attempts(self._facet, operation, program, artifacts, own, site, scope.look)
            run.containers = self._containers
            run.observe = cached is not None and cached.observed
            began = time.monotonic()
            ended = await (run.all() if cached is None else self._reused(run, cached, operation, own))
        record = Record(
            step=site.path,
            site="/".join(filter(None, site.call)),
            operation=operation.name,
            identity=identity,
            outcome=ended.outcome,
            message=ended.message,
            code=ended.code,
            contents=contents(own / "made") if ended.outcome == "succeeded" else {},
            fate="failed" if ended.bad else "computed" if run.tries else "loaded",
            attempts=max(1, run.tries),
            key=cached.key if cached is not None else "",
            seconds=run.seconds if run.tries else time.monotonic() - began,
            ended=time.time(),
            parents=site.parents,
        )
        self._records.add(record)
        if record.fate == "loaded":
            self.progress.load(site.path)
        return ended

    async def _reused(self, run: _Attempts, cached: Cached, operation: Operation, own: Path) -> Ended:
        """The result from the cache, or computed and kept there."""
        loop = asyncio.get_running_loop()
        ended: list[Ended] = []

        def compute() -> tuple[int, ReadSet | None]:
            run.trace = cached.observed and cached.is_traced()
            future = asyncio.run_coroutine_threadsafe(run.all(), loop)
            run.computing = future
            ended.append(future.result())
            keeps = cached.observed and not ended[0].bad
            return int(ended[0].bad), cached.reads(run.last, own / "made") if keeps else None

        (own / "made").mkdir(parents=True, exist_ok=True)
        try:
            await loop.run_in_executor(self._waiting, cached.reuse, own / "made", compute)
        except asyncio.CancelledError:
            if run.computing is not None:
                run.computing.cancel()
            raise
        return ended[0] if ended else ended_of(operation, own / "made", contents(own / "made"), 0)


class _Attempts:
    """All attempts at one program.

    Attributes:
        tries: how many there were.
        seconds: how long the last one took.
        computing: the attempts, where another thread waits for them.
        observe: whether what they read is observed.
        trace: whether their system calls are as well.
        last: the folder of the last one.
        containers: what runs them in containers; None where they are processes.
    """

    def __init__(
        self,
        facet: Local,
        operation: Operation,
        program: Program,
        artifacts: Mapping[str, File | bytes],
        own: Path,
        site: Site,
        look: Look,
    ) -> None:
        self._facet, self._operation, self._program, self._artifacts = facet, operation, program, artifacts
        self._own, self._site, self._look = own, site, look
        self.observe = self.trace = False
        self.last = own
        self.containers: Containers | None = None
        self.tries = 0
        self.seconds = 0.0
        self.computing: concurrent.futures.Future[Ended] | None = None

    async def all(self) -> Ended:
        """Tries until it has succeeded or no attempt is left."""
        past: list[Ended] = []
        while True:
            ended = await self._one()
            if not ended.bad or self._operation.retry is None:
                return ended
            past.append(ended)
            pause = self._facet.pause(self._operation.retry, past, self._look)
            if pause is None:
                return ended
            await asyncio.sleep(pause)

    async def _one(self) -> Ended:
        number = 1 + max((int(path.name) for path in self._own.glob("[0-9]*") if path.name.isdigit()), default=0)
        folder = self._own / str(number)
        self.tries, self.last = self.tries + 1, folder
        if self.containers is not None:
            done = await self.containers.attempt(self._program, self._artifacts, folder)
        else:
            done = await attempt(self._program, self._artifacts, folder, observe=self.observe, trace=self.trace)
        self.seconds = done.seconds
        if done.code != 0:
            why = "the time was up" if done.code is None else f"exit code {done.code}"
            lines = last_lines(folder)
            message = f"{self._site.path}: {why}, see {folder / 'log'}{f': {lines}' if lines else ''}"
            return Ended(outcome="failed", message=message, code=done.code, seconds=done.seconds)
        try:
            await asyncio.to_thread(
                take, self._program.outputs, printed(done, self._program.most_printed), done.root, self._own / "made"
            )
        except NotThere as error:
            message = f"{self._site.path}: {error}"
            return Ended(outcome="errored", message=message, code=done.code, seconds=done.seconds)
        for name in (done.root.folder, folder / MOUNTS):  # what counts of it was taken
            shutil.rmtree(name, ignore_errors=True)
        texts = await asyncio.to_thread(contents, self._own / "made")
        return ended_of(self._operation, self._own / "made", texts, done.code)


def _from_record(operation: Operation, record: Record, folder: Path, site: Site) -> Ended | None:
    """What a step has left, by its record; None where that is not there any more as it was."""
    if record.outcome != "succeeded":
        return Ended(outcome=record.outcome, message=record.message, code=record.code)
    try:
        if contents(folder) == record.contents:
            return ended_of(operation, folder, record.contents, record.code)
    except (OSError, InvalidInput):
        pass
    return None


def _identity(program: Program, artifacts: Mapping[str, File | bytes]) -> str:
    identity = {
        name: item.content if isinstance(item, File) else f"sha256:{hashlib.sha256(item).hexdigest()}"
        for name, item in artifacts.items()
    }
    return digest([msgspec.to_builtins(program), identity])


def _slug(path: str) -> str:
    """The name of a step's folder: readable, no other step's, and nothing that a shell takes for more than a name."""
    short = OTHER.sub("-", path.replace("/", "."))[-READABLE:].strip(".-")
    return f"{short}-{hashlib.sha256(path.encode()).hexdigest()[:12]}"
