"""What the last run of the examples has shown, as a table for the documentation.

    python tests/cluster/corpus/records.py

Every test of `test_corpus.py` leaves a record; the newest of each (engine, pass, example) counts.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

__all__ = ["keep", "table"]


def folder() -> Path:
    from cluster.programs import KEPT

    return KEPT / "corpus"


def keep(engine: str, name: str, example: str, **what: Any) -> None:
    """Write down how a test of an example has ended.

    Args:
        engine: `argo` or `tekton`.
        name: of the pass.
        example: that was run.
        what: `outcome` (`equal`, `differs`, `unchanged`, `refused`), and details.
    """
    folder().mkdir(parents=True, exist_ok=True)
    path = folder() / f"{engine}-{name}-{example}.json".replace("/", "_")
    record = {"engine": engine, "pass": name, "example": example, **what}
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False))


def table() -> str:
    """The records as two tables in Markdown: of the passes, and of the examples that are left out."""
    from cluster.corpus.examples import examples, left_out

    records = [json.loads(path.read_text()) for path in sorted(folder().glob("*.json"))]
    counts = Counter((item["engine"], item["pass"], item["outcome"]) for item in records)
    lines = ["| engine | pass | run, changed | equal | differing | as it was | refused |", "|" + " --- |" * 7]
    for engine, name in sorted({(item["engine"], item["pass"]) for item in records}):
        equal, differs, unchanged, refused = (
            counts[engine, name, outcome] for outcome in ("equal", "differs", "unchanged", "refused")
        )
        lines.append(f"| {engine} | {name} | {equal + differs} | {equal} | {differs} | {unchanged} | {refused} |")
    lines += ["", "| engine | left out, since it | examples |", "| --- | --- | --- |"]
    for engine in ("argo", "tekton"):
        reasons = Counter(left_out(engine, name, path) for name, path in examples(engine).items())
        lines += [f"| {engine} | {reason} | {count} |" for reason, count in reasons.most_common() if reason]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parents[2])]
    sys.stdout.write(f"{table()}\n")
