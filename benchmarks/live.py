"""What `fuse` and `parallelize` do to the time of short steps, on a live cluster.

python3 dev.py cluster up
python3 dev.py cluster shell .venv/bin/python -m benchmarks.live --json live.json

Each workflow runs as it is, and right afterwards as the optimizer writes it; that is repeated. Nothing else should use
the node. With a result, the runs of both have to give the same.

Figures, for each of the workflows:

seconds_before   seconds of the run as it is, the median
seconds_after    the same, optimized
ratio            of each pair of runs the second time by the first, the median

fuse_script      ten steps of a second on Argo, as one script in a pod
fuse_set         the same, each of which leaves a file, as a container set
fuse_tekton      ten tasks of a second on Tekton
parallelize      six steps of two seconds on Argo that need not wait for each other, and one that reads all of them
"""

from __future__ import annotations

import statistics
import sys
import uuid
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from benchmarks.harness import arguments, finish, tell
from couler_plugins import Text, optimize

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from cluster.cluster import Cluster  # what tests run a cluster with
from cluster.commands import busybox, dag, pipeline, task
from cluster.running import run_argo, run_tekton

ROUNDS, QUICK = 3, 1
PURE = {"metadata": {"annotations": {"couler.io/cache": "pure"}}}


class Case(NamedTuple):
    """A workflow, and what makes it faster.

    Attributes:
        document: the workflow.
        pipeline: the optimizer.
        most: the share of its time that it is to take.
    """

    document: dict[str, Any]
    pipeline: str
    most: float


def chain(before: str = "") -> dict[str, Any]:
    """Ten steps of a second each, one after another, which do something before."""
    names = "abcdefghij"
    templates = [busybox(name, f"{before}sleep 1; echo this is {name}") for name in names]
    tasks = [{"name": one, "template": one, "depends": before} for before, one in zip(f" {names}", names, strict=False)]
    return dag("chain-", [{key: text for key, text in one.items() if text != " "} for one in tasks], templates)


def tasks() -> dict[str, Any]:
    """Ten tasks of a second each, one after another."""
    order = [{"runAfter": [f"t{number - 1}"]} if number else {} for number in range(10)]
    return pipeline("chain-", [task(f"t{number}", "sleep 1", **fields) for number, fields in enumerate(order)])


def steps() -> dict[str, Any]:
    """Six steps of two seconds, each in a stage of its own, and one that reads what they have made."""
    text = {"outputs": {"parameters": [{"name": "text", "valueFrom": {"path": "/tmp/text"}}]}}
    inputs = {"inputs": {"parameters": [{"name": "word"}]}}
    script = "sleep 2; echo made-{{inputs.parameters.word}} > /tmp/text"
    names = [f"s{number}" for number in range(6)]

    def step(name: str, template: str, word: str) -> list[dict[str, Any]]:
        return [{"name": name, "template": template, "arguments": {"parameters": [{"name": "word", "value": word}]}}]

    texts = " ".join(f"{{{{steps.{name}.outputs.parameters.text}}}}" for name in names)
    last = busybox("sum", "echo {{inputs.parameters.word}} > /tmp/text", **inputs, **text)
    document = dag("steps-", [], [busybox("word", script, **inputs, **text, **PURE), last])
    stages = [*(step(name, "word", name) for name in names), step("sum", "sum", texts)]
    document["spec"]["templates"][0] = {"name": "main", "steps": stages}
    return document


CASES: Mapping[str, Case] = {
    "fuse_script": Case(chain(), "fuse{allow=files,keep-original=false}", 0.4),
    "fuse_set": Case(chain("touch /left; "), "fuse{keep-original=false}", 0.4),
    "fuse_tekton": Case(tasks(), "fuse{keep-original=false}", 0.4),
    "parallelize": Case(steps(), "parallelize", 0.5),
}


def main() -> None:
    options = arguments(__doc__ or "")
    cluster = Cluster()
    if not cluster.is_up:
        raise SystemExit("this benchmark needs a cluster, and none is up: python3 dev.py cluster up")
    name = f"live-{uuid.uuid4().hex[:6]}"
    cluster.add_namespace(name)
    try:
        rounds = QUICK if options.quick else ROUNDS
        figures = {key: measured(cluster, name, key, case, rounds) for key, case in CASES.items()}
    finally:
        cluster.api.remove_namespace(name)
    bars = {key: figures[key]["ratio"] for key in CASES}
    finish(options, figures, bars, {key: case.most for key, case in CASES.items()})


def optimized(case: Case) -> dict[str, Any]:
    """What the optimizer makes of a workflow."""
    result = optimize(Text(yaml.safe_dump(case.document)), case.pipeline)
    (after,) = result.documents
    if not result.changed:
        raise SystemExit(f"{case.pipeline} leaves it as it is: {result.files[0].decisions}")
    return dict(after)


def measured(cluster: Cluster, namespace: str, key: str, case: Case, rounds: int) -> dict[str, float]:
    """The figures of one workflow."""
    after = optimized(case)
    pairs = []
    for number in range(rounds):
        tell(f"{key}, {number + 1} of {rounds}")
        (old, text), (new, same) = (seconds(cluster, namespace, one) for one in (case.document, after))
        if text != same:
            raise SystemExit(f"{key}: {text} becomes {same}")
        pairs.append((old, new))
    return {
        "seconds_before": statistics.median(old for old, _ in pairs),
        "seconds_after": statistics.median(new for _, new in pairs),
        "ratio": statistics.median(new / old for old, new in pairs),
    }


def seconds(cluster: Cluster, namespace: str, document: Mapping[str, Any]) -> tuple[float, Any]:
    """How long a run takes, and what its last step gives."""
    is_tekton = document["kind"] == "PipelineRun"
    run: Callable[..., Any] = run_tekton if is_tekton else run_argo
    outcome = run(cluster, namespace, document)
    if outcome.phase != "Succeeded":
        raise SystemExit(f"{outcome.name} {outcome.phase}: {outcome.messages}")
    status = cluster.api.get(namespace, document["kind"], outcome.name)["status"]
    ends = ("startTime", "completionTime") if is_tekton else ("startedAt", "finishedAt")
    start, end = (datetime.fromisoformat(status[key]) for key in ends)
    return (end - start).total_seconds(), outcome.outputs.get("sum")


if __name__ == "__main__":
    main()
