"""Templates that run one thing: containers, scripts, and Kubernetes objects that they create or change."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any, Literal

import yaml

from couler_argo.lint.calls import Callee, check_references
from couler_argo.lint.needs import cycle_of, order_of
from couler_argo.lint.report import Report, check_fields, tags
from couler_argo.lint.run import Scope
from couler_plugins.documents import Mapped, Path

RESERVED, RESERVED_PREFIX = ("wait", "supervisor"), "artifact-plugin-"
"""Source: `workflow/common` of Argo 4.1."""


def check_containers(caller: Callee) -> None:
    """The container, script or container set of a template."""
    template, path = caller.template, caller.path
    for kind in ("container", "script"):
        if kind in template and not template[kind].get("image") and not _default_image(caller, kind):
            message = f"{caller.where} has no image"
            caller.report.error("image", (*path, kind), message, "give it one, here or in templateDefaults")
    if "container" in template:
        mounts = _check_mounts(template["container"], (*path, "container"), caller.where, caller.report)
        for number, item in enumerate(template.get("inputs", {}).get("artifacts", ())):
            place = (*path, "inputs", "artifacts", number)
            subject = f"input artifact {item.get('name', '')!r}"
            _check_mount(item.get("path", ""), subject, mounts, place, caller.where, caller.report)
    _check_reserved(template.get("sidecars", ()), (*path, "sidecars"), caller)
    if "containerSet" in template:
        _check_set(template["containerSet"], (*path, "containerSet"), caller)


def _check_reserved(containers: Iterable[Mapped], path: Path, caller: Callee) -> None:
    """Names of containers that Argo adds to the pod itself: of these, only `wait` is there before Argo 4."""
    for number, container in enumerate(containers):
        name = container.get("name", "")
        if name in RESERVED or name.startswith(RESERVED_PREFIX):
            message = f"{caller.where}: a container is called {name!r}, as one of Argo's own"
            place, hint = (*path, number, "name"), "give it another name"
            before: Literal["", "warning"] = "warning" if name == "wait" else ""
            caller.report.since((4, 1), "reserved-name", place, message, hint, before=before)


def _default_image(caller: Callee, kind: str) -> bool:
    """Whether the workflow gives all its templates an image; of a cluster's templates Argo does not ask that."""
    if caller.holder.manifest.library == "cluster" and caller.borrowed:
        return False
    return bool(caller.holder.spec.get("templateDefaults", {}).get(kind, {}).get("image"))


def _check_mounts(holder: Mapped, path: Path, where: str, report: Report) -> dict[str, str]:
    mounts: dict[str, str] = {}
    for number, mount in enumerate(holder.get("volumeMounts", ())):
        subject = f"volume {mount.get('name', '')!r}"
        _check_mount(mount.get("mountPath", ""), subject, mounts, (*path, "volumeMounts", number), where, report)
    return mounts


def _check_mount(mount: str, subject: str, mounts: dict[str, str], path: Path, where: str, report: Report) -> None:
    if mount in mounts:
        message = f"{where}: {mounts[mount]} and {subject} are both at {mount!r}"
        report.error("mount-path", path, message, "move one of them")
    mounts[mount] = subject


def _check_set(content: Mapped, path: Path, caller: Callee) -> None:
    containers, report = content.get("containers", []), caller.report
    if not containers:
        report.error("container-set", path, f"{caller.where} has no containers", "add one")
        return
    path = (*path, "containers")
    check_fields(containers, "container", path, f"{caller.where}: ", report, literal=False)
    _check_mounts(content, path[:-1], caller.where, report)
    _check_reserved(containers, path, caller)
    numbers = {container.get("name", ""): number for number, container in enumerate(containers)}
    for number, container in enumerate(containers):
        for index, name in enumerate(container.get("dependencies", ())):
            if name not in numbers:
                message = (
                    f"{caller.where}: container {container.get('name', '')!r} waits for {name!r}, which does not exist"
                )
                hint = report.meant(name, numbers, "correct the name")
                report.error("container-set", (*path, number, "dependencies", index), message, hint)
    waits = [[numbers[name] for name in item.get("dependencies", ()) if name in numbers] for item in containers]
    if ring := cycle_of(waits, order_of(waits)):
        message = f"{caller.where}: the container {containers[ring[0]].get('name', '')!r} waits for itself"
        report.error("container-set", (*path, ring[0], "dependencies"), message, "remove one of the dependencies")
    ports = caller.template.get("inputs", {}).get("artifacts"), *caller.template.get("outputs", {}).values()
    if any(ports) and "main" not in numbers:
        message = f"{caller.where} has inputs or outputs, and no container 'main'"
        report.error("container-set", path, message, "name the container main that has them")


