"""What Argo's own validation and the API server would refuse, found in the documents as they stand.

Each check follows `workflow/validate` of Argo 4 in what it refuses, and is written anew; what releases of Argo 3 judge
otherwise says so. An `error` is what Argo or its default CRDs refuse when the object is created; what is accepted and
fails later is a `warning`.
"""

from __future__ import annotations

from collections.abc import Iterator

from couler_argo.annotations import lost_settings
from couler_argo.cache.stale import stale_keys
from couler_argo.lint.advice import advise
from couler_argo.lint.crons import check_cron
from couler_argo.lint.holders import Holder, Shelf
from couler_argo.lint.limits import check_limits
from couler_argo.lint.releases import Releases
from couler_argo.lint.report import Report
from couler_argo.lint.rules import check_fields, check_rules
from couler_argo.lint.shapes import FLAG, TEXT
from couler_argo.lint.workflows import check_workflow
from couler_argo.plugin import Options
from couler_plugins.documents import Remark, remarks_on_reread
from couler_plugins.ir.bundle import Bundle

TEXTS = {"parameters": ("value", "default", "enum"), "withItems": ()}
"""What Argo takes for a text, whatever stands there."""


def lint(bundle: Bundle, options: Options | None = None) -> Iterator[Remark]:
    """Every remark on the documents of a bundle; references are looked up in all of them.

    Args:
        bundle: the documents.
        options: with the version that they are for, such as `3.7`, which decides what rules hold. Without one, what any
            release takes is no error; what some refuse is a note.

    Raises:
        InvalidInput: the version is none that we know.
    """
    shelf = Shelf(bundle)
    releases = Releases.of(options.version if options is not None else "")
    reports = {id(holder): Report(holder.document, holder.manifest.path, releases) for holder in shelf.holders}
    for holder in shelf.holders:
        check_fields(holder, reports[id(holder)])
        _check(shelf, holder, reports[id(holder)])
    for holder in shelf.holders:
        yield from reports[id(holder)].remarks
        number, manifest = holder.document, holder.manifest
        yield from remarks_on_reread(bundle.documents[number], number, manifest.path, manifest.data, TEXTS)
    yield from shelf.shared.remarks("error", "duplicate-library")
    yield from lost_settings(bundle)
    yield from stale_keys(bundle)


def _check(shelf: Shelf, holder: Holder, report: Report) -> None:
    if holder.misfits:  # Argo cannot read it, so there is nothing that it would say of it
        for misfit in holder.misfits:
            message = f"{misfit.actual} stands where Argo reads {misfit.wanted}"
            quoted = misfit.wanted == TEXT.name and misfit.actual in ("a number", FLAG.name)
            hint = "put it into quotes" if quoted else f"write {misfit.wanted}"
            report.error("wrong-type", misfit.path, message, hint)
        return
    check_limits(holder, report)
    if holder.kind == "CronWorkflow":
        check_cron(holder.data.get("spec", {}), report)
    check_workflow(shelf, holder, report)
    check_rules(holder, report)
    advise(holder, report)
