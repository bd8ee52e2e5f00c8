"""Says how much each column counts for what a model predicts."""

import sys
from typing import Any, Literal

import numpy as np
import pandas as pd
from sklearn.inspection import permutation_importance

from couler_plugins.steps.scripts.models import loaded
from couler_plugins.steps.scripts.running import run
from couler_plugins.steps.scripts.tables import kept_table, need_columns, table


def main(
    model: str, data: str, method: Literal["auto", "contributions", "permutation"], most: int, seed: int, store: str
) -> dict[str, object]:
    """A table of columns and what they count, the first most; and the names of the columns in that order.

    `contributions` are the means of |SHAP values|, which XGBoost and LightGBM compute exactly for their trees.
    `permutation` is how much worse predictions agree with themselves once a column is shuffled: for any model.
    """
    loaded_model, frame = loaded(model), table(data)
    need_columns(frame, loaded_model.features)
    rows = frame[loaded_model.features]
    library = type(loaded_model.model).__module__.partition(".")[0]
    has_trees = library in ("xgboost", "lightgbm")
    if method == "contributions" and not has_trees:
        sys.exit(f"a {type(loaded_model.model).__name__} has no such contributions: take the method permutation")
    if method == "permutation" or not has_trees:
        values = _permuted(loaded_model.model, rows, seed)
    else:
        values = _contributions(loaded_model.model, rows, library)
    result = pd.DataFrame({"feature": loaded_model.features, "importance": np.round(values, 6)})
    result = result.sort_values("importance", ascending=False, kind="stable").head(most or len(result))
    return {"importances": kept_table(result, store), "features": result["feature"].tolist()}


def _permuted(model: Any, rows: pd.DataFrame, seed: int) -> Any:
    return permutation_importance(model, rows, model.predict(rows), random_state=seed).importances_mean


def _contributions(model: Any, rows: pd.DataFrame, library: str) -> Any:
    """Means over rows and classes; the last column of each class is the bias."""
    if library == "xgboost":
        import xgboost

        values = model.get_booster().predict(xgboost.DMatrix(rows), pred_contribs=True)
    else:
        values = model.predict(rows, pred_contrib=True)
    wide = np.abs(np.asarray(values)).reshape(len(rows), -1, rows.shape[1] + 1)
    return wide[:, :, :-1].mean(axis=(0, 1))


if __name__ == "__main__":
    run(main)
