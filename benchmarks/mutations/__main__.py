"""How often cached workflows get a result that is not theirs, after changes of one thing at a time.

python -m benchmarks.mutations --traces ../shared/corpus/field --settings examples/field --json mutations.json

The judge runs every workflow in which `cache` caches a step, in symbols: what a step makes is a hash of all that it
depends on. It shares no code with the adapters. Then it changes one thing, has the workflow optimized again, and runs
it with the cache of the first run; keys come from the optimized documents, computed as the engine would. A step whose
result is not what it makes without a cache is stale. Every key of all runs of a workflow has to mean one result, too.

Each folder in `--traces` is the root of a repository, with its settings in DIR/REPOSITORY/couler.toml of `--settings`,
if they are there. Of other repositories, and of the project's own workflows, every step is declared pure, and all is
waived; then two steps of three, chosen by their names, and half of what can be waived.

Figures, in total, by engine and by kind of change:

mutations            after which at least one step was cached
stale                steps that got a result which is not theirs: has to be 0
must_miss            mutations that change what a cached step makes
missed_of_must_miss  of these, all in which each such step missed
neutral              mutations after which every result is the same: names, labels, resources, retries, order of keys
needless_misses      of these, in which a step missed for nothing
nothing_cached       mutations after which nothing was cached or the file was refused: not counted above
workflows            files with a cached step, once for each pipeline
steps_cached         cached steps in these
"""

from __future__ import annotations

import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.harness import finish, parser, tell
from benchmarks.mutations.changes import Case
from benchmarks.mutations.declaring import EVERYTHING, some
from benchmarks.mutations.trials import Judged, Optimizer, engine_of, judge
from couler_plugins.caching.row_keys import check_rows
from couler_plugins.documents import read
from couler_plugins.errors import CoulerError
from couler_plugins.options.rows import rows_in

ROOT = Path(__file__).resolve().parents[2]
CORPUS = ROOT / "tests" / "corpus"
MOST, MOST_QUICKLY = 40, 3
"""Changes of a workflow that are tried for each pipeline."""
QUICK = 8
"""Files of an engine's own corpus, and of a repository, with --quick."""
NAMES = ("mutations", "stale", "must_miss", "missed_of_must_miss", "neutral", "needless_misses", "nothing_cached")


def main() -> None:
    flags = parser(__doc__ or "", "a folder of repositories, each a folder")
    flags.add_argument("--settings", type=Path, help="a folder with REPOSITORY/couler.toml for some repositories")
    flags.add_argument("--most", type=int, default=MOST, help="changes of a workflow that are tried for each pipeline")
    options = flags.parse_args()
    most = MOST_QUICKLY if options.quick else options.most
    sources: dict[Path, list[dict[str, Any]] | None] = {CORPUS / engine: None for engine in ("argo", "kfp", "tekton")}
    if options.traces:
        for folder in sorted(path for path in options.traces.iterdir() if path.is_dir()):
            sources[folder] = rows_for(folder, options.settings)
    make = Optimizer()
    seen: list[tuple[str, str, str, Judged]] = []
    for folder, rows in sources.items():
        tell(str(folder.relative_to(ROOT) if folder.is_relative_to(ROOT) else folder.name))
        seen += judged_in(folder, rows, make, options.seed, most, quick=options.quick)
    figures = figures_of(seen)
    judged = {engine: part for engine, part in figures["engines"].items() if part["must_miss"]}
    bars = {
        f"{engine}: missed of what must miss": float(part["missed_of_must_miss"]) for engine, part in judged.items()
    }
    limits = dict(zip(bars, (float(part["must_miss"]) for part in judged.values()), strict=True))
    finish(options, figures, bars, limits)


def rows_for(folder: Path, settings: Path | None) -> list[dict[str, Any]] | None:
    """Return the rows of the settings of a repository; None where it has no settings."""
    path = (settings or folder.parent) / folder.name / "couler.toml"
    if not path.is_file():
        return None
    tables = {"cache": tomllib.loads(path.read_text("utf-8")).get("cache", {"declare": []})}
    check_rows(rows_in(tables, path, "", "")["cache"])
    rows: list[dict[str, Any]] = tables["cache"]["declare"]
    return rows


def judged_in(
    folder: Path, rows: list[dict[str, Any]] | None, make: Optimizer, seed: int, most: int, *, quick: bool
) -> Iterator[tuple[str, str, str, Judged]]:
    """Yield what is seen of a repository: its name, the engine, the kind of change, and the figures."""
    count = 0
    for path in sorted(path for path in folder.rglob("*") if path.suffix in (".yaml", ".yml", ".json")):
        if quick and count >= QUICK:
            break
        try:
            documents = [document.data for document in read(path.read_bytes(), str(path)).documents]
        except (CoulerError, OSError):
            continue
        engine = engine_of(documents)
        if engine is None:
            continue
        name = f"{folder.name}/{path.relative_to(folder)}"
        random = Random(f"{seed} {name}")
        before = count
        for said in [[EVERYTHING], some(random)] if rows is None else [rows]:
            for kind, judged in judge(name, engine, Case(documents, tuple(said)), make, random, most):
                count = before + 1
                for text in judged.stale:
                    tell(f"stale: {text}")
                yield folder.name, engine, kind, judged


def figures_of(seen: list[tuple[str, str, str, Judged]]) -> dict[str, Any]:
    """Return the figures of all that was seen."""
    total: Counter[str] = Counter()
    parts: dict[str, dict[str, Counter[str]]] = {"engines": {}, "kinds": {}, "repositories": {}}
    for repository, engine, kind, judged in seen:
        counts = judged.counts + Counter(stale=len(judged.stale))
        total += counts
        for part, name in (("engines", engine), ("kinds", f"{engine}: {kind}"), ("repositories", repository)):
            parts[part].setdefault(name, Counter()).update(counts)
    return {
        **_shown(total),
        **{part: {name: _shown(counts) for name, counts in sorted(table.items())} for part, table in parts.items()},
        "stale_results": [text for *_, judged in seen for text in judged.stale],
        "needless": [text for *_, judged in seen for text in judged.needless],
    }


def _shown(counts: Counter[str]) -> dict[str, int]:
    return {**{name: counts[name] for name in NAMES}, "workflows": counts["workflows"], "steps_cached": counts["steps"]}


if __name__ == "__main__":
    main()
