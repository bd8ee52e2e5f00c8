"""What a pipeline says of workflows of Argo in words of its own, or by a few lines of shell."""

from __future__ import annotations

from textwrap import dedent, indent
from typing import Any

import pytest

from couler_plugins.api import convert
from couler_plugins.driver.results import FileResult
from couler_plugins.errors import Unsupported
from couler_plugins.inputs.sources import Text

OPTIONS = "kfp{image=busybox,kubectl=bitnami/kubectl}"


def workflow(template: str, spec: str = "", kind: str = "Workflow") -> str:
    """A workflow that starts with a template `main`."""
    return f"""\
apiVersion: argoproj.io/v1alpha1
kind: {kind}
metadata: {{name: w}}
spec:
  entrypoint: main
{indent(dedent(spec).strip(), "  ")}
  templates:
{indent(dedent(template).strip(), "    ")}
    - {{name: other, container: {{image: busybox, command: [echo, done]}}}}
"""


def result_of(text: str, **policy: Any) -> FileResult:
    (file,) = convert(Text(text), OPTIONS, **policy).files
    return file


def pipeline(text: str) -> tuple[Any, Any]:
    """The pipeline that a workflow becomes, and the configuration of its executors."""
    file = result_of(text)
    assert file.error is None, file.error
    spec, *platforms = file.documents
    executors = platforms[0]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if platforms else {}
    return spec, executors


def container(spec: Any, name: str = "main") -> Any:
    return spec["deploymentSpec"]["executors"][f"exec-{name}"]["container"]


def test_pods_are_platform_configuration() -> None:
    template = """
    - name: main
      nodeSelector: {disk: ssd}
      activeDeadlineSeconds: 60
      container:
        image: busybox
        imagePullPolicy: Always
        workingDir: /work
        command: [ls]
        env:
          - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
          - {name: KEY, valueFrom: {secretKeyRef: {name: login, key: user, optional: true}}}
        volumeMounts:
          - {name: data, mountPath: /data, subPath: part}
          - {name: scratch, mountPath: /scratch}
    """
    spec = """
    tolerations: [{key: gpu, operator: Exists}]
    imagePullSecrets: [{name: pull}]
    volumes:
      - {name: data, persistentVolumeClaim: {claimName: mine}}
      - {name: scratch, emptyDir: {medium: Memory}}
    """
    made, platform = pipeline(workflow(template, spec))
    login = {"secretName": "login", "secretNameParameter": {"runtimeValue": {"constant": "login"}}, "optional": True}
    mine = {"constant": "mine", "pvcNameParameter": {"runtimeValue": {"constant": "mine"}}}
    assert platform["exec-main"] == {
        "fieldPathAsEnv": [{"name": "NODE", "fieldPath": "spec.nodeName"}],
        "secretAsEnv": [{**login, "keyToEnv": [{"secretKey": "user", "envVar": "KEY"}]}],
        "pvcMount": [{**mine, "mountPath": "/data", "subPath": "part"}],
        "emptyDirMounts": [{"volumeName": "scratch", "mountPath": "/scratch", "medium": "Memory"}],
        "imagePullPolicy": "Always",
        "nodeSelector": {"labels": {"disk": "ssd"}},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "imagePullSecret": [
            {"secretName": "pull", "secretNameParameter": {"runtimeValue": {"constant": "pull"}}},
        ],
        "activeDeadlineSeconds": 60,
    }
    assert container(made)["command"][-2:] == ["/work", "ls"]


def test_a_claim_of_the_run_is_made_and_removed() -> None:
    template = """
    - name: main
      container: {image: busybox, command: [ls], volumeMounts: [{name: work, mountPath: /work}]}
    """
    claim = "{metadata: {name: work}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}"
    made, platform = pipeline(workflow(template, f"volumeClaimTemplates: [{claim}]"))
    tasks = made["root"]["dag"]["tasks"]
    assert tasks["main"]["dependentTasks"] == ["create-claim-work"]
    assert set(tasks["delete-claim-work"]["dependentTasks"]) == {"main", "create-claim-work"}
    source = {"taskOutputParameter": {"outputParameterKey": "name", "producerTask": "create-claim-work"}}
    assert platform["exec-main"]["pvcMount"] == [{**source, "pvcNameParameter": source, "mountPath": "/work"}]


