"""Calls through resolvers: what they call is in another place, so no step of ours can be put into it.

Sources: `docs/git-resolver.md`, `docs/bundle-resolver.md`, `docs/http-resolver.md` for what pins a reference.
"""

from __future__ import annotations

import re
from typing import Any

from couler_plugins.documents.mappings import entries
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import Dynamic, Step
from couler_tekton.variables import write_value

HOLDERS = {"taskRef": "Task", "pipelineRef": "Pipeline"}
PINS = {
    "git": ("revision", re.compile(r"[0-9a-f]{40}"), "a commit in full"),
    "bundles": ("bundle", re.compile(r".*@sha256:[0-9a-f]{64}"), "a digest (@sha256:…)"),
    "http": ("digest", re.compile(r"sha(?:256:[0-9a-f]{64}|512:[0-9a-f]{128})"), "a sha256 or sha512"),
}
"""By resolver, the parameter that fixes what a reference means, what it has to be like, and what it is called."""


def resolver_objection(step: Step) -> Objection | None:
    """Return why a call through a resolver is not cached; None where it is none."""
    if not isinstance(step.call, Dynamic):
        return None
    target: Any = write_value(step.call.target)
    for key, kind in HOLDERS.items():
        reference = target.get(key) if isinstance(target, dict) else None
        if isinstance(reference, dict) and (resolver := reference.get("resolver")):
            reason = (
                f"its {kind} comes through the resolver {str(resolver)!r}, so no step can be added to it: "
                f"put the {kind} into these files, and refer to it by its name"
            )
            return Objection("resolver", reason + _unpinned(reference, str(resolver))).at(step.source)
    return None


def _unpinned(reference: dict[str, Any], resolver: str) -> str:
    """What to say of a reference that may mean something else tomorrow; empty where it may not."""
    if resolver not in PINS:
        return ""
    name, pinned, what = PINS[resolver]
    values = [item.get("value") for item in entries(reference, "params") if item.get("name") == name]
    if any(isinstance(value, str) and pinned.fullmatch(value) for value in values):
        return ""
    return f"; and it may be another one tomorrow, since {name} is not {what}"
