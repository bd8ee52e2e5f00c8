"""One workflow, changes of it that matter to a step's result, and changes that do not."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

__all__ = ["IRRELEVANT", "RELEVANT", "base", "part"]

Change = Callable[[dict[str, Any]], object]


def base() -> dict[str, Any]:
    """`report` reads an artifact of `prepare` and runs after `notify`; all three are pure."""
    pure = {"annotations": {"couler.io/cache": "pure", "couler.io/cache-version": "1"}}
    prepare = {
        "name": "prepare",
        "metadata": pure,
        "inputs": {"parameters": [{"name": "x"}, {"name": "y", "default": "2"}]},
        "outputs": {"artifacts": [{"name": "o", "path": "/o"}, {"name": "o2", "path": "/o2"}]},
        "script": {"image": "tool@sha256:1", "command": ["sh"], "source": "prepare {{inputs.parameters.x}} > /o"},
    }
    notify = {
        "name": "notify",
        "metadata": pure,
        "outputs": {"artifacts": [{"name": "done", "path": "/done"}]},
        "container": {"image": "tool@sha256:1", "command": ["notify"], "args": ["{{workflow.parameters.who}}"]},
    }
    report = {
        "name": "report",
        "metadata": pure,
        "inputs": {
            "parameters": [{"name": "p"}, {"name": "q", "default": "3"}],
            "artifacts": [{"name": "a", "path": "/a"}, {"name": "b", "path": "/b"}, {"name": "c", "path": "/c"}],
        },
        "outputs": {"artifacts": [{"name": "out", "path": "/out"}]},
        "initContainers": [{"name": "init", "image": "tool@sha256:2", "command": ["init", "one"]}],
        "sidecars": [{"name": "side", "image": "tool@sha256:3"}],
        "podSpecPatch": '{"hostname":"one"}',
        "container": {
            "image": "tool@sha256:4",
            "command": ["report"],
            "args": ["{{inputs.parameters.p}}", "{{inputs.parameters.q}}", "{{workflow.parameters.level}}"],
            "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "$(A)"}],
            "resources": {"requests": {"cpu": "1"}},
        },
    }
    git = {"repo": "there", "revision": "0123456789abcdef0123456789abcdef01234567"}
    tasks = [
        {"name": "prepare", "template": "prepare", "arguments": {"parameters": [{"name": "x", "value": "1"}]}},
        {"name": "notify", "template": "notify"},
        {
            "name": "report",
            "template": "report",
            "depends": "prepare && notify",
            "arguments": {
                "parameters": [{"name": "p", "value": "v"}],
                "artifacts": [
                    {"name": "a", "from": "{{tasks.prepare.outputs.artifacts.o}}"},
                    {"name": "b", "raw": {"data": "hello"}},
                    {"name": "c", "git": git},
                ],
            },
        },
    ]
    parameters = [{"name": "who", "value": "me"}, {"name": "level", "value": "high"}]
    spec = {
        "entrypoint": "main",
        "serviceAccountName": "robot",
        "arguments": {"parameters": parameters},
        "templateDefaults": {"container": {"workingDir": "/w"}},
        "podSpecPatch": '{"subdomain":"one"}',
        "artifactRepositoryRef": {"key": "one"},
        "templates": [{"name": "main", "dag": {"tasks": tasks}}, prepare, notify, report],
    }
    metadata = {"generateName": "pair-", "namespace": "here"}
    # A copy without shared parts, so that a change of one is a change of one.
    document = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": metadata, "spec": spec}
    copied: dict[str, Any] = json.loads(json.dumps(document))
    return copied


def part(document: dict[str, Any], name: str) -> dict[str, Any]:
    """A template by its name; `@name` for a task."""
    templates = {template["name"]: template for template in document["spec"]["templates"]}
    if not name.startswith("@"):
        found: dict[str, Any] = templates[name]
        return found
    main = templates[document["spec"]["entrypoint"]]
    return next(task for task in main["dag"]["tasks"] if task["name"] == name[1:])


def put(name: str, path: str, content: Any) -> Change:
    """A change of one field of a template or task (or of `spec`, `metadata`)."""

    def change(document: dict[str, Any]) -> None:
        holder: Any = document[name] if name in document else part(document, name)
        *way, last = (key.replace("~1", "/") for key in path.split("/"))
        for key in way:
            holder = holder[int(key)] if isinstance(holder, list) else holder.setdefault(key, {})
        if isinstance(holder, list):
            holder[int(last)] = content
        else:
            holder[last] = content

    return change


def renamed(old: str, new: str) -> Change:
    """A change of the name of a template or task wherever it stands."""

    def change(document: dict[str, Any]) -> None:
        def walk(node: Any) -> None:
            for key, content in node.items() if isinstance(node, dict) else enumerate(node):
                if content == old and key in ("name", "template", "entrypoint"):
                    node[key] = new
                elif isinstance(content, str) and (key == "depends" or "tasks." in content):
                    node[key] = content.replace(old, new)
                elif isinstance(content, (dict, list)):
                    walk(content)

        walk(document["spec"])

    return change


def _swapped(name: str, path: str) -> Change:
    def change(document: dict[str, Any]) -> None:
        holder: Any = document["spec"] if name == "spec" else part(document, name)
        for key in path.split("/"):
            holder = holder[key]
        holder.reverse()

    return change


def _as_parameter(document: dict[str, Any]) -> None:
    document["spec"]["arguments"]["parameters"].append({"name": "moved", "value": "v"})
    put("@report", "arguments/parameters/0/value", "{{workflow.parameters.moved}}")(document)


def _more(document: dict[str, Any]) -> None:
    tasks = part(document, "main")["dag"]["tasks"]
    tasks.append({"name": "other", "template": "other", "depends": "report"})
    tasks.append({"name": "beside", "template": "other"})
    document["spec"]["templates"].append({"name": "other", "container": {"image": "other"}})


def _from(output: str) -> Change:
    return put("@report", "arguments/artifacts/0/from", f"{{{{tasks.prepare.outputs.artifacts.{output}}}}}")


RELEVANT: dict[str, Change] = {
    "image": put("report", "container/image", "tool@sha256:5"),
    "command": put("report", "container/command", ["report", "x"]),
    "args": put("report", "container/args/1", "more"),
    "args joined": put("report", "container/args", ["{{inputs.parameters.p}}{{inputs.parameters.q}}", ""]),
    "env value": put("report", "container/env/0/value", "2"),
    "env name": put("report", "container/env/0/name", "C"),
    "order of env": _swapped("report", "container/env"),
    "working directory": put("report", "container/workingDir", "/elsewhere"),
    "security context": put("report", "securityContext", {"runAsUser": 7}),
    "sidecar": put("report", "sidecars/0/image", "tool@sha256:6"),
    "initContainer": put("report", "initContainers/0/command/1", "two"),
    "podSpecPatch of the template": put("report", "podSpecPatch", '{"hostname":"two"}'),
    "podSpecPatch of the spec": put("spec", "podSpecPatch", '{"subdomain":"two"}'),
    "serviceAccountName of the template": put("report", "serviceAccountName", "other"),
    "serviceAccountName of the spec": put("spec", "serviceAccountName", "other"),
    "namespace": put("metadata", "namespace", "there"),
    "artifactRepositoryRef": put("spec", "artifactRepositoryRef/key", "two"),
    "archiveLocation": put("report", "archiveLocation", {"s3": {"bucket": "two"}}),
    "templateDefaults": put("spec", "templateDefaults/container/workingDir", "/w2"),
    "host network": put("spec", "hostNetwork", True),
    "default of an input": put("report", "inputs/parameters/1/default", "4"),
    "path of an input": put("report", "inputs/artifacts/0/path", "/a2"),
    "path of an output": put("report", "outputs/artifacts/0/path", "/out2"),
    "constant argument": put("@report", "arguments/parameters/0/value", "w"),
    "workflow parameter read in the body": put("spec", "arguments/parameters/1/value", "low"),
    "raw data": put("@report", "arguments/artifacts/1/raw/data", "bye"),
    "git revision": put("@report", "arguments/artifacts/2/git/revision", "1123456789abcdef0123456789abcdef01234567"),
    "another output of the producer": _from("o2"),
    "cache-version": put("report", "metadata/annotations/couler.io~1cache-version", "2"),
    "source of the producer": put("prepare", "script/source", "prepare more > /o"),
    "image of the producer": put("prepare", "script/image", "tool@sha256:7"),
    "argument of the producer": put("@prepare", "arguments/parameters/0/value", "9"),
    "default of the producer": put("prepare", "inputs/parameters/1/default", "9"),
    "cache-version of the producer": put("prepare", "metadata/annotations/couler.io~1cache-version", "2"),
    "a step before it, by order only": put("notify", "container/command", ["notify", "all"]),
    "what a step before it reads, by order only": put("spec", "arguments/parameters/0/value", "you"),
}
"""What makes another result, or may."""

IRRELEVANT: dict[str, Change] = {
    "template name": renamed("report", "summary"),
    "producer name": renamed("prepare", "getready"),
    "graph name": renamed("main", "all"),
    "workflow name": put("metadata", "generateName", "other-"),
    "labels": put("metadata", "labels", {"a": "b"}),
    "annotations": put("metadata", "annotations", {"a": "b"}),
    "labels of the pod": put("report", "metadata/labels", {"a": "b"}),
    "labels of all pods": put("spec", "podMetadata", {"labels": {"a": "b"}}),
    "resources": put("report", "container/resources", {"limits": {"memory": "1Gi"}}),
    "resources of a sidecar": put("report", "sidecars/0/resources", {"limits": {"memory": "1Gi"}}),
    "resources of the producer": put("prepare", "script/resources", {"limits": {"memory": "1Gi"}}),
    "retryStrategy": put("report", "retryStrategy", {"limit": "3"}),
    "retryStrategy of the producer": put("prepare", "retryStrategy", {"limit": "3"}),
    "retryStrategy of all": put("spec", "retryStrategy", {"limit": "3"}),
    "timeout": put("report", "timeout", "1h"),
    "activeDeadlineSeconds": put("report", "activeDeadlineSeconds", 60),
    "activeDeadlineSeconds of all": put("spec", "activeDeadlineSeconds", 60),
    "nodeSelector": put("report", "nodeSelector", {"disk": "ssd"}),
    "nodeSelector of all": put("spec", "nodeSelector", {"disk": "ssd"}),
    "tolerations": put("report", "tolerations", [{"key": "gpu", "operator": "Exists"}]),
    "affinity": put("spec", "affinity", {"nodeAffinity": {}}),
    "priority": put("report", "priorityClassName", "high"),
    "priority of all": put("spec", "podPriorityClassName", "high"),
    "metrics": put("spec", "metrics", {"prometheus": [{"name": "n", "help": "h", "counter": {"value": "1"}}]}),
    "synchronization": put("report", "synchronization", {"mutexes": [{"name": "m"}]}),
    "parallelism": put("spec", "parallelism", 3),
    "parallelism of the graph": put("main", "parallelism", 3),
    "failFast": put("main", "dag/failFast", False),
    "ttlStrategy": put("spec", "ttlStrategy", {"secondsAfterCompletion": 5}),
    "podGC": put("spec", "podGC", {"strategy": "OnPodCompletion"}),
    "archiveLogs": put("spec", "archiveLogs", True),
    "order of templates": _swapped("spec", "templates"),
    "order of tasks": _swapped("main", "dag/tasks"),
    "order of parameters": _swapped("report", "inputs/parameters"),
    "order of artifacts": _swapped("report", "inputs/artifacts"),
    "order of arguments": _swapped("@report", "arguments/artifacts"),
    "order of outputs of the producer": _swapped("prepare", "outputs/artifacts"),
    "order of workflow parameters": _swapped("spec", "arguments/parameters"),
    "order in depends": put("@report", "depends", "notify && prepare"),
    "description": put("report", "inputs/parameters/0/description", "what it is"),
    "a default that is written as well": put("@report", "arguments/parameters/0/value", "v"),
    "steps after and beside": _more,
    "a literal that becomes a workflow parameter": _as_parameter,
    "an unread workflow parameter": lambda document: document["spec"]["arguments"]["parameters"].append(
        {"name": "unread", "value": "1"}
    ),
}
"""What makes no other result."""
