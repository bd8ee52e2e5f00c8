"""Rows of the settings that no step matches: most often a name is misspelt."""

from __future__ import annotations

import logging

from couler_plugins.documents.mappings import by_key
from couler_plugins.driver.results import Result
from couler_plugins.driver.rewrite import Session
from couler_plugins.ir import Call, call_sites
from couler_plugins.options.fields import closest
from couler_plugins.options.rows import URL
from couler_plugins.rightsizing.rules import selects

log = logging.getLogger(__name__)


def warn_unused(result: Result, work: Session, *, searched: bool) -> None:
    """Warn of each row for an optimizer that ran, but for those about places, that no step matches.

    Args:
        result: what the call came to.
        work: has the rows.
        searched: whether folders were searched: a row for another file than those that were named is no mistake, and is
            told only where a name here is nearly the same.
    """
    optimizers = dict.fromkeys(text.partition("{")[0] for text in result.optimizers)
    rows = [row for name in optimizers for row in work.rows.get(name, ()) if row.patterns and URL not in row.content]
    names: dict[str, None] = {}
    for workflow in (trace.versions[0] for trace in result.workflow_versions if rows):
        if workflow is not None:
            adapter = work.plugins.adapter(workflow.engine)
            sites = ((site.step.call, site.label) for site in call_sites(workflow))
            calls = by_key((call.name if isinstance(call, Call) else "", label) for call, label in sites)
            for operation in (None, *workflow.operations):
                task = adapter.pod_sizes(workflow, operation).task
                steps = calls.get(operation.name if operation is not None else "", [])
                names |= dict.fromkeys((workflow.label, task, *(label.rpartition("/")[2] for label in steps)))
                rows = [row for row in rows if not selects(row, workflow, task, operation, steps)]
    for row in rows if names else ():
        patterns = [pattern for texts in row.patterns.values() for pattern in texts]
        near = next((hint for pattern in patterns if pattern not in names and (hint := closest(pattern, names))), "")
        if near or searched:
            log.warning("%s: no step matches %s%s", row.place, ", ".join(patterns), f"; {near}" if near else "")
