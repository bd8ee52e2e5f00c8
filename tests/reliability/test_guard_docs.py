"""What docs/guard.md shows is what `guard` does."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from textwrap import dedent

from couler_plugins.reliability.optimizer import Guard
from couler_plugins.runs import Attempt
from reliability.test_guard import changes, guarded, run_of, took
from reliability.test_guard_corpus import REASONS
from support import ROOT

PAGE = (ROOT / "docs" / "guard.md").read_text(encoding="utf-8")
WORDS = {"": "none", "True": "true", "False": "false"}
HEAD = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: nightly-}
spec:
  entrypoint: main
  templates:
    - name: main
      dag:
        tasks:
          - {name: features, template: features}
          - {name: report, template: report, dependencies: [features]}
"""


def block(language: str) -> str:
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


def test_the_page_shows_what_is_written(tmp_path: Path) -> None:
    seconds = [1500.0 + 7 * number for number in range(12) if number != 4]
    lost = Attempt(start=1.7e9, end=1.7e9 + 60, succeeded=False, message="pod deleted")
    runs = [
        run_of("nightly", "features", *took(*seconds)),
        run_of("nightly", "features", lost, fate="failed"),
        run_of("nightly", "report", *took(*[30.0] * 11)),
    ]
    result = guarded(HEAD + block("yaml"), tmp_path, *runs)
    written = changes(result).splitlines()
    shown = [line for line in block("diff").splitlines() if line.startswith("+")]
    (cut,) = (number for number, line in enumerate(shown) if "…" in line)
    assert written[:cut] == shown[:cut]
    assert written[cut + 6 :] == shown[cut + 1 :]
    assert all("|| lastRetry.message matches" in line for line in written[cut : cut + 6])
    assert ("runs lost for what passes", 1) in [pair for item in result.files[0].decisions for pair in item.figures]


def test_the_page_has_all_options_with_their_defaults() -> None:
    rows = re.findall(r"^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \| ([^|]+) \|", PAGE, re.MULTILINE)
    shown = {
        name: default
        for names, defaults in rows
        for name, default in zip(re.findall("`([a-z-]+)`", names), defaults.split(", "), strict=True)
    }
    assert shown == {
        item.name.replace("_", "-"): f"{item.default:g}" if item.type in ("int", "float") else WORDS[str(item.default)]
        for item in fields(Guard)
    }


def test_the_page_has_the_reasons() -> None:
    table = PAGE.partition("## Left alone")[2]
    shown = re.findall(r"^\| ([^|]+?) \|", dedent(table), re.MULTILINE)[2:]
    assert [reason for reason in shown if not reason.startswith(REASONS)] == []
