"""Which steps share a pod, which do not, and why."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import pytest

from adapters.argo.fuse.chains import after, container, script, template_of, workflow
from conversions import plugins
from couler_argo.fuse.leftovers import leaves_nothing, leaves_processes
from couler_plugins.api import optimize
from couler_plugins.ir import Container, Literal

LIMITED = {"requests": {"cpu": "1"}, "limits": {"memory": "1Gi"}}


def pair(**more: Any) -> Any:
    """Two steps of one image that share a pod: the second one reads what the first one makes."""
    outputs = {
        "parameters": [{"name": "n", "valueFrom": {"path": "/tmp/n"}}],
        "artifacts": [{"name": "d", "path": "/tmp/d"}],
    }
    inputs = {"parameters": [{"name": "x"}], "artifacts": [{"name": "d", "path": "/tmp/in"}]}
    first = script("a", "echo 1 > /tmp/n; echo 2 > /tmp/d", outputs=outputs)
    second = container("b", "cat", "{{inputs.artifacts.d.path}}", "{{inputs.parameters.x}}", inputs=inputs)
    passed = {"x": "<{{tasks.a.outputs.parameters.n}}>", "d": "from:{{tasks.a.outputs.artifacts.d}}"}
    return workflow([after("a"), after("b", "a", **passed)], [first, second], **more)


def said(document: Any, pipeline: str = "fuse{keep-original=false}") -> tuple[bool, str]:
    """Whether the two steps were fused, and what the decisions say."""
    result = optimize(document, pipeline, plugins=plugins())
    (file,) = result.files
    tasks = template_of(result.documents[0], "main")["dag"]["tasks"]
    return len(tasks) == 1, " ".join(f"{item.action} {item.reason}" for item in file.decisions)


def test_two_steps_share_a_pod() -> None:
    is_fused, text = said(pair())
    assert is_fused, text
    assert "run a, b in one pod, as one script" in text


def changed(path: str, value: Any) -> Any:
    """The pair with something in it changed; a path that begins with `a` or `b` is in the template."""
    document = copy.deepcopy(pair())
    name, *keys = path.split(".")
    part = document["spec"] if name == "spec" else template_of(document, name)
    for key in keys[:-1]:
        part = part[int(key)] if key.isdigit() else part.setdefault(key, {})
    part[int(keys[-1]) if keys[-1].isdigit() else keys[-1]] = value
    return document


REFUSED: Mapping[str, tuple[str, Any, str]] = {
    "kind": ("b.suspend", {}, "it is a"),
    "sidecar": ("a.sidecars", [{"name": "s", "image": "x"}], "it has containers beside its main one"),
    "command": ("b.container.command", [], "it does not say which command"),
    "probe": ("b.container.livenessProbe", {"exec": {"command": ["true"]}}, "its container has 'livenessProbe'"),
    "unknown": ("a.plugin2", {"x": 1}, "its template has 'plugin2'"),
    "account": ("b.serviceAccountName", "other", "its 'serviceAccountName' is not that of the steps"),
    "volumes": ("a.volumes", [{"name": "v", "emptyDir": {}}], "its 'volumes' is not that of the steps"),
    "security": ("b.securityContext", {"runAsUser": 1}, "its 'securityContext' is not that of the steps"),
    "container": ("b.container.securityContext", {"runAsUser": 1}, "its 'securityContext' is not that of the steps"),
    "folder": ("b.container.workingDir", "/src", "its 'workingDir' is not that of the steps"),
    "shell-variable": ("b.container.env", [{"name": "UID", "value": "1"}], "cannot pass on its variable 'UID'"),
    "odd-variable": ("b.container.env", [{"name": "a.b", "value": "1"}], "cannot pass on its variable 'a.b'"),
    "expanded-variable": (
        "b.container.env",
        [{"name": "X", "value": "$(Y)"}],
        "only Kubernetes can make its variable 'X'",
    ),
    "early-artifact": (
        "b.inputs.artifacts",
        [{"name": "d", "path": "/tmp/in"}, {"name": "e", "path": "/tmp/e", "s3": {"key": "of-a"}}],
        "its artifact 'e' would be looked up before 'a' has run (hand it on as an output of that step)",
    ),
    "early-argument": (
        "main.dag.tasks.1.arguments.artifacts",
        [{"name": "d", "s3": {"key": "of-a"}}],
        "its artifact 'd' would be looked up before 'a' has run",
    ),
    "early-parameter": (
        "b.inputs.parameters",
        [{"name": "x"}, {"name": "y", "valueFrom": {"configMapKeyRef": {"name": "of-a", "key": "k"}}}],
        "its parameter 'y' would be looked up before 'a' has run",
    ),
    "secret": (
        "b.container.env",
        [{"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}],
        "what Kubernetes looks up for the environment of 'b' is something else",
    ),
    "computed-variable": (
        "b.container.env",
        [{"name": "X", "value": "{{=asInt(inputs.parameters.x)}}"}],
        "it computes with its parameter 'x'",
    ),
    "pod-name": (
        "a.script.env",
        [{"name": "X", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
        "its environment has the name or the address of its pod",
    ),
    "image": ("b.container.image", "busybox:2", "a container of its own cannot (with the same image"),
    "gpu": ("b.container.resources", {"limits": {"nvidia.com/gpu": 1}}, "nvidia.com/gpu"),
    "own-name-of-an-attempt": ("a.script.source", "echo {{retries}} > /tmp/n", "it reads 'retries'"),
    "own-name-in-a-call": (
        "main.dag.tasks.1.arguments.parameters",
        [{"name": "x", "value": "{{pod.name}}"}],
        "it reads 'pod.name'",
    ),
    "stated-of-what-is-made": (
        "b.outputs",
        {"parameters": [{"name": "s", "value": "<{{inputs.parameters.x}}>"}]},
        "its 's' is made of what a step of its pod gives",
    ),
    "stated-with-a-step": (
        "b.outputs",
        {"parameters": [{"name": "s", "value": "{{inputs.artifacts.d}}"}]},
        "it reads 'inputs.artifacts.d'",
    ),
    "default-of-an-input": (
        "b.inputs.parameters",
        [{"name": "x"}, {"name": "y", "value": "{{inputs.parameters.x}}"}],
        "its parameter 'y' depends on other inputs",
    ),
    "variable": ("b.container.args", ["$(KUBERNETES_SERVICE_HOST)"], "Kubernetes fills variables into its command"),
    "computed": ("b.container.args", ["{{=asInt(inputs.parameters.x)}}"], "it computes with its parameter 'x'"),
    "background": ("a.script.source", "sleep 1000 & echo 1 > /tmp/n", "'a' starts something that may run beside it"),
    "files": ("a.script.source", "touch /tmp/other", "it would find the files that 'a' leaves in its container"),
    "defaults": ("spec.templateDefaults", {"container": {"env": []}}, "templateDefaults have 'container', of any pod"),
    "deadline": (
        "spec.templateDefaults",
        {"activeDeadlineSeconds": 9},
        "templateDefaults have 'activeDeadlineSeconds'",
    ),
    "place": ("b.inputs.artifacts.0.path", "/src/in", "nobody knows whether its user may write /src/in"),
    "mount": ("b.inputs.artifacts.0.path", "{{workflow.name}}", "nobody knows beforehand where its artifact 'd' is"),
    "zip": ("a.outputs.artifacts.0.archive", {"zip": {}}, "its artifact 'd' is packed, missing or changed"),
    "mode": ("b.inputs.artifacts.0.mode", 0o755, "its artifact 'd' is packed, missing or changed"),
    "nested": ("a.outputs.artifacts.0.path", "/tmp", "its output at /tmp has another one in it"),
    "default": (
        "a.outputs.parameters.0.valueFrom.default",
        "{{workflow.name}}",
        "the default of what it gets as 'x' is not known",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str) -> None:
    path, value, reason = REFUSED[name]
    document = changed(path, value)
    if name == "kind":
        del template_of(document, "b")["container"]
    is_fused, text = said(document)
    assert not is_fused
    assert reason in text


def test_a_shell_cannot_pass_on_a_variable_that_all_steps_have_either() -> None:
    document = pair()
    for name, kind in (("a", "script"), ("b", "container")):
        template_of(document, name)[kind]["env"] = [{"name": "a.b", "value": "1"}]
    is_fused, text = said(document)
    assert not is_fused
    assert "a shell cannot pass on its variable 'a.b' (rename it)" in text


def test_a_label_with_the_name_of_the_run_is_the_same_for_all() -> None:
    document = changed("a.metadata", {"labels": {"run": "{{workflow.name}}"}})
    template_of(document, "b")["metadata"] = {"labels": {"run": "{{workflow.name}}"}}
    assert said(document)[0]


def test_all_links_of_a_chain_have_one_form() -> None:
    """A container set would lose the artifact of `a`, and one script cannot have the image of `c`."""
    last = script("c", "echo 3")
    last["script"]["image"] = "alpine:3"
    outputs = {"artifacts": [{"name": "d", "path": "/tmp/d", "s3": {"key": "d"}}]}
    templates = [script("a", "echo 1 > /tmp/d", outputs=outputs), script("b", "echo 2"), last]
    document = workflow([after("a"), after("b", "a"), after("c", "b")], templates)
    result = optimize(document, "fuse{keep-original=false}", plugins=plugins()).documents[0]
    assert [task["name"] for task in template_of(result, "main")["dag"]["tasks"]] == ["a-to-b", "c"]
    assert template_of(result, "a-to-b")["outputs"]["artifacts"][0]["s3"] == {"key": "d"}


def test_the_limit_of_the_workflow_counts() -> None:
    """As in `test_a_chain_that_holds_back_others_is_not_fused`, where it is that of the graph."""
    behind = {"r1": "q", "r2": "q", "z": "r1 && r2", "b": "a"}
    names = ["q", "r1", "r2", "z", "a", "b"]
    tasks = [after(name, behind.get(name, "")) for name in names]
    templates = [script(name, "echo") for name in names]
    assert "run a, b in one pod" in said(workflow(tasks, templates))[1]
    _, text = said(workflow(tasks, templates, parallelism=2))
    assert "run a, b in one pod" not in text
    assert "with at most 2 pods at a time, others would end later" in text


def test_a_word_lifts_the_refusal_of_files() -> None:
    path, value, _ = REFUSED["files"]
    assert said(changed(path, f"{value}; echo 1 > /tmp/n; echo 2 > /tmp/d"), "fuse{allow=files}")[0]


def test_an_artifact_from_outside_stays_where_the_next_step_may_find_it() -> None:
    document = changed("a.inputs", {"artifacts": [{"name": "o", "path": "/tmp/o", "raw": {"data": "1"}}]})
    assert "it would find the files that 'a' leaves in its container" in said(document)[1]
    assert said(document, "fuse{keep-original=false,allow=files}")[0]


def test_nobody_has_seen_a_shell_in_the_image() -> None:
    document = pair()
    template_of(document, "a")["script"] = None
    template_of(document, "a")["container"] = {"image": "busybox:1", "command": ["date"]}
    assert "nobody has seen a shell or Python in its image" in said(document)[1]
    document["spec"]["templates"].append(container("other", "/bin/sh", "-c", "true"))
    assert said(document)[0]


def test_a_pod_asks_for_the_most_that_any_step_asks_for() -> None:
    document = pair()
    template_of(document, "a")["script"]["resources"] = {"requests": {"cpu": "500m"}, "limits": {"memory": "2Gi"}}
    template_of(document, "b")["container"]["resources"] = {
        "requests": {"cpu": 1},
        "limits": {"cpu": "2", "memory": "1Gi"},
    }
    result = optimize(document, "fuse{keep-original=false}", plugins=plugins()).documents[0]
    asked = template_of(result, "a-to-b")["script"]["resources"]
    assert asked == {"limits": {"memory": "2Gi"}, "requests": {"cpu": 1, "memory": "2Gi"}}


def reading_names(*steps: str) -> Any:
    """The pair, where some steps have a value with the name of their pod, and a third one reads both."""
    document = pair()
    document["spec"]["templates"][0]["dag"]["tasks"].append(
        after("c", "b", one="{{tasks.a.outputs.parameters.s}}", two="{{tasks.b.outputs.parameters.s}}")
    )
    inputs = {"parameters": [{"name": "one"}, {"name": "two"}]}
    words = ("{{inputs.parameters.one}}", "{{inputs.parameters.two}}")
    document["spec"]["templates"].append({**container("c", "echo", *words, inputs=inputs), "serviceAccountName": "c"})
    for name in "ab":
        template = template_of(document, name)
        own = "/{{workflow.name}}/{{ pod.name }}/it" if name in steps else "plain"
        template.setdefault("inputs", {}).setdefault("parameters", []).append({"name": "s", "value": own})
        outputs = template.setdefault("outputs", {}).setdefault("parameters", [])
        outputs.append({"name": "s", "value": "{{inputs.parameters.s}}"})
    return document


def names_in(document: Any, pipeline: str) -> tuple[list[str], str]:
    """The values that a step states, in the template of its chain, and what the decisions say."""
    result = optimize(document, pipeline, plugins=plugins())
    tasks = template_of(result.documents[0], "main")["dag"]["tasks"]
    text = " ".join(f"{item.action} {item.reason}" for item in result.files[0].decisions)
    if len(tasks) == 3:
        return [], text
    inputs = template_of(result.documents[0], "a-to-b")["inputs"]["parameters"]
    return [item["value"] for item in inputs if item["name"].endswith("s")], text


def test_one_step_of_a_pod_may_read_its_name() -> None:
    values, text = names_in(reading_names("b"), "fuse{keep-original=false}")
    assert values == ["plain", "/{{workflow.name}}/{{ pod.name }}/it"]
    assert "'b' reads the name of the pod that it shares" in text


def test_steps_that_read_the_name_of_their_pod_get_names_of_their_own_by_a_word() -> None:
    values, text = names_in(reading_names("a", "b"), "fuse{keep-original=false}")
    assert not values
    assert "'b' would read the same name of its pod as 'a' (say allow = \"name\" of 'b'" in text
    values, text = names_in(reading_names("a", "b"), "fuse{keep-original=false,allow=name}")
    assert values == [f"/{{{{workflow.name}}}}/{{{{ pod.name }}}}-{name}/it" for name in "ab"]
    assert "'a' reads {{pod.name}}-a; 'b' reads {{pod.name}}-b" in text


def test_a_name_in_an_expression_is_the_same_for_all() -> None:
    document = reading_names("a", "b")
    template_of(document, "b")["container"]["args"] = ["{{=pod.name}}"]
    assert not names_in(document, "fuse{keep-original=false,allow=name}")[0]


def test_what_a_step_states_is_an_argument_of_the_pod_where_its_call_passes_it() -> None:
    document = reading_names()
    tasks = document["spec"]["templates"][0]["dag"]["tasks"]
    tasks[0]["arguments"] = {"parameters": [{"name": "s", "value": "{{workflow.uid}}"}]}
    tasks[1]["arguments"]["parameters"][0]["value"] = "<{{tasks.a.outputs.parameters.s}}>"
    (task, _) = template_of(optimize(document, "fuse{keep-original=false}", plugins=plugins()).documents[0], "main")[
        "dag"
    ]["tasks"]
    passed = {item["name"]: item["value"] for item in task["arguments"]["parameters"]}
    assert passed == {"s": "{{workflow.uid}}", "x": "<{{workflow.uid}}>"}


LEAVES_NOTHING = {
    "date": True,
    "echo a; sleep 1 && cat /etc/hosts | grep x": True,
    "if [ -f /x ]; then echo yes; else exit 1; fi": True,
    "X=$(date +%s) ; echo $X >&2; printf %s 1 > /tmp/out": True,
    "for i in 1 2; do echo $i 2>/dev/null; done": True,
    "echo a > /tmp/other": False,
    "echo a >> /tmp/out2": False,
    "echo a > /tmp/out$X": False,
    'echo a > "/tmp/out"$X': False,
    "echo a > '/tmp/out'; (echo b >> /tmp/out)": True,
    "mkdir /tmp/x": False,
    "cat /x | tee /y": False,
    "$X": False,
    "eval x": False,
    "sleep 1 & rm -r /x": False,
    "echo `touch /x`": False,
    "X=1 touch /x": False,
    'X="a echo b" touch /x': False,
    "X=\"a b\" Y='c' echo": True,
    "if touch /x; then true; fi": False,
}


@pytest.mark.parametrize("text", LEAVES_NOTHING)
def test_what_leaves_nothing(text: str) -> None:
    main = Container(command=(Literal(value="/bin/sh"), Literal(value="-c")), args=(Literal(value=text),))
    assert leaves_nothing(main, ["/tmp/out"]) is LEAVES_NOTHING[text]


@pytest.mark.parametrize(
    ("text", "leaves"),
    [
        ("a & b", True),
        ("a && b", False),
        ("a >&2", False),
        ("a &> /x", False),
        ("nohup x", True),
        ("a 2>&1 | b", False),
        ("a |& b", False),
    ],
)
def test_what_leaves_processes(text: str, leaves: bool) -> None:
    assert leaves_processes(Container(command=(Literal(value="bash"),), script=Literal(value=text))) is leaves
