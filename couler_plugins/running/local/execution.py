"""One workflow that runs in a thread of this process, and its record for `--history`."""

from __future__ import annotations

import asyncio
import logging
import re
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.keys import digest
from couler_plugins.errors import CoulerError, EngineError, InvalidInput
from couler_plugins.hookspecs.local import Ended, File
from couler_plugins.hookspecs.running import Produced, Status, StepLog, StepStatus
from couler_plugins.ir import Call
from couler_plugins.net.log_lines import last_lines
from couler_plugins.net.redacting import redact
from couler_plugins.running.local.caching import Caching, Opening
from couler_plugins.running.local.containers import Containers
from couler_plugins.running.local.engine import UNNAMED, Engine
from couler_plugins.running.local.jobs import Work
from couler_plugins.running.local.operations import Operations, log_file
from couler_plugins.running.local.records import Progress, Record, Records, locked
from couler_plugins.running.local.scope import Whole
from couler_plugins.runs import Lookup, Run, StepRun
from couler_plugins.runs.history_format import document_of

# A local run as past runs are written down, for `--history`.


def run_of(family: str, records: Iterable[Record], *, whole: bool) -> Run:
    """A run: its steps, in the order of their ends."""
    order = sorted(records, key=lambda record: (record.ended, record.step))
    position: dict[str, int] = {}
    steps: list[StepRun] = []
    for record in order:
        parents = sorted({number for name in record.parents for number in _within(name, position)})
        position[record.step] = len(steps)
        spec = digest([record.operation, record.identity])
        ran = StepRun(
            step=record.step,
            site=record.site,
            type=record.operation,
            spec=spec,
            key=digest([spec, *(steps[number].key for number in parents)]),
            parents=tuple(parents),
            seconds=record.seconds if record.fate == "computed" else None,
            attempts=record.attempts,
            fate=record.fate,
            lookup=Lookup(hit=record.fate == "loaded", key=record.key, seconds=record.seconds) if record.key else None,
        )
        steps.append(ran)
    return Run(family=family, steps=tuple(steps), whole=whole, at=order[-1].ended if order else 0.0)


def _within(name: str, position: Mapping[str, int]) -> Iterable[int]:
    """The steps that a path stands for: itself, its items, or what is in the graph that it calls."""
    return (number for step, number in position.items() if step == name or step.startswith((f"{name}/", f"{name}(")))


STOP, HISTORY, RECORDS = "stop", "history.json", "records.jsonl"
LARGEST = 64 * 1024
"""Bytes of a log that are read."""
LONGEST = 300  # characters of a message
ITEM = re.compile(r"\(\d+\)$")
LOOK = 0.2  # seconds between two looks at whether somebody wants it stopped
log = logging.getLogger(__name__)


