"""The nodes in the status that Argo's controller writes into a Workflow.

A node is one attempt at one template, a group of them, or a retry of several
(https://pkg.go.dev/github.com/argoproj/argo-workflows/v4/pkg/apis/workflow/v1alpha1#NodeStatus).
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from couler_plugins.documents.mappings import Mapped, mapping_at
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.fusing import FUSED_STEPS

LIMIT = 256 * 1024**2
"""Bytes that compressed nodes may take once they are unpacked."""
ATTEMPTS = ("Pod", "HTTP", "Plugin")
"""Types of nodes that run something by themselves."""
PREFIX = 242
"""Characters of a pod's name before the hash, at most."""


def nodes_of(manifest: Mapped) -> Mapping[str, Mapped]:
    """The nodes of a Workflow's status by their ids; none where there is no status, or it is kept elsewhere.

    Raises:
        InvalidInput: compressed nodes cannot be unpacked.
    """
    status = manifest.get("status") or {}
    compressed = status.get("compressedNodes")
    if not compressed:
        return status.get("nodes") or {}
    try:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        text = unpacker.decompress(base64.b64decode(compressed), LIMIT)
        nodes: Any = json.loads(text)
    except (binascii.Error, TypeError, ValueError, zlib.error) as error:
        message = f"the workflow's compressedNodes cannot be read ({error})"
        raise InvalidInput(message, engine="argo", hint="`argo get -o json` gives them unpacked") from error
    return nodes if isinstance(nodes, dict) else {}


def attempts_of(node: Mapped, nodes: Mapping[str, Mapped]) -> list[str]:
    """The ids of the attempts of a Retry node, in order; its hooks are children of it as well, and none of them."""
    if node.get("type") != "Retry":
        return []
    numbered = re.compile(re.escape(str(node.get("displayName"))) + r"\(\d+\)")
    return [
        child
        for child in node.get("children") or ()
        if child in nodes
        and (
            (nodes[child].get("nodeFlag") or {}).get("retried")
            or numbered.fullmatch(str(nodes[child].get("displayName")))
        )
    ]


def template_name(node: Mapped) -> str:
    return str(node.get("templateName") or (node.get("templateRef") or {}).get("template") or "")


def pod_name(workflow: Mapped, ident: str, node: Mapped) -> str:
    """Return the name of the pod of a node with an id: `GeneratePodName` of workflow/util/pod_name.go."""
    metadata = workflow["metadata"]
    version = (metadata.get("annotations") or {}).get("workflows.argoproj.io/pod-name-format")
    if version == "v1" or ident == metadata["name"]:
        return ident
    prefix = "-".join(filter(None, (metadata["name"], template_name(node))))[:PREFIX]
    return f"{prefix}-{ident.rpartition('-')[2]}"


def bytes_of(outputs: Mapped | None) -> int | None:
    """The bytes of a node's parameters and printed result; None where it made artifacts as well."""
    if not outputs:
        return 0
    if outputs.get("artifacts"):
        return None
    values = [item.get("value") for item in outputs.get("parameters") or ()]
    return sum(len(str(value).encode()) for value in [*values, outputs.get("result")] if value is not None)


def seconds_of(text: object) -> float | None:
    """Seconds since 1970 of a time as Kubernetes writes it; None where there is none."""
    if not text:
        return None
    return datetime.fromisoformat(str(text)).timestamp()


def fused_steps(template: Any) -> tuple[str, ...]:
    """The steps whose work a template does, where `fuse` has put several into one."""
    names = mapping_at({"": template}, "", "metadata", "annotations").get(FUSED_STEPS)
    return tuple(str(names).split(",")) if names else ()
