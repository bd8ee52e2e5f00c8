"""Names: Kubernetes' own rules, and Tekton's for parameters and results.

Source: `validateRef` in `container_validation.go`, `validateNoDuplicateNames` in `taskrun_validation.go`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from couler_plugins.documents import Mapped, Path
from couler_plugins.engine_kit.reporting import Report
from couler_tekton.feature_gates import URL

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


RENAME = "rename one of them"


def check_reference(reference: Mapped, path: Path, report: Report) -> None:
    """What a `taskRef`, `pipelineRef` or `ref` says."""
    name, resolver = reference.get("name") or "", reference.get("resolver") or ""
    params = reference.get("params")
    if resolver or params is not None:
        if params is not None:
            if name:
                report.error("reference", path, "a name stands beside the params of a resolver", "keep one of the two")
            if not resolver:
                report.error("reference", path, "params without a resolver", "name the resolver")
            check_once(params, (*path, "params"), "parameters", report, fold=True)
        if resolver and name and not URL.search(name):
            message = f"{name!r} is no URL, and stands beside a resolver"
            report.error("reference", (*path, "name"), message, "pass it among the params of the resolver")
    elif name and URL.search(name):
        report.error("reference", path, f"{name!r} is a URL, and needs a resolver", "name the resolver")
    elif name and not is_qualified(name):
        report.error("invalid-name", (*path, "name"), f"{name!r} is no name for an object", "correct the name")
    elif not name:
        report.error("reference", path, "it names nothing", "give it a name, or a resolver")


def repeats(names: Iterable[str]) -> Iterator[tuple[int, str]]:
    """The names in a list that stand before in it as well, with their numbers."""
    seen: set[str] = set()
    for number, name in enumerate(names):
        if name in seen:
            yield number, name
        seen.add(name)


def check_once(
    items: Iterable[Mapped] | None,
    path: Path,
    what: str,
    report: Report,
    hint: str = "keep one of them",
    *,
    fold: bool = False,
) -> None:
    """That no two things of a list have one name; `fold` where names that differ in case are one."""
    names = (str(item.get("name") or "") for item in items or ())
    for number, name in repeats(map(str.lower, names) if fold else names):
        report.error("duplicate-name", (*path, number), f"two {what} are called {name!r}", hint)


def check_bound_once(bindings: Iterable[Mapped] | None, path: Path, report: Report) -> None:
    """That no workspace is given twice."""
    for number, name in repeats(binding.get("name") or "" for binding in bindings or ()):
        report.error("duplicate-name", (*path, number), f"the workspace {name!r} is given twice", "keep one of them")