class Execution:
    """A workflow that runs, from its making on.

    Args:
        work: the workflow.
        run: the identity of the run.
        folder: where it keeps what it makes.
        limit: how many programs may run at a time.
        opening: opens the cache; None where nothing is cached.
        containers: what runs programs in containers; None where they are processes.
    """

    def __init__(
        self, work: Work, run: str, folder: Path, limit: int, opening: Opening | None, containers: Containers | None
    ) -> None:
        self._work, self._folder, self._limit, self._opening = work, folder, limit, opening
        self._containers = containers
        self._whole = Whole(parameters=work.parameters, facts={"id": run, "name": work.job.name})
        self._progress = Progress()
        self._ended: Ended | None = None
        self._error: CoulerError | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._in_thread, name=f"couler {work.job.place}", daemon=True)
        self._thread.start()

    def status(self) -> Status:
        """How far it is.

        Raises:
            EngineError: the disk failed.
        """
        if self._error is not None:
            raise self._error
        ended = self._ended
        phase = "running" if ended is None else "succeeded" if ended.outcome == "succeeded" else "failed"
        return self._progress.status(phase, ended.message if ended is not None else "")  # type: ignore[arg-type]

    def steps(self) -> list[StepStatus]:
        """Where its steps stand, in the order in which they began."""
        return [
            StepStatus(
                step=step.removeprefix(f"{self._entry}/"),
                node=self._node(step),
                phase=phase,
                message=redact(" ".join(message.split()))[:LONGEST],
                has_log=log_file(self._folder, step) is not None,
            )
            for step, (phase, message) in self._progress.phases().items()
            if step != self._entry or not self._is_graph
        ]

    def log(self, step: str, lines: int) -> StepLog:
        """The last lines that a step has printed.

        Raises:
            InvalidInput: there is no such step.
        """
        names = {name.removeprefix(f"{self._entry}/"): name for name in self._progress.phases()}
        if step not in names:
            raise InvalidInput(f"the run has no step {step!r:.120}", hint="take the name from the list of its steps")
        file = log_file(self._folder, names[step])
        if file is None:
            return StepLog(note="it has printed nothing")
        try:
            with file.open("rb") as stream:
                stream.seek(max(0, file.stat().st_size - LARGEST))
                text = stream.read(LARGEST).decode("utf-8", "replace")
        except OSError as error:
            return StepLog(note=f"its log cannot be read: {error.strerror}")
        return StepLog(lines=tuple(last_lines(text, lines)))

    @property
    def _entry(self) -> str:
        """The path of what the workflow starts with."""
        entry = self._work.workflow.entry
        return "" if entry is None else entry.call.name if isinstance(entry.call, Call) else entry.name

    @property
    def _is_graph(self) -> bool:
        return any(graph.name == self._entry for graph in self._work.workflow.graphs)

    def _node(self, path: str) -> str:
        """The names of the steps that lead to a path, as the workflow has them: without the numbers of items."""
        first, *inside = (ITEM.sub("", part) for part in path.split("/"))
        handlers = {
            f"{self._entry}.{handler.step.name or UNNAMED}": f"!{handler.step.name or number}"
            for number, handler in enumerate(self._work.workflow.handlers)
        }
        if first in handlers:
            return "/".join((handlers[first], *inside))
        entry = self._work.workflow.entry
        return "/".join(inside) or (entry.name if entry is not None else "")

    def stop(self) -> bool:
        """End whatever of it runs; whether anything was left to end."""
        is_running = self._ended is None and self._error is None and not self._closing.is_set()
        self._closing.set()
        return is_running

    def outputs(self) -> list[Produced]:
        """What it has handed out: what is exported to the whole run, and what its entry hands out."""
        outputs: dict[tuple[str, str], str | File] = dict(self._whole.exported)
        if self._ended is not None:
            outputs |= {("parameter", name): value for name, value in self._ended.parameters.items()}
            outputs |= {("artifact", name): file for name, file in self._ended.artifacts.items()}
        return [
            Produced(name=name, kind="artifact" if kind == "artifact" else "parameter", value=_shown(value))
            for (kind, name), value in sorted(outputs.items())
        ]

    def wait(self, seconds: float) -> None:
        """Waits so long, or until something has changed."""
        if self._thread.is_alive():
            self._progress.changed.wait(seconds)
            self._progress.changed.clear()

    def close(self) -> None:
        """Ends whatever of it runs, with all that it has started."""
        self._closing.set()
        self._thread.join()

    def _in_thread(self) -> None:
        try:
            self._ended = asyncio.run(self._main())
        except CoulerError as error:
            self._error = error
        except OSError as error:
            self._error = EngineError(f"{self._folder}: {error.strerror or error}")
        except Exception as error:
            log.info("the traceback:", exc_info=error)
            self._error = _told(error)
        self._progress.changed.set()

    async def _main(self) -> Ended:
        with locked(self._folder):
            (self._folder / STOP).unlink(missing_ok=True)  # it is taken up again
            records = Records(self._folder / RECORDS)
            try:
                ended = await self._engine(records)
                records.add(Record(step="", outcome=ended.outcome, message=ended.message, ended=time.time()))
                run = run_of(self._work.job.name, records.records.values(), whole=ended.outcome == "succeeded")
                content = msgspec.json.format(msgspec.json.encode(document_of([run])), indent=1)
                (self._folder / HISTORY).write_bytes(content)
                return ended
            finally:
                records.close()

    async def _engine(self, records: Records) -> Ended:
        work = self._work
        analysis = None
        if self._opening is not None and work.caching is not None:
            analysis = Analysis(work.workflow, work.caching)
        limit = min(self._limit, work.facet.parallelism or self._limit)
        caching = Caching(analysis, self._opening, work.job.place)
        operations = Operations(work.facet, self._folder, records, caching, self._progress, limit, self._containers)
        engine = Engine(work.workflow, work.facet, self._whole, operations)
        task = asyncio.ensure_future(engine.run())
        try:
            while not task.done():
                await asyncio.wait([task], timeout=LOOK)
                if self._closing.is_set() or (self._folder / STOP).exists():
                    task.cancel()
                    await asyncio.wait([task])
        finally:
            await asyncio.to_thread(operations.close)
        return Ended(outcome="failed", message="it was stopped") if task.cancelled() else task.result()


def _told(error: BaseException) -> CoulerError:
    """The error that has ended a run, out of the groups that tasks put it in."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    if isinstance(error, CoulerError):
        return error
    return EngineError(f"the local engine failed: {type(error).__name__}: {error}")


def _shown(value: str | File) -> str:
    return value.path if isinstance(value, File) else value
