"""Writes several outputs of one result to files: all of them, or none."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Mapping
from pathlib import Path

from couler_plugins.caching.artifacts.hits import Hit

__all__ = ["restore_all"]


def restore_all(hit: Hit, targets: Mapping[str, Path]) -> None:
    """Saves all outputs beside their targets first, then renames them.

    Raises:
        Lost: there is no such output, or its blob is missing, damaged or cannot be read.
        OSError: a file cannot be written, or cannot be replaced; those before it were then.
    """
    asides: dict[Path, Path] = {}
    try:
        for name, target in targets.items():
            target.parent.mkdir(parents=True, exist_ok=True)
            aside = target.with_name(f".{target.name[:100]}.{secrets.token_hex(8)}")
            asides[aside] = target
            hit.save(name, aside)
        for aside, target in asides.items():
            aside.replace(target)
    finally:
        for aside in asides:
            with contextlib.suppress(OSError):
                aside.unlink(missing_ok=True)
