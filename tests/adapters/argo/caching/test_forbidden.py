"""Facts of a template that forbid caching it, each by the smallest change of one that is cached."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from adapters.argo.caching.corpus import ASSUMED
from adapters.argo.caching.small import made, workflow
from couler_plugins.documents import read

TASK = "- {name: a, template: pure}\n"


def data(text: str) -> Any:
    (document,) = read(text.encode(), "change.yaml").documents
    return document.data


def merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        return {**old, **{key: merged(old.get(key), part) for key, part in new.items()}}
    return new


def changed(template: str = "{}", spec: str = "{}") -> Any:
    """A workflow with a change of a pure template, and of the spec around it."""
    document = copy.deepcopy(workflow(TASK))
    templates = document["spec"]["templates"]
    templates[1] = merged(templates[1], data(template))
    document["spec"] = merged(document["spec"], data(spec))
    return document


def rule(template: str = "{}", spec: str = "{}") -> str:
    """The rule for a pure template and the spec around it with a change each."""
    return made(changed(template, spec)).rules["main/a"]


def test_without_a_change_it_is_cached() -> None:
    assert rule() == ""


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("{daemon: true}", "daemon"),
        ("{memoize: {key: k, maxAge: 1h, cache: {configMap: {name: c}}}}", "cached-by-owner"),
        ("{outputs: {artifacts: [{name: o, path: /o, globalName: g}]}}", "global-output"),
        ("{outputs: {artifacts: [{name: o, path: /o, s3: {key: fixed}}]}}", "own-place"),
        ("{outputs: {parameters: [{name: r, valueFrom: {supplied: {}}}]}}", "output"),
        ("{inputs: {artifacts: [{name: a, path: /a, optional: true}]}}", "optional-input"),
        ("{inputs: {artifacts: [{name: a, path: /a, s3: {bucket: b, key: k}}]}}", "unversioned-input"),
        ("{inputs: {artifacts: [{name: a, path: /a, http: {url: u}}]}}", "unversioned-input"),
        ("{inputs: {artifacts: [{name: a, path: /a, git: {repo: r, revision: main}}]}}", "unversioned-input"),
        ("{inputs: {artifacts: [{name: a, path: /a, git: {repo: r, revision: 0123456}}]}}", "unversioned-input"),
        ("{inputs: {artifacts: [{name: a, path: /a, raw: {data: '{{workflow.name}}'}}]}}", "run-context"),
        ("{inputs: {parameters: [{name: x, valueFrom: {configMapKeyRef: {name: c, key: k}}}]}}", "configured"),
        ("{container: {env: [{name: E, valueFrom: {fieldRef: {fieldPath: metadata.name}}}]}}", "run-context"),
        ("{container: {env: [{name: E, valueFrom: {secretKeyRef: {name: s, key: k}}}]}}", "secret"),
        ("{container: {envFrom: [{configMapRef: {name: c}}]}}", "configured"),
        ("{container: {volumeMounts: [{name: v, mountPath: /v}]}}", "volume"),
        ("{sidecars: [{name: s, image: i, volumeMounts: [{name: v, mountPath: /v}]}]}", "volume"),
        ("{podSpecPatch: '{\"volumes\": []}'}", "volume"),
        ('{podSpecPatch: \'{"containers": [{"envFrom": []}]}\'}', "configured"),
        ("{archiveLocation: {s3: {key: fixed}}}", "own-place"),
        ("{container: {args: ['{{workflow.uid}}']}}", "run-context"),
        ("{container: {args: ['{{=workflow.name}}']}}", "run-context"),
        ("{container: {args: ['{{workflow.labels.x}}']}}", "run-context"),
        ("{container: {args: ['{{pod.name}}']}}", "run-context"),
        ("{container: {args: ['{{ retries }}']}}", "run-context"),
        ("{container: {args: ['{{=lastRetry.exitCode}}']}}", "run-context"),
        ("{container: {args: ['{{workflow.creationTimestamp}}']}}", "run-context"),
        ("{container: {args: ['{{workflow.outputs.parameters.x}}']}}", "global-output"),
        ("{container: {workingDir: '{{=sprig.ago(1)}}'}}", "unknown-function"),
        ("{container: {args: ['{{=sprig.bcrypt/**/(1)}}']}}", "unknown-function"),
        ("{container: {args: [\"{{=1 /* ' */ + sprig.bcrypt(1) /* ' */}}\"]}}", "unknown-function"),
        ("{inputs: {parameters: [{name: x, default: '{{=sprig.randInt(0,9)}}'}]}}", "unknown-function"),
    ],
)
def test_templates(template: str, wanted: str) -> None:
    assert rule(template) == wanted


@pytest.mark.parametrize(
    "template",
    [
        "{inputs: {artifacts: [{name: a, path: /a, raw: {data: D}}]}}",
        f"{{inputs: {{artifacts: [{{name: a, path: /a, git: {{repo: r, revision: '{'0a' * 20}'}}}}]}}}}",
        "{volumes: [{name: v, emptyDir: {}}], container: {volumeMounts: [{name: v, mountPath: /v}]}}",
        "{retryStrategy: {limit: 3, expression: \"lastRetry.exitCode == '1'\"}}",
        "{metadata: {labels: {of: '{{workflow.uid}}'}}}",
        "{container: {args: ['{{inputs.parameters}}']}}",
        "{container: {args: ['{{=sprig.trim(inputs.parameters.x)}}']}}",
        "{outputs: {parameters: [{name: r, valueFrom: {path: /r, default: d}}]}}",
    ],
)
def test_templates_that_stay_cached(template: str) -> None:
    assert rule(template) == ""


@pytest.mark.parametrize(
    ("template", "spec", "wanted"),
    [
        ("{container: {command: [date]}}", "{}", "clock"),
        ("{container: {args: ['echo $(date)']}}", "{}", "clock"),
        ("{container: {args: ['echo $RANDOM']}}", "{}", "randomness"),
        ("{container: {args: ['curl x']}}", "{}", "network"),
        ("{container: {env: [{name: E, value: 'https://x'}]}}", "{}", "network"),
        ("{container: {image: 'docker.io/alpine/git:1'}}", "{}", "network"),
        ("{initContainers: [{name: s, image: i, command: [date]}]}", "{}", "clock"),
        ("{sidecars: [{name: s, image: i, command: [date]}]}", "{}", "clock"),
        ("{container: {lifecycle: {postStart: {exec: {command: [sh, -c, date]}}}}}", "{}", "clock"),
        ('{podSpecPatch: \'{"initContainers":[{"name":"z","args":["curl x"]}]}\'}', "{}", "network"),
        ("{}", '{podSpecPatch: \'{"initContainers":[{"args":["curl x"]}]}\'}', "network"),
        ("{}", "{templateDefaults: {container: {env: [{name: A, value: '$(date)'}]}}}", "clock"),
    ],
)
def test_words_in_a_program_forbid_it_unless_the_template_itself_is_declared(
    template: str, spec: str, wanted: str
) -> None:
    itself = changed(template, spec)
    assert made(itself).rules["main/a"] == ""
    assert [item.rule for item in made(itself).decision("main/a").warnings] == [wanted]
    del itself["spec"]["templates"][1]["metadata"]["annotations"]["couler.io/cache"]
    for broad in (itself, {**itself, "metadata": {"generateName": "w-", "annotations": {"couler.io/cache": "pure"}}}):
        found = made(broad, pipeline=ASSUMED)
        assert found.rules["main/a"] == wanted
        assert not found.decision("main/a").warnings


CLAIM = "[{name: v, persistentVolumeClaim: {claimName: c}}]"
EMPTY = "[{name: v, emptyDir: {}}]"
MOUNT = "container: {volumeMounts: [{name: v, mountPath: /v}]}"


@pytest.mark.parametrize(
    ("template", "spec", "wanted"),
    [
        (f"{{{MOUNT}}}", f"{{volumes: {EMPTY}}}", ""),
        (f"{{{MOUNT}}}", f"{{volumes: {CLAIM}}}", "volume"),
        (f"{{{MOUNT}, volumes: {EMPTY}}}", f"{{volumes: {CLAIM}}}", ""),
        (f"{{{MOUNT}, volumes: {CLAIM}}}", f"{{volumes: {EMPTY}}}", "volume"),  # a template's own come first
        (f"{{{MOUNT}}}", f"{{volumes: {EMPTY}, templateDefaults: {{volumes: {CLAIM}}}}}", "defaults"),
        (f"{{{MOUNT}}}", "{volumeClaimTemplates: [{metadata: {name: v}, spec: {}}]}", "volume"),
        ("{}", "{podSpecPatch: '{\"volumes\": []}'}", "volume"),
        ("{}", "{templateDefaults: {memoize: {key: k, maxAge: '', cache: {configMap: {name: c}}}}}", "defaults"),
        ("{}", "{templateDefaults: {daemon: true}}", "defaults"),
        ("{}", "{templateDefaults: {archiveLocation: {s3: {key: fixed}}}}", "defaults"),
        ("{}", "{templateDefaults: {outputs: {artifacts: [{name: o, path: /o, globalName: g}]}}}", "defaults"),
        ("{}", "{templateDefaults: {inputs: {parameters: [{name: y, value: v}]}}}", "defaults"),
        ("{}", "{templateDefaults: {initContainers: [{name: s, image: i, command: [date]}]}}", "defaults"),
        (
            "{container: {env: [{name: B, value: b}]}}",
            "{templateDefaults: {container: {env: [{name: A}]}}}",
            "defaults",
        ),
        ("{}", "{templateDefaults: {container: {workingDir: '{{workflow.uid}}'}}}", "run-context"),
        ("{}", "{templateDefaults: {container: {workingDir: /w}, timeout: 1h, retryStrategy: {limit: 2}}}", ""),
    ],
)
def test_what_the_spec_adds(template: str, spec: str, wanted: str) -> None:
    assert rule(template, spec) == wanted


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        ("arguments: {parameters: [{name: x, value: '{{=sprig.now()}}'}]}", "unknown-function"),
        ("arguments: {parameters: [{name: x, value: '{{=sprig.ago(1)}}'}]}", "unknown-function"),
        ("arguments: {parameters: [{name: x, value: '{{=sprig.date(1, 2)}}'}]}", "unknown-function"),
        ("arguments: {parameters: [{name: x, value: '{{=let f = sprig.randInt; f(0, 9)}}'}]}", "unknown-function"),
        ("withParam: '{{=toJson([sprig.randInt(0,9)])}}'", "unknown-function"),
        ("arguments: {parameters: [{name: x, value: '{{workflow.uid}}'}]}", "run-context"),
        ("arguments: {parameters: [{name: x, value: '{{workflow.outputs.parameters.g}}'}]}", "global-output"),
        ("templateRef: {name: lib, template: pure}", ""),
    ],
)
def test_calls(step: str, wanted: str) -> None:
    document = workflow(f"- {{name: a, template: pure, {step}}}\n- {{name: b, template: pure, depends: a}}\n")
    task = document["spec"]["templates"][0]["dag"]["tasks"][0]
    if "templateRef" in task:
        del task["template"]
        assert made(document).rules == {"main/a": "external", "main/b": "unknown-producer"}
    else:
        assert made(document).rules == {"main/a": wanted, "main/b": "unknown-producer"}


@pytest.mark.parametrize(
    "graph",
    [
        "memoize: {key: k, maxAge: 1h, cache: {configMap: {name: mine}}}",
        "inputs: {parameters: [{name: z, default: '{{=sprig.randInt(0,9)}}'}]}",
        "metrics: {}",
    ],
)
def test_graphs_that_make_something_else_each_time(graph: str) -> None:
    sub = f"""
