"""What `guard` writes, while the API server and the node are away; both engines share each fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from cluster.cluster import Cluster
from cluster.faults import without_api_server, without_node
from cluster.guarding import ENGINES, WAITS_FOR_A_FILE, WAITS_ONCE, GuardedRun, Outcome, Step

SAVED = {
    # Nothing is repeated for the API server: engines wait for it.
    Step("api-server", WAITS_FOR_A_FILE, idempotent=True): Outcome(True, 1),
    Step("api-server-effect", WAITS_FOR_A_FILE): Outcome(True, 1),
    Step("node", WAITS_ONCE, idempotent=True): Outcome(True, 2, ("infrastructure",)),
}
LOST = {Step("node-effect", WAITS_ONCE): Outcome(False, 1, ("infrastructure",))}
EVICTED = ("node", "node-effect")


def test_a_node_and_the_api_server_are_away(cluster: Cluster, namespace: str, faults: None, tmp_path: Path) -> None:
    expected = {
        GuardedRun(cluster, namespace, tmp_path, engine, name, list(outcomes)): (name == "saved", outcomes)
        for name, outcomes in (("saved", SAVED), ("lost", LOST))
        for engine in ENGINES
    }
    for run in expected:
        for step in run.steps:
            run.show_end_of(step) if step in EVICTED else run.wait_for_start(step)
    with without_api_server(cluster):
        for run in expected:
            run.go()

    def running() -> list[dict[str, Any]]:
        return [pod for pod in cluster.api.list(namespace, "Pod") if pod["status"]["phase"] == "Running"]

    cluster.wait_for("the end of all but what waits for ever", lambda: len(running()) == len(expected))
    without_node(cluster, lambda: all("deletionTimestamp" in pod["metadata"] for pod in running()))
    for run, (succeeds, outcomes) in expected.items():
        assert run.end() == (succeeds, {step.name: outcome for step, outcome in outcomes.items()})
