"""Adapter of Kubeflow Pipelines: compiled pipelines lifted into the IR, and lowered back."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

__all__ = ["optimize"]

if TYPE_CHECKING:
    from couler_kfp.dsl import optimize
else:  # type checkers would take any name for one of ours

    def __getattr__(name: str) -> object:
        """Imports what the authors of pipelines want on first use.

        `lift` and `lower` are modules here; those for components are in `couler_kfp.dsl`.
        """
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.dsl"), name)
