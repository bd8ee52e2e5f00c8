"""The texts of a template that are, or may be, programs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from couler_argo.codec import Mapped

__all__ = ["programs"]


def programs(template: Mapped, spec: Mapped) -> Iterator[str]:
    """Every text in the containers of a template, and the patches of its pod."""
    for key in ("container", "script", "containerSet", "initContainers", "sidecars"):
        yield from _texts(template.get(key))
    for patch in (template.get("podSpecPatch"), spec.get("podSpecPatch")):
        yield from _texts(patch)


def _texts(content: Any) -> Iterator[str]:
    """Every text in a part of a container; of an image only its name, since registries have names of all sorts."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for item in content:
            yield from _texts(item)
    elif isinstance(content, dict):
        for key, item in content.items():
            if key == "image" and isinstance(item, str):
                yield re.sub(r"[:@].*", "", item.rsplit("/", 1)[-1])
            elif key not in ("name", "resources"):
                yield from _texts(item)
