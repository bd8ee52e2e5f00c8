"""Chains of Tekton tasks in one pod do what they did before; `benchmarks.live` measures their time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from cluster.cluster import Cluster
from cluster.commands import pipeline, task
from cluster.running import Outcome, run_tekton
from couler_plugins.api import optimize
from couler_plugins.inputs.sources import Text

ODD = '["a", "b"] null\\ \'q\' ü\n'
"""Text that Tekton would take for a list, if it were handed on as it is."""


def fused(document: Mapping[str, Any], pipeline: str = "fuse{keep-original=false}") -> dict[str, Any]:
    """What `fuse` makes of a run."""
    result = optimize(Text(yaml.safe_dump(dict(document))), pipeline)
    (after,) = result.documents
    assert len(after["spec"]["pipelineSpec"]["tasks"]) == 1
    return dict(after)


def short(prefix: str, failing: int = -1) -> dict[str, Any]:
    """Four tasks; the first one's result goes to the third, whose own is that of the run."""
    tasks = []
    for number in range(4):
        fields: dict[str, Any] = {"runAfter": [f"t{number - 1}"]} if number else {}
        end = "exit 7" if number == failing else "true"
        if number == 0:
            end = f"printf '%s' '{ODD.replace(chr(39), chr(39) + chr(92) + chr(39) * 2)}' > $(results.seed.path)"
            fields["results"] = ["seed"]
        if number == 2:
            fields |= {"params": [{"name": "seed", "value": "<$(tasks.t0.results.seed)>"}], "results": ["out"]}
            end = 'printf "%s" "$SEED" > $(results.out.path)'
        one = task(f"t{number}", f"echo this is t{number}; {end}", **fields)
        if number == 2:
            one["taskSpec"]["steps"][0]["env"] = [{"name": "SEED", "value": "$(params.seed)"}]
        tasks.append(one)
    return pipeline(prefix, tasks, results=[{"name": "out", "value": "$(tasks.t2.results.out)"}])


def steps_of(cluster: Cluster, namespace: str, run: Outcome) -> dict[str, Any]:
    """The state of each step of a run by its task or its name, with its log as `log`."""
    states = {}
    for one in cluster.api.list(namespace, "TaskRun", labelSelector=f"tekton.dev/pipelineRun={run.name}"):
        status = one["status"]
        for step in status.get("steps", ()):
            log = cluster.api.logs(namespace, status["podName"], step["container"])
            name = one["metadata"]["labels"]["tekton.dev/pipelineTask"] if step["name"] == "s0" else step["name"]
            states[name] = {**step["terminated"], "log": log}
    return states


def test_results_and_logs_are_as_before_in_one_pod(cluster: Cluster, namespace: str) -> None:
    before = run_tekton(cluster, namespace, short("apart-"))
    after = run_tekton(cluster, namespace, fused(short("fused-")))
    assert (before.phase, before.outputs) == ("Succeeded", {"out": f"<{ODD}>"})
    assert (after.phase, after.outputs) == (before.phase, before.outputs)
    assert len(cluster.api.list(namespace, "Pod", labelSelector=f"tekton.dev/pipelineRun={after.name}")) == 1
    old, new = steps_of(cluster, namespace, before), steps_of(cluster, namespace, after)
    assert {name: new[name]["log"] for name in old} == {name: step["log"] for name, step in old.items()}


def test_a_failure_in_the_middle_is_that_of_its_step(cluster: Cluster, namespace: str) -> None:
    before = run_tekton(cluster, namespace, short("apart-", failing=1))
    after = run_tekton(cluster, namespace, fused(short("fused-", failing=1)))
    assert (before.phase, after.phase) == ("Failed", "Failed")
    old, new = steps_of(cluster, namespace, before), steps_of(cluster, namespace, after)
    assert {name: new[name]["exitCode"] for name in old} == {"t0": 0, "t1": 7}
    assert {name: new[name]["log"] for name in old} == {name: step["log"] for name, step in old.items()}
    assert not any("this is" in step["log"] for name, step in new.items() if name not in old)


def test_a_chain_is_tried_again_as_a_whole(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    scripts = ["true", "[ -e /effects/tried ] || { touch /effects/tried; exit 3; }", "true"]
    tasks = []
    for number, script in enumerate(scripts):
        fields: dict[str, Any] = {"runAfter": [f"t{number - 1}"]} if number else {}
        one = task(f"t{number}", f"echo t{number} >> /effects/log; {script}", retries=1, **fields)
        one["taskSpec"]["volumes"] = [{"name": "effects", "hostPath": {"path": str(tmp_path), "type": "Directory"}}]
        one["taskSpec"]["steps"][0]["volumeMounts"] = [{"name": "effects", "mountPath": "/effects"}]
        one["taskSpec"]["metadata"] = {"annotations": {"couler.io/idempotent": "true"}}
        tasks.append(one)
    outcome = run_tekton(cluster, namespace, fused(pipeline("again-", tasks)))
    assert outcome.phase == "Succeeded"
    assert (tmp_path / "log").read_text().split() == ["t0", "t1", "t0", "t1", "t2"]


def test_workspaces_and_tasks_by_name_are_as_before(cluster: Cluster, namespace: str) -> None:
    script = "#!/bin/sh\necho $(params.what) >> $(workspaces.place.path)/file\ncat $(workspaces.place.path)/file\n"
    spec = {
        "params": [{"name": "what", "default": "usual"}],
        "workspaces": [{"name": "place"}],
        "steps": [{"name": "s0", "image": "busybox:1", "script": script}],
    }
    shared = {"apiVersion": "tekton.dev/v1", "kind": "Task", "metadata": {"name": "add"}, "spec": spec}
    bound = {"workspaces": [{"name": "place", "workspace": "shared"}], "taskRef": {"name": "add"}}
    tasks = [
        {"name": "one", **bound},
        {"name": "two", "runAfter": ["one"], "params": [{"name": "what", "value": "more"}], **bound},
    ]
    run = pipeline("named-", tasks, workspaces=[{"name": "shared"}], params=[{"name": "what", "default": "around"}])
    run["spec"]["workspaces"] = [{"name": "shared", "emptyDir": {}}]
    cluster.api.create(namespace, shared)
    (after, _) = optimize(Text(yaml.safe_dump_all([run, shared])), "fuse{keep-original=false}").documents
    for document in (run, after):
        outcome = run_tekton(cluster, namespace, document)
        logs = [step["log"] for step in steps_of(cluster, namespace, outcome).values()]
        assert (outcome.phase, sorted(logs)) == ("Succeeded", ["more\n", "usual\n"])
