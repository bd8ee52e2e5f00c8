"""The built-in catalogue of ready-made steps, registered like anybody else's."""

from __future__ import annotations

from couler_plugins.hookspecs import CatalogueStep, hookimpl
from couler_plugins.steps.distributed import DISTRIBUTED
from couler_plugins.steps.features import FEATURE_STEPS
from couler_plugins.steps.katib import KATIB
from couler_plugins.steps.sources import SOURCES
from couler_plugins.steps.tables import PREPARATION
from couler_plugins.steps.telling import TELLING
from couler_plugins.steps.training import TRAINING
from couler_plugins.steps.using import USING

__all__ = ["couler_steps"]


@hookimpl
def couler_steps() -> list[CatalogueStep]:
    """The built-in steps, by what they are for."""
    return [*SOURCES, *PREPARATION, *FEATURE_STEPS, *TRAINING, *DISTRIBUTED, *KATIB, *USING, *TELLING]
