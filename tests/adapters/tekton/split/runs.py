"""Splits documents of Tekton, and compares what the parts do with what the whole does."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

from adapters.tekton.split.interpreter import Ran, run_document
from couler_plugins.api import optimize

__all__ = ["differences", "objects_of", "runs_in", "split", "splitting"]

Data = dict[str, Any]


def splitting(options: str) -> str:
    """The optimizer with these options, and a partitioner that takes no time."""
    return f"split{{partitioner=bandpack,{options}}}"


def split(documents: Sequence[Data], options: str) -> list[Data]:
    """The documents that splitting leaves."""
    return [dict(item) for item in optimize(copy.deepcopy(list(documents)), splitting(options)).documents]


def objects_of(documents: Sequence[Any], kind: str) -> list[Data]:
    """The documents of one kind."""
    return [item for item in documents if isinstance(item, dict) and item.get("kind") == kind]


def runs_in(documents: Sequence[Any]) -> list[Data]:
    """The runs of pipelines that are among the documents."""
    here = {item["metadata"].get("name") for item in objects_of(documents, "Pipeline")}
    return [
        run
        for run in objects_of(documents, "PipelineRun")
        if "pipelineSpec" in run["spec"] or (run["spec"].get("pipelineRef") or {}).get("name") in here
    ]


def differences(before: Sequence[Data], after: Sequence[Data], failing: frozenset[str] = frozenset()) -> list[str]:
    """In what the runs of two sets of documents differ; where tasks fail, the parts may do less, and nothing else."""
    found: list[str] = []
    for one, other in zip(runs_in(before), runs_in(after), strict=True):
        whole, parts = run_document(before, one, failing), run_document(after, other, failing)
        found += _compared(whole, parts, bool(failing & whole.tasks.keys()))
    return found


def _compared(whole: Ran, parts: Ran, failed: bool) -> list[str]:
    found = [
        f"{name} is given something else: {whole.tasks.get(name)} / {given}"
        for name, given in parts.tasks.items()
        if whole.tasks.get(name) != given
    ]
    if whole.status != parts.status:
        found.append(f"the status is {parts.status}, not {whole.status}")
    if len(parts.order) != len(set(parts.order)):
        found.append(f"something runs twice: {parts.order}")
    if parts.mistakes and not whole.mistakes:
        found.append(f"variables without a value: {parts.mistakes}")
    if not failed and parts.tasks.keys() != whole.tasks.keys():
        found.append(f"not the same tasks: {sorted(parts.tasks.keys() ^ whole.tasks.keys())}")
    if not failed and parts.results != whole.results:
        found.append(f"the results are {parts.results}, not {whole.results}")
    return found
