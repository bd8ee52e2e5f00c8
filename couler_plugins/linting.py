"""What is wrong with workflows, as their engines see it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from couler_plugins.collector import collector_paused
from couler_plugins.documents import Finding, findings
from couler_plugins.errors import CoulerError
from couler_plugins.rewrite import Session, adapter_errors

if TYPE_CHECKING:
    from couler_plugins.sources import Input

__all__ = ["Linted", "lint_inputs"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """What there is to say about the files of a call.

    Attributes:
        findings: in the order of the files, then of the lines.
        errors: of the files that could not be read.
        documents: how many documents some engine understood.
    """

    findings: tuple[Finding, ...]
    errors: tuple[CoulerError, ...]
    documents: int

    @property
    def failed(self) -> bool:
        """Whether an engine would refuse something."""
        return any(finding.severity == "error" for finding in self.findings)


def lint_inputs(inputs: Sequence[Input], session: Session) -> Linted:
    """Every remark that the engines' adapters have on the files; a file that cannot be read stops no other.

    Raises:
        InvalidInput: two engines understand the same document.
        PluginFailure: an adapter failed.
    """
    files = [item.file for item in inputs if item.file is not None]
    found: list[Finding] = []
    count = 0
    for engine in session.engines(document for file in files for document in file.documents):
        adapter = session.plugins.adapter(engine)
        session.report(f"checking {engine} workflows")
        with collector_paused(), adapter_errors(engine, "lint()"):
            bundle = adapter.load(files)
            remarks = list(adapter.lint(bundle))
        count += sum(map(adapter.claims, bundle.documents))
        found += findings(bundle.documents, remarks)
    errors = tuple(item.error for item in inputs if item.error is not None)
    return Linted(findings=tuple(found), errors=errors, documents=count)
