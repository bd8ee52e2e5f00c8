"""Runs pipelines in this process, one after another, by `kfp.local`: those that are Python functions only.

A job has a folder of its own. What has succeeded has its outputs in there, written at once when it has ended; a job
that was under way when the process died has none, and is run again from its start.
"""

from __future__ import annotations

import builtins
import contextlib
import logging
import os
import re
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from couler_kfp.history.log import history_of
from couler_kfp.run.jobs import jobs_of
from couler_kfp.run.offline import check_runs_here, offline
from couler_kfp.run.stand_ins import filled, gathered, produced, with_given
from couler_kfp.split.handoff import Crossing
from couler_plugins.errors import EngineError, InvalidInput, install_hint, restating
from couler_plugins.hookspecs.running import Job, Produced, Request, Status, Submitted
from couler_plugins.running.local.records import locked

OUTPUTS, LOG, STEPS, HISTORY = "outputs.json", "log.txt", "steps", "history.json"
"""In the folder of a job: what it has handed out, what its steps have printed and written, and what they took."""
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class LocalRunner:
    """`kfp.local`, with what it makes in a folder.

    Args:
        folder: where that is.
    """

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder).resolve()  # imported artifacts are found by their paths
        self._jobs: dict[str, Job] = {}
        self._failed: dict[str, Status] = {}

    def jobs(self, documents: Sequence[Any], request: Request) -> list[Job]:
        """The pipelines and parts; see `couler_kfp.run.jobs`. Those that cannot run here are refused.

        Raises:
            InvalidInput: `kfp` is not installed, or there is something wrong with a document.
            Unsupported: a component needs a container.
        """
        if find_spec("kfp") is None:
            raise InvalidInput("kfp is not installed", engine="kfp", hint=install_hint("kfp"))
        jobs = jobs_of(documents, request)
        for job in jobs:
            if "spec" in job.content:
                check_runs_here(job.content["spec"], job.name)
        self._jobs = {job.place: job for job in jobs}
        return jobs

    def submit(self, job: Job, request: Request) -> Submitted:
        """Makes the folder of a job, or finds that it has ended. It runs when it is looked at."""
        if (self._folder / job.place / OUTPUTS).exists():
            return Submitted("adopted", "it has succeeded")
        if not request.dry_run:
            with restating(
                OSError, "the folder cannot be made", file=str(self._folder / job.place), hint="choose another --folder"
            ):
                (self._folder / job.place).mkdir(parents=True, exist_ok=True)
        return Submitted("created")

    def status(self, place: str) -> Status:
        """How the job has ended: it is run now unless it has succeeded before, or failed in this process.

        Raises:
            InvalidInput: another process runs it.
            EngineError: nothing is known of it, or its folder takes no more.
        """
        if (self._folder / place / OUTPUTS).exists():
            return Status(phase="succeeded")
        if place not in self._failed:
            job = self._jobs.get(place)
            if job is None:
                raise EngineError(f"nothing is known of {place}", engine="kfp", hint="give the documents as before")
            try:
                with locked(self._folder / place):
                    self._run(job)
            except _Failed as failed:
                self._failed[place] = self._failure(place, failed)
                return self._failed[place]
            except OSError as error:
                message = f"{self._folder / place}: {error.strerror or error}"
                raise EngineError(message, engine="kfp", hint="what has succeeded is kept") from error
            return Status(phase="succeeded")
        return self._failed[place]

    def outputs(self, place: str) -> list[Produced]:
        """What a job has handed out: values, and paths of artifacts."""
        return produced(self._crossing(place))

    def stop(self, place: str, *, terminate: bool = False) -> list[str]:
        """Nothing runs on once this process has ended."""
        return []

    def _run(self, job: Job) -> None:
        folder = self._folder / job.place
        if "spec" in job.content:
            ready = filled(job, self._crossing)
            shutil.rmtree(folder / STEPS, ignore_errors=True)  # what is left of a run that did not end
            spec = offline(with_given(ready.spec, ready.arguments, job.content["reads"]))
            with _history(folder, ready.spec), (folder / LOG).open("w", encoding="utf-8") as log:
                crossing = _crossing_of(_run_here(spec, ready.arguments, folder / STEPS, log))
        else:
            crossing = gathered(job, self._crossing)
        _write(folder / OUTPUTS, msgspec.json.encode(crossing))

    def _crossing(self, place: str) -> Crossing:
        path = self._folder / place / OUTPUTS
        try:
            return msgspec.json.decode(path.read_bytes(), type=Crossing)
        except (OSError, msgspec.MsgspecError) as error:
            message = f"the outputs of {place} cannot be read: {error}"
            raise EngineError(message, engine="kfp", hint="remove its folder, and run it again") from error

    def _failure(self, place: str, failed: _Failed) -> Status:
        """What `kfp.local` says, without colours; the task is named in there."""
        text = " ".join(COLOURS.sub("", str(failed)).split())
        named = re.search(r"Inner task failed: '?([\w-]+)", text)
        return Status(
            phase="failed",
            message=f"{text} See {self._folder / place / LOG}",
            failed=(named[1],) if named else (),
        )


