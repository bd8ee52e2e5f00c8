"""The graphs that `benchmarks.split` cuts: six kinds that are generated, and traces."""

from __future__ import annotations

import os
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.dag import Budget, Dag
from couler_plugins.parallelism.check import check_steps, over_budget
from couler_plugins.runs import Run
from couler_plugins.runs.wfformat import read_wfformat

__all__ = ["BUDGET", "KINDS", "Subject", "generated", "traces"]

SHARED = Path(os.environ.get("COULER_SHARED", Path(__file__).resolve().parents[2] / "shared"))
BUDGET = Budget(bytes=150_000, steps=200)
SMALL, SMALL_BUDGET = 300, Budget(bytes=15_000, steps=20)
"""Up to how many steps a generated graph has the smaller budget, so that it does not fit into one part."""
WRAPPER, EXPORT, IMPORT = 600, 90, 120
"""Bytes of an empty part, of a result that leaves one, and of one that it reads: about what they are on Argo."""
MEDIAN_BYTES, SPREAD_BYTES = 450, 0.5
MEDIAN_SECONDS, SPREAD_SECONDS = 30, 1.0
"""Of steps: log-normal, the spread being sigma."""
LINKS = (1, 2, 3)
"""How many steps a step of a layered or random graph waits for, drawn evenly."""

Links = list[list[int]]


@dataclass(frozen=True)
class Subject:
    """A graph to cut.

    Attributes:
        name: says the kind and the size, or the trace.
        kind: the kind; `trace` for those.
        dag: the graph.
        budget: of a part.
    """

    name: str
    kind: str
    dag: Dag
    budget: Budget


def layered(count: int, chance: random.Random) -> Links:
    """Layers of about √n steps, each of which waits for one to three of the layer above."""
    width = max(2, round(count**0.5))
    links: Links = []
    for step in range(count):
        first = (step // width - 1) * width
        above = {first + chance.randrange(width) for _ in range(chance.choice(LINKS))} if first >= 0 else ()
        links.append(sorted(above))
    return links


def random_links(count: int, chance: random.Random) -> Links:
    """Each step waits for one to three of all before it."""
    return [
        sorted({chance.randrange(step) for _ in range(chance.choice(LINKS))}) if step else [] for step in range(count)
    ]


def series_parallel(count: int, chance: random.Random) -> Links:
    """Two to five pieces one after the other or side by side, each of which is cut up in turn, down to single steps."""
    links: Links = []

    def build(size: int, above: list[int], serial: bool) -> list[int]:
        """Adds a piece behind the steps `above`; gives the steps that it ends with."""
        if size == 1 or (serial is False and size < 4):
            for _ in range(size):
                links.append(above)
                above = [len(links) - 1]
            return above
        pieces = _pieces(size if serial else size - 2, chance)
        if serial:
            for piece in pieces:
                above = build(piece, above, False)
            return above
        links.append(above)
        fork = len(links) - 1
        ends = [end for piece in pieces for end in build(piece, [fork], True)]
        links.append(ends)
        return [len(links) - 1]

    build(count, [], True)
    return links


def _pieces(size: int, chance: random.Random) -> list[int]:
    cuts = sorted(chance.sample(range(1, size), min(size, chance.randint(2, 5)) - 1))
    return [high - low for low, high in zip([0, *cuts], [*cuts, size], strict=True)]


def fork_join(count: int, chance: random.Random) -> Links:
    """Stages one after the other: a step, up to √n that wait for it, and one that waits for all of these."""
    links: Links = []
    while len(links) < count:
        width = min(chance.randint(2, max(3, round(count**0.5))), max(1, count - len(links) - 2))
        links.append([len(links) - 1] if links else [])
        fork = len(links) - 1
        links += [[fork] for _ in range(width)]
        links.append(list(range(fork + 1, fork + 1 + width)))
    return links[:count]


def chain(count: int, _: random.Random) -> Links:
    """Each step waits for the one before."""
    return [[step - 1] if step else [] for step in range(count)]


def star(count: int, _: random.Random) -> Links:
    """All steps wait for the first."""
    return [[0] if step else [] for step in range(count)]


KINDS: dict[str, Callable[[int, random.Random], Links]] = {
    "layered": layered,
    "random": random_links,
    "series-parallel": series_parallel,
    "fork-join": fork_join,
    "chain": chain,
    "star": star,
}


def generated(kind: str, count: int, seed: int) -> Subject:
    """A graph of a kind; the same for the same kind, size and seed on any machine.

    Args:
        kind: which.
        count: of steps; up to a fifth fewer, so that it is no multiple of the budget.
        seed: of all that is drawn.
    """
    chance = random.Random(f"{kind}:{count}:{seed}")
    links = KINDS[kind](round(count * chance.uniform(0.8, 1.0)), chance)
    seconds = [drawn_seconds(chance) for _ in links]
    budget = SMALL_BUDGET if count <= SMALL else BUDGET
    names = [f"step-{number}" for number in range(len(links))]
    dag = dag_of(names, links, seconds, [drawn_bytes(chance) for _ in links])
    return Subject(f"{kind}-{count}-{seed}", kind, dag, budget)


def drawn_seconds(chance: random.Random) -> float:
    """How long a step takes."""
    return round(MEDIAN_SECONDS * chance.lognormvariate(0, SPREAD_SECONDS), 1)


def drawn_bytes(chance: random.Random) -> int:
    """What a step adds to its part."""
    return round(MEDIAN_BYTES * chance.lognormvariate(0, SPREAD_BYTES))


def dag_of(names: Sequence[str], links: Sequence[Sequence[int]], seconds: Sequence[float], sizes: Sequence[int]) -> Dag:
    """A graph whose results all cost the same where they cross."""
    count = len(names)
    return Dag.of(
        names, links, seconds, bytes=sizes, exports=[EXPORT] * count, imports=[IMPORT] * count, wrapper=WRAPPER
    )


def traces(folder: Path | None) -> Iterator[Subject]:
    """The traces of a folder, by default the corpus, that do not fit into one part.

    What cannot be used is reported on stderr.
    """
    folder = folder or SHARED / "corpus" / "traces"
    for path in sorted(folder.rglob("*.json")):
        name = path.relative_to(folder).as_posix()
        if name.endswith(".edits.json"):
            continue
        try:
            yield _subject(read_wfformat(path.read_bytes(), name), name.removesuffix(".json"))
        except (InvalidInput, OSError) as error:
            print(f"left out: {name}: {error}", file=sys.stderr)


def _subject(run: Run, name: str) -> Subject:
    """A trace as a graph to cut.

    Raises:
        InvalidInput: a step is larger than a part may be, or there is nothing to cut or to measure.
    """
    names = [step.step for step in run.steps]
    seconds = [step.seconds or 0.0 for step in run.steps]
    chance = random.Random(f"bytes:{name}")
    dag = dag_of(names, [step.parents for step in run.steps], seconds, [drawn_bytes(chance) for _ in names])
    check_steps(dag, BUDGET)
    if not over_budget(dag, BUDGET, [0] * len(dag)):
        raise InvalidInput(f"{len(dag):,} steps fit into one part: there is nothing to cut")
    if not dag.critical_path():
        raise InvalidInput("no step takes any time: there is nothing to measure")
    return Subject(name, "trace", dag, BUDGET)
