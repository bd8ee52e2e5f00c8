"""How long reading a history takes: 1,000 runs of 100 steps, an attempt each with what it used.

python -m benchmarks.history --json history.json

Figures:

seconds_100k          CPU seconds of reading the file (bytes, text, lines, runs), the least of some; with --quick of
                      a tenth of the runs, times ten
runs, attempts        how many were read
bytes                 the size of the file
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from benchmarks.harness import arguments, finish, seconds
from couler_plugins.inputs.sources import read_source
from couler_plugins.runs import Attempt, ContainerUse, Run, StepRun
from couler_plugins.runs.history_file import HistoryFile
from couler_plugins.runs.history_format import runs_in_document
from couler_plugins.runs.run import hash_of

LIMITS = {"seconds_100k": 2.0}
STEPS = 100


def main() -> None:
    options = arguments(__doc__ or "")
    count, repeat = (100, 3) if options.quick else (1_000, 5)
    draw = random.Random(options.seed)
    history = HistoryFile()
    history.add(run(number, draw) for number in range(count))
    with tempfile.TemporaryDirectory(prefix="couler-bench-") as name:
        path = Path(name, "history.jsonl")
        path.write_bytes(history.content)
        took = seconds(lambda: read(path), repeat)
        runs = read(path)
    attempts = sum(len(ran.tries) for one in runs for ran in one.steps)
    figures = {
        "runs": len(runs),
        "attempts": attempts,
        "bytes": len(history.content),
        "seconds_100k": took * 100_000 / attempts,
    }
    finish(options, figures, {name: figures[name] for name in LIMITS}, LIMITS)


def read(path: Path) -> list[Run]:
    """The runs of a history."""
    files = [item.file for item in read_source(path, 1 << 30) if item.file is not None]
    return [one for file in files for document in file.documents for one in runs_in_document(document)]


def run(number: int, draw: random.Random) -> Run:
    """A run as an engine tells of it, with what Prometheus knows."""
    begun = 1.78e9 + 3600 * number
    steps = tuple(step(at, number, begun, draw) for at in range(STEPS))
    name = f"nightly-{draw.getrandbits(40):x}"
    return Run(
        family="nightly", name=name, engine="argo", uid=f"{draw.getrandbits(128):032x}", steps=steps, at=begun + 3000
    )


def step(at: int, number: int, begun: float, draw: random.Random) -> StepRun:
    use = ContainerUse(
        container="main",
        cpu_request=1.0,
        memory_request=4 << 30,
        memory=draw.randrange(1 << 28, 4 << 30),
        cpu=round(draw.uniform(0.1, 1.5), 3),
        cpu_p95=round(draw.uniform(0.5, 2.0), 3),
    )
    took = round(draw.uniform(5, 900), 1)
    attempt = Attempt(
        start=begun + 30 * at,
        end=begun + 30 * at + took,
        succeeded=True,
        exit_code=0,
        pod=f"nightly-{number}-work-{at}-{draw.getrandbits(32)}",
        namespace="pipelines",
        node=f"node-{draw.randrange(40)}",
        containers=(use,),
    )
    spec = hash_of([at])
    parents = tuple(sorted(draw.sample(range(at), min(at, 2))))
    key = hash_of([number, at])
    named = f"main/work-{at}"
    return StepRun(step=named, type="work", spec=spec, key=key, parents=parents, seconds=took, tries=(attempt,))


if __name__ == "__main__":
    main()
