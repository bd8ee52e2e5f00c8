"""KFP's pipelines as Argo Workflows: what is carried passes Argo's lint, and the rest is refused with its reason."""

from __future__ import annotations

import random
import re
from collections import Counter
from functools import cache
from pathlib import Path
from textwrap import dedent, indent
from typing import Any

import pytest

from adapters.argo.test_mangled import JUNK, places, with_junk
from adapters.subjects import KFP
from couler_argo.plugin import ArgoAdapter
from couler_plugins.api import convert
from couler_plugins.documents import dump_yaml, read
from couler_plugins.driver.results import FileResult
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.inputs.sources import Text
from oracles.argo_oracle import build
from support import CORPUS, corpus_paths, first_of

CARRIED = 61
OWN_CARRIED = 20
"""Of the files of the corpus; docs/kfp.md says so, too."""


def pipeline(tasks: str, components: str = "", executors: str = "", root: str = "", more: str = "") -> str:
    """A pipeline around these, with a component `comp-echo` that takes `text` and gives `out`."""
    return f"""\
components:
  comp-echo:
    executorLabel: exec-echo
    inputDefinitions: {{parameters: {{text: {{parameterType: STRING, defaultValue: hi}}}}}}
    outputDefinitions: {{parameters: {{out: {{parameterType: STRING}}}}}}
{indent(dedent(components).strip(), "  ")}
deploymentSpec:
  executors:
    exec-echo:
      container:
        image: busybox
        command: [echo, "{{{{$.inputs.parameters['text']}}}}", "{{{{$.outputs.parameters['out'].output_file}}}}"]
{indent(dedent(executors).strip(), "    ")}
pipelineInfo: {{name: p}}
root:
  dag:
    tasks:
{indent(dedent(tasks).strip(), "      ")}
{indent(dedent(root).strip(), "  ")}
schemaVersion: 2.1.0
{dedent(more)}"""


def result_of(text: str) -> FileResult:
    (file,) = convert(Text(text), "argo").files
    return file


def manifest(text: str) -> Any:
    """The Workflow that a pipeline becomes; Argo's lint finds no error in it."""
    file = result_of(text)
    assert file.error is None, file.error
    (document,) = file.documents
    remarks = ArgoAdapter().lint(ArgoAdapter().load([read(dump_yaml(document), "made.yaml")]))
    assert [remark for remark in remarks if remark.code != "missing-value"] == []
    return document


def templates(document: Any) -> dict[str, Any]:
    return {item["name"]: item for item in document["spec"]["templates"]}


def tasks(document: Any, template: str = "root") -> dict[str, Any]:
    return {task["name"]: task for task in templates(document)[template]["dag"]["tasks"]}


def refusal(text: str) -> CoulerError:
    error = result_of(text).error
    assert isinstance(error, Unsupported)
    assert error.hint
    return error


ECHO = "{componentRef: {name: comp-echo}}"


def test_a_container_reads_and_writes_files() -> None:
    document = manifest(pipeline(f"a: {ECHO}"))
    assert templates(document)["comp-echo"] == {
        "name": "comp-echo",
        "inputs": {"parameters": [{"name": "text", "default": "hi"}]},
        "outputs": {"parameters": [{"name": "out", "valueFrom": {"path": "/tmp/kfp-output-out"}}]},
        "container": {"image": "busybox", "command": ["echo", "{{inputs.parameters.text}}", "/tmp/kfp-output-out"]},
    }


def test_what_tasks_are_given() -> None:
    given = """
    a: {componentRef: {name: comp-echo}, inputs: {parameters: {text: {componentInputParameter: size}}}}
    b:
      componentRef: {name: comp-echo}
      dependentTasks: [a]
      inputs: {parameters: {text: {taskOutputParameter: {producerTask: a, outputParameterKey: out}}}}
    c: {componentRef: {name: comp-echo}, inputs: {parameters: {text: {runtimeValue: {constant: 5.0}}}}}
    d: {componentRef: {name: comp-echo}, inputs: {parameters: {text: {runtimeValue: {constant: [1, {a: true}]}}}}}
    """
    declared = "inputDefinitions: {parameters: {size: {parameterType: NUMBER_DOUBLE, defaultValue: 2.0}}}"
    document = manifest(pipeline(given, root=declared))
    assert document["spec"]["arguments"]["parameters"] == [{"name": "size", "value": "2"}]
    passed = {name: task["arguments"]["parameters"][0]["value"] for name, task in tasks(document).items()}
    assert passed == {
        "a": "{{workflow.parameters.size}}",
        "b": "{{tasks.a.outputs.parameters.out}}",
        "c": "5",
        "d": '[1,{"a":true}]',
    }
    assert tasks(document)["b"]["depends"] == "a.Succeeded"


