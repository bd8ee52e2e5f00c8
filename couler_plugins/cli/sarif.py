"""Findings as SARIF 2.1.0, for code scanning.

Source: OASIS, Static Analysis Results Interchange Format (SARIF) Version 2.1.0.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec

from couler_plugins import __version__
from couler_plugins.documents import Finding, render
from couler_plugins.driver.baseline import Baseline, Record
from couler_plugins.driver.rewrite import Session

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
FINGERPRINT = "coulerFinding/v1"
"""Of the file, code, path and message, as in baselines: code scanning adds one of the line's text."""


def sarif_text(findings: Iterable[Finding], session: Session) -> str:
    """Return a log in SARIF 2.1.0, with paths from the root of the repository of the current folder.

    Args:
        findings: the findings; each becomes a result, with its further places.
        session: whose adapters say what codes mean.
    """
    here = Path.cwd()
    root = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), here)
    places = Baseline(root / "baseline")
    meanings: dict[str, str] = {}
    for name in session.plugins.adapters:
        meanings = {**session.plugins.adapter(name).lint_codes(), **meanings}
    rules: dict[str, dict[str, Any]] = {}
    seen = Counter[Record]()
    results = []
    for finding in findings:
        rules.setdefault(finding.code, _rule(finding, meanings))
        records = places.records_of(finding)
        seen[records[0]] += 1
        digest = hashlib.sha256(msgspec.json.encode(records[0])).hexdigest()[:32]
        where = f" (at {render(finding.path)})" if finding.path else ""
        hint = f"\n{finding.hint}" if finding.hint else ""
        first, *others = [
            _location(record.file, place.line) for record, place in zip(records, finding.places, strict=True)
        ]
        results.append(
            {
                "ruleId": finding.code,
                "level": finding.severity,
                "message": {"text": f"{finding.message}{where}{hint}"},
                "locations": [first],
                "relatedLocations": [{"id": number, **other} for number, other in enumerate(others)],
                "partialFingerprints": {FINGERPRINT: f"{digest}:{seen[records[0]]}"},
            }
        )
    driver = {"name": "couler", "version": __version__, "rules": list(rules.values())}
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return f"{msgspec.json.format(msgspec.json.encode(log), indent=2).decode()}\n"


def _rule(finding: Finding, meanings: Mapping[str, str]) -> dict[str, Any]:
    """Return the rule behind a finding."""
    meaning = meanings.get(finding.code, finding.code.replace("-", " "))
    text = f"{meaning[:1].upper()}{meaning[1:]}."
    return {
        "id": finding.code,
        "shortDescription": {"text": text},
        "help": {"text": f"{text} Its results say what to do. A baseline keeps those quiet that are to stay."},
        "defaultConfiguration": {"level": finding.severity},
    }


def _location(file: str, line: int | None) -> dict[str, Any]:
    region = {} if line is None else {"region": {"startLine": line}}
    artifact = {"uri": quote(file), "uriBaseId": "%SRCROOT%"}
    return {"physicalLocation": {"artifactLocation": artifact, **region}}
