"""Making a table ready to learn from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from step_runs import Runs

GAPS = "age,kind,pay\n20,a,1.0\n,b,2.0\n40,,\n60,a,4.0\n"


def text(place: str) -> str:
    return Path(place).read_text()


RULES: Mapping[str, Any] = {
    "age": {"type": "float", "min": 20, "max": 60},
    "kind": {"type": "text", "choices": ["a", "b"]},
    "pay": {"unique": True},
}


def test_validate_schema_hands_a_good_table_on(run: Runs) -> None:
    place = run.table(GAPS)
    assert run("validate-schema", data=place, schema=json.dumps(RULES)) == {"data": place, "rows": "4"}


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"wage": {}}, "there is no column 'wage'"),
        ({"age": {"type": "text"}}, "'age' is float64, not text"),
        ({"kind": {"type": "int"}}, "'kind' is str, not int"),
        ({"age": {"min": 30}}, "'age' goes down to 20.0, below 30"),
        ({"age": {"max": 30}}, "'age' goes up to 60.0, above 30"),
        ({"pay": {"missing": False}}, "'pay' lacks 1 values"),
        ({"kind": {"choices": ["a"]}}, "'kind' has 'b', which is none of its choices"),
        ({"kind": {"unique": True}}, "'kind' has 'a' more than once"),
        ({"age": {"low": 1}}, "the schema has no rule 'low' for 'age'"),
        ({"age": {"type": "date"}}, "the schema has no type 'date'"),
    ],
)
def test_validate_schema_fails_with_the_rule_that_is_broken(run: Runs, schema: Any, problem: str) -> None:
    with pytest.raises(SystemExit, match=problem):
        run("validate-schema", data=run.table(GAPS), schema=json.dumps(schema))


def test_validate_schema_is_strict_where_asked(run: Runs) -> None:
    with pytest.raises(SystemExit, match="there is a column 'kind', which the schema does not have"):
        run("validate-schema", data=run.table(GAPS), schema='{"age": {}, "pay": {}}', strict=True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, "age,kind,pay\n20.0,a,1.0\n60.0,a,4.0\n"),
        ({"columns": ["pay"]}, "age,kind,pay\n20.0,a,1.0\n,b,2.0\n60.0,a,4.0\n"),
        ({"strategy": "mean"}, "age,kind,pay\n20.0,a,1.0\n40.0,b,2.0\n40.0,,2.3333333333333335\n60.0,a,4.0\n"),
        ({"strategy": "median", "columns": ["pay"]}, "age,kind,pay\n20.0,a,1.0\n,b,2.0\n40.0,,2.0\n60.0,a,4.0\n"),
        ({"strategy": "most-frequent", "columns": ["kind"]}, "age,kind,pay\n20.0,a,1.0\n,b,2.0\n40.0,a,\n60.0,a,4.0\n"),
        (
            {"strategy": "constant", "columns": ["age"], "value": "7"},
            "age,kind,pay\n20.0,a,1.0\n7.0,b,2.0\n40.0,,\n60.0,a,4.0\n",
        ),
    ],
    ids=["drop", "drop-column", "mean", "median", "most-frequent", "constant"],
)
def test_clean_missing(run: Runs, arguments: Any, expected: str) -> None:
    assert text(run("clean-missing", data=run.table(GAPS), **arguments)["data"]) == expected


def test_clean_missing_fills_in_what_the_training_table_says(run: Runs) -> None:
    train = run.table("age,kind,pay\n1,a,1\n3,a,1\n", "train.csv")
    given = run("clean-missing", data=run.table(GAPS), strategy="mean", columns=["age"], fit=train)
    assert text(given["data"]).splitlines()[2] == "2.0,b,2.0"


def test_clean_missing_says_which_column_has_no_values(run: Runs) -> None:
    with pytest.raises(SystemExit, match="the column 'b' has no values to take the most-frequent of"):
        run("clean-missing", data=run.table("a,b\n1,\n2,\n"), strategy="most-frequent")


def test_one_hot_encode_keeps_the_place_of_a_column(run: Runs) -> None:
    given = run("one-hot-encode", data=run.table(GAPS), columns=["kind"])
    assert json.loads(given["columns"]) == ["age", "kind=a", "kind=b", "pay"]
    assert text(given["data"]).splitlines()[1:4] == ["20.0,1,0,1.0", ",0,1,2.0", "40.0,0,0,"]


def test_one_hot_encode_has_the_columns_of_the_training_table(run: Runs) -> None:
    train = run.table("kind,y\na,p\nc,q\n", "train.csv")
    given = run("one-hot-encode", data=run.table("kind,y\nb,p\nc,q\n"), keep=["y"], fit=train)
    assert text(given["data"]) == "kind=a,kind=c,y\n0,0,p\n0,1,q\n"


def test_sample_rows_draws_the_same_for_a_seed(run: Runs) -> None:
    place = run.table("a\n" + "\n".join(map(str, range(100))) + "\n")
    first = run("sample-rows", data=place, rows=10, seed=1)
    assert first["rows"] == "10"
    assert first == run("sample-rows", data=place, rows=10, seed=1)
    assert first != run("sample-rows", data=place, rows=10, seed=2)
    values = [int(line) for line in text(first["data"]).splitlines()[1:]]
    assert values == sorted(set(values))
    assert run("sample-rows", data=place, share=0.25)["rows"] == "25"
    assert run("sample-rows", data=place, rows=1000)["rows"] == "100"


def test_join_tables(run: Runs) -> None:
    left, right = run.table("id,x\n1,a\n2,b\n", "left.csv"), run.table("id,x\n2,c\n3,d\n", "right.csv")
    given = run("join-tables", left=left, right=right, keys=["id"])
    assert (text(given["data"]), given["rows"]) == ("id,x_left,x_right\n2,b,c\n", "1")
    assert run("join-tables", left=left, right=right, keys=["id"], how="outer")["rows"] == "3"
    with pytest.raises(SystemExit, match="no column 'key'"):
        run("join-tables", left=left, right=right, keys=["key"])


def test_split_train_test_leaves_no_row_out_and_none_twice(run: Runs) -> None:
    rows = [f"{number},{'ab'[number % 4 == 0]}" for number in range(40)]
    place = run.table("\n".join(["id,kind", *rows]) + "\n")
    given = run("split-train-test", data=place, test_share=0.25, stratify="kind", seed=3)
    train, test = (text(given[name]).splitlines()[1:] for name in ("train", "test"))
    assert sorted(train + test) == sorted(rows)
    assert len(test) == 10
    assert sum(row.endswith("b") for row in test) == 2
    assert given == run("split-train-test", data=place, test_share=0.25, stratify="kind", seed=3)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"test_share": 1.5}, "--test-share is 1.5, not between 0 and 1"),
        ({"stratify": "sort"}, "no column 'sort'"),
        ({"test_share": 0.01}, "4 rows are too few to split"),
    ],
)
def test_split_train_test_refuses_what_cannot_be_split(run: Runs, arguments: Any, problem: str) -> None:
    with pytest.raises(SystemExit, match=problem):
        run("split-train-test", data=run.table(GAPS), **arguments)