@pytest.mark.parametrize(
    ("kind", "condition", "expected"),
    [
        ("STRING", "inputs.parameter_values['x'] == 'heads'", "{} == 'heads'"),
        ("STRING", "!(inputs.parameter_values['x'] == 'heads')", "!({} == 'heads')"),
        ("STRING", "int(inputs.parameter_values['x']) > 5", "asInt({}) > 5"),
        ("NUMBER_INTEGER", "int(inputs.parameter_values['x']) > 5", "asInt({}) > 5"),
        ("NUMBER_DOUBLE", "inputs.parameter_values['x'] <= -0.5", "asFloat({}) <= -0.5"),
        ("BOOLEAN", "inputs.parameter_values['x'] == true", "({} in TRUE)"),
        ("BOOLEAN", "inputs.parameter_values['x'] != true", "!({} in TRUE)"),
        ("BOOLEAN", "inputs.parameter_values['x'] == false && true", "!({} in TRUE) && true"),
    ],
)
def test_conditions_compare_texts_as_what_they_were(kind: str, condition: str, expected: str) -> None:
    task = f"""
    a: {{componentRef: {{name: comp-echo}}, triggerPolicy: {{condition: "{condition}"}},
        inputs: {{parameters: {{x: {{componentInputParameter: x}}, text: {{runtimeValue: {{constant: hi}}}}}}}}}}
    """
    declared = f"inputDefinitions: {{parameters: {{x: {{parameterType: {kind}}}}}}}"
    text = pipeline(task, root=declared).replace(
        "text: {parameterType", "x: {parameterType: STRING}, text: {parameterType"
    )
    when = tasks(manifest(text))["a"]["when"]
    true = "['1', 't', 'T', 'true', 'TRUE', 'True']"
    assert when == "{{=" + expected.format("workflow.parameters.x").replace("TRUE)", f"{true})") + "}}"


def test_a_parameter_may_be_called_item() -> None:
    """Argo takes `.item` in an expression for the item of a loop, and waits for it."""
    task = """
    a: {componentRef: {name: comp-echo}, triggerPolicy: {condition: "inputs.parameter_values['text'] == 'x'"},
        inputs: {parameters: {text: {componentInputParameter: item}}}}
    """
    document = manifest(pipeline(task, root="inputDefinitions: {parameters: {item: {parameterType: STRING}}}"))
    assert tasks(document)["a"]["when"] == "{{=workflow.parameters['item'] == 'x'}}"


def loop(items: str, more: str = "") -> str:
    task = f"""
    a:
      componentRef: {{name: comp-echo}}
      parameterIterator: {{itemInput: text, items: {items}}}
      {more}
      inputs: {{parameters: {{list: {{componentInputParameter: list}}}}}}
    """
    declared = "inputDefinitions: {parameters: {list: {parameterType: LIST}}}"
    return pipeline(task, root=declared).replace(
        "text: {parameterType", "list: {parameterType: LIST}, text: {parameterType"
    )


def test_loops() -> None:
    (fixed,) = tasks(manifest(loop("{raw: '[1, 2.5, \"a\", true]'}"))).values()
    assert fixed["withItems"] == ["1", "2.5", "a", "true"]
    assert {"name": "text", "value": "{{item}}"} in fixed["arguments"]["parameters"]
    (given,) = tasks(manifest(loop("{inputParameter: list}"))).values()
    assert given["withParam"] == "{{workflow.parameters.list}}"
    assert "quotes" in str(refusal(loop("{raw: '[\"a\\\\b\"]'}")))


def test_a_limited_loop_is_in_a_graph_of_its_own() -> None:
    document = manifest(loop("{inputParameter: list}", "iteratorPolicy: {parallelismLimit: 2}"))
    (outer,) = tasks(document).values()
    assert outer["template"] == "a-limited"
    assert {"name": "items", "value": "{{workflow.parameters.list}}"} in outer["arguments"]["parameters"]
    graph = templates(document)["a-limited"]
    assert graph["parallelism"] == 2
    assert tasks(document, "a-limited")["a"]["withParam"] == "{{inputs.parameters.items}}"


