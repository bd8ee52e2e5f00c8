"""Adapter of Argo Workflows: manifests lifted into the IR, and lowered back."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = ["install", "optimize", "tune"]

if TYPE_CHECKING:
    from couler_argo.hera import install, optimize, tune
else:  # type checkers would take any name for one of ours

    def __getattr__(name: str) -> object:
        """Imports what Hera's users want on first use.

        `lift` and `lower` are modules here; those for Hera objects are in `couler_argo.hera`.
        """
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.hera"), name)
