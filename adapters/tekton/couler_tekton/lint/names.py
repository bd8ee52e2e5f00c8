"""What names may look like: Kubernetes' own rules, and Tekton's for parameters and results.

Sources: `k8s.io/apimachinery/pkg/util/validation`, `pkg/apis/validate/metadata.go`, `task_validation.go`,
`resultref.go` of Tekton, `pkg/resolve/resolve.go` of Pipelines-as-Code.
"""

from __future__ import annotations

import re
from typing import Any

from couler_plugins.documents import Path
from couler_plugins.engine_kit.reporting import Report

__all__ = ["check_metadata", "is_label", "is_object_name", "is_parameter_name", "is_qualified", "is_result_name"]

LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?\Z")
SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\Z")
QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]\Z")
PARAMETER = re.compile(r"[_a-zA-Z][_a-zA-Z0-9.-]*\Z")
OBJECT = re.compile(r"[_a-zA-Z][_a-zA-Z0-9-]*\Z")
PAC = "pipelinesascode.tekton.dev/"
LONGEST, SUBDOMAIN_LONGEST = 63, 253
RANDOM = "abcde"
"""As much as the API server adds to a `generateName`."""


def is_label(name: str) -> bool:
    """Whether this is a DNS label (RFC 1123), as the names of tasks and steps are."""
    return len(name) <= LONGEST and LABEL.match(name) is not None


def is_qualified(name: str) -> bool:
    """Whether this is a qualified name: a name of Kubernetes, perhaps behind a domain and a slash."""
    prefix, slash, last = name.rpartition("/")
    if slash and not (len(prefix) <= SUBDOMAIN_LONGEST and SUBDOMAIN.match(prefix)):
        return False
    return 0 < len(last) <= LONGEST and QUALIFIED.match(last) is not None


def is_parameter_name(name: str) -> bool:
    """Whether a parameter that holds a text or a list may be called this."""
    return PARAMETER.match(name) is not None


def is_object_name(name: str) -> bool:
    """Whether a parameter that holds an object may be called this, or one of its keys."""
    return OBJECT.match(name) is not None


def is_result_name(name: str) -> bool:
    """Whether a result may be called this."""
    return QUALIFIED.match(name) is not None


def _is_pac(metadata: dict[str, Any]) -> bool:
    """Whether Pipelines-as-Code creates the run, which makes a `generateName` of its name."""
    annotations = metadata.get("annotations")
    return isinstance(annotations, dict) and any(str(key).startswith(PAC) for key in annotations)


def check_metadata(data: dict[str, Any], report: Report) -> None:
    """The name of an object."""
    metadata = data.get("metadata") or {}
    name, path = metadata.get("name") or "", ("metadata", "name")
    prefix = metadata.get("generateName") if not name else ""
    if prefix:
        path = ("metadata", "generateName")
    elif name and data.get("kind") == "PipelineRun" and _is_pac(metadata):
        prefix = f"{name}-"
    if prefix:
        name = prefix[: LONGEST - len(RANDOM)] + RANDOM
    where: Path = path if path[-1] in metadata else ("metadata",)
    if not SUBDOMAIN.match(name) or len(name) > SUBDOMAIN_LONGEST:
        hint = "use lower-case letters, digits, - and ., and begin and end with a letter or digit"
        report.error("invalid-name", where, f"{name!r} is no name for an object" if name else "it has no name", hint)
    elif len(name) > LONGEST:
        report.error("invalid-name", where, f"the name has {len(name)} characters", f"use at most {LONGEST}")
