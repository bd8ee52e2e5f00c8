"""Rows of the settings that no step matches: most often a name is misspelt."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import NamedTuple

from couler_plugins.driver.results import Result
from couler_plugins.driver.rewrite import Session
from couler_plugins.ir import Call, Literal, Operation, Workflow, call_sites
from couler_plugins.options.fields import closest
from couler_plugins.options.rows import URL, Row, matches
from couler_plugins.rightsizing.rules import selects

log = logging.getLogger(__name__)


class Place(NamedTuple):
    """What a row may be about: a call, or an operation that nothing calls."""

    workflow: Workflow
    task: str
    operation: Operation | None
    steps: tuple[str, ...]

    def names(self, key: str) -> list[str]:
        """Return what a pattern under a key may call it."""
        if key == "workflow":
            return [self.workflow.name or self.workflow.prefix.rstrip("-"), self.workflow.label]
        if key == "step":
            return [name.rpartition("/")[2] for name in self.steps]
        if key == "task":
            return [self.task]
        images = [item.image for item in self.operation.containers] if self.operation is not None else []
        return [str(image.value) for image in images if isinstance(image, Literal)]


def warn_unused(result: Result, session: Session, *, searched: bool) -> None:
    """Warn of each row for an optimizer of this call that no step of it matches.

    Args:
        result: what the call came to.
        session: has the rows.
        searched: whether folders were searched: a row for another file than those that were named is no mistake, and is
            told only where a name here is nearly the same.
    """
    names = dict.fromkeys(text.partition("{")[0] for text in result.optimizers)
    rows = [row for name in names for row in session.rows.get(name, ()) if row.patterns and URL not in row.content]
    places = list(_places(result, session)) if rows else []
    for row in rows if places else ():
        if any(selects(row, one.workflow, one.task, one.operation, one.steps) for one in places):
            continue
        near = _near(row, places)
        if near or searched:
            patterns = ", ".join(f"{key} = {'|'.join(texts)}" for key, texts in row.patterns.items())
            log.warning("%s: no step matches this row (%s)%s", row.place, patterns, f": {near}" if near else "")


def _near(row: Row, places: list[Place]) -> str:
    """Return a question for the name that was meant; empty where none is near."""
    for key, texts in row.patterns.items():
        names = [name for one in places for name in one.names(key)]
        if not matches(row, key, names):
            return next((near for text in texts if (near := closest(text, names))), "")
    return ""


def _places(result: Result, session: Session) -> Iterator[Place]:
    for workflow in (trace.versions[0] for trace in result.workflow_versions):
        if workflow is None:
            continue
        adapter = session.plugins.adapter(workflow.engine)
        operations = {operation.name: operation for operation in workflow.operations}
        tasks = {name: adapter.pod_sizes(workflow, operation).task for name, operation in operations.items()}
        for site in call_sites(workflow):
            name = site.step.call.name if isinstance(site.step.call, Call) else ""
            yield Place(workflow, tasks.get(name, ""), operations.get(name), (site.label,))
        for name, operation in operations.items():
            yield Place(workflow, tasks[name], operation, ())
