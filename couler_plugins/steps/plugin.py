"""The built-in catalogue of ready-made steps, registered like anybody else's."""

from __future__ import annotations

from couler_plugins.hookspecs import CatalogueStep, hookimpl

__all__ = ["couler_steps"]


@hookimpl
def couler_steps() -> list[CatalogueStep]:
    """The built-in steps, by what they are for."""
    from couler_plugins.steps.data import DATA_STEPS

    return [*DATA_STEPS]
