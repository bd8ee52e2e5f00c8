"""A judge of Argo manifests that imports no adapter code: what in a manifest could not run.

It follows Argo's docs (variables.md, enhanced-depends-logic.md) and the checks of `workflow/validate`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from adapters.argo.objects import Mapping, Scope, called, chains, objects, scopes, spec_of, strings, tags, tasks_of

__all__ = ["Problem", "judge", "kinds"]

OUTCOMES = {"Succeeded", "Failed", "Errored", "Skipped", "Omitted", "Daemoned", "AnySucceeded", "AllFailed"}
EXPRESSIONS = ("expression", "fromExpression")
KINDS = (("parameters", "parameter"), ("artifacts", "artifact"))
LOCATIONS = {"s3", "gcs", "http", "git", "raw", "hdfs", "oss", "azure", "artifactory", "plugin"}


class Problem(NamedTuple):
    """One reason why a manifest would not run: of what kind, where, and what is wrong."""

    kind: str
    where: str
    what: str


def judge(documents: Sequence[Any]) -> list[Problem]:
    """All problems of the Argo workflows in these documents, which form one name scope."""
    every = [item for document in documents for item in objects(document)]
    return [problem for item in every for problem in _Workflow(item, every).problems()]


def kinds(problems: Sequence[Problem]) -> Counter[str]:
    """How many problems of each kind there are."""
    return Counter(problem.kind for problem in problems)


def _repeated(names: Sequence[Any]) -> list[Any]:
    return [name for name, count in Counter(map(str, names)).items() if count > 1]


class _Workflow:
    def __init__(self, item: Mapping, every: Sequence[Mapping]) -> None:
        self.item = item
        self.every = every
        self.spec = spec_of(item)
        self.library = "WorkflowTemplate" in item["kind"]
        self.reference = self.spec.get("workflowTemplateRef")

    def problems(self) -> Iterator[Problem]:
        spec = self.spec
        templates = spec.get("templates") or []
        for name in _repeated([template.get("name") for template in templates]):
            yield Problem("duplicate", "templates", f"two templates {name}")
        yield from self.entry_problems()
        hooks = [*(spec.get("hooks") or {}).items()]
        if spec.get("onExit"):
            hooks.append(("onExit", {"template": spec["onExit"]}))
        for name, hook in hooks:
            if not (self.reference and called(hook, spec, self.every) is None):
                yield from self.call_problems(f"spec/{name}", hook, arguments=True)
            for segments, _ in _variables(hook):
                if segments[0] in ("tasks", "steps", "inputs", "item"):
                    yield Problem("dangling", f"spec/{name}", ".".join(segments))
        for scope in scopes(spec):
            yield from _Template(self, scope).problems()

    def entry_problems(self) -> Iterator[Problem]:
        name = self.spec.get("entrypoint")
        if self.reference:
            return
        if not name:
            if not self.library:
                yield Problem("callee", "spec", "no entrypoint")
            return
        template = called({"template": name}, self.spec)
        if template is None:
            yield Problem("callee", "spec", f"entrypoint {name}")
        elif not self.library:
            yield from _unsupplied("spec", template, self.spec.get("arguments") or {})

    def call_problems(self, where: str, site: Mapping, arguments: bool = False) -> Iterator[Problem]:
        ways = [key for key in ("template", "templateRef", "inline") if site.get(key)]
        if len(ways) != 1:
            yield Problem("callee", where, f"calls by {ways}")
            return
        template = called(site, self.spec, self.every)
        if template is None:
            if ways == ["template"] or self.in_bundle(site["templateRef"]):
                yield Problem("callee", where, f"calls {site[ways[0]]}")
            return
        given = site.get("arguments") or {}
        yield from _unsupplied(where, template, given, also=self.spec.get("arguments") or {} if arguments else {})

    def in_bundle(self, reference: Mapping) -> bool:
        kind = "ClusterWorkflowTemplate" if reference.get("clusterScope") else "WorkflowTemplate"
        return any(
            item["kind"] == kind and item["metadata"].get("name") == reference.get("name") for item in self.every
        )


def _unsupplied(where: str, template: Mapping, given: Mapping, also: Mapping | None = None) -> Iterator[Problem]:
    inputs = template.get("inputs") or {}
    for plural, kind in KINDS:
        names = {item["name"] for source in (given, also or {}) for item in source.get(plural) or []}
        for name in _repeated([item["name"] for item in given.get(plural) or []]):
            yield Problem("duplicate", where, f"passes {kind} {name} twice")
        for port in inputs.get(plural) or []:
            supplied = {"value", "default", "valueFrom", "from", *LOCATIONS} & port.keys() or port.get("optional")
            if port["name"] not in names and not supplied:
                yield Problem("unsupplied", where, f"{kind} {port['name']} of {template.get('name')}")


def _variables(data: Any) -> Iterator[tuple[tuple[str, ...], bool]]:
    """All variables that a part of a manifest reads: those in tags, and those in fields that hold an expression."""
    for text in strings(data):
        yield from tags(text)
    pending = [data]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            for key, content in current.items():
                if key in EXPRESSIONS and isinstance(content, str):
                    yield from ((chain, True) for chain in chains(re.sub(r"\{\{.*?\}\}", "0", content)))
            pending.extend(current.values())
        elif isinstance(current, list):
            pending.extend(current)


class _Template:
    """The checks of one template."""

    def __init__(self, workflow: _Workflow, scope: Scope) -> None:
        self.workflow = workflow
        self.scope = scope
        self.template = scope.template
        self.where = "/".join(scope.path)
        self.tasks = tasks_of(self.template)
        self.by_name = {str(task.get("name")): task for task in self.tasks}
        self.root = "tasks" if "dag" in self.template else "steps" if "steps" in self.template else None

    def problems(self) -> Iterator[Problem]:
        yield from self.duplicates()
        body = {key: content for key, content in self.template.items() if key not in ("dag", "steps")}
        if self.root is None:
            yield from self.references(self.where, body, set())
            return
        before = self.dag_order() if self.root == "tasks" else self.stage_order()
        if self.root == "tasks":
            yield from self.dialect()
            yield from self.targets()
        if before is None:
            yield Problem("cycle", self.where, "tasks wait for each other")
            before = {name: set(self.by_name) for name in self.by_name}
        yield from self.references(self.where, body, set(self.by_name))
        for task in self.tasks:
            yield from self.task_problems(task, before[str(task.get("name"))])

    def task_problems(self, task: Mapping, before: set[str]) -> Iterator[Problem]:
        name = str(task.get("name"))
        where = f"{self.where}/{name}"
        yield from self.workflow.call_problems(where, task)
        own = {key: content for key, content in task.items() if key not in ("inline", "hooks", "depends")}
        yield from self.references(where, own, before, looped=_looped(task))
        for event, hook in (task.get("hooks") or {}).items():
            yield from self.workflow.call_problems(f"{where}/{event}", hook)
            yield from self.references(f"{where}/{event}", hook, {*before, name}, looped=_looped(task))
        if task.get("onExit"):
            yield from self.workflow.call_problems(f"{where}/onExit", {"template": task["onExit"]})

    def duplicates(self) -> Iterator[Problem]:
        for name in _repeated([task.get("name") for task in self.tasks]):
            yield Problem("duplicate", self.where, f"two steps {name}")
        for side in ("inputs", "outputs"):
            for plural, kind in KINDS:
                ports = (self.template.get(side) or {}).get(plural) or []
                for name in _repeated([port["name"] for port in ports]):
                    yield Problem("duplicate", self.where, f"two {side} {kind} {name}")

    def dialect(self) -> Iterator[Problem]:
        depends = [task for task in self.tasks if task.get("depends")]
        listed = [task for task in self.tasks if task.get("dependencies")]
        if depends and listed:
            yield Problem("mixed", self.where, "depends and dependencies")
        if depends and any(task.get("continueOn") for task in self.tasks):
            yield Problem("mixed", self.where, "depends and continueOn")
        for task in depends:
            bare = re.sub(r"[A-Za-z0-9_][-\w]*(\.[A-Za-z]+)?", "x", task["depends"])
            if re.sub(r"x|!|\s", "", bare.replace("&&", "").replace("||", "")).replace("(", "").replace(")", ""):
                yield Problem("depends", f"{self.where}/{task['name']}", task["depends"])
            for outcome in re.findall(r"\.([A-Za-z]+)", task["depends"]):
                if outcome not in OUTCOMES:
                    yield Problem("depends", f"{self.where}/{task['name']}", f"outcome {outcome}")
        for task in self.tasks:
            for name in _waits(task):
                if name not in self.by_name:
                    yield Problem("dangling", f"{self.where}/{task['name']}", f"waits for {name}")

    def targets(self) -> Iterator[Problem]:
        target = self.template["dag"].get("target") or ""
        for name in [] if "{{" in target else target.split():
            if name not in self.by_name:
                yield Problem("dangling", self.where, f"target {name}")

    def dag_order(self) -> dict[str, set[str]] | None:
        """What has ended before each task starts; None for a cycle."""
        order: dict[str, set[str]] = {}
        waiting = {name: [wait for wait in _waits(task) if wait in self.by_name] for name, task in self.by_name.items()}
        while waiting:
            ready = [name for name, waits in waiting.items() if all(wait in order for wait in waits)]
            if not ready:
                return None
            for name in ready:
                waits = waiting.pop(name)
                order[name] = {*waits, *(early for wait in waits for early in order[wait])}
        return order

    def stage_order(self) -> dict[str, set[str]]:
        order: dict[str, set[str]] = {}
        ended: set[str] = set()
        for group in self.template["steps"] or []:
            names = {str(step.get("name")) for step in group}
            order.update({name: set(ended) for name in names})
            ended |= names
        return order

    def references(self, where: str, data: Any, ended: set[str], looped: bool = False) -> Iterator[Problem]:
        """Dangling references of a part of the template; those to steps must be among `ended`."""
        for segments, in_expression in _variables(data):
            match segments:
                case ("inputs", "parameters" | "artifacts" as plural, name, *_):
                    if not self.has_input(plural, name):
                        yield Problem("dangling", where, ".".join(segments))
                case ("item", *_) if not looped and not self.in_loop() and not in_expression:
                    yield Problem("dangling", where, "item outside of a loop")
                case ("tasks" | "steps" as root, name, *rest):
                    yield from self.step_reference(where, root, name, rest, ended)
                case ("workflow", "parameters", name, *_):
                    if not self.has_parameter(name):
                        yield Problem("dangling", where, ".".join(segments))

    def in_loop(self) -> bool:
        """Whether this template is written in a step that loops (its item is filled in too)."""
        outer, name = self.scope.outer, self.scope.path[-1]
        return outer is not None and any(_looped(task) and task["name"] == name for task in tasks_of(outer.template))

    def has_input(self, plural: str, name: str) -> bool:
        scope: Scope | None = self.scope
        while scope is not None:
            if any(port["name"] == name for port in (scope.template.get("inputs") or {}).get(plural) or []):
                return True
            scope = scope.outer
        return False

    def has_parameter(self, name: str) -> bool:
        workflow = self.workflow
        declared = (workflow.spec.get("arguments") or {}).get("parameters") or []
        elsewhere = workflow.library or bool(workflow.reference) or name == "json"  # `json` is all of them together
        return elsewhere or any(item["name"] == name for item in declared)

    def step_reference(
        self, where: str, root: str, name: str, rest: Sequence[str], ended: set[str]
    ) -> Iterator[Problem]:
        shown = ".".join((root, name, *rest))
        outer = self.scope.outer
        if root == self.root and name in self.by_name:
            if name not in ended:
                yield Problem("order", where, f"{shown} is not known yet")
            yield from self.output_reference(where, name, rest, shown)
        elif outer is not None:
            yield from _Template(self.workflow, outer).step_reference(
                where, root, name, rest, {str(task["name"]) for task in tasks_of(outer.template)}
            )
        elif name != "name":  # `steps.name` and `tasks.name`: the name of the node itself
            yield Problem("dangling", where, shown)

    def output_reference(self, where: str, name: str, rest: Sequence[str], shown: str) -> Iterator[Problem]:
        template = called(self.by_name[name], self.workflow.spec, self.workflow.every)
        if template is None:
            return
        match rest:
            case ["outputs", "parameters" | "artifacts" as plural, port, *_]:
                ports = {item["name"] for item in (template.get("outputs") or {}).get(plural) or []}
                if port not in ports and port != "main-logs":
                    yield Problem("dangling", where, f"{shown}: no such output of {template.get('name')}")


def _looped(task: Mapping) -> bool:
    return any(task.get(key) for key in ("withItems", "withParam", "withSequence"))


_NAME: Callable[[str], list[str]] = re.compile(r"(?<![-\w.])[A-Za-z0-9_][-\w]*").findall


def _waits(task: Mapping) -> list[str]:
    """The tasks that a task waits for."""
    return [*(task.get("dependencies") or []), *_NAME(str(task.get("depends") or ""))]
