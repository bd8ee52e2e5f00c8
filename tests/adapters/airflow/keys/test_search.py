"""A search for programs whose key is wrong; `COULER_SEARCH=5000` looks at more than 60 of them, `COULER_SEARCH_SEED` at others."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from adapters.airflow.keys.search import Finding, programs, search

pytestmark = pytest.mark.airflow


def test_programs_are_the_same_each_time_and_python() -> None:
    found = programs(200, 1)
    assert found == programs(200, 1)
    for program in found:
        for files in program.files:
            for name, text in files.items():
                if name.endswith(".py"):
                    compile(text, name, "exec")
        changes_by_itself = program.label.endswith("becomes ''")
        assert program.files[0] != program.files[1] or program.env[0] != program.env[1] or changes_by_itself


@pytest.mark.slow
def test_no_program_has_a_wrong_key(tmp_path: Path) -> None:
    count, seed = int(os.environ.get("COULER_SEARCH", "60")), int(os.environ.get("COULER_SEARCH_SEED", "1"))
    findings = search(programs(count, seed), tmp_path)
    assert not findings, report(findings)


def report(findings: list[Finding]) -> str:
    """Return the findings as a text: how many of each kind, and the shortest programs first."""
    lines = [f"{number} {kind}" for kind, number in Counter(finding.kind for finding in findings).most_common()]
    found = sorted(findings, key=lambda finding: len(finding.label))
    return "\n".join([*lines, *(f"{item.kind}: {item.label}: {item.detail}" for item in found)])
