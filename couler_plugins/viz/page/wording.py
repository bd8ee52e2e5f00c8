"""Numbers in words."""

from __future__ import annotations

__all__ = ["bytes_text", "counted"]


def counted(count: int, noun: str) -> str:
    """The number with its noun, in the plural where it needs one."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def bytes_text(size: int) -> str:
    """A difference in bytes."""
    sign, size = "−" if size < 0 else "+", abs(size)
    for unit, factor in (("MB", 1_000_000), ("kB", 1_000)):
        if size >= factor:
            return f"{sign}{size / factor:.1f} {unit}"
    return f"{sign}{counted(size, 'byte')}"
