"""Keys of wrapped steps, from the status of a run: a wrapper looks a result up in its pod, and tells Argo nothing.

A key that is computed wrongly is no result's: whoever finds one under it knows that it was right.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from couler_argo.cache.wrappable import RESTORE
from couler_plugins.caching.keys import key
from couler_plugins.documents.mappings import Mapped

EXPRESSION = re.compile(r"\{\{=sprig\.sha256sum\(toJson\(\['(v\d+)', '([0-9a-f]{64})'(.*)\]\)\)\}\}", re.DOTALL)
MEMBER = re.compile(r", (?:(inputs|workflow)\.parameters\['([^']+)'\]|workflow\.(namespace|serviceAccountName))")


def wrapped_key(template: Any, node: Mapped, manifest: Mapped) -> str | None:
    """Return the key that the wrapper of a step looked up; empty where it cannot be told, None without a wrapper.

    With an age limit, an entry in the store says little: it may have been too old. The key of such a step is not told.

    Args:
        template: the template of the step.
        node: the step in the status.
        manifest: the workflow.
    """
    holders = template.get("initContainers") or () if isinstance(template, Mapping) else ()
    ours = next((one for one in holders if one.get("name") == RESTORE), None)
    if ours is None:
        return None
    flags = dict(str(text).removeprefix("--").partition("=")[::2] for text in ours.get("args") or ())
    expression = EXPRESSION.fullmatch(flags.get("key", ""))
    if expression is None or "max-age" in flags:
        return ""
    members = list(MEMBER.finditer(expression[3]))
    values = _values(node, manifest)
    texts = [text for member in members if isinstance(text := values.get(member.group(1, 2, 3)), str)]
    whole = "".join(member[0] for member in members) == expression[3] and len(texts) == len(members)
    return key(f"{expression[1]}:{expression[2]}", texts) if whole else ""


def _values(node: Mapped, manifest: Mapped) -> dict[tuple[str | None, ...], Any]:
    """What the members of a key stand for."""
    own = manifest.get("spec") or {}
    stored = (manifest.get("status") or {}).get("storedWorkflowTemplateSpec") or {}
    values: dict[tuple[str | None, ...], Any] = {
        (None, None, "namespace"): (manifest.get("metadata") or {}).get("namespace"),
        (None, None, "serviceAccountName"): (stored or own).get("serviceAccountName") or "",
    }
    ports = (("workflow", stored.get("arguments")), ("workflow", own.get("arguments")), ("inputs", node.get("inputs")))
    for holder, ports_of in ports:
        for item in (ports_of or {}).get("parameters") or ():
            values[holder, str(item.get("name")), None] = item.get("value")
    return values
