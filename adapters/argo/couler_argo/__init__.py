"""Adapter of Argo Workflows: manifests lifted into the IR, and lowered back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from couler_argo.hera import install, optimize, tune

__all__ = ["install", "optimize", "tune"]


if not TYPE_CHECKING:  # type checkers would take any name for one of ours

    def __getattr__(name: str) -> object:
        """Imports what Hera's users want on first use.

        `lift` and `lower` are modules here; those for Hera objects are in `couler_argo.hera`.
        """
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from couler_argo import hera

        return getattr(hera, name)
