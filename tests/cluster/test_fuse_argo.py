"""Chains of Argo's steps in one pod do what they did before; `benchmarks.live` measures their time."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import pytest

from cluster.cluster import Cluster
from cluster.commands import busybox, dag
from cluster.running import run_argo
from couler_plugins.api import optimize

FORMS = ["as one script", "as a container set"]
LEAVE = {FORMS[0]: "", FORMS[1]: "touch /left; "}
"""A step that leaves a file where the others must not find it needs a container of its own."""
ODD = 'it\'s "$HOME" $(date) `date` \\n $$ $$$$ é\nnext'
OTHERS = re.compile(r"time=\S+ level=|Error: exit status |Terminated$")


def fused(document: Mapping[str, Any], form: str) -> dict[str, Any]:
    """What `fuse` makes of a workflow, all in one form."""
    word = "allow=files," if form == FORMS[0] else ""
    result = optimize(dict(document), f"fuse{{{word}keep-original=false}}")
    assert [form in item.action for item in result.files[0].decisions if item.action] == [True], result.files[
        0
    ].decisions
    return dict(result.documents[0])


def chained(names: str, templates: list[Any], **spec: Any) -> dict[str, Any]:
    """A workflow of tasks that wait for one another; each calls the template of its name."""
    tasks = [
        {"name": name, "template": name, **({"depends": names[number - 1]} if number else {})}
        for number, name in enumerate(names)
    ]
    return dag("chain-", tasks, templates, **spec)


def short(form: str) -> dict[str, Any]:
    """Four steps."""
    return chained("abcd", [busybox(name, f"{LEAVE[form]}echo this is {name}") for name in "abcd"])


def pods_of(cluster: Cluster, namespace: str, run: str) -> list[dict[str, Any]]:
    """The pods of a run that has ended, in the order in which they were made.

    Argo may call a run ended before the kubelet says how its pods have.
    """

    def pods() -> list[dict[str, Any]]:
        return cluster.api.list(namespace, "Pod", labelSelector=f"workflows.argoproj.io/workflow={run}")

    ended = ("Failed", "Succeeded")
    cluster.wait_for("the end of the pods", lambda: all(pod["status"].get("phase") in ended for pod in pods()))
    return sorted(pods(), key=lambda pod: pod["metadata"]["creationTimestamp"])


def log_of(cluster: Cluster, namespace: str, pod: Mapping[str, Any], container: str = "main") -> list[str]:
    """The lines of a container's log that its steps and `couler` have written: Argo's executor writes some, too."""
    text: str = cluster.api.logs(namespace, pod["metadata"]["name"], container)
    return [line for line in text.splitlines() if not OTHERS.match(line)]


def codes(pod: Mapping[str, Any]) -> dict[str, int]:
    """The exit codes of the containers of a pod."""
    states = pod["status"]["containerStatuses"]
    return {item["name"]: item["state"]["terminated"]["exitCode"] for item in states if item["name"] != "wait"}


@pytest.mark.parametrize("form", FORMS)
def test_short_steps_run_in_one_pod(cluster: Cluster, namespace: str, form: str) -> None:
    after = run_argo(cluster, namespace, fused(short(form), form))
    assert after.phase == "Succeeded"
    (pod,) = pods_of(cluster, namespace, after.name)
    logs = {name: log_of(cluster, namespace, pod, name) for name in codes(pod)}
    lines = [line for log in logs.values() for line in log if "this is" in line]
    assert sorted(line.rpartition(" ")[2] for line in lines) == list("abcd")
    if form == FORMS[0]:  # the standard error comes by a way of its own
        marks = [line for line in logs["main"] if line.startswith("couler: ")]
        assert marks == [f"couler: step {name}" for name in "abcd"]


def handing(odd: str = ODD) -> dict[str, Any]:
    """A chain that hands on values and an artifact, of which two others read what it makes."""
    outputs: dict[str, Any] = {
        "parameters": [{"name": "n", "valueFrom": {"path": "/tmp/n"}}],
        "artifacts": [{"name": "d", "path": "/tmp/d"}],
    }
    read: Any = {"parameters": [{"name": "x"}], "artifacts": [{"name": "d", "path": "/tmp/in"}]}
    write = "printf '%s\\n' \"$0\" > /tmp/n; mkdir /tmp/d; echo inner > /tmp/d/file; echo first"
    first = {
        "name": "a",
        "container": {"image": "busybox:1", "command": ["sh", "-c", write], "args": ["{{inputs.parameters.x}}"]},
    }
    source = "cat <<'END'\n{{inputs.parameters.x}}\nEND\nls /tmp; cat /tmp/in/file; echo last > /tmp/n\n"
    second = {"name": "b", "script": {"image": "busybox:1", "command": ["sh"], "source": source}}
    show = 'echo "$0"; ls /tmp/in; cat /tmp/in/file'
    third = {"image": "busybox:1", "command": ["sh", "-c", show], "args": ["{{inputs.parameters.x}}"]}

    def passed(value: str, artifact: str = "") -> dict[str, Any]:
        files = [{"name": "d", "from": f"{{{{{artifact}}}}}"}] if artifact else []
        lists = {"parameters": [{"name": "x", "value": value}], "artifacts": files}
        return {"arguments": {key: items for key, items in lists.items() if items}}

    values = "{{tasks.a.outputs.parameters.n}} {{tasks.a.outputs.result}}"
    both = "{{tasks.b.outputs.result}} {{tasks.a.outputs.parameters.n}}"
    number = {"parameters": [outputs["parameters"][0]]}
    return dag(
        "hands-",
        [
            {"name": "a", "template": "a", **passed("{{workflow.parameters.odd}}")},
            {"name": "b", "template": "b", "depends": "a", **passed(values, "tasks.a.outputs.artifacts.d")},
            {"name": "c", "template": "c", "depends": "b", **passed(both, "tasks.a.outputs.artifacts.d")},
            {
                "name": "d",
                "template": "c",
                "depends": "b",
                **passed("{{tasks.b.outputs.parameters.n}}", "tasks.a.outputs.artifacts.d"),
            },
        ],
        [
            {**first, "inputs": {"parameters": [{"name": "x"}]}, "outputs": outputs},
            {**second, "inputs": read, "outputs": number},
            {"name": "c", "container": third, "inputs": read},
        ],
        arguments={"parameters": [{"name": "odd", "value": odd}]},
    )


def test_values_artifacts_and_results_are_as_before(cluster: Cluster, namespace: str) -> None:
    logs = []
    marks = set(re.findall(r"COULER-\w+", str(fused(handing(), FORMS[0]))))
    assert marks
    handed = handing("\n".join((ODD, *(f"{mark}\necho run as a program" for mark in marks))))
    for document in (handed, fused(handed, FORMS[0])):
        run = run_argo(cluster, namespace, document)
        assert run.phase == "Succeeded", run.messages
        pods = pods_of(cluster, namespace, run.name)
        readers = [pod for pod in pods if "-c-" in pod["metadata"]["name"]]
        logs.append(sorted(log_of(cluster, namespace, pod) for pod in readers))
        assert len(pods) == (4 if len(logs) == 1 else 3)
    assert logs[0] == logs[1]
    assert len(logs[0]) == 2


@pytest.mark.parametrize("form", FORMS)
def test_a_failure_in_the_middle_ends_the_pod(cluster: Cluster, namespace: str, form: str) -> None:
    first = busybox("a", f"{LEAVE[form]}echo first")
    templates = [first, busybox("b", "echo broken; exit 7"), busybox("c", "echo late")]
    document = chained("abc", templates)
    before = run_argo(cluster, namespace, document)
    after = run_argo(cluster, namespace, fused(document, form))
    assert (before.phase, after.phase) == ("Failed", "Failed")
    (pod,) = pods_of(cluster, namespace, after.name)
    if form == FORMS[0]:
        assert before.messages["b"] == after.messages["a-to-c"] == "main: Error (exit code 7)"
        assert sorted(log_of(cluster, namespace, pod)) == ["broken", "couler: step a", "couler: step b", "first"]
    else:
        assert codes(pod) == {"a": 0, "b": 7, "main": 64}
        assert "late" not in log_of(cluster, namespace, pod)


@pytest.mark.parametrize("form", FORMS)
def test_a_chain_is_tried_again_as_its_steps_were(cluster: Cluster, namespace: str, form: str) -> None:
    first = busybox("a", f"{LEAVE[form]}echo first")
    templates = [first, busybox("b", "exit 3", retryStrategy={"limit": 2})]
    document = chained("ab", templates)
    document["metadata"]["annotations"] = {"couler.io/idempotent": "true"}
    run = run_argo(cluster, namespace, fused(document, form))
    assert run.phase == "Failed"
    assert len(pods_of(cluster, namespace, run.name)) == 3


def test_a_run_that_is_stopped_starts_no_other_part(cluster: Cluster, namespace: str) -> None:
    read = {"parameters": [{"name": "x"}]}
    templates = [
        busybox("a", "trap 'echo ended; exit 0' TERM; echo begun; sleep 100"),
        busybox("b", "echo {{inputs.parameters.x}}", inputs=read),
    ]
    document = chained("ab", templates)
    passed = {"parameters": [{"name": "x", "value": "{{tasks.a.outputs.result}}"}]}
    document["spec"]["templates"][0]["dag"]["tasks"][1]["arguments"] = passed
    name = cluster.api.create(namespace, fused(document, FORMS[0]))["metadata"]["name"]

    def log() -> str:
        found = cluster.api.list(namespace, "Pod", labelSelector=f"workflows.argoproj.io/workflow={name}")
        running = [pod["metadata"]["name"] for pod in found if pod["status"].get("phase") == "Running"]
        return cluster.api.logs(namespace, running[0], "main") if running else ""

    cluster.wait_for("the first part", lambda: "begun" in log())
    patch = '{"spec": {"shutdown": "Stop"}}'
    cluster.kubectl("patch", "workflow", name, "--namespace", namespace, "--type", "merge", "--patch", patch)

    def phase() -> str:
        return str(cluster.api.get(namespace, "Workflow", name)["status"].get("phase"))

    cluster.wait_for("the end", lambda: phase() in ("Failed", "Succeeded", "Error"))
    (pod,) = pods_of(cluster, namespace, name)
    assert sorted(log_of(cluster, namespace, pod)) == ["begun", "couler: step a", "ended"]
    assert (phase(), codes(pod)) == ("Failed", {"main": 143})
