"""Runs of Tekton for other engines: what becomes of steps, workspaces, and tasks at the end; what is refused."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from couler_plugins import Text, convert
from couler_plugins.errors import CoulerError

STEPS = """
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: build}
spec:
  params: [{name: target, value: all}]
  workspaces: [{name: source, persistentVolumeClaim: {claimName: code}, subPath: app}]
  taskSpec:
    params: [{name: target}]
    workspaces: [{name: source}]
    results: [{name: digest}]
    steps:
      - {name: make, image: gcc, workingDir: $(workspaces.source.path), command: [make], args: [$(params.target)]}
      - image: busybox
        script: |
          sha256sum /workspace/source/app > $(results.digest.path)
"""
PIPELINE = """
apiVersion: tekton.dev/v1
kind: PipelineRun
metadata: {name: run}
spec:
  params: [{name: who, value: world}]
  pipelineSpec:
    tasks:
      - {name: a, taskSpec: {steps: [{image: busybox, command: [echo, $(params.who)]}]}, retries: 2}
      - {name: b, runAfter: [a], taskSpec: {steps: [{image: busybox, command: [echo]}]}}
    finally:
      - {name: end, taskSpec: {steps: [{image: busybox, command: [echo, done]}]}}
"""
TASK = """
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: alone}
spec: {steps: [{image: busybox, command: [echo]}]}
"""


def converted(text: str, to: str = "argo") -> Any:
    (file,) = convert(Text(text, "run.yaml"), to).files
    if file.error is not None:
        raise file.error
    return yaml.safe_load(file.text or "")


def test_steps_share_a_pod_and_its_workspaces() -> None:
    (template,) = converted(STEPS)["spec"]["templates"]
    (first,) = template["initContainers"]
    assert (first["name"], first["workingDir"], first["args"]) == (
        "make",
        "/workspace/source",
        ["{{inputs.parameters.target}}"],
    )
    volumes = {volume["name"]: volume for volume in template["volumes"]}
    assert volumes["workspace-source"]["persistentVolumeClaim"] == {"claimName": "code"}
    for container in (first, template["container"]):
        mounts = {mount["name"]: mount for mount in container["volumeMounts"]}
        assert mounts["workspace-source"] == {
            "name": "workspace-source",
            "mountPath": "/workspace/source",
            "subPath": "app",
        }
        assert mounts["results"]["mountPath"] == "/tmp/tekton-results"
    (output,) = template["outputs"]["parameters"]
    assert output["valueFrom"]["path"] == "/tmp/tekton-results/digest"
    assert "> /tmp/tekton-results/digest" in template["container"]["command"][-2]
    assert template["container"]["command"][:2] == ["/bin/sh", "-c"]
    assert "set -e" in template["container"]["command"][2]  # Tekton puts this before a script without an interpreter


def test_what_runs_at_the_end_is_an_exit_handler() -> None:
    document = converted(PIPELINE)
    templates = {item["name"]: item for item in document["spec"]["templates"]}
    assert templates[document["spec"]["onExit"]]["container"]["command"] == ["echo", "done"]
    tasks = {task["name"]: task for task in templates[document["spec"]["entrypoint"]]["dag"]["tasks"]}
    assert tasks["b"]["depends"] == "a.Skipped || a.Succeeded"
    assert templates[tasks["a"]["template"]]["retryStrategy"]["limit"] == 2


def test_a_pipeline_that_nothing_runs_is_a_workflow_of_its_own() -> None:
    run = yaml.safe_load(PIPELINE)
    pipeline = {**run, "kind": "Pipeline", "spec": {**run["spec"]["pipelineSpec"], "params": [{"name": "who"}]}}
    document = converted(yaml.safe_dump(pipeline))
    assert document["spec"]["arguments"]["parameters"] == [{"name": "who"}]


def test_a_task_that_nothing_runs_is_a_workflow_of_its_own() -> None:
    document = converted(TASK)
    (template,) = document["spec"]["templates"]
    assert (document["metadata"]["name"], template["container"]["command"]) == ("alone", ["echo"])


@pytest.mark.parametrize(
    ("old", "new", "feature"),
    [
        ("persistentVolumeClaim: {claimName: code}, subPath: app", "other: {}", "Workflow.native_extra"),
        ("image: gcc", "image: gcc, stdoutConfig: {path: /a}", "Container.native_extra"),
        ("image: gcc", "image: gcc, when: [{input: a, operator: in, values: [b]}]", "Step.condition"),
        ("command: [make], args", "onError: continue, args", "Container.command"),
        ("sha256sum /workspace", "cat /tekton/steps; sha256sum /workspace", "Container.args"),
        ("$(params.target)]}", "$(context.task.retry-count)]}", "Step.arguments"),
    ],
)
def test_what_only_tekton_has_is_refused(old: str, new: str, feature: str) -> None:
    assert old in STEPS
    with pytest.raises(CoulerError) as caught:
        converted(STEPS.replace(old, new))
    error = caught.value
    assert (error.file, error.feature, bool(error.hint)) == ("run.yaml", feature, True)


@pytest.mark.parametrize(
    ("old", "new", "carried"),
    [
        ("persistentVolumeClaim: {claimName: code}, subPath: app", "volumeClaimTemplate: {spec: {}}", "emptyDir: {}"),
        ("  workspaces: [{name: source, pers", "  workspaces: [{name: other, pers", "claimName: source"),
        ("image: gcc", "image: gcc, onError: continue", "code=$?"),
        ("sha256sum /workspace", "cat /tekton/home; sha256sum /workspace", "mountPath: /tekton/home"),
        ("$(params.target)]}", "$(context.taskRun.name)]}", "{{workflow.name}}"),
        ("script: |\n          sha", "script: |\n          #!/usr/bin/env node\n          sha", "- node"),
        ("value: all", "value: [all, more]", "- more"),
        ("  taskSpec:\n", "  timeout: 5m\n  taskSpec:\n", "activeDeadlineSeconds: 300"),
        ("image: busybox", "name: b", "image: alpine"),
        ("  taskSpec:\n", "  status: {}\n  retries: 3\n  taskSpec:\n", "limit: 3"),
    ],
)
def test_what_others_say_otherwise_is_carried(old: str, new: str, carried: str) -> None:
    assert old in STEPS
    text = STEPS.replace("steps:", "stepTemplate: {image: alpine}\n    steps:").replace(old, new)
    text = text.replace("params: [{name: target}]", "params: [{name: target, type: array}]") if "[all" in new else text
    assert carried in yaml.safe_dump(converted(text.replace("  status: {}\n", "")), width=1000)


@pytest.mark.parametrize(
    ("old", "new", "feature"),
    [
        ("{name: end, ", "{name: end, when: [{input: $(tasks.status), operator: in, values: [x]}], ", "Step.condition"),
        (
            "{name: end, ",
            "{name: end, when: [{input: $(tasks.a.status), operator: in, values: [x]}], ",
            "Step.arguments",
        ),
        ("[echo, done]}]", "[echo, $(tasks.status)]}]", "Step.arguments"),
        ("{name: b, ", "{name: b, when: [{cel: 'true'}], ", "Step.condition"),
        ("{name: b, ", "{name: b, timeout: 5m, retries: 1, ", "Step.timeout"),
        ("taskSpec: {steps: [{image: busybox, command: [echo, done]}]}", "taskRef: {name: gone}", "Step.call"),
        ("retries: 2", "matrix: {params: [{name: x, value: '$(params.who)'}]}", "Loop.axes"),
    ],
)
def test_what_pipelines_of_others_cannot(old: str, new: str, feature: str) -> None:
    assert old in PIPELINE
    with pytest.raises(CoulerError) as caught:
        converted(PIPELINE.replace(old, new))
    assert (caught.value.feature, bool(caught.value.hint), bool(caught.value.step)) == (feature, True, True)


@pytest.mark.parametrize("target", ["airflow", "argo", "kfp"])
def test_a_parameter_that_nobody_has_is_refused(target: str) -> None:
    """Tekton leaves it as it is in a task that is written in its pipeline; no other engine takes it for a text."""
    text = (
        "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: run}\nspec:\n  pipelineSpec:\n    tasks:\n"
        "    - {name: a, taskSpec: {steps: [{image: busybox, command: [echo, $(params.none)]}]}}\n"
    )
    (file,) = convert(Text(text, "run.yaml"), target).files
    assert str(file.error).startswith("run.yaml: 'pipeline/a' reads $(params.none), which only Tekton knows\n  hint:")


def test_an_enum_that_nobody_else_checks_is_said() -> None:
    text = (
        "apiVersion: tekton.dev/v1\nkind: PipelineRun\nmetadata: {name: run}\nspec:\n  params: [{name: p, value: x}]\n"
        "  pipelineSpec:\n    params: [{name: p, enum: [x, z]}]\n    tasks:\n"
        "    - {name: a, taskSpec: {steps: [{image: busybox, command: [echo, $(params.p)]}]}}\n"
    )
    (file,) = convert(Text(text, "run.yaml"), "argo").files
    assert ("p", "takes any text") in [(item.subject, item.action) for item in file.decisions]


def test_what_is_said_of_an_object_of_argo_is_left_out_and_said() -> None:
    text = (
        "apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {name: flow, finalizers: [a/b]}\n"
        "spec: {entrypoint: only, templates: [{name: only, container: {image: busybox, command: [echo]}}]}\n"
    )
    (file,) = convert(Text(text, "flow.yaml"), "tekton").files
    assert "it says metadata.finalizers, which is for its own object" in [item.reason for item in file.decisions]
    assert "finalizers" not in str(file.documents)


ISOLATED = """
apiVersion: tekton.dev/v1
kind: TaskRun
metadata: {name: login}
spec:
  workspaces: [{name: creds, secret: {secretName: keys}}]
  taskSpec:
    workspaces: [{name: creds}]
    steps:
      - {image: busybox, command: [ls], workspaces: [{name: creds, mountpath: /creds}]}
      - {image: busybox, command: [pwd]}
