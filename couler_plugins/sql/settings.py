"""Settings of statements as inputs of the steps of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from couler_plugins.errors import closest
from couler_plugins.generation.form import Scalar
from couler_plugins.generation.types import converted
from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.sql import models
from couler_plugins.sql.attributes import VALIDATION_QUERY
from couler_plugins.sql.statements import Attribute, Column, Explain, Place, Predict, Refused, Train

Constant = Scalar | tuple[Scalar, ...]
METRICS = "validation.metrics"
PLAIN_COLUMN = re.compile(r"(?:DENSE|NUMERIC)\(\s*(\w+)\s*\)", re.IGNORECASE)
"""A column as it is: SQLFlow says so of columns of numbers."""
EXPLAIN_STEP, XGBOOST_STEP = "explain-model", "xgboost-train"
TYPES = {"int": "a whole number", "float": "a number", "bool": "true or false", "list": "a list"}
"""What the types of inputs are called in errors."""


class Settings:
    """Reads settings of statements; what no step has is refused, with its place.

    Args:
        catalogue: the ready-made steps.
        file: the name of the program, for errors.
    """

    def __init__(self, catalogue: Mapping[str, CatalogueStep], file: str | None) -> None:
        self._catalogue, self._file = catalogue, file

    def training(self, statement: Train) -> tuple[str, dict[str, Constant]]:
        """Return the step that trains, and what it is given.

        Raises:
            Refused: no step trains that, or has such a setting.
        """
        estimator = models.BY_NAME.get(statement.estimator.lower())
        if estimator is None:
            name = statement.estimator.rpartition("/")[2]
            hint = closest(name, models.ESTIMATORS) or closest(name.rpartition(".")[2], models.ESTIMATORS)
            hint = hint or f"there is {', '.join(models.ESTIMATORS)}"
            raise self._refusal(statement.verb_place, f"no step trains {statement.estimator!r}", hint)
        inputs: dict[str, Constant] = dict(estimator.inputs)
        for attribute in statement.attributes:
            inputs |= self._setting(attribute, estimator)
        if "task" not in inputs:
            hint = 'add WITH objective="reg:squarederror" or "binary:logistic"'
            message = f"{statement.estimator!r} does not say whether it predicts classes or numbers"
            raise self._refusal(statement.verb_place, message, hint)
        if features := tuple(name for column in statement.columns for name in self._feature(column)):
            inputs["features"] = features
        return estimator.step, inputs

    def _setting(self, attribute: Attribute, estimator: models.Estimator) -> dict[str, Constant]:
        name = models.bare_name(attribute, "model", "train")
        if name in models.FROM_DATA or name == VALIDATION_QUERY:
            return {}
        if name == METRICS:
            self.metric((attribute,))
            return {}
        settings = estimator.settings
        if name == models.OBJECTIVE and estimator.step == XGBOOST_STEP:
            task = models.OBJECTIVES.get(str(attribute.value), "")
            if not task or task != estimator.inputs.get("task", task):
                hint = closest(str(attribute.value), models.OBJECTIVES) or f"there is {', '.join(models.OBJECTIVES)}"
                raise self._refusal(attribute.place, f"{estimator.step} has no objective {attribute.value!r}", hint)
            return {"task": task}
        if name not in settings:
            objective = [models.OBJECTIVE] if estimator.step == XGBOOST_STEP else []
            every = [*objective, *settings, VALIDATION_QUERY, METRICS]
            hint = closest(name, every) or f"it has {', '.join(every)}"
            raise self._refusal(attribute.place, f"{estimator.step} has no setting {attribute.name!r}", hint)
        return {settings[name]: self._typed(attribute, estimator.step, settings[name])}

    def _typed(self, attribute: Attribute, step: str, name: str) -> Constant:
        """The value of a setting as the type of an input of a step."""
        item = next(item for item in self._catalogue[step].inputs if item.name == name)
        try:
            value = converted(attribute.value, item.type)
        except ValueError:
            wanted = TYPES.get(item.type, item.type)
            message = f"{attribute.name} is {attribute.value!r:.60}, and takes {wanted}"
            raise self._refusal(attribute.place, message, f"write {wanted}: {item.description}") from None
        return tuple(value) if isinstance(value, list) else value

    def _feature(self, column: Column) -> tuple[str, ...]:
        if column.name or column.text == "*":
            return (column.name,) if column.name else ()
        plain = PLAIN_COLUMN.fullmatch(column.text)
        if plain is None:
            hint = "compute it in the SELECT, and name the column that it gives"
            raise self._refusal(column.place, f"{column.text!r:.80} computes a column", hint)
        return (plain[1],)

    def check_prediction(self, statement: Predict) -> None:
        """Do nothing where the settings of a prediction are known.

        Raises:
            Refused: one is not.
        """
        for attribute in statement.attributes:
            if models.bare_name(attribute, "model", "predict") not in models.FROM_DATA:
                message = f"TO PREDICT has no setting {attribute.name!r}"
                raise self._refusal(attribute.place, message, "take it out")

    def metric(self, attributes: Iterable[Attribute], *, only: bool = False) -> str:
        """Return the first metric that settings name; empty where they name none.

        Args:
            attributes: the settings.
            only: whether there may be no other settings.

        Raises:
            Refused: there is another setting, or no such metric.
        """
        first = ""
        for attribute in attributes:
            if attribute.name != METRICS:
                if not only:
                    continue
                hint = closest(attribute.name, [METRICS]) or f"it has {METRICS}"
                raise self._refusal(attribute.place, f"TO EVALUATE has no setting {attribute.name!r}", hint)
            values = attribute.value if isinstance(attribute.value, tuple) else str(attribute.value).split(",")
            for name in (str(value).strip() for value in values):
                if name.lower() not in models.METRICS:
                    hint = closest(name.lower(), models.METRICS) or f"there is {', '.join(models.METRICS)}"
                    raise self._refusal(attribute.place, f"evaluate-model has no metric {name!r}", hint)
                first = first or models.METRICS[name.lower()]
        return first

    def explanation(self, statement: Explain) -> tuple[dict[str, Constant], list[str]]:
        """Return what the step that explains is given, and what is left out, a sentence each.

        Raises:
            Refused: there is no such explainer, or no such setting.
        """
        method = models.EXPLAINERS.get(statement.using.lower())
        if method is None:
            names = ("TreeExplainer", "PermutationExplainer")
            hint = closest(statement.using, names) or f"there is {', '.join(names)}"
            raise self._refusal(statement.verb_place, f"no step explains by {statement.using!r}", hint)
        inputs: dict[str, Constant] = {"method": method}
        notes: list[str] = []
        for attribute in statement.attributes:
            name = models.bare_name(attribute, "summary", "shap_summary")
            if name == "max_display":
                inputs["most"] = self._typed(attribute, EXPLAIN_STEP, "most")
            elif name in models.DRAWING and name != attribute.name:
                place = f"{attribute.place.line}:{attribute.place.column}"
                notes.append(f"{place}: {attribute.name} only draws, and is left out: TO EXPLAIN gives a table")
            else:
                every = ["summary.max_display", *(f"summary.{item}" for item in sorted(models.DRAWING))]
                hint = closest(attribute.name, every) or f"it has {', '.join(every)}"
                raise self._refusal(attribute.place, f"TO EXPLAIN has no setting {attribute.name!r}", hint)
        return inputs, notes

    def _refusal(self, place: Place, message: str, hint: str) -> Refused:
        return Refused(message, place, file=self._file, hint=hint)
