"""Data that several steps learn from, declared once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from couler_plugins.authoring.catalogue import run_step
from couler_plugins.authoring.places import said_where
from couler_plugins.authoring.values import Returned, RunValue
from couler_plugins.errors import InvalidInput
from couler_plugins.options import closest

__all__ = ["Dataset", "run_boosting"]


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
    known: Mapping[str, str],
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
        known: the inputs of the step by the names that the library has for them.
        model_params, train_params: settings, by the library's names; `objective` says whether numbers are predicted.
        image: one that has all that it needs; without one, pip installs it.
        step_name, timeout, retry: as for every step.
    """
    given = {**(model_params or {}), **(train_params or {})}
    objective = given.pop("objective", "binary")
    inputs: dict[str, Any] = {}
    for name, value in given.items():
        if name not in known:
            hint = " ".join(filter(None, (closest(name, known), f"there is objective, {', '.join(known)}")))
            raise InvalidInput(f"{step} has no setting {name!r}", step=step_name or step, hint=hint)
        inputs[known[name]] = value
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
