"""What an object may be called."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from couler_plugins.engine_kit.crd.problem import Problem, shown

__all__ = ["name_problems"]

_LONGEST = 253
_PART = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_PART}(\.{_PART})*")


def name_problems(data: dict[str, Any]) -> Iterator[Problem]:
    """What keeps an object from being created under its name; no schema says it, it holds for all of them."""
    metadata = data.get("metadata")
    if not isinstance(metadata, dict):
        return
    names = {key: metadata[key] for key in ("name", "generateName") if isinstance(metadata.get(key), str)}
    if not any(names.values()):
        yield Problem(("metadata",), "required", "there is neither a name nor a generateName", "add one of them")
    for key, name in names.items():
        # Something is put behind a prefix, so that it may end in a dash or a dot.
        whole = f"{name}x" if key == "generateName" else name
        if name and not (_SUBDOMAIN.fullmatch(whole) and len(name) <= _LONGEST):
            hint = f"up to {_LONGEST} lower case letters, digits, dashes and dots, with a letter or digit at either end"
            yield Problem(("metadata", key), "name", f"{shown(name)} cannot be the name of an object", hint)
