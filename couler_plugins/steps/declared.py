"""What many declarations of the catalogue share."""

from __future__ import annotations

from couler_plugins.hookspecs.steps import StepInput, StepOutput
from couler_plugins.steps.programs import SCRIPTS, ScriptStep, script_step

__all__ = ["DATA", "FILES", "SEED", "STORE", "TABLES", "scripted", "target"]

FILES = ("fsspec[gs,http,s3]>=2025.5",)
"""What scripts need that keep files: the stores that most people have."""

TABLES = (*FILES, "pandas>=2.2,<4")
"""What scripts need that read tables."""

STORE = StepInput(
    name="store",
    description="Where files are kept between steps: a URL such as s3://bucket/folder, or a folder they share.",
    parameter="store",
)

DATA = StepInput(name="data", description="The table, a CSV file.", type="artifact")

SEED = StepInput(
    name="seed", description="What chance starts from: the same seed draws the same.", type="int", default=0
)


def target(description: str = "The column to predict.") -> StepInput:
    """The column that a model predicts."""
    return StepInput(name="target", description=description)


def scripted(
    name: str,
    description: str,
    tags: tuple[str, ...],
    inputs: tuple[StepInput, ...],
    outputs: tuple[StepOutput, ...],
    packages: tuple[str, ...] = TABLES,
) -> ScriptStep:
    """A step whose script is in our folder, under the step's name."""
    return script_step(
        name=name,
        description=description,
        tags=tags,
        inputs=inputs,
        outputs=outputs,
        packages=packages,
        script=SCRIPTS / f"{name.replace('-', '_')}.py",
    )
