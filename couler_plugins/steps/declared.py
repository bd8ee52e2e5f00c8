"""What many declarations of the catalogue share."""

from __future__ import annotations

from couler_plugins.hookspecs.steps import InputType, StepInput, StepOutput, StepVariable
from couler_plugins.steps.containers import PYTHON_IMAGE, SCRIPTS, ScriptStep, script_step

FILES = ("fsspec[gs,http,s3]>=2025.5",)
"""What scripts need that keep files: the stores that most people have."""

TABLES = (*FILES, "pandas>=2.2,<4")
"""What scripts need that read tables."""

MODELS = (*TABLES, "scikit-learn~=1.9.0", "skops~=0.16.0")
"""What scripts need that train models of scikit-learn; a file of one is read by the version that wrote it."""

WHOLE_IMAGE = "python:3.12"
"""An image that has libgomp, too, which the wheel of LightGBM needs and does not bring."""

STORE = StepInput(
    name="store",
    description="Where files are kept between steps: a URL such as s3://bucket/folder, or a folder they share.",
    parameter="store",
)

DATA = StepInput(name="data", description="The table, a CSV file.", type="artifact")

MODEL = StepInput(name="model", description="The model, as one of the steps here trains it.", type="artifact")

TARGET = StepInput(name="target", description="The column to predict.")

TASK = StepInput(
    name="task",
    description="Whether classes or numbers are predicted.",
    default="classification",
    choices=("classification", "regression"),
)

BETTER = StepInput(
    name="better",
    description="Whether higher values are better, or lower ones.",
    default="higher",
    choices=("higher", "lower"),
)

FEATURES = StepInput(
    name="features", description="The columns to learn from; none for all numbers.", type="list", default=()
)

KEEP = StepInput(name="keep", description="Columns to leave as they are, such as the target.", type="list", default=())

SEED = StepInput(
    name="seed", description="What chance starts from: the same seed draws the same.", type="int", default=0
)

TABLE = StepOutput(name="data", description="The table, a CSV file.", type="artifact")

ROWS = StepOutput(name="rows", description="How many rows it has.", type="int")


def fit(what: str) -> StepInput:
    """The table that a step learns from what it does: that of the training, so that tests say the truth."""
    return StepInput(
        name="fit",
        description=f"The table that {what} taken from, such as the one to train with; empty: the table itself.",
        type="artifact",
        default="",
    )


def number(name: str, description: str, default: int | float | None = None) -> StepInput:
    """An input that is an int where its default is, else a float."""
    kind: InputType = "int" if isinstance(default, int) else "float"
    return StepInput(name=name, description=description, type=kind, default=default)


def count(name: str, description: str, default: int) -> StepInput:
    """An int that shapes the step, such as how many pods there are."""
    return StepInput(name=name, description=description, type="int", default=default, constant=True)


def artifact(name: str, description: str) -> StepOutput:
    """An output that is a file."""
    return StepOutput(name=name, description=description, type="artifact")


def result(name: str, description: str, kind: InputType) -> StepOutput:
    """An output that is a value."""
    return StepOutput(name=name, description=description, type=kind)


def scripted(
    name: str,
    description: str,
    tags: str,
    inputs: tuple[StepInput, ...],
    outputs: tuple[StepOutput, ...],
    packages: tuple[str, ...],
    image: str = PYTHON_IMAGE,
    variables: tuple[StepVariable, ...] = (),
) -> ScriptStep:
    """A step whose script is in our folder, under the step's name.

    Args:
        tags: separated by blanks.
    """
    return script_step(
        name=name,
        description=description,
        tags=tags.split(),
        inputs=inputs,
        outputs=outputs,
        packages=packages,
        image=image,
        variables=variables,
        script=SCRIPTS / f"{name.replace('-', '_')}.py",
    )
