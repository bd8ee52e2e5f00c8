"""Ready-made steps: the built-in catalogue, and the tools with which plugins declare steps of their own."""

from couler_plugins.hookspecs.steps import Built, CatalogueStep, StepInput, StepOutput, StepVariable
from couler_plugins.steps.containers import ContainerStep, ScriptStep, container_step, script_step

__all__ = [
    "Built",
    "CatalogueStep",
    "ContainerStep",
    "ScriptStep",
    "StepInput",
    "StepOutput",
    "StepVariable",
    "container_step",
    "script_step",
]
