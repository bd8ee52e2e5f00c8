"""Spellings of Argo 3 that Argo 4 does not read any more, and does not complain about either."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_argo.checks.holders import Holder
from couler_argo.checks.report import Report
from couler_argo.checks.run import named
from couler_argo.versions import SINGULAR
from couler_plugins.documents import Path

__all__ = ["check_spellings"]

Mapping = dict[str, Any]


def check_spellings(holder: Holder, report: Report) -> None:
    """`mutex`, `semaphore` and `schedule`."""
    for part, path, where in _parts(holder):
        locks = part.get("synchronization", {})
        for many, one in SINGULAR.items():
            if one in locks:
                message = f"{where} has synchronization.{one}, which Argo 4 ignores: nothing is locked"
                report.warning("old-spelling", (*path, "synchronization", one), message, f"put it into a list {many}")
    if holder.kind == "CronWorkflow" and "schedule" in holder.data.get("spec", {}):
        message = "the CronWorkflow has `schedule`, which Argo 4 ignores"
        report.warning("old-spelling", ("spec", "schedule"), message, "put it into a list schedules")


def _parts(holder: Holder) -> Iterator[tuple[Mapping, Path, str]]:
    yield holder.spec, holder.spec_path, "the workflow"
    for number, template in enumerate(holder.templates):
        yield template, (*holder.spec_path, "templates", number), named(template)
