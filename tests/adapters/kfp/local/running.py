"""Really runs pipelines with `kfp.local`: without containers, a network or pip, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from adapters.kfp.local import child

__all__ = ["LIMIT", "Outcome", "run"]

LIMIT = 180.0
"""Seconds that a run may take."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came out of a run; two runs that computed the same have equal outcomes.

    An artifact is its name, type, metadata and contents. Paths and times of the run are left out.

    Attributes:
        outputs: of the pipeline, by name.
        tasks: what each task handed out, by `task.output`: one value for every time that it ran, in no order. Tasks
            that call a graph (a nested pipeline, a loop, a branch) are among them.
        error: why the run failed, or was refused; empty where it succeeded.
        log: what was printed; no part of the comparison.
    """

    outputs: dict[str, Any] = {}
    tasks: dict[str, list[Any]] = {}
    error: str = ""
    log: str = ""

    def same(self) -> tuple[Any, ...]:
        """What has to be equal where two pipelines compute the same."""
        return self.outputs, self.tasks, self.error


def run(pipeline: str | Callable[[], Any], arguments: Mapping[str, Any] | None = None, limit: float = LIMIT) -> Outcome:
    """Runs a pipeline to its end.

    Args:
        pipeline: the text of a compiled pipeline (what it would install is left out), or a module's function that
            returns a component, which is called as it is.
        arguments: of the pipeline.
        limit: seconds that it may take; it is ended then, and its outcome says so.
    """
    with tempfile.TemporaryDirectory(prefix="couler-kfp-") as name:
        folder = Path(name)
        # Whoever has started the server that forks had an environment of its own.
        given = (pipeline, dict(arguments or {}), folder, dict(os.environ))
        process = _context().Process(target=child.run, args=given)
        process.start()
        process.join(limit)
        over = process.is_alive()
        with suppress(ProcessLookupError):  # its steps would outlive it
            os.killpg(process.pid or 0, signal.SIGKILL)
        process.join()
        process.close()
        log = (folder / "log").read_text("utf-8", "replace") if (folder / "log").exists() else ""
        if over:
            return Outcome(error=f"it takes more than {limit:g} seconds", log=log)
        if not (folder / "outcome.json").exists():
            return Outcome(error="the process ended before the run did", log=log)
        outcome = msgspec.json.decode((folder / "outcome.json").read_bytes(), type=Outcome)
        return msgspec.structs.replace(outcome, log=log)


@cache
def _context() -> Any:
    """Processes that begin with `kfp` imported, which takes longer than most runs."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["kfp.local", "kfp.components", "kfp.local.pipeline_orchestrator"])
    return context
