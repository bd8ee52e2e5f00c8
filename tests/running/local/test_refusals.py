"""What cannot mean the same here is refused before anything runs: each place by name, with the reason."""

from __future__ import annotations

from pathlib import Path

import pytest

from couler_argo.plugin import ArgoAdapter
from couler_plugins.documents import read
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.hookspecs.running import Request, Where
from couler_plugins.running.local import LocalRunner
from couler_plugins.running.local.jobs import works_of
from running.local.running import script, workflow

MAIN = "steps:\n- - {name: a, template: leaf}\n"
LEAF = script("echo x")


def refusal(text: str, kind: type[CoulerError] = Unsupported) -> str:
    documents = [document.data for document in read(text, "w.yaml").documents]
    with pytest.raises(kind) as caught:
        works_of(ArgoAdapter(), documents, Request(run="r"))
    return str(caught.value)


def leaf(**fields: str) -> str:
    return workflow(MAIN, leaf=script("echo x", **fields))


def body(field: str) -> str:
    return workflow(MAIN, leaf=LEAF.replace("script:\n", f"script:\n  {field}\n"))


def step(field: str) -> str:
    return workflow(MAIN.replace("template: leaf}", f"template: leaf, {field}}}"), leaf=LEAF)


def spec(field: str) -> str:
    return workflow(MAIN, leaf=LEAF).replace("  entrypoint: main\n", f"  entrypoint: main\n  {field}\n")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (
            workflow(MAIN, leaf="container: {image: i, command: [x]}"),
            "leaf: its kind is container, and --local runs only scripts",
        ),
        (workflow(MAIN, leaf="suspend: {}"), "leaf: its kind is suspend"),
        (workflow(MAIN, leaf="resource: {action: create, manifest: x}"), "leaf: its kind is resource"),
        (workflow(MAIN, leaf="http: {url: x}"), "leaf: its kind is http"),
        (workflow(MAIN, leaf=script("x", "node")), "leaf: its interpreter is 'node', and none that is known here"),
        (workflow(MAIN, leaf=script("x", "python2.7")), "leaf: its interpreter is 'python2.7'"),
        (workflow(MAIN, leaf=script("x", "python3.99")), "leaf: there is no 'python3.99' here"),
        (leaf(daemon="true"), "leaf: it keeps running beside the steps after it"),
        (leaf(memoize="{key: k, cache: {configMap: {name: c}}}"), "leaf: its owner has the engine cache it"),
        (leaf(synchronization="{mutexes: [{name: m}]}"), "leaf: it takes locks that others hold as well"),
        (leaf(sidecars="[{name: s, image: i}]"), "leaf: it has a sidecar"),
        (leaf(initContainers="[{name: s, image: i}]"), "leaf: it has an init container"),
        (leaf(retryStrategy="{limit: '{{workflow.parameters.x}}'}"), "leaf: how often it is tried is only known"),
        (leaf(retryStrategy="{backoff: {duration: 1d}}"), "leaf: how long it waits between attempts is only known"),
        (leaf(retryStrategy="{backoff: {factor: 2}}"), "leaf: its backoff has no duration"),
        (leaf(retryStrategy="{backoff: {duration: 1s, maxDuration: 1m}}"), "leaf: its attempts depend on 'backoff'"),
        (leaf(retryStrategy="{expression: workflow.name == 'w'}"), "leaf: its attempts depend on 'workflow.name'"),
        (leaf(retryStrategy="{expression: sprig.trim(lastRetry.message) == 'x'}"), "leaf: the "),
        (leaf(retryStrategy="{expression: 'lastRetry.exitCode =='}"), "leaf: the expression "),
        (leaf(retryStrategy="{retryPolicy: OnTransientError}"), "leaf: its retryPolicy is 'OnTransientError'"),
        (leaf(somethingNew="true"), "leaf: its somethingNew has a meaning only in a cluster"),
        (leaf(outputs="{artifacts: [{name: a, path: /tmp/a, s3: {key: k}}]}"), "goes to a place of its own (s3)"),
        (leaf(inputs="{artifacts: [{name: a, path: /tmp/a, http: {url: u}}]}"), "comes from outside (http)"),
        (
            leaf(inputs="{parameters: [{name: a, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}"),
            "comes from outside",
        ),
        (leaf(outputs="{artifacts: [{name: a, path: /data/a}]}"), "does not contain the path /data/a"),
        (leaf(outputs="{artifacts: [{name: a, path: '/tmp/{{workflow.name}}'}]}"), "is only known at run time"),
        (leaf(outputs="{artifacts: [{name: a, path: /tmp/../etc/a}]}"), "is no absolute path of a file"),
        (leaf(outputs="{parameters: [{name: a, valueFrom: {jsonPath: x}}]}"), "is no file at a path"),
        (body("volumeMounts: [{name: v, mountPath: /v}]"), "leaf: it mounts a volume"),
        (body("envFrom: [{secretRef: {name: s}}]"), "leaf: its environment comes from a secret or a ConfigMap"),
        (
            body("env: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]"),
            "its variable 'A' comes from a secret",
        ),
        (body("args: [x]"), "leaf: its script has arguments"),
        (step("templateRef: {name: t, template: x}").replace("template: leaf, ", ""), "main/a: it calls something"),
        (
            step("hooks: {running: {template: leaf, expression: 'true'}}"),
            "main/a: it has a hook that runs while it does",
        ),
        (step('when: "{{steps.a.startedAt}} == x"'), "'steps.a.startedAt', which --local does not support"),
        (step("when: \"{{=sprig.lower('x')}} == x\""), "cannot be evaluated here"),
        (step('when: "a ~~ b"'), "cannot be evaluated here"),
        (step('when: "{{pod.name}} == x"'), "'pod.name', which --local does not support"),
        (step("arguments: {artifacts: [{name: a, s3: {key: k}}]}"), "its artifact 'a' comes from outside (s3)"),
        (spec("suspend: true"), "w: its suspend has a meaning only in a cluster"),
        (spec("templateDefaults: {timeout: 5m}"), "w: its templateDefaults has a meaning only in a cluster"),
        (
            spec("hooks: {failed: {template: leaf, expression: 'true'}}"),
            "w: the handler 'failed' runs beside the steps",
        ),
    ],
)
def test_refused_with_the_place_and_the_reason(text: str, reason: str) -> None:
    assert reason in refusal(text)


