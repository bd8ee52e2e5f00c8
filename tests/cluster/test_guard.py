"""What `guard` writes, while pods are deleted, run out of memory, have no image, fail, or hang."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from cluster.cluster import ADDRESS, Cluster
from cluster.guarding import BEGIN, ENGINES, WAITS_ONCE, GuardedRun, Outcome, Step

ALLOCATES = f"{BEGIN}; exec python3 -c 'b\"x\" * (90 << 20)'"
NOWHERE = f"{ADDRESS}:9/none:1"
"""An image of a registry that refuses connections."""
DECLARED = (
    Step("deletion", WAITS_ONCE, idempotent=True),
    Step("memory", ALLOCATES, idempotent=True, image="python:3", memory="64Mi"),
    Step("exit", f"{BEGIN}; exit 1", idempotent=True),
    Step("image", BEGIN, idempotent=True, image=NOWHERE),
    Step("timeout", f"{BEGIN}; sleep 600", idempotent=True),
)
"""One for each way to fail. The memory is enough for half of what is allocated."""
EFFECTS = tuple(step._replace(name=f"{step.name}-effect", idempotent=False) for step in DECLARED)
"""The same, of which nobody has said that they may run twice."""
SAVED = {
    "argo": {
        "deletion": Outcome(True, 2, ("infrastructure",)),
        "memory": Outcome(True, 2, ("resource",)),
    },
    "tekton": {"deletion": Outcome(True, 2, ("infrastructure",))},
}
"""What becomes of steps that get through, all of which may run twice."""
LOST = {
    "argo": {
        "exit": Outcome(False, 1, ("deterministic",)),
        "image": Outcome(False, 0, ("timeout",)),
        "timeout": Outcome(False, 1, ("timeout",)),
        "deletion-effect": Outcome(False, 1, ("infrastructure",)),
        "memory-effect": Outcome(False, 1, ("resource",)),
        "exit-effect": Outcome(False, 1, ("deterministic",)),
        "image-effect": Outcome(False, 0, ("timeout",)),
        "timeout-effect": Outcome(False, 1, ("timeout",)),
    },
    # Tekton repeats whatever has failed.
    "tekton": {
        "memory": Outcome(False, 2, ("resource",) * 2),
        "exit": Outcome(False, 2, ("deterministic",) * 2),
        "image": Outcome(False, 0, ("infrastructure",) * 2),
        "timeout": Outcome(False, 2, ("timeout",) * 2),
        "deletion-effect": Outcome(False, 1, ("infrastructure",)),
        "memory-effect": Outcome(False, 1, ("resource",)),
        "exit-effect": Outcome(False, 1, ("deterministic",)),
        "image-effect": Outcome(False, 0, ("infrastructure",)),
        "timeout-effect": Outcome(False, 1, ("timeout",)),
    },
}
"""What becomes of the others."""
KNOWN = {
    "argo": ("image", "image-effect", "timeout", "timeout-effect"),
    # Tekton itself ends a task that waits for an image, sooner or later.
    "tekton": ("timeout", "timeout-effect"),
}
"""Steps with past attempts, from which a timeout follows."""
RESTARTED = Outcome(True, 2)
"""What becomes of a step whose engine starts its pod anew: it has begun twice, in one attempt."""
FORCED: Mapping[str, Mapping[str, tuple[Outcome, ...]]] = {
    # Argo does so where the executor in the pod has not said by then how it ended.
    "argo": {
        "forced": (RESTARTED, Outcome(True, 2, ("infrastructure",))),
        "forced-effect": (RESTARTED, Outcome(False, 1, ("infrastructure",))),
    },
    "tekton": {"forced": (RESTARTED,), "forced-effect": (RESTARTED,)},
}
"""What may become of steps whose pods are deleted by force, whatever `guard` writes."""


@pytest.mark.parametrize("engine", ENGINES)
def test_attempts_are_repeated_by_cause(cluster: Cluster, namespace: str, tmp_path: Path, engine: str) -> None:
    steps = {step.name: step for step in (*DECLARED, *EFFECTS)}
    saved, lost = (
        GuardedRun(
            cluster, namespace, tmp_path, engine, name, [steps[step] for step in expected[engine]], KNOWN[engine]
        )
        for name, expected in (("saved", SAVED), ("lost", LOST))
    )
    for run, step in ((saved, "deletion"), (lost, "deletion-effect")):
        delete(cluster, namespace, run.show_end_of(step))
    assert saved.end() == (True, SAVED[engine])
    succeeds, outcomes = lost.end()
    assert (succeeds, {step: settled(step, outcome) for step, outcome in outcomes.items()}) == (False, LOST[engine])


@pytest.mark.parametrize("engine", ENGINES)
def test_engines_start_pods_anew_that_vanish(cluster: Cluster, namespace: str, tmp_path: Path, engine: str) -> None:
    steps = [Step("forced", WAITS_ONCE, idempotent=True), Step("forced-effect", WAITS_ONCE)]
    run = GuardedRun(cluster, namespace, tmp_path, engine, "forced", steps)
    for step in run.steps:
        delete(cluster, namespace, run.wait_for_start(step), "--force", "--grace-period=0")
    _, outcomes = run.end()
    assert outcomes.keys() == FORCED[engine].keys()
    assert all(outcomes[step] in possible for step, possible in FORCED[engine].items()), outcomes


def settled(step: str, outcome: Outcome) -> Outcome:
    """What became of a step; on a loaded machine, its attempt may have met its timeout before it began."""
    may_be_late = step.startswith("timeout") and outcome.starts < len(outcome.causes)
    return outcome._replace(starts=len(outcome.causes)) if may_be_late else outcome


def delete(cluster: Cluster, namespace: str, pod: str, *options: str) -> None:
    cluster.kubectl("delete", "pod", pod, "--namespace", namespace, "--wait=false", *options)