"""


def test_a_step_that_names_a_workspace_has_it_alone_and_where_it_says() -> None:
    (template,) = converted(ISOLATED)["spec"]["templates"]
    assert template["initContainers"][0]["volumeMounts"] == [{"name": "workspace-creds", "mountPath": "/creds"}]
    assert "volumeMounts" not in template["container"]


def test_a_step_keeps_what_its_template_says_beside_it() -> None:
    text = STEPS.replace("steps:", "stepTemplate: {securityContext: {runAsUser: 7, privileged: true}}\n    steps:")
    (template,) = converted(text.replace("image: gcc", "image: gcc, securityContext: {runAsUser: 8}"))["spec"][
        "templates"
    ]
    assert template["initContainers"][0]["securityContext"] == {"runAsUser": 8, "privileged": True}


def test_the_last_task_keeps_its_name() -> None:
    (file,) = convert(Text(PIPELINE, "run.yaml"), "airflow").files
    assert "task_id='end'" in str(file.text)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("persistentVolumeClaim: {claimName: code}, subPath: app", "volumeClaimTemplate: {spec: {}}", "its size"),
        ("    workspaces: [{name: source}]", "    workspaces: [{name: source, description: The code}]", "description"),
        ("params: [{name: target}]", "params: [{name: target}, {name: flags, default: [-k]}]", "the array 'flags'"),
        ("params: [{name: target}]", "params: [{name: target}, {name: ways, default: {a: b}}]", "the object 'ways'"),
    ],
)
def test_what_a_run_says_to_no_effect_elsewhere_is_told(old: str, new: str, told: str) -> None:
    assert old in STEPS
    (file,) = convert(Text(STEPS.replace(old, new), "run.yaml"), "argo").files
    assert told in " ".join(item.reason for item in file.decisions if item.loss == "detail")


def test_names_of_combinations_are_told() -> None:
    matrix = "params: [{name: x}]}, matrix: {include: [{name: first, params: [{name: x, value: z}]}]}}"
    text = PIPELINE.replace("$(params.who)]}]}, retries: 2}", f"$(params.x)]}}], {matrix}")
    (file,) = convert(Text(text, "run.yaml"), "argo").files
    assert file.error is None
    assert "matrix.include has a name" in " ".join(item.reason for item in file.decisions if item.loss == "detail")


ARGO = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: files}
spec:
  entrypoint: main
  templates:
    - name: main
      steps:
        - [{name: make, template: make}]
        - - name: take
            template: take
            arguments: {artifacts: [{name: f, from: "{{steps.make.outputs.artifacts.f}}"}]}
        - [{name: each, template: inner, withItems: [a, b], arguments: {parameters: [{name: x, value: "{{item}}"}]}}]
        - [{name: change, template: change}]
    - name: make
      container: {image: busybox, command: [touch, /tmp/f]}
      outputs: {artifacts: [{name: f, path: /tmp/f}]}
    - name: take
      inputs: {artifacts: [{name: f, path: /in/f}]}
      container: {image: busybox, command: [cat, /in/f]}
    - name: inner
      inputs: {parameters: [{name: x}]}
      steps: [[{name: say, template: say, arguments: {parameters: [{name: x, value: "{{inputs.parameters.x}}"}]}}]]
    - name: say
      inputs: {parameters: [{name: x}]}
      container: {image: busybox, command: [echo, "{{inputs.parameters.x}}"]}
    - name: change
      resource: {action: apply, manifest: "kind: ConfigMap"}
"""


def test_artifacts_loops_and_resources_of_argo_are_carried() -> None:
    spec = converted(ARGO, "tekton{store=files,kubectl=kubectl}")["spec"]
    assert spec["workspaces"] == [{"name": "store", "persistentVolumeClaim": {"claimName": "files"}}]
    tasks = {task["name"]: task for task in spec["pipelineSpec"]["tasks"]}
    assert list(tasks) == ["make", "take", "each-0-say", "each-1-say", "change"]
    place = "$(context.pipelineRun.name)/make/f"
    assert tasks["make"]["params"] == tasks["take"]["params"] == [{"name": "file-0", "value": place}]
    assert tasks["each-1-say"]["params"] == [{"name": "x", "value": "b"}]
    assert tasks["change"]["taskSpec"]["steps"][0]["image"] == "kubectl"
