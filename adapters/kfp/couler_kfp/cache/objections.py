"""Why a task must not be cached, whatever its owner says, as far as only KFP knows.

Sources: `pipeline_spec.proto`; `kubernetes_executor_config.proto`; what the backend's fingerprint covers
(`backend/src/v2/cacheutils/cache.go`): the image as it is spelled, command and arguments, the values of parameters, the
ids of artifacts, the declared outputs, the names of mounted claims.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from couler_plugins.documents.mappings import Mapped, mapping_at
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Operation, Reference

PLATFORM_OPERATIONS = re.compile(r"argostub/")
"""Images that stand for what the backend's driver does itself, such as creating and deleting a claim."""

SCHEDULING = frozenset(
    {
        *("nodeSelector", "tolerations", "nodeAffinity", "podAffinity", "podMetadata"),
        *("imagePullSecret", "imagePullPolicy", "activeDeadlineSeconds"),
    }
)
"""Configuration that says where, when and under which labels a pod runs, and not what it makes."""

BRINGS_IN = {
    "secretAsVolume": ("secret", "mounts a secret"),
    "secretAsEnv": ("secret", "reads a secret"),
    "configMapAsVolume": ("configured", "mounts a ConfigMap"),
    "configMapAsEnv": ("configured", "reads a ConfigMap"),
    "fieldPathAsEnv": ("run-context", "reads fields of its own pod"),
    "pvcMount": ("volume", "mounts a claim"),
}
TOLD = {"TASK_CONFIG": "task-config", "TASK_FINAL_STATUS": "handler"}
DIGEST = re.compile(r"oci://.+@sha256:[0-9a-f]{64}")


def reuse_objections(
    operation: Operation, component: Mapped, container: Mapped, platforms: Mapped, read: Iterator[Reference]
) -> Iterator[Objection]:
    """Why KFP's own facts forbid reusing what a container makes.

    Args:
        operation: what runs.
        component: its component.
        container: its container.
        platforms: its configuration, by platform.
        read: all references in it.
    """
    if operation.kind != "container":
        yield Objection("kind", f"it is a {operation.kind}, whose effect is outside of its outputs")
    if PLATFORM_OPERATIONS.match(str(container.get("image", ""))):
        yield Objection("kind", "it creates or deletes something in the cluster")
    yield from (
        Objection(rule, f"it {what}, whose content no fingerprint covers")
        for config in platforms.values()
        for key, (rule, what) in BRINGS_IN.items()
        if isinstance(config, dict) and config.get(key)
    )
    parameters = component.get("inputDefinitions", {}).get("parameters", {})
    yield from (
        Objection(rule, f"its input {name!r} tells it of the run, which no fingerprint covers")
        for name, definition in parameters.items()
        if (rule := TOLD.get(str(definition.get("parameterType")))) is not None
    )
    yield from (
        Objection("run-context", f"it reads {reference.name}, which differs from run to run")
        for reference in read
        if reference.to == "run" and reference.name != "executor_input"
    )


def importer_objections(executor: Mapped) -> Iterator[Objection]:
    """Why what an importer hands on is not known by its address."""
    importer = mapping_at(executor, "importer")
    if importer.get("reimport"):
        yield Objection("reimport", "it imports its artifact anew in every run")
        return
    constant = mapping_at(importer, "artifactUri").get("constant")
    if not (isinstance(constant, str) and DIGEST.fullmatch(constant)):
        shown = json.dumps(constant) if isinstance(constant, str) else "an address that is only known at run time"
        reason = f"what it imports, {shown}, may change at its place, and is the same artifact to KFP then"
        yield Objection("unversioned-input", reason)
