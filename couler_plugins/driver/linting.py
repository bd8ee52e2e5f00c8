"""What is wrong with workflows, as their engines see it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from couler_plugins.caching.declarations import CACHE
from couler_plugins.documents import Document, Finding, Path, Remark, SourceFile, findings
from couler_plugins.documents.collector import collector_paused
from couler_plugins.driver.isolation import blank, raise_common_failure, without_failing
from couler_plugins.driver.rewrite import Session, adapter_errors, of_type
from couler_plugins.engine_kit.crd import NO_SCHEMAS, Schemas, check, covered
from couler_plugins.errors import CoulerError, closest
from couler_plugins.fusion.rules import FUSE
from couler_plugins.hookspecs import Adapter
from couler_plugins.inputs.sources import Input
from couler_plugins.inputs.unknown_kinds import misnamed
from couler_plugins.ir.bundle import Bundle
from couler_plugins.reliability.rules import GUARD, IDEMPOTENT, NEVER
from couler_plugins.rightsizing.rules import ANNOTATION, WORDS

log = logging.getLogger(__name__)
ALSO_OURS = ("unknown-field", "wrong-type")
"""What both adapters and schemas find: it is said once."""
BESIDE = re.compile(r"ttl=(\d+[smhd])+|native|kept")
"""What `couler.io/cache` takes besides: times, what is only for KFP, and what couler writes itself."""
VALUES = {
    CACHE: ("pure", "ttl=24h", "always", "never"),
    IDEMPOTENT: ("true", "false"),
    FUSE: (NEVER,),
    GUARD: (NEVER,),
    ANNOTATION: WORDS,
}
"""The words of our annotations that take nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Linted:
    """What there is to say about the files of a call.

    Attributes:
        findings: in the order of the files, then of the lines.
        errors: of the files that could not be read.
        documents: how many documents some engine understood, or some schema covers.
        empty: the files that were read and have no such document.
    """

    findings: tuple[Finding, ...]
    errors: tuple[CoulerError, ...]
    documents: int
    empty: frozenset[str]

    @property
    def remarks(self) -> tuple[Finding, ...]:
        """The findings, and the files that could not be read as findings, too."""
        unreadable = (
            Finding("error", item.message, item.file or "", item.line, code="unreadable", hint=item.hint or "")
            for item in self.errors
        )
        return *self.findings, *unreadable

    @property
    def failed(self) -> bool:
        """Whether an engine would refuse something."""
        return any(finding.severity == "error" for finding in self.findings)


def lint_inputs(inputs: Sequence[Input], session: Session, schemas: Schemas = NO_SCHEMAS) -> Linted:
    """Every remark that the engines' adapters have on the files, and an API server with these schemas would have.

    A file that cannot be read stops no other.

    Raises:
        InvalidInput: two engines understand the same document, a schema cannot be used, or an option of `--to` is
            none of its engine's.
        PluginFailure: an adapter failed.
    """
    files = [item.file for item in inputs if item.file is not None]
    documents = [document for file in files for document in file.documents]
    findings_so_far: list[Finding] = []
    understood: set[int] = set()
    refused: dict[int, CoulerError] = {}

    engines = session.engines(files, refused.setdefault)
    for engine, among in engines.items():
        adapter = session.plugins.adapter(engine)
        session.report(f"checking {engine} workflows")
        options = session.options(adapter) if engine in session.to else None
        bundle, remarks = lint_files(adapter, files, among, options, refused.setdefault)
        own = {files[number].name for number in among if number not in refused}
        understood.update(
            n for n, document in enumerate(documents) if document.file in own and adapter.claims(document)
        )
        findings_so_far += findings(bundle.documents, remarks)
    raise_common_failure([refused.get(number) for number in sorted({*refused, *chain(*engines.values())})])
    strays = list(misnamed(documents, session.groups()))
    understood.update(remark.document for remark in strays)
    words = (remark for number in sorted(understood) for remark in _wrong_values(number, documents[number].data))
    findings_so_far += findings(documents, [*strays, *words])
    if schemas.kinds:
        session.report("checking against schemas")
        chosen = range(len(documents)) if session.engine is None else sorted(understood)
        understood.update(number for number in chosen if covered(documents[number], schemas))
        with collector_paused():
            checked = [documents[number] for number in chosen]
            said = {place for finding in findings_so_far if finding.severity == "error" for place in finding.places}
            beyond = findings(checked, _checked(checked, schemas))
            findings_so_far += [
                item for item in beyond if item.code not in ALSO_OURS or not said.issuperset(item.places)
            ]
    order = {file.name: number for number, file in reversed(list(enumerate(files)))}
    findings_so_far.sort(key=lambda finding: (order.get(finding.file, len(order)), finding.line or 0))
    errors = (*(item.error for item in inputs if item.error is not None), *refused.values())
    empty = {file.name for number, file in enumerate(files) if number not in refused}
    empty -= {documents[number].file for number in understood}
    return Linted(findings=tuple(findings_so_far), errors=errors, documents=len(understood), empty=frozenset(empty))


def lint_files(
    adapter: Adapter,
    files: Sequence[SourceFile],
    among: Sequence[int],
    options: Any,
    refuse: Callable[[int, CoulerError], object],
) -> tuple[Bundle, list[Remark]]:
    """Return the remarks of an adapter, and what they are about; a file that it fails on goes to `refuse`."""

    def lint(left_out: frozenset[int]) -> tuple[Bundle, list[Remark]]:
        with collector_paused(), adapter_errors(adapter.engine, "lint()"):
            bundle = adapter.load([blank(file) if number in left_out else file for number, file in enumerate(files)])
            return bundle, [of_type(Remark, remark) for remark in adapter.lint(bundle, options)]

    return without_failing([file.name for file in files], among, lint, refuse)


def _checked(documents: Sequence[Document], schemas: Schemas) -> list[Remark]:
    """What the schemas have to say; that they cover no document at all is a note on the first."""
    if any(covered(document, schemas) for document in documents):
        return list(check(documents, schemas))
    kinds = ", ".join(sorted(kind for _, kind in schemas.kinds))
    message = "the schemas cover no document of this call"
    return [Remark(0, (), "note", "no-schema", message, f"they are for {kinds}") for _ in documents[:1]]


def _wrong_values(number: int, data: Any, path: Path = ()) -> Iterator[Remark]:
    """Yield a warning for each annotation in a document, at any depth, whose text is none of the words that it takes.

    Args:
        number: the number of the document.
        data: its data, or a part of it.
        path: where that part is.
    """
    for key, value in data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ():
        name = next((name for name in VALUES if key == name or str(key).startswith(f"{name}.")), None)
        if name is None or path[-1:] != ("annotations",):
            yield from _wrong_values(number, value, (*path, key))
        elif isinstance(value, str) and value not in VALUES[name] and not (name == CACHE and BESIDE.fullmatch(value)):
            hint = f"{closest(value, VALUES[name])} write {' or '.join(VALUES[name])}, in quotes".lstrip()
            yield Remark(number, (*path, key), "warning", "annotation", f"{key} cannot be {value!r:.40}", hint)
