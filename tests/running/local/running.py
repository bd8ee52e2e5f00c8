"""Runs workflows in this process, for tests, and says what came of them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from couler_argo.plugin import ArgoAdapter
from couler_plugins.documents import read
from couler_plugins.hookspecs.running import Request, Status, Where
from couler_plugins.options.rows import Row
from couler_plugins.running.local import LocalRunner
from couler_plugins.running.local.caching import Opening
from couler_plugins.running.local.containers import Containers

__all__ = ["HEAD", "STARTED", "Ran", "runs", "script", "workflow"]

HEAD = "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: w}\nspec:\n"
LONGEST = 180
STARTED = "../../../../started"
"""A file in the folder of the run, as a program sees it from its own root: who is started adds a line."""


class Ran(NamedTuple):
    """What came of a run."""

    status: Status
    outputs: Mapping[str, str]
    folder: Path

    @property
    def well(self) -> bool:
        return self.status.phase == "succeeded"


def workflow(body: str, **templates: str) -> str:
    """A manifest whose entry is `main`."""
    every = {"main": body, **templates}
    listed = "".join(f"  - name: {name}\n{_indented(text)}" for name, text in every.items())
    return f"{HEAD}  entrypoint: main\n  templates:\n{listed}"


def script(source: str, command: str = "sh", **more: str) -> str:
    """The body of a template that is a script."""
    fields = "".join(f"{name}: {content}\n" for name, content in more.items())
    lines = "".join(f"    {line}\n" for line in source.strip().splitlines())
    return f"{fields}script:\n  image: any\n  command: [{command}]\n  source: |\n{lines}"


def _indented(text: str) -> str:
    return "".join(f"    {line}\n" for line in text.strip("\n").splitlines())


def runs(
    text: str,
    folder: Path,
    *,
    run: str = "r",
    opening: Opening | None = None,
    rows: Sequence[Row] = (),
    parallel: int | None = 4,
    parameters: Mapping[str, str] | None = None,
    containers: Containers | None = None,
) -> Ran:
    """Runs a manifest to its end."""
    documents = [document.data for document in read(text, "w.yaml").documents]
    where = Where(folder=str(folder))
    runner = LocalRunner(ArgoAdapter(), where, parallel=parallel, opening=opening, containers=containers)
    with contextlib.closing(runner):
        request = Request(run=run, parameters=parameters or {}, rows=rows)
        (job,) = runner.jobs(documents, request)
        runner.submit(job, request)
        until = time.monotonic() + LONGEST
        while (status := runner.status(job.place)).phase == "running":
            assert time.monotonic() < until, status
            runner.pause(0.5)
        outputs = {item.name: item.value for item in runner.outputs(job.place)}
    return Ran(status, outputs, folder / job.place)
