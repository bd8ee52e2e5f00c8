"""Optimizers for the workflows you already have: lift them, rewrite them, lower them to the same engine."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = [
    "Decision",
    "Linted",
    "Result",
    "Text",
    "__version__",
    "convert",
    "dataset",
    "hookimpl",
    "lift",
    "lint",
    "lower",
    "optimize",
]

__version__ = "0.1.0"

if TYPE_CHECKING:
    from couler_plugins.api import Linted, Result, Text, convert, lift, lint, lower, optimize
    from couler_plugins.caching.dataplane.copies import dataset
    from couler_plugins.markers import hookimpl
    from couler_plugins.plan import Decision
else:  # type checkers would take any name for one of ours
    _HOMES = {
        "Decision": "couler_plugins.plan",
        "dataset": "couler_plugins.caching.dataplane.copies",
        "hookimpl": "couler_plugins.markers",
    }

    def __getattr__(name: str) -> object:
        """Imports what the package offers on first use: a plugin that wants `hookimpl` need not pay for the rest."""
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(import_module(_HOMES.get(name, "couler_plugins.api")), name)
        return value
