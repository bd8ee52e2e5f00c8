"""What docs/parallelize.md shows is what `parallelize` does."""

from __future__ import annotations

import re

from ordering.test_parallelize import LEFT, changes, parallelized, reasons
from support import ROOT

PAGE = (ROOT / "docs" / "parallelize.md").read_text(encoding="utf-8")


def block(language: str) -> str:
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


def test_the_page_shows_what_is_written() -> None:
    result = parallelized(block("yaml"))
    assert changes(result) == [line for line in block("diff").splitlines() if line[:1] in "+-"]
    (done, *_) = result.files[0].decisions
    assert dict(done.figures)["steps on the longest path before"] == 4
    assert dict(done.figures)["steps on the longest path after"] == 3


def test_the_page_shows_what_is_said_where_nothing_is_declared() -> None:
    result = parallelized(block("yaml").replace("couler.io/cache: pure", "a: b"))
    assert not result.changed
    assert reasons(result)["main"].startswith(block("text").strip())


def test_the_page_has_the_reasons() -> None:
    shown = " ".join(re.findall(r"^\| ([^|]+?) \|", PAGE.partition("## Left alone")[2], re.MULTILINE))
    known = ("it takes a lock", "it keeps running beside the steps after it", "its failure is tolerated")
    assert all(reason in shown and reason in LEFT for reason in known)