EXIT = "dependentTasks: [a], triggerPolicy: {strategy: ALL_UPSTREAM_TASKS_COMPLETED}"


def test_what_runs_at_the_end_is_a_hook() -> None:
    text = pipeline(f"a: {ECHO}\nend: {{componentRef: {{name: comp-echo}}, {EXIT}}}")
    assert manifest(text)["spec"]["onExit"] == "comp-echo"
    beside = tasks(manifest(text.replace("      a:", f"      b: {ECHO}\n      a:", 1)))
    assert beside["a"]["hooks"] == {"exit": {"template": "comp-echo"}}
    three = pipeline(f"a: {ECHO}\nend: {{componentRef: {{name: comp-echo}}, {EXIT}}}\n"
                     "b: {componentRef: {name: comp-echo}, dependentTasks: [end]}")  # fmt: skip
    assert "'b' needs it" in str(refusal(three))
    looped = loop("{raw: '[1]'}").replace(
        "    tasks:\n", f"    tasks:\n      end: {{componentRef: {{name: comp-echo}}, {EXIT}}}\n"
    )
    looped = looped.replace("list: {parameterType: LIST}, text", "list: {parameterType: LIST, isOptional: true}, text")
    assert "at the end of a loop" in str(refusal(looped))


def test_platform_configuration_is_kubernetes_own() -> None:
    platform = """\
    ---
    platforms:
      kubernetes:
        deploymentSpec:
          executors:
            exec-echo:
              imagePullPolicy: Always
              secretAsEnv:
              - secretNameParameter: {runtimeValue: {constant: login}}
                keyToEnv: [{secretKey: user, envVar: USER}]
                optional: true
              fieldPathAsEnv: [{name: NODE, fieldPath: spec.nodeName}]
              pvcMount: [{constant: data, mountPath: /data}]
              nodeSelector: {labels: {disk: ssd}}
              podMetadata: {labels: {team: ml}}
              tolerations: [{key: gpu, operator: Exists}]
    """
    template = templates(manifest(pipeline(f"a: {ECHO}", more=platform)))["comp-echo"]
    container = template["container"]
    user = {"secretKeyRef": {"name": "login", "key": "user", "optional": True}}
    node = {"fieldRef": {"fieldPath": "spec.nodeName"}}
    assert container["env"] == [{"name": "USER", "valueFrom": user}, {"name": "NODE", "valueFrom": node}]
    assert container["imagePullPolicy"] == "Always"
    assert container["volumeMounts"] == [{"name": "persistentvolumeclaim-1", "mountPath": "/data"}]
    claim = {"name": "persistentvolumeclaim-1", "persistentVolumeClaim": {"claimName": "data"}}
    assert (template["volumes"], template["nodeSelector"]) == ([claim], {"disk": "ssd"})
    assert (template["metadata"], template["tolerations"]) == (
        {"labels": {"team": "ml"}},
        [{"key": "gpu", "operator": "Exists"}],
    )


def test_names_that_the_graph_around_knows_are_passed() -> None:
    platform = """\
    ---
    platforms:
      kubernetes:
        deploymentSpec:
          executors:
            exec-echo:
              secretAsEnv:
              - secretNameParameter: {componentInputParameter: login}
                keyToEnv: [{secretKey: user, envVar: USER}]
              pvcMount: [{componentInputParameter: claim, mountPath: /data}]
              imagePullSecret: [{secretName: pull}]
    """
    names = "inputDefinitions: {parameters: {login: {parameterType: STRING}, claim: {parameterType: STRING}}}"
    document = manifest(pipeline(f"a: {ECHO}", root=names, more=platform))
    template = templates(document)["comp-echo"]
    passed = {item["name"]: item["value"] for item in tasks(document)["a"]["arguments"]["parameters"]}
    assert set(passed.values()) == {"{{workflow.parameters.login}}", "{{workflow.parameters.claim}}"}
    (login,) = (name for name, value in passed.items() if "login" in value)
    (claim,) = passed.keys() - {login}
    selected = template["container"]["env"][0]["valueFrom"]["secretKeyRef"]
    assert selected == {"name": f"{{{{inputs.parameters.{login}}}}}", "key": "user"}
    mounted = template["volumes"][0]["persistentVolumeClaim"]
    assert mounted == {"claimName": f"{{{{inputs.parameters.{claim}}}}}"}
    assert document["spec"]["imagePullSecrets"] == [{"name": "pull"}]


