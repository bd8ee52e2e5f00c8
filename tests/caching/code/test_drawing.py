"""Which names of libraries draw: told without loading them, and held against what their signatures say."""

from __future__ import annotations

import importlib
import inspect
import warnings

import pytest

from couler_plugins.caching.code.drawing import LIBRARIES, may_draw

KNOWN = [(library, module) for library, modules in LIBRARIES.items() for module in modules]
SEEDS = {"random_state", "rng", "seed"}
NO_SEEDS = {("scipy.stats", "iqr")}  # its `rng` is a range


@pytest.mark.parametrize(("library", "module"), KNOWN)
def test_all_that_takes_a_seed_is_known_to_draw(library: str, module: str) -> None:
    pytest.importorskip(library)
    dotted = f"{library}.{module}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = vars(importlib.import_module(dotted))
    drawing = {name for name, value in found.items() if not name.startswith("_") and _takes_seed(value)}
    missed = {name for name in drawing if not may_draw(dotted, [name]) and (dotted, name) not in NO_SEEDS}
    # What a module has imported for itself is no part of what it offers.
    own = set(getattr(importlib.import_module(dotted), "__all__", missed))
    assert not missed & own


@pytest.mark.parametrize(
    ("module", "path", "draws"),
    [
        ("sklearn.metrics", ["accuracy_score"], False),
        ("sklearn.linear_model", ["LinearRegression"], False),
        ("sklearn.ensemble", ["RandomForestClassifier"], True),
        ("sklearn.model_selection", ["train_test_split"], True),
        ("scipy", ["stats"], False),
        ("scipy", ["stats", "ttest_ind"], False),
        ("scipy", ["stats", "bootstrap"], True),
        ("scipy", ["stats", "norm", "rvs"], True),
        ("scipy", ["stats", "norm", "cdf"], False),
        ("scipy", ["stats", "__dict__"], True),
        ("sklearn", ["__dict__"], True),
        ("xgboost", ["train"], True),
        ("json", ["loads"], False),
    ],
)
def test_draws_by_its_name(module: str, path: list[str], draws: bool) -> None:
    assert may_draw(module, path) is draws


def _takes_seed(value: object) -> bool:
    try:
        return callable(value) and bool(SEEDS & {*inspect.signature(value).parameters})
    except (TypeError, ValueError):
        return False