def test_every_place_is_named_at_once() -> None:
    said = refusal(
        workflow(
            "steps:\n- - {name: a, template: one}\n  - {name: b, template: two}\n", one="suspend: {}", two="suspend: {}"
        )
    )
    assert "one: its kind is suspend" in said
    assert "two: its kind is suspend" in said
    assert "without --local" in said


def test_what_no_run_reaches_may_be_anything(tmp_path: Path) -> None:
    documents = [document.data for document in read(workflow(MAIN, leaf=LEAF, other="suspend: {}"), "w.yaml").documents]
    assert len(works_of(ArgoAdapter(), documents, Request(run="r"))) == 1


def test_a_library_and_a_missing_parameter_are_no_runs() -> None:
    library = workflow(MAIN, leaf=LEAF).replace("kind: Workflow", "kind: WorkflowTemplate")
    assert "there is no workflow to run" in refusal(library, InvalidInput)
    assert "the parameter 'p' has no value" in refusal(spec("arguments: {parameters: [{name: p}]}"), InvalidInput)


@pytest.mark.parametrize("run", ["..", "a/b", "", ".hidden", "a b"])
def test_a_run_is_named_like_a_folder(tmp_path: Path, run: str) -> None:
    documents = [document.data for document in read(workflow(MAIN, leaf=LEAF), "w.yaml").documents]
    with pytest.raises(InvalidInput, match="cannot name a run"):
        LocalRunner(ArgoAdapter(), Where(folder=str(tmp_path))).jobs(documents, Request(run=run))


def test_a_folder_that_scripts_cannot_name_is_refused(tmp_path: Path) -> None:
    documents = [document.data for document in read(workflow(MAIN, leaf=LEAF), "w.yaml").documents]
    with pytest.raises(InvalidInput, match="scripts would take for more"):
        LocalRunner(ArgoAdapter(), Where(folder=str(tmp_path / "a b"))).jobs(documents, Request(run="r"))


@pytest.mark.parametrize("place", ["r", "/etc/passwd", "../x", "r/..", "r/w/x", "r/.w"])
def test_a_place_stays_inside_of_the_folder(tmp_path: Path, place: str) -> None:
    with pytest.raises(CoulerError, match="no place of a local run"):
        LocalRunner(ArgoAdapter(), Where(folder=str(tmp_path))).status(place)