def test_claims_are_resources() -> None:
    made = """
    comp-make:
      executorLabel: exec-make
      inputDefinitions: {parameters: {access_modes: {parameterType: LIST}, size: {parameterType: STRING}}}
      outputDefinitions: {parameters: {name: {parameterType: STRING}}}
    """
    task = """
    a:
      componentRef: {name: comp-make}
      inputs:
        parameters:
          access_modes: {runtimeValue: {constant: [ReadWriteOnce]}}
          size: {runtimeValue: {constant: 1Gi}}
    """
    text = pipeline(task, components=made, executors="exec-make: {container: {image: argostub/createpvc}}")
    template = templates(manifest(text))["comp-make"]
    assert template["resource"]["action"] == "create"
    assert "storage: {{inputs.parameters.size}}" in template["resource"]["manifest"]
    assert template["outputs"]["parameters"] == [{"name": "name", "valueFrom": {"jsonPath": "{.metadata.name}"}}]


def test_accelerators_are_limits() -> None:
    accelerator = "{resourceType: nvidia.com/gpu, resourceCount: '1'}"
    resources = f"resources: {{resourceCpuLimit: '2', accelerator: {accelerator}}}\n        image: busybox"
    text = pipeline(f"a: {ECHO}").replace("image: busybox", resources)
    limits = templates(manifest(text))["comp-echo"]["container"]["resources"]["limits"]
    assert limits == {"cpu": "2", "nvidia.com/gpu": "1"}
    unknown = text.replace("resourceCpuLimit: '2'", "resourceCpuLimit: \"{{$.inputs.parameters['text']}}\"")
    assert "only known at run time" in str(refusal(unknown))


@pytest.mark.parametrize(
    ("policy", "backoff"),
    [
        ("backoffDuration: 9s", {"backoff": {"duration": "9s"}}),
        ("backoffDuration: 9s, backoffFactor: 2.0", {"backoff": {"duration": "9s", "factor": 2}}),
        ("backoffDuration: 9s, backoffFactor: 0", {"backoff": {"duration": "9s"}}),
        ("backoffDuration: 0s, backoffFactor: 2.0, backoffMaxDuration: 3600s", {}),
    ],
)
def test_a_retry_waits_as_long(policy: str, backoff: dict[str, Any]) -> None:
    text = pipeline(f"a: {{componentRef: {{name: comp-echo}}, retryPolicy: {{maxRetryCount: 3, {policy}}}}}")
    expected = {"limit": 3, **backoff, "retryPolicy": "Always"}
    assert templates(manifest(text))["comp-echo"]["retryStrategy"] == expected


def test_a_pipeline_root_is_left_out_which_is_said() -> None:
    text = pipeline(f"a: {ECHO}").replace("pipelineInfo", "defaultPipelineRoot: s3://bucket\npipelineInfo")
    reasons = " ".join(decision.reason for decision in result_of(text).decisions)
    assert "the pipeline root is KFP's" in reasons


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("parameters['out'].output_file", "artifacts['out'].metadata['x']", "the metadata of an artifact"),
        ("container:\n", "importer: {artifactUri: {constant: gs://x}}\n      x:\n", "is no container (importer)"),
        ("pipelineInfo", "unheard: of\npipelineInfo", "has unheard"),
        ("a: {componentRef", "a: {unheard: of, componentRef", "has unheard"),
        ("{parameterType: STRING, default", "{parameterType: TASK_CONFIG, default", "TASK_CONFIG"),
    ],
    ids=["metadata", "importer", "pipeline", "task", "config"],
)
def test_what_is_refused(old: str, new: str, reason: str) -> None:
    text = pipeline(f"a: {ECHO}")
    if "TASK" in new:
        text = text.replace("[echo, ", "[echo, '{{$}}', ")
    assert old in text
    assert reason in str(refusal(text.replace(old, new, 1)))


