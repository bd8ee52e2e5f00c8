"""How errors quote what a user gave."""

from __future__ import annotations

__all__ = ["shown"]

WIDTH = 80


def shown(value: object) -> str:
    """It as Python shows it, where that is possible, and at most so long that the error stays readable."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # a number of ten thousand digits, or somebody's own class
        text = f"<{type(value).__name__}>"
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"
