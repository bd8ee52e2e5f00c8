"""`couler run`: what runs, what it says of the end, and that nothing runs twice."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from cluster.cluster import Cluster
from cluster.commands import busybox, couler, dag, killed_once, may, pipeline, task, written

NUMBER = {"outputs": {"parameters": [{"name": "num", "valueFrom": {"path": "/tmp/num"}, "globalName": "number"}]}}
FAILING = dag(
    "fails-",
    [
        {"name": "good", "template": "good"},
        {"name": "bad", "template": "bad", "depends": "good"},
        {"name": "again", "template": "again", "depends": "good"},
    ],
    [
        busybox("good", "true"),
        busybox("bad", "seq 30; printf '\\033[31mpassword=hunter2\\033[0m\\n'; echo it is broken; exit 4"),
        busybox("again", "echo tried; exit 3", retryStrategy={"limit": 1}),
    ],
)
FAILING["spec"]["templates"][0]["dag"]["failFast"] = False
FAILING_TASKS = pipeline(
    "fails-", [task("good", "true"), task("bad", "true", "seq 30; echo token=abc; exit 4", "true")]
)
LAST = [*(f"    | {number}" for number in range(23, 31)), "    | password=***", "    | it is broken"]


def run(
    cluster: Cluster, folder: Path, namespace: str, document: dict[str, Any], *arguments: str, code: int = 0
) -> Any:
    done = couler(cluster, folder, "run", written(folder, document), "--namespace", namespace, *arguments)
    assert done.returncode == code, done.stdout + done.stderr
    return done


def test_the_outputs_of_a_workflow_are_told(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    document = dag("gives-", [{"name": "a", "template": "make"}], [busybox("make", "echo -n 7 > /tmp/num", **NUMBER)])
    done = run(cluster, tmp_path, namespace, document, "--run-id", "r1")
    (workflow,) = cluster.api.list(namespace, "Workflow")
    place = f"{namespace}/{workflow['metadata']['name']}"
    assert done.stdout.splitlines() == [f"{place}: succeeded", "  number = 7"]
    again = run(cluster, tmp_path, namespace, document, "--run-id", "r1")
    assert (again.stdout, len(cluster.api.list(namespace, "Workflow"))) == (done.stdout, 1)


def test_what_failed_in_a_workflow_is_told(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    done = run(cluster, tmp_path, namespace, FAILING, code=1)
    head, *lines = done.stdout.splitlines()
    assert head.endswith(": failed")
    bad, again = ["  bad: failed (main: Error (exit code 4))", *LAST], ["  again: failed (main: Error (exit code 3))"]
    assert lines == [*bad, *again, "    | tried"]


def test_what_failed_in_a_part_is_told(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    tasks = [{"name": "good", "template": "good"}, {"name": "bad", "template": "bad", "depends": "good"}]
    document = dag("parts-", tasks, [busybox("good", "true"), busybox("bad", "echo broken; exit 4")])
    done = run(cluster, tmp_path, namespace, document, "-p", "split{max-steps=1}", code=1)
    assert done.stdout.splitlines()[1:] == ["  bad: failed (main: Error (exit code 4))", "    | broken"]


def test_what_failed_in_a_pipeline_is_told(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    done = run(cluster, tmp_path, namespace, FAILING_TASKS, code=1)
    head, *lines = done.stdout.splitlines()
    assert ": failed (Tasks Completed: 2 (Failed: 1, Cancelled 0)" in head
    said = [*(f"    | {number}" for number in range(22, 31)), "    | token=***"]
    assert lines == ['  bad: failed ("step-s1" exited with code 4: Error)', *said]


def test_who_may_not_read_logs_is_told_the_rest(cluster: Cluster, namespace: str, tmp_path: Path) -> None:
    rbac = {"apiVersion": "rbac.authorization.k8s.io/v1", "metadata": {"name": "runner", "namespace": namespace}}
    rule = {"apiGroups": ["argoproj.io"], "resources": ["workflows"], "verbs": ["create", "get"]}
    account = {"kind": "ServiceAccount", "name": "runner", "namespace": namespace}
    reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "runner"}
    cluster.apply(
        [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": rbac["metadata"]},
            {**rbac, "kind": "Role", "rules": [rule]},
            {**rbac, "kind": "RoleBinding", "roleRef": reference, "subjects": [account]},
        ]
    )
    cluster.wait_for("the right", lambda: may(cluster, namespace, "runner", "create", "workflows.argoproj.io"))
    settings = yaml.safe_load(Path(cluster.environment()["KUBECONFIG"]).read_text())
    token = cluster.api.token(namespace, "runner")
    settings["users"] = [{"name": settings["users"][0]["name"], "user": {"token": token}}]
    (tmp_path / "kubeconfig").write_text(json.dumps(settings))
    file = written(tmp_path, dag("fails-", [{"name": "bad", "template": "bad"}], [busybox("bad", "exit 4")]))
    environment = {**cluster.environment(), "KUBECONFIG": str(tmp_path / "kubeconfig")}
    done = couler(cluster, tmp_path, "run", file, "--namespace", namespace, env=environment)
    assert done.returncode == 1, done.stderr
    _, failed, note = done.stdout.splitlines()
    assert failed == "  bad: failed (main: Error (exit code 4))"
    assert note.startswith(f"    its log is not here: the cluster refused to read the log of {namespace}/")
    assert "403 Forbidden" in note


def test_what_a_split_pipeline_is_said_to_have_created_is_there(
    cluster: Cluster, namespace: str, tmp_path: Path
) -> None:
    reads = [{"name": "x", "value": "$(tasks.a.results.x)"}]
    tasks = [
        task("a", "printf 4 > $(results.x.path)", results=["x"]),
        task("b", "printf %s$(params.x) 2 > $(results.score.path)", results=["score"], params=reads),
    ]
    document = pipeline("two-", tasks, results=[{"name": "score", "value": "$(tasks.b.results.score)"}])
    done = run(cluster, tmp_path, namespace, document, "-p", "split{max-steps=1}")
    created = {line.split(":")[0] for line in done.stderr.splitlines() if line.endswith(": created")}
    found = {
        f"PipelineRun {namespace}/{item['metadata']['name']}" for item in cluster.api.list(namespace, "PipelineRun")
    }
    assert {name for name in created if name.startswith("PipelineRun ")} == found
    whole = found.pop().partition(" ")[2].rpartition("-part-")[0]
    assert done.stdout.splitlines()[-2:] == [f"{whole}: succeeded", "  score = 24"]


@pytest.mark.parametrize("kind", ["argo", "tekton"])
def test_a_run_that_was_killed_is_taken_up_and_nothing_runs_twice(
    cluster: Cluster, namespace: str, tmp_path: Path, kind: str
) -> None:
    if kind == "argo":
        names = [{"name": "a", "template": "nap"}, {"name": "b", "template": "nap", "depends": "a"}]
        document = dag("killed-", names, [busybox("nap", "sleep 2")])
    else:
        document = pipeline("killed-", [task("a", "sleep 2"), task("b", "true", runAfter=["a"])])
    arguments = ["run", written(tmp_path, document), "-p", "split{max-steps=1}", "--namespace", namespace]
    arguments += ["--journal", "run.jsonl"]
    kinds = {"argo": ("Workflow", "running"), "tekton": ("PipelineRun", "part-1: running")}
    runs, when = kinds[kind]
    said = killed_once(cluster, tmp_path, when, *arguments)
    created = [line for line in said.splitlines() if line.endswith(": created")]
    done = couler(cluster, tmp_path, *arguments)
    assert done.returncode == 0, done.stderr
    created += [line for line in done.stderr.splitlines() if line.endswith(": created")]
    assert len(created) == len(set(created))
    assert "there already" not in done.stderr
    pods = [item["metadata"]["name"] for item in cluster.api.list(namespace, "Pod")]
    # A part of Argo's is started by a pod of its own.
    assert (len(cluster.api.list(namespace, runs)), len(pods)) == {"argo": (3, 4), "tekton": (2, 2)}[kind]


@pytest.mark.parametrize("value", ["y", "on"])
def test_an_unquoted_name_reaches_the_server_as_a_boolean(
    cluster: Cluster, namespace: str, tmp_path: Path, value: str
) -> None:
    text = f"""
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{generateName: bool-}}
spec:
  entrypoint: main
  arguments: {{parameters: [{{name: {value}, value: x}}]}}
  templates: [{{name: main, container: {{image: "busybox:1", command: ["true"]}}}}]
"""
    (tmp_path / "w.yaml").write_text(text)
    sent = cluster.run("kubectl", "create", "--dry-run=server", "--namespace", namespace, "-f", "w.yaml", cwd=tmp_path)
    assert (sent.returncode, 'must be of type string: "boolean"' in sent.stderr) == (1, True), sent.stderr
    said = couler(cluster, tmp_path, "run", "-p", "cache", "w.yaml", "--namespace", namespace)
    assert said.returncode == 2
    assert "w.yaml:7: the name of a parameter is not text: Kubernetes reads it as true" in said.stderr
    assert "put the name in quotes" in said.stderr
    (tmp_path / "w.yaml").write_text(text.replace(f"name: {value}", f'name: "{value}"'))
    assert cluster.kubectl("create", "--dry-run=server", "--namespace", namespace, "-f", "w.yaml", cwd=tmp_path)