def test_what_an_exit_handler_is_told() -> None:
    template = """
    - {name: main, container: {image: busybox, command: [ls]}}
    - {name: last, container: {image: busybox, command: [echo, "{{workflow.status}} {{workflow.name}}"]}}
    """
    made, _ = pipeline(workflow(template, "onExit: last"))
    last = made["root"]["dag"]["tasks"]["exit"]
    assert last["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert last["inputs"]["parameters"]["final-status"] == {"taskFinalStatus": {"producerTask": "main"}}
    assert last["inputs"]["parameters"]["pipeline-job-name"]["runtimeValue"]["constant"] == "{{$.pipeline_job_name}}"


def test_a_hook_is_a_task_that_runs_whatever_became_of_another() -> None:
    template = """
    - name: main
      dag: {tasks: [{name: a, template: other, hooks: {exit: {template: other}}}, {name: b, template: other}]}
    """
    tasks = pipeline(workflow(template))[0]["components"]["comp-main"]["dag"]["tasks"]
    assert tasks["a-exit"]["dependentTasks"] == ["a"]
    assert tasks["a-exit"]["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ('{name: main, container: {image: "argoproj/argosay:v2", args: [echo, hi]}}', ["/argosay"]),
        ("{name: main, suspend: {duration: 2m}}", ["sleep"]),
        ("{name: main, script: {image: busybox, command: [sh], source: exit}}", ["exit", "sh"]),
    ],
    ids=["image", "waiting", "script"],
)
def test_commands(template: str, expected: list[str]) -> None:
    assert container(pipeline(workflow(f"- {template}"))[0])["command"][-len(expected) :] == expected


def test_containers_of_one_image_run_one_after_another() -> None:
    template = """
    - name: main
      containerSet:
        containers:
          - {name: a, image: busybox, command: [echo, a]}
          - {name: b, image: busybox, command: [echo, b], dependencies: [a]}
    """
    command = container(pipeline(workflow(template))[0])["command"]
    assert command[-5:] == ["2", "echo", "a", "echo", "b"]
    apart = template.replace("name: b, image: busybox", "name: b, image: alpine")
    error = result_of(workflow(apart)).error
    assert isinstance(error, Unsupported)
    assert (error.feature, error.step) == ("Operation.containers", "main")


def test_a_resource_is_made_by_kubectl() -> None:
    template = """
    - name: main
      resource:
        action: create
        successCondition: status.succeeded > 2
        manifest: "{kind: Job}"
      outputs: {parameters: [{name: job, valueFrom: {jsonPath: "{.metadata.name}"}}]}
    """
    (image, script, text) = (container(pipeline(workflow(template))[0])[key] for key in ("image", "command", "args"))
    assert (image, text) == ("bitnami/kubectl", ["{kind: Job}"])
    program = next(part for part in script if "kubectl create" in part)
    assert '-gt "2"' in program
    assert "jsonpath='{.metadata.name}'" in program


def test_values_that_only_the_run_knows() -> None:
    template = """
    - name: main
      steps:
        - - name: each
            template: say
            withItems: [{image: alpine, tag: "3"}]
            arguments: {parameters: [{name: image, value: "{{item.image}}"}, {name: tag, value: "{{item.tag}}"}]}
        - - name: count
            template: say
            withSequence: {count: "{{workflow.parameters.number}}"}
            arguments: {parameters: [{name: image, value: "x{{item}}"}, {name: tag, value: y}]}
    - name: say
      inputs: {parameters: [{name: image}, {name: tag}, {name: word, valueFrom: {configMapKeyRef: {name: m, key: k}}}]}
      container:
        image: "{{inputs.parameters.image}}:{{inputs.parameters.tag}}"
        command: [echo, "{{inputs.parameters.word}}"]
        env: [{name: TAG, value: "v{{inputs.parameters.tag}}"}]
    """
    made, platform = pipeline(workflow(template, "arguments: {parameters: [{name: number, value: '3'}]}"))
    say = container(made, "say")
    assert say["image"] == "{{$.inputs.parameters['image-2']}}"
    assert say["command"] == ["env", "TAG=v{{$.inputs.parameters['tag']}}", "echo", "$(COULER_INPUT_WORD)"]
    assert platform["exec-say"]["configMapAsEnv"][0]["keyToEnv"] == [
        {"configMapKey": "k", "envVar": "COULER_INPUT_WORD"}
    ]
    count = made["components"]["comp-main"]["dag"]["tasks"]["count"]
    assert count["parameterIterator"]["items"] == {"inputParameter": "pipelinechannel--count-items-items"}


def test_what_is_left_out_is_told() -> None:
    cron = """\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: w}
spec:
  schedules: ["5 4 * * *"]
  workflowSpec:
    entrypoint: main
    templates:
      - name: main
        container: {image: busybox, command: [ls]}
        outputs: {artifacts: [{name: x, path: /x, s3: {bucket: mine, key: x}}]}
"""
    file = result_of(cron, on_unsupported="warn")
    losses = {decision.loss: decision.reason for item in file.passes for decision in item.decisions if decision.loss}
    assert "5 4 * * *" in losses["detail"]
    assert "not in s3" in losses["run"]
    refused = result_of(cron)
    assert isinstance(refused.error, Unsupported)