def test_all_that_is_refused_is_told_at_once() -> None:
    text = pipeline("a: {componentRef: {name: comp-echo}, one: of}\nb: {componentRef: {name: comp-echo}, other: of}")
    error = refusal(text.replace("parameters['out'].output_file", "artifacts['out'].metadata['x']"))
    lines = [re.sub(r"^ *(line \d+: )?", "", line) for line in error.message.splitlines()]
    assert lines == [
        "'a' has one",
        "'b' has other",
        "'comp-echo' reads the metadata of an artifact, which only KFP knows (let it read the path of the artifact)",
    ]
    assert error.hint == "take it out, or leave the pipeline to KFP"


def test_a_task_waits_for_those_that_it_reads_of() -> None:
    """As with KFP's own compiler, which does not rely on the SDK's."""
    read = "{parameters: {text: {taskOutputParameter: {producerTask: a, outputParameterKey: out}}}}"
    made = tasks(
        manifest(
            pipeline(f"""
    a: {ECHO}
    b: {{componentRef: {{name: comp-echo}}, inputs: {read}}}
    c: {{componentRef: {{name: comp-echo}}, inputs: {read}, dependentTasks: [b]}}
    d: {{componentRef: {{name: comp-echo}}, inputs: {read}, dependentTasks: [a]}}
    """)
        )
    )
    waits = {name: task.get("depends", task.get("dependencies")) for name, task in made.items()}
    assert waits["a"] is None
    assert waits["b"] == waits["d"]
    assert "a" in waits["b"]
    assert "a" in waits["c"]
    assert "b" in waits["c"]


def test_a_pipeline_without_tasks_is_refused() -> None:
    assert "'root' has no tasks" in str(refusal(pipeline("{}")))


@pytest.mark.parametrize(("version", "carried"), [("2.1.3", False), ("2.5.0", True)])
def test_artifacts_need_a_kfp_that_takes_paths(version: str, carried: bool) -> None:
    command = f"[sh, -c, 'pip install kfp=={version} && run', '{{{{$}}}}']"
    text = pipeline(f"a: {ECHO}").replace("[echo, ", f"{command} #")
    text = text.replace(
        "{parameters: {out", "{artifacts: {data: {artifactType: {schemaTitle: system.Dataset}}}, parameters: {out"
    )
    assert (result_of(text).error is None) is carried


@cache
def corpus() -> dict[Path, FileResult]:
    return {path: convert(str(path), "argo").files[0] for path in corpus_paths("kfp")}


@pytest.mark.slow
def test_how_much_of_the_corpus_is_carried() -> None:
    refused = {path: file.error for path, file in corpus().items() if file.error is not None}
    assert all(
        isinstance(error, Unsupported) and error.file and error.hint and error.step for error in refused.values()
    )
    own = [path for path in corpus() if path.is_relative_to(CORPUS)]
    assert len(own) - len(refused.keys() & set(own)) >= OWN_CARRIED
    shared = corpus().keys() - set(own)
    if not shared:
        return
    assert len(shared) - len(refused.keys() & shared) == CARRIED


def test_what_is_carried_passes_lint() -> None:
    for path, file in corpus().items():
        if file.error is None:
            remarks = ArgoAdapter().lint(ArgoAdapter().load([read(file.text or "", path.name)]))
            assert [remark for remark in remarks if remark.code != "missing-value"] == []


@pytest.mark.oracle
def test_what_is_carried_is_accepted_by_argo(tmp_path_factory: pytest.TempPathFactory) -> None:
    oracle = build(tmp_path_factory)
    made = [list(file.documents) for file in corpus().values() if file.error is None]
    assert [verdict.complaint for (verdict,) in oracle.judge(made) if not verdict.accepted] == []


@pytest.mark.parametrize("part", first_of(range(3)))
def test_whatever_stands_in_a_pipeline_it_is_converted_or_refused(part: int) -> None:
    chance = random.Random(part)
    outcomes: Counter[str] = Counter()
    for path in list(corpus())[part::3]:
        documents = [document.data for document in KFP.read(path).documents]
        for place in chance.sample(list(places(documents)), 3):
            text = "---\n".join(map(dump_yaml, with_junk(documents, place, chance.choice(JUNK))))
            try:
                (file,) = convert(Text(text), "argo").files
                assert file.error is None or isinstance(file.error, (InvalidInput, Unsupported)), (path.name, place)
                outcomes[type(file.error).__name__] += 1
            except (InvalidInput, Unsupported):
                outcomes["raised"] += 1
    assert outcomes["NoneType"] > 5
    assert outcomes["InvalidInput"] > 5