- name: sub
  {graph}
  outputs: {{artifacts: [{{name: o, from: "{{{{tasks.p.outputs.artifacts.o}}}}"}}]}}
  dag: {{tasks: [{{name: p, template: pure}}]}}
"""
    eat = 'arguments: {artifacts: [{name: a, from: "{{tasks.s.outputs.artifacts.o}}"}]}'
    found = made(workflow(f"- {{name: s, template: sub}}\n- {{name: b, template: eat, depends: s, {eat}}}\n", sub))
    assert found.rules["main/b"] == ("" if graph.startswith("metrics") else "unknown-producer")
    chosen = sub.replace(f"  {graph}\n", "").replace(
        'from: "{{tasks.p.outputs.artifacts.o}}"',
        'fromExpression: "sprig.randInt(0,2) == 0 ? tasks.p.outputs.artifacts.o : tasks.p.outputs.artifacts.o"',
    )
    found = made(workflow(f"- {{name: s, template: sub}}\n- {{name: b, template: eat, depends: s, {eat}}}\n", chosen))
    assert found.rules["main/b"] == "unknown-producer"


def test_a_parameter_with_a_name_of_ours_is_its_owners() -> None:
    own = """
- name: own
  inputs: {parameters: [{name: couler-lineage}]}
  outputs: {artifacts: [{name: o, path: /o}]}
  container: {image: i, args: ["{{inputs.parameters.couler-lineage}}"]}
"""
    call = "arguments: {parameters: [{name: couler-lineage, value: mine}]}"
    document = workflow(f"- {{name: a, template: own, {call}}}\n", own)
    assert not made(document).changed
    assert not made(document, pipeline="cache{assume-pure=true,via=memoize}").changed
