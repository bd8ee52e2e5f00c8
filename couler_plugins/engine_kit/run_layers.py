"""Versions of a workflow that ran, by who sets what of it: its owner, or one of the optimizers.

A digest of all of it would change with every request that `rightsize` sets. So there is one digest of what no optimizer
sets by itself, and one for each optimizer of what it does set. Who has written a request is not known: one that its
owner changes counts as one of `rightsize`.
"""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

import msgspec

from couler_plugins.documents import read
from couler_plugins.errors import CoulerError
from couler_plugins.ir import Bundle, Workflow
from couler_plugins.plan import Plan
from couler_plugins.runs.run import hash_of

OWN = "workflow"
"""The layer of what no optimizer sets by itself."""
OWNERS = {
    **dict.fromkeys(("requests", "limits", "resources", "computeResources", "podSpecPatch"), "rightsize"),
    **dict.fromkeys(("retry", "retries", "retryPolicy", "retryStrategy"), "guard"),
    **dict.fromkeys(("timeout", "timeouts", "activeDeadlineSeconds"), "guard"),
    **dict.fromkeys(("priority", "priorityClassName", "targets"), "prioritize"),
    **dict.fromkeys(("memoized", "memoize", "cachingOptions"), "cache"),
}
"""Who sets a field of a workflow, by its name in the IR or in what only its engine reads."""
MARKS = {
    "kueue.x-k8s.io/": "queue",
    **{f"couler.io/{name}": name for name in ("cache", "fuse", "guard", "rightsize", "tune", "split")},
    **dict.fromkeys(("couler.io/key-spec", "couler.io/declared", "couler.io/cached-from"), "cache"),
    "couler.io/idempotent": "guard",
    "couler.io/part-of": "split",
    "couler.io/original": "fuse",
}
"""Who sets a label or an annotation, by what its name begins with."""
NAMES = ("name", "prefix", "namespace")
"""Fields of a workflow that may be another in each run."""
Entries = dict[str, list[Any]]
Lift = Callable[[Bundle, Callable[[int, CoulerError], None]], Plan]
log = logging.getLogger(__name__)


def run_layers(lift: Lift, data: Mapping[str, Any], annotations: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return the layers of a workflow; none where it cannot be lifted.

    Args:
        lift: that of the engine.
        data: the workflow as a document, without what is of one run.
        annotations: those of a Kubernetes object, whose `metadata` the document lacks; only ours count.
    """
    if "apiVersion" in data:
        ours = {key: text for key, text in (annotations or {}).items() if key.startswith("couler.io/")}
        data = {**data, "metadata": {"name": "run", "annotations": ours}}
    try:
        return dict(_layers(lift, json.dumps(data, sort_keys=True)))
    except (CoulerError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        log.info("the version of a workflow is not known: %s", type(error).__name__)
        return {}


@lru_cache(maxsize=256)
def _layers(lift: Lift, text: str) -> tuple[tuple[str, str], ...]:
    file = read(text, "run.json", max_bytes=len(text) * 4)
    workflows = lift(Bundle.of([file]), lambda *_: None).workflows
    return tuple(layers_of(workflows[0]).items()) if workflows else ()


def layers_of(workflow: Workflow) -> dict[str, str]:
    """Return a digest of what each optimizer sets in a workflow, by its name, and of the rest as `workflow`."""
    data = {key: content for key, content in msgspec.to_builtins(workflow).items() if key not in NAMES}
    entries: Entries = defaultdict(list)
    base = _split(data, (), entries)
    return {name: _digest(content) for name, content in sorted({OWN: [base], **entries}.items())}


def _digest(content: Iterable[Any]) -> str:
    return hash_of(sorted(json.dumps(item, sort_keys=True) for item in content))


def _split(content: Any, place: tuple[str, ...], entries: Entries) -> Any:
    """Return what no optimizer sets; what one does set goes to its entries, with the names of what it is in."""
    if isinstance(content, (list, tuple)):
        return [_split(item, place, entries) for item in content]
    if not isinstance(content, Mapping):
        return content
    if content.get("type") == "native" and "parts" in content:
        return _split(_native(content["parts"]), place, entries)
    here = (*place, str(content["name"])) if isinstance(content.get("name"), str) else place
    rest: dict[str, Any] = {}
    for key, item in content.items():
        owner = _owner(key)
        if key == "directives":
            for directive in item:
                entries[directive["kind"]].append([*here, directive])
        elif owner and item:
            entries[owner].append([*here, key, item])
        elif key not in ("source", "native") and (inner := _split(item, here, entries)) not in ({}, [], None):
            rest[key] = inner
    return rest


def _owner(key: str) -> str:
    return OWNERS.get(key) or next((owner for mark, owner in MARKS.items() if key.startswith(mark)), "")


def _native(parts: Iterable[Any]) -> Any:
    """Return what only the engine reads as data, with the references in it as they were written."""
    text = "".join(part if isinstance(part, str) else str(part.get("native") or part) for part in parts)
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
