"""Runs pipelines as `couler run --local` does, and tells what came out of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from couler_kfp.run.local import OUTPUTS, LocalRunner
from couler_plugins.api import Text, optimize
from couler_plugins.hookspecs.running import Job, Request
from couler_plugins.running import Journal, Outcome, drive

__all__ = ["RUN", "documents_of", "handed_out", "run_here", "split", "splitting"]

RUN = "r1"


def splitting(options: str) -> str:
    """The optimizer with these options, and a partitioner that takes no time."""
    return f"split{{partitioner=bandpack,{options}}}"


def split(spec: Mapping[str, Any] | str, options: str) -> list[Any]:
    """The documents that splitting leaves, of a pipeline as data or as text."""
    text = spec if isinstance(spec, str) else msgspec.json.encode(spec).decode()
    return list(optimize(Text(text, "pipeline.json"), splitting(options)).documents)


def documents_of(text: str) -> list[Any]:
    """The documents of a pipeline as it is."""
    return list(optimize(Text(text, "pipeline.yaml"), []).documents)


def run_here(
    documents: Sequence[Any], folder: Path, parameters: Mapping[str, str] | None = None, journal: Journal | None = None
) -> tuple[list[Job], Outcome]:
    """Runs documents to their end; a job that fails is none of this function's."""
    request = Request(run=RUN, parameters=parameters or {})
    runner = LocalRunner(str(folder))
    jobs = runner.jobs(documents, request)
    return jobs, drive(runner, jobs, request, journal or Journal(), sleep=lambda seconds: None)


def handed_out(jobs: Sequence[Job], folder: Path) -> dict[str, Any]:
    """What the last of the jobs, which is the pipeline itself, has handed out: values, and contents of artifacts."""
    crossing = msgspec.json.decode((folder / jobs[-1].place / OUTPUTS).read_bytes())
    contents = {
        name: {"content": _contents(item["uri"]), "metadata": item["metadata"]}
        for name, item in crossing["artifacts"].items()
    }
    return {**crossing["parameters"], **contents}


def _contents(uri: str | list[str]) -> Any:
    if isinstance(uri, list):
        return [_contents(item) for item in uri]
    path = Path(uri)
    return path.read_text("utf-8") if path.is_file() else None
