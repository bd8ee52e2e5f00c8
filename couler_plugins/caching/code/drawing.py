"""Which names of libraries draw by chance where they get no seed, for those that nobody loads to look."""

from __future__ import annotations

import inspect
import types
from collections.abc import Mapping, Sequence
from typing import Any

from couler_plugins.caching.code.idioms import SEEDS
from couler_plugins.caching.code.modules import is_library
from couler_plugins.caching.code.names import ALL

LIBRARIES: Mapping[str, Mapping[str, Sequence[str]]] = {
    "sklearn": {
        **dict.fromkeys(("base", "compose", "cross_decomposition", "discriminant_analysis", "exceptions"), ()),
        **dict.fromkeys(("feature_extraction", "isotonic", "kernel_ridge", "naive_bayes", "pipeline"), ()),
        "datasets": ("load_files", "fetch_", "make_"),
        "impute": ("IterativeImputer",),
        "linear_model": (
            *("ElasticNet", "Lars", "Lasso", "LogisticRegression", "MultiTask", "PassiveAggressive", "Perceptron"),
            *("RANSAC", "Ridge", "ridge_regression", "SGD", "TheilSen", "enet", "lars", "lasso"),
        ),
        "metrics": ("silhouette_score",),
        "model_selection": (
            *("BaseShuffleSplit", "Group", "KFold", "Parameter", "Randomized", "Halving", "Repeated", "Shuffle"),
            *("Stratified", "Tuned", "check_cv", "learning_curve", "permutation_test_score", "train_test_split"),
        ),
        "neighbors": ("NeighborhoodComponentsAnalysis",),
        "preprocessing": ("KBinsDiscretizer", "QuantileTransformer", "TargetEncoder", "quantile_transform"),
    },
    "scipy": {
        **dict.fromkeys(("constants", "fft", "integrate", "ndimage", "signal", "special", "spatial"), ()),
        "interpolate": ("Barycentric", "barycentric"),
        "io": (),
        "stats": (
            *("BootstrapMethod", "MonteCarloMethod", "PermutationMethod", "bootstrap", "dirichlet", "dunnett"),
            *(
                "gaussian_kde",
                "goodness_of_fit",
                "invwishart",
                "matrix_",
                "mc_",
                "monte_carlo",
                "multi",
                "normal_inverse",
            ),
            *(
                "ortho_group",
                "permutation_test",
                "power",
                "qmc",
                "random_",
                "rv_",
                "sampling",
                "sobol",
                "special_ortho",
            ),
            *("uniform_direction", "unitary_group", "vonmises_fisher", "wishart"),
        ),
    },
    "lightgbm": {},
    "statsmodels": {},
    "xgboost": {},
}
"""Libraries, their modules, and how the names begin in these that take a `random_state` or an `rng`.

Read from the signatures of scikit-learn 1.9 and SciPy 1.17. All other modules of the libraries may draw.
"""


METHODS = frozenset({"rvs", "resample"})
"""How distributions draw, whatever they are called."""


def may_draw(module: str, path: Sequence[str]) -> bool:
    """Return whether what a body imports may draw by chance without a seed.

    Args:
        module: the module that is imported.
        path: the names that are read of it.
    """
    library, *names = [*module.split("."), *path]
    if library not in LIBRARIES or not path:
        return False
    inside, *read = names
    drawing = LIBRARIES[library].get(inside)
    return drawing is None or not METHODS.isdisjoint(read) or (bool(read) and read[0].startswith((ALL, *drawing)))


def draws(value: Any) -> bool:
    """Whether a function or class of a library takes a seed, and goes by chance without one."""
    if not isinstance(value, (types.FunctionType, type)) or not is_library(str(value.__module__)):
        return False
    try:
        parameters = inspect.signature(value).parameters
    except (TypeError, ValueError):
        return False
    return any(name in parameters and parameters[name].default is None for name in SEEDS)
