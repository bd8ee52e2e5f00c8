"""Making features; what is learnt is learnt of the training table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from step_runs import Runs

if TYPE_CHECKING:
    import pandas as pd

TRAIN = "a,b,kind,y\n0,1,x,0\n10,1,y,1\n"
TEST = "a,b,kind,y\n20,1,x,0\n"


def frame(place: str) -> pd.DataFrame:
    import pandas as pd

    return pd.read_csv(place)


@pytest.mark.parametrize(("method", "scaled"), [("standard", 3.0), ("min-max", 2.0), ("robust", 3.0)])
def test_scale_features_as_the_training_table_says(run: Runs, method: str, scaled: float) -> None:
    train, test = run.table(TRAIN, "train.csv"), run.table(TEST)
    found = frame(run("scale-features", data=test, fit=train, method=method, keep=["y"])["data"])
    assert found.iloc[0].tolist() == [scaled, 0.0, "x", 0]


def test_scale_features_refuses_a_column_of_text(run: Runs) -> None:
    with pytest.raises(SystemExit, match="the column 'kind' holds no numbers: encode it first"):
        run("scale-features", data=run.table(TRAIN), columns=["kind"])


@pytest.mark.parametrize("method", ["f-test", "mutual-information"])
def test_select_features_keeps_what_says_most_and_the_target(run: Runs, method: str) -> None:
    rows = [f"{number % 2 + number * 0.01},{number % 3},{number % 2}" for number in range(40)]
    train = run.table("\n".join(["good,bad,y", *rows]) + "\n", "train.csv")
    given = run("select-features", data=train, target="y", count=1, method=method)
    assert json.loads(given["features"]) == ["good"]
    assert list(frame(given["data"]).columns) == ["good", "y"]
    unseen = run("select-features", data=run.table("bad,good\n1,2\n"), target="y", count=1, fit=train)
    assert Path(unseen["data"]).read_text() == "good\n2\n"


def test_reduce_dimensions_by_the_components_of_the_training_table(run: Runs) -> None:
    rows = [f"{number},{2 * number},{3 * number},k" for number in range(10)]
    train = run.table("\n".join(["a,b,c,kind", *rows]) + "\n", "train.csv")
    given = run("reduce-dimensions", data=run.table("a,b,c,kind\n1,2,3,m\n"), components=1, fit=train)
    assert list(frame(given["data"]).columns) == ["component-0", "kind"]
    assert abs(frame(given["data"])["component-0"][0]) == pytest.approx(3.5 * 14**0.5)
    assert float(given["explained"]) == pytest.approx(1)
