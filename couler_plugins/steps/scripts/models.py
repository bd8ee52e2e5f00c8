"""Models in files: what was trained, the columns that it takes, and the classes that it tells apart.

They are files of skops, which hold types and values; nothing in one is run when it is read, unlike in a pickle.
"""

import sys
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import skops.io

from couler_plugins.steps.scripts.files import fetched, kept, scratch
from couler_plugins.steps.scripts.tables import need_columns, numbers

TRUSTED = {
    "collections.OrderedDict",
    "lightgbm.basic.Booster",
    "lightgbm.sklearn.LGBMClassifier",
    "lightgbm.sklearn.LGBMRegressor",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.metrics._dist_metrics.EuclideanDistance64",
    "sklearn.neighbors._kd_tree.KDTree",
    "sklearn.neural_network._stochastic_optimizers.AdamOptimizer",
    "sklearn.tree._tree.Tree",
    "xgboost.core.Booster",
    "xgboost.sklearn.XGBClassifier",
    "xgboost.sklearn.XGBRegressor",
}
"""The types of the steps that train, beside those that skops trusts by itself."""


class Model(NamedTuple):
    """What was trained.

    Attributes:
        model: with `predict`, and `predict_proba` where it tells classes apart.
        features: the columns that it takes.
        classes: what the numbers that it predicts stand for; None where they stand for themselves.
    """

    model: Any
    features: list[str]
    classes: list[Any] | None

    def predictions(self, frame: pd.DataFrame) -> Any:
        """What it predicts for each row."""
        need_columns(frame, self.features)
        predicted = self.model.predict(frame[self.features])
        return predicted if self.classes is None else np.array(self.classes)[predicted.astype(int)]


def trained(model: Any, frame: pd.DataFrame, target: str, features: Sequence[str], task: str) -> Model:
    """The model, fitted to the columns of a table."""
    need_columns(frame, [target])
    names = numbers(frame, features, [target])
    lacking = frame[[*names, target]].isna().any()
    if lacking.any():
        sys.exit(f"the column {lacking.idxmax()!r} lacks values: fill them in first (clean-missing)")
    if task == "regression":
        return Model(model.fit(frame[names], frame[target]), names, None)
    classes, numbered = np.unique(frame[target], return_inverse=True)
    return Model(model.fit(frame[names], numbered), names, classes.tolist())


def kept_model(model: Model, store: str) -> str:
    """Puts a model into the store, and says where it is there."""
    file = scratch("model.skops")
    skops.io.dump(model._asdict(), file)
    return kept(file, store)


def loaded(place: str) -> Model:
    """The model in a file; ends the script where it holds a type that none of our steps trains."""
    file = fetched(place)
    unknown = set(skops.io.get_untrusted_types(file=file))
    if unknown - TRUSTED:
        sys.exit(f"the model holds what no step here trains: {min(unknown - TRUSTED)}")
    return Model(**skops.io.load(file, trusted=sorted(unknown)))
