"""Optimizers for the workflows you already have: lift them, rewrite them, lower them to the same engine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from couler_plugins.api import Linted, Result, Text, convert, lift, lint, lower, optimize
    from couler_plugins.hookspecs.markers import hookimpl
    from couler_plugins.plan import Decision

__all__ = [
    "Decision",
    "Linted",
    "Result",
    "Text",
    "__version__",
    "convert",
    "hookimpl",
    "lift",
    "lint",
    "lower",
    "optimize",
]

__version__ = "0.1.0"

_HOMES = {
    **dict.fromkeys(("Linted", "Result", "Text", "convert", "lift", "lint", "lower", "optimize"), "couler_plugins.api"),
    "Decision": "couler_plugins.plan",
    "hookimpl": "couler_plugins.hookspecs.markers",
}


if not TYPE_CHECKING:  # type checkers would take any name for one of ours

    def __getattr__(name: str) -> object:
        """Imports what the package offers on first use: a plugin that wants `hookimpl` need not pay for the rest."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
