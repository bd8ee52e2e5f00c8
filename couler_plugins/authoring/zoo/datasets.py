"""Data that several steps learn from, declared once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from couler_plugins.authoring.catalogue import run_step
from couler_plugins.authoring.checks import checked_mapping, checked_text, checked_texts
from couler_plugins.authoring.places import said_where, shown
from couler_plugins.authoring.values import Returned, RunValue
from couler_plugins.errors import InvalidInput, closest


@dataclass(frozen=True)
class Dataset:
    """A table to learn from.

    Attributes:
        data: where it is (a URL or a path of a CSV file), or what a step gave.
        label_col: the column to predict.
        feature_cols: the columns to learn from, as a list or with commas between them; empty for all numbers.
    """

    data: str | RunValue
    label_col: str
    feature_cols: str | tuple[str, ...] | list[str] = ()

    @said_where
    def __post_init__(self) -> None:
        if not isinstance(self.data, RunValue):
            checked_text(self.data, "data", "give a URL or a path, or what a step returned")
        checked_text(self.label_col, "label_col", "give the name of a column")
        if not isinstance(self.feature_cols, str):
            checked_texts(self.feature_cols, "feature_cols", 'feature_cols=["age", "income"]')

    @property
    def features(self) -> list[str]:
        """The columns to learn from."""
        if isinstance(self.feature_cols, str):
            return [name.strip() for name in self.feature_cols.split(",") if name.strip()]
        return list(self.feature_cols)


@said_where
def run_boosting(
    step: str,
    datasource: Dataset,
    objectives: Mapping[str, str],
    model_params: Mapping[str, Any] | None,
    train_params: Mapping[str, Any] | None,
    image: str | None,
    step_name: str | None,
    timeout: int | None,
    retry: int | None,
) -> Returned:
    """A step of the catalogue that trains boosted trees.

    Args:
        step: its name.
        datasource: what it learns from.
        objectives: the inputs of the step by the names that the library has for them.
        model_params, train_params: settings, by the library's names; `objective` says whether numbers are predicted.
        image: one that has all that it needs; without one, pip installs it.
        step_name, timeout, retry: as for every step.
    """
    if not isinstance(datasource, Dataset):
        hint = 'datasource=Dataset(data="s3://bucket/data.csv", label_col="y")'
        raise InvalidInput(f"the datasource is {shown(datasource)}, which is no Dataset", hint=hint)
    params = (("model_params", model_params), ("train_params", train_params))
    options = {
        key: value
        for name, part in params
        for key, value in checked_mapping(part, name, 'train_params={"num_boost_round": 50}').items()
    }
    objective = options.pop("objective", "binary")
    inputs: dict[str, Any] = {}
    for name, value in options.items():
        if name not in objectives:
            hint = " ".join(filter(None, (closest(name, objectives), f"there is objective, {', '.join(objectives)}")))
            raise InvalidInput(f"{step} has no setting {shown(name)}", step=step_name or step, hint=hint)
        inputs[objectives[name]] = value
    if image is not None:
        inputs |= {"image": image, "packages": []}
    return run_step(
        step,
        step_name,
        retry,
        timeout,
        data=datasource.data,
        target=datasource.label_col,
        features=datasource.features,
        task="regression" if str(objective).startswith("reg") else "classification",
        **inputs,
    )