ACTIONS = ("get", "create", "apply", "delete", "replace", "patch")
EXPRESSION = re.compile(r"\{\{\s*=\s*.+?\s*\}\}")


def check_resource(caller: Callee, is_standin: Callable[[str], bool]) -> None:
    """The action of a resource template, and its manifest."""
    resource, path, report = caller.template["resource"], (*caller.path, "resource"), caller.report
    action = resource.get("action", "")
    if action not in ACTIONS and not is_standin(action):
        message = f"{caller.where} has the action {action!r}, which does not exist"
        hint = report.meant(action, ACTIONS, f"use one of {', '.join(ACTIONS)}")
        report.error("resource", (*path, "action"), message, hint)
    if action not in ("get", "delete"):
        _check_manifest(caller, is_standin)


def _check_manifest(caller: Callee, is_standin: Callable[[str], bool]) -> None:
    resource, path, report = caller.template["resource"], (*caller.path, "resource"), caller.report
    manifest, source = resource.get("manifest", ""), resource.get("manifestFrom")
    if bool(manifest) is (source is not None):
        message = f"{caller.where} has {'both manifest and manifestFrom' if manifest else 'no manifest'}"
        report.error("resource", path, message, "keep one of them" if manifest else "give it manifest or manifestFrom")
    if source is not None and "artifact" in source:
        inputs = caller.template.get("inputs", {}).get("artifacts", ())
        name = source["artifact"].get("name", "")
        names = [item.get("name", "") for item in inputs]
        if name not in names:
            message = f"{caller.where} takes its manifest from {name!r}, which is none of its input artifacts"
            hint = report.meant(name, names, "declare it in inputs.artifacts")
            report.error("resource", (*path, "manifestFrom", "artifact"), message, hint)
    if manifest and not is_standin(manifest) and not _is_yaml(EXPRESSION.sub("x", manifest)):
        message = f"{caller.where} has a manifest that is no YAML"
        report.error("resource", (*path, "manifest"), message, "correct it; {{…}} alone may need quotes")


def _is_yaml(text: str) -> bool:
    """Whether the first document of a text is YAML that JSON can say: its keys are no collections."""
    try:
        root = next(yaml.compose_all(text, Loader=yaml.CSafeLoader), None)
    except (yaml.YAMLError, ValueError, RecursionError):
        return False
    pending: list[Any] = [root]
    seen: set[int] = set()
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            pending.extend(node.value)
        elif isinstance(node, yaml.MappingNode):
            if not all(isinstance(key, yaml.ScalarNode) for key, _ in node.value):
                return False
            pending.extend(content for _, content in node.value)
    return True


WHOLE_NUMBER = re.compile(r"[-+]?\d+")


def check_leaf(caller: Callee, scope: Scope) -> None:
    """A template that calls no others, with what is known filled in."""
    template, report = caller.template, caller.report
    inputs = (*caller.path, "inputs")
    written = (
        # What is passed is written elsewhere: of an input, the place that the document has is the input itself.
        (tag, path[: len(inputs) + 2] if path[: len(inputs)] == inputs else path)
        for tag, path in tags(template, caller.path)
    )
    check_references(written, scope, f"{caller.where}: ", report)
    check_containers(caller)
    if "resource" in template:
        check_resource(caller, scope.run.is_standin)
    _check_plugin(caller)
    _check_deadline(caller, scope)
    if "parallelism" in template:
        message = f"{caller.where} runs one thing, and has parallelism"
        hint = "move it to the template of steps or tasks that calls it, or to the workflow's spec"
        report.error("parallelism", (*caller.path, "parallelism"), message, hint)


def _check_plugin(caller: Callee) -> None:
    plugin = caller.template.get("plugin")
    if plugin is not None and len(plugin) != 1:
        message = f"{caller.where} names {len(plugin)} plugins"
        caller.report.error("plugin", (*caller.path, "plugin"), message, "name one")


def _check_deadline(caller: Callee, scope: Scope) -> None:
    deadline = caller.template.get("activeDeadlineSeconds")
    if deadline is None:
        return
    text = str(deadline)
    number = WHOLE_NUMBER.fullmatch(text)
    variable = (text.startswith("{{") and text.endswith("}}")) or scope.run.is_standin(text)
    if (not number and not variable) or (number and int(text) < 0):
        message = f"{caller.where} has activeDeadlineSeconds {text!r}"
        hint = "give a number of seconds, or one {{…}}"
        caller.report.error("deadline", (*caller.path, "activeDeadlineSeconds"), message, hint)