class _Failed(Exception):
    """A task has failed, or `kfp.local` cannot run what the pipeline has."""


def _run_here(spec: Mapping[str, Any], arguments: Mapping[str, Any], root: Path, log: Any) -> dict[str, Any]:
    """The outputs of a pipeline.

    Raises:
        _Failed: it has none.
    """
    with warnings.catch_warnings(), _printing_to(log):
        warnings.simplefilter("ignore")  # of kfp and of what it imports
        from google.protobuf import json_format
        from kfp import local
        from kfp.local.pipeline_orchestrator import run_local_pipeline
        from kfp.pipeline_spec import pipeline_spec_pb2

        proto = json_format.ParseDict(dict(spec), pipeline_spec_pb2.PipelineSpec())
        local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(root), raise_on_error=True)
        try:
            outputs: dict[str, Any] = run_local_pipeline(proto, dict(arguments))
        except Exception as error:  # it raises whatever its parts do
            raise _Failed(str(error) or type(error).__name__) from error
        return outputs


@contextlib.contextmanager
def _history(folder: Path, spec: Mapping[str, Any]) -> Iterator[None]:
    """Writes down what the tasks that run in the block took, for `--history`."""
    well = False
    try:
        yield
        well = True
    finally:
        log = (folder / LOG).read_text(encoding="utf-8", errors="replace")
        history = history_of(log, spec, datetime.now(UTC), well=well)
        _write(folder / HISTORY, msgspec.json.format(msgspec.json.encode(history), indent=1))


@contextlib.contextmanager
def _printing_to(log: Any) -> Iterator[None]:
    """What is printed goes to a log. `kfp.local` sets the root logger and `print` itself, and its threads forget to put
    them back (measured with 2.17.3).
    """
    root, printing = logging.getLogger(), builtins.print
    handlers, level, shouting = root.handlers[:], root.level, logging.raiseExceptions
    logging.raiseExceptions = False  # a full disk is told once, when the log is closed
    try:
        with contextlib.redirect_stdout(log):
            yield
    finally:
        builtins.print = printing
        root.handlers[:] = handlers
        root.setLevel(level)
        logging.raiseExceptions = shouting


def _crossing_of(outputs: Mapping[str, Any]) -> Crossing:
    """Values and artifacts, told apart."""
    parameters: dict[str, object] = {}
    artifacts: dict[str, dict[str, object]] = {}
    for name, value in sorted(outputs.items()):
        if hasattr(value, "uri"):
            artifacts[name] = {"uri": value.uri, "metadata": dict(value.metadata)}
        elif isinstance(value, list) and value and all(hasattr(item, "uri") for item in value):
            artifacts[name] = {"uri": [item.uri for item in value], "metadata": {}}
        else:
            parameters[name] = value
    return Crossing(parameters=parameters, artifacts=artifacts)


def _write(path: Path, content: bytes) -> None:
    """Writes a file that is there as a whole, or not at all, whenever this process dies."""
    beside = path.with_suffix(".new")
    with beside.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    beside.replace(path)
