"""docs/lint-argo.md says what the lint does."""

from __future__ import annotations

from adapters.argo.lint_disagreements import DISAGREEMENTS
from couler_argo.lint.codes import CODES
from support import ROOT

ARGO = {"refuses": "refuses it", "accepts": "accepts it"}


def _rows(heading: str) -> list[str]:
    """The lines of the table that follows a heading."""
    page = (ROOT / "docs" / "lint-argo.md").read_text(encoding="utf-8")
    lines = page.split(f"## {heading}\n")[1].split("\n## ")[0].splitlines()
    return [line for line in lines if line.startswith("| ")][2:]


def test_all_codes_are_there() -> None:
    assert _rows("Lint codes") == [f"| `{code}` | {meaning} |" for code, meaning in CODES.items()]


def test_all_disagreements_are_there() -> None:
    assert _rows("Differences from `argo lint`") == [
        f"| {item.subject} | {ARGO[item.argo]} | {item.lint} | {item.reason} |" for item in DISAGREEMENTS
    ]


def test_codes_are_in_order() -> None:
    assert list(CODES) == sorted(CODES)
