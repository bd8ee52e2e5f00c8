"""Runs an Argo workflow and the workflows that it applies, in symbols and without adapter code.

A leaf does nothing but remember what it was given. The order is that of a controller with unlimited workers: a task
runs once what it depends on has ended. Every task succeeds that is not told to fail; conditions and loops stay as they
are and become part of what a leaf was given. A `resource` template that applies a Workflow runs the WorkflowTemplate
that this refers to, and its outputs are read by JSONPath from the status; artifacts are files at keys of one store.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

import yaml

from adapters.argo.split.cluster import Cluster, Leaf
from adapters.argo.split.texts import Broken, Failed, filled, handed, packed, seen_of

__all__ = ["Cluster", "Leaf", "run"]

JSON_PATH = re.compile(r'\{\.status\.outputs\.parameters\[\?\(@\.name=="(.+)"\)\]\.value\}')
KEYS = {"s3": "key", "gcs": "key", "oss": "key", "azure": "blob"}
OF_PODS = (
    "affinity", "archiveLogs", "artifactRepositoryRef", "dnsConfig", "hostAliases", "imagePullSecrets", "nodeSelector",
    "podMetadata", "podPriorityClassName", "podSpecPatch", "priority", "schedulerName", "securityContext",
    "serviceAccountName", "templateDefaults", "tolerations", "volumes",
)  # fmt: skip
"""What a spec says of every pod of its workflow."""
GUARDS = ("when", "withItems", "withParam", "withSequence", "continueOn")


def run(documents: Sequence[Any], uid: str = "uid-1", cluster: Cluster | None = None, **parameters: str) -> Cluster:
    """Runs the only Workflow of some documents.

    Args:
        documents: that workflow, and the templates that it refers to.
        uid: the UID of the run.
        cluster: what is left of an earlier run.
        parameters: workflow parameters, `_` for `-`.

    Raises:
        Broken: a cluster would not run it to its end.
        Failed: a leaf has failed.
    """
    cluster = cluster or Cluster()
    cluster.templates = {doc["metadata"]["name"]: doc for doc in documents if doc["kind"] == "WorkflowTemplate"}
    (workflow,) = [doc for doc in documents if doc["kind"] == "Workflow"]
    own = {name.replace("_", "-"): value for name, value in parameters.items()}
    facts = {"workflow.uid": uid, "workflow.name": workflow["metadata"].get("name", "generated")}
    _Run(cluster, workflow["spec"], facts, own, frozenset()).finish()
    return cluster


class _Run:
    """One workflow that runs."""

    def __init__(
        self, cluster: Cluster, spec: Any, facts: Mapping[str, str], given: Mapping[str, str], before: frozenset[str]
    ) -> None:
        self.cluster = cluster
        self.spec = spec
        self.templates = {template["name"]: template for template in spec["templates"]}
        arguments = spec.get("arguments") or {}
        declared = {item["name"]: item.get("value") for item in arguments.get("parameters", ())}
        if unknown := given.keys() - declared.keys():
            raise Broken(f"nobody declares the parameters {sorted(unknown)}")
        self.parameters = {**declared, **given}
        if missing := [name for name, value in self.parameters.items() if value is None]:
            raise Broken(f"nothing is passed to {missing}")
        self.facts = {**facts, **{f"workflow.parameters.{name}": value for name, value in self.parameters.items()}}
        self.artifacts = {item["name"]: self.located(item, self.facts) for item in arguments.get("artifacts", ())}
        self.before = before
        self.outputs: dict[str, str] = {}
        self.inside: list[str] = []
        self.path: list[str] = [facts["workflow.uid"]]

    def finish(self) -> frozenset[str]:
        """Runs it; what has ended once it has."""
        entry = self.named(self.spec["entrypoint"])
        return self.template(entry, self.parameters, self.artifacts, self.before, ())[1]

    def named(self, name: str) -> Any:
        if name not in self.templates:
            raise Broken(f"there is no template {name!r}")
        return self.templates[name]

    def located(self, item: Any, scope: Mapping[str, str]) -> str:
        """What an artifact is, from the place where it is said to be."""
        if "from" in item:
            return filled(item["from"], scope) + filled(str(item.get("subPath", "")), scope)
        for kind in KEYS.keys() & item.keys():
            key = filled(item[kind][KEYS[kind]], scope)
            if key not in self.cluster.files and key.startswith("<"):
                raise Broken(f"nothing is stored under {key}")
            return packed(self.cluster.files.get(key, f"<file {key}>"), item)
        return json.dumps({key: content for key, content in item.items() if key != "name"}, sort_keys=True)

    def template(
        self,
        template: Any,
        parameters: Mapping[str, str],
        artifacts: Mapping[str, str],
        before: frozenset[str],
        guards: Any,
    ) -> tuple[dict[str, dict[str, str]], frozenset[str]]:
        """Runs a template; what it hands out, and what has ended once it has."""
        scope = dict(self.facts)
        given: dict[str, dict[str, str]] = {"parameters": {}, "artifacts": {}}
        for plural, passed in (("parameters", parameters), ("artifacts", artifacts)):
            for port in (template.get("inputs") or {}).get(plural, ()):
                content = passed.get(port["name"], port.get("value", port.get("default")))
                if content is None and "s3" in port:
                    content = filled(json.dumps(port["s3"], sort_keys=True), scope)
                if content is None and not port.get("optional"):
                    raise Broken(f"{template.get('name')!r} needs {plural} {port['name']!r}")
                if content is not None:
                    given[plural][port["name"]] = str(content)
                    scope[f"inputs.{plural}.{port['name']}"] = str(content)
        if "dag" in template:
            return self.dag(template, scope, before)
        if "steps" in template:
            return self.steps(template, scope, before)
        if "resource" in template and "workflowTemplateRef" in template["resource"].get("manifest", ""):
            return self.apply(template, scope, before)
        return self.leaf(template, scope, given, before, guards)

    def leaf(
        self, template: Any, scope: Mapping[str, str], given: Any, before: frozenset[str], guards: Any
    ) -> tuple[dict[str, dict[str, str]], frozenset[str]]:
        body = {key: part for key, part in template.items() if key != "name"}
        of_pods = {key: part for key, part in self.spec.items() if key in OF_PODS}
        text = filled(json.dumps(body, sort_keys=True), scope) + filled(json.dumps(of_pods, sort_keys=True), self.facts)
        path = tuple(self.path)
        if path in self.cluster.done:
            return self.cluster.done[path]
        if self.cluster.failing and self.cluster.failing in json.dumps(given):
            raise Failed(self.path[-1])
        digest = hashlib.sha256(json.dumps([text, given, guards], sort_keys=True).encode()).hexdigest()[:16]
        number = sum(1 for leaf in self.cluster.leaves if leaf.startswith(digest))
        own = f"{digest}-{number}"
        self.cluster.leaves[own] = Leaf(text, json.dumps([given, guards], sort_keys=True), before)
        made: dict[str, dict[str, str]] = {"parameters": {}, "artifacts": {}}
        for plural, ports in made.items():
            for port in (template.get("outputs") or {}).get(plural, ()):
                stored = f"<{digest}.{port['name']}>"
                ports[port["name"]] = packed(stored, port)
                self.cluster.files[f"<key {packed(stored, port)}>"] = stored
        self.cluster.done[path] = {**made, "": {"result": f"<{digest}>"}}, before | {own}
        return self.cluster.done[path]

    def steps(
        self, template: Any, scope: dict[str, str], before: frozenset[str]
    ) -> tuple[dict[str, dict[str, str]], frozenset[str]]:
        for group in template["steps"]:
            known: dict[str, str] = {}
            ended = before
            failed: list[Failed] = []
            for step in group:
                try:
                    made, after = self.task(step, scope, before)
                except Failed as error:
                    failed.append(error)
                    continue
                known.update(seen_of(f"steps.{step['name']}", made))
                ended |= after
            if failed:
                raise failed[0]
            scope.update(known)
            before = ended
        return handed(template, scope), before

    def dag(
        self, template: Any, scope: dict[str, str], before: frozenset[str]
    ) -> tuple[dict[str, dict[str, str]], frozenset[str]]:
        tasks = {task["name"]: task for task in template["dag"]["tasks"]}
        if len(tasks) != len(template["dag"]["tasks"]):
            raise Broken("two tasks have one name")
        needs = {name: _needs(task, tasks) for name, task in tasks.items()}
        ended: dict[str, frozenset[str]] = {}
        seen: dict[str, dict[str, str]] = {}  # what a task may read: its own inputs, and what its ancestors made
        try:
            order = list(TopologicalSorter(needs).static_order())
        except CycleError as error:
            raise Broken(f"tasks wait for each other: {error.args[1]}") from None
        failed: dict[str, Failed] = {}  # what depends on them is omitted; the others go on
        for name in order:
            if lost := [failed[need] for need in needs[name] if need in failed]:
                failed[name] = lost[0]
                continue
            upstream = before.union(*(ended[need] for need in needs[name]))
            known = {key: value for need in needs[name] for key, value in seen[need].items()}
            try:
                made, ended[name] = self.task(tasks[name], {**scope, **known}, upstream)
            except Failed as error:
                failed[name] = error
                continue
            own = seen_of(f"tasks.{name}", made)
            seen[name] = {**known, **own}
        if failed:
            raise next(iter(failed.values()))
        for known in seen.values():
            scope.update(known)
        return handed(template, scope), before.union(*ended.values())

    def task(self, task: Any, scope: Mapping[str, str], before: frozenset[str]) -> Any:
        self.path.append(task["name"])
        depth = len(self.inside)
        try:
            return self.called(task, scope, before)
        finally:
            self.path.pop()
            del self.inside[depth:]

    def called(self, task: Any, scope: Mapping[str, str], before: frozenset[str]) -> Any:
        arguments = task.get("arguments") or {}
        parameters = {item["name"]: filled(str(item["value"]), scope) for item in arguments.get("parameters") or ()}
        artifacts = {item["name"]: self.located(item, scope) for item in arguments.get("artifacts") or ()}
        guards = [
            task["name"],
            *(filled(json.dumps(task[key], sort_keys=True), scope) for key in GUARDS if key in task),
        ]
        # What a handler is told is looked up when it runs: only that it stays is compared.
        guards += [f"{key}: {sorted(task[key])}" for key in ("hooks", "onExit") if key in task]
        if "templateRef" in task:
            body = {"templateRef": task["templateRef"]}
            return self.leaf(body, self.facts, [parameters, artifacts], before, guards)
        if task.get("template") in self.inside:  # it calls itself until a condition ends that
            return self.leaf({"again": task["template"]}, self.facts, [parameters, artifacts], before, guards)
        declared = task.get("inline") or self.named(task["template"])
        self.inside.append(task.get("template", ""))
        made = self.template(declared, parameters, artifacts, before, guards)
        # A global name counts where a task hands the output out; a DAG's artifact is the one of its task, without it.
        for port in (declared.get("outputs") or {}).get("parameters", ()):
            if "globalName" in port:
                self.outputs[port["globalName"]] = made[0]["parameters"][port["name"]]
        return made

    def apply(
        self, template: Any, scope: Mapping[str, str], before: frozenset[str]
    ) -> tuple[dict[str, dict[str, str]], frozenset[str]]:
        """Applies a Workflow and waits for it, unless there is one of that name."""
        resource = template["resource"]
        manifest = yaml.safe_load(filled(resource["manifest"], scope))
        name = manifest["metadata"]["name"]
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", name) or len(name) > 63:
            raise Broken(f"{name!r} is no name")
        if resource["action"] != "apply" or "successCondition" not in resource:
            raise Broken("it does not wait for the workflow that it applies")
        if manifest["spec"].get("serviceAccountName") != filled("{{workflow.serviceAccountName}}", scope):
            raise Broken("it runs under another account")
        if name in self.cluster.failed:
            raise Failed(name)
        if name not in self.cluster.applied:
            library = manifest["spec"]["workflowTemplateRef"]["name"]
            if library not in self.cluster.templates:
                raise Broken(f"there is no WorkflowTemplate {library!r}")
            given = {
                item["name"]: item["value"] for item in manifest["spec"].get("arguments", {}).get("parameters", ())
            }
            facts = {"workflow.uid": f"uid of {name}", "workflow.name": name}
            child = _Run(self.cluster, self.cluster.templates[library]["spec"], facts, given, before)
            try:
                ended = child.finish()
            except Failed:
                self.cluster.failed.add(name)
                raise
            self.cluster.applied[name] = child.outputs, ended
        outputs, own = self.cluster.applied[name]
        read: dict[str, str] = {}
        for port in (template.get("outputs") or {}).get("parameters", ()):
            match = JSON_PATH.fullmatch(port["valueFrom"]["jsonPath"])
            if match is None or match[1] not in outputs:
                raise Broken(f"the status of {name!r} has no {port['valueFrom']['jsonPath']}")
            read[port["name"]] = outputs[match[1]]
        return {"parameters": read, "artifacts": {}}, before | own


def _needs(task: Any, tasks: Mapping[str, Any]) -> set[str]:
    """The tasks that one depends on."""
    words = {part.partition(".")[0] for part in re.split(r"[^-.\w]+", task.get("depends", ""))} - {""}
    found = words.union(task.get("dependencies", ()))
    if strange := found - tasks.keys():
        raise Broken(f"{task['name']!r} depends on {sorted(strange)}")
    return found
