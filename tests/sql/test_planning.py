"""Statements become steps: who reads a table or a model waits for who makes it."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from couler_plugins.generation.form import FormStep
from couler_plugins.sql.parser import parse_program
from couler_plugins.sql.planning import Options, Planner
from couler_plugins.sql.statements import Refused
from sql_programs import EXAMPLE, catalogue, planned, waits
from support import shared


def step(text: str, use: str, **options: Any) -> FormStep:
    """The one step of a program that uses this of the catalogue."""
    (found,) = [item for item in planned(text, **options).form.steps if item.use == use]
    return found


def constants(item: FormStep) -> dict[str, object]:
    return {taken.name: taken.value for taken in item.inputs if taken.source is None}


def test_the_example() -> None:
    plan = planned(EXAMPLE.read_text("utf-8"))
    assert waits(plan) == {
        "create-features": set(),
        "data-of-churn-model": {"create-features"},
        "train-churn-model": {"data-of-churn-model"},
        "publish-churn-model": {"train-churn-model"},
        "data-to-evaluate-churn-model": {"create-features"},
        "evaluate-churn-model": {"data-to-evaluate-churn-model", "train-churn-model"},
        "store-churn-scores": {"evaluate-churn-model"},
        "data-for-churn-predictions": {"create-features"},
        "predict-churn-predictions": {"data-for-churn-predictions", "train-churn-model"},
        "store-churn-predictions": {"predict-churn-predictions"},
    }
    assert [len(names) for names in plan.statements] == [1, 3, 3, 3]
    assert constants(step(EXAMPLE.read_text("utf-8"), "xgboost-train")) == {
        "task": "classification",
        "rounds": 30,
        "max-depth": 3,
        "features": ("calls", "minutes", "complaints"),
        "target": "churned",
    }


def test_who_writes_a_table_waits_for_its_readers() -> None:
    text = (
        "SELECT * FROM T TO PREDICT p.y USING m; INSERT INTO t SELECT * FROM P; SELECT * FROM t TO PREDICT q.y USING m"
    )
    names = waits(planned(text, places={"m": "s3://b/m"}))
    assert names["insert-t"] == {"data-for-p", "store-p"}  # t is read before it is written, and p is written before
    assert names["data-for-q"] == {"insert-t"}


@pytest.mark.parametrize(
    "change", ["DELETE FROM t WHERE a", "UPDATE t SET a = 1", "TRUNCATE TABLE t", "DROP TABLE s, t"]
)
def test_every_change_of_a_table_is_in_order(change: str) -> None:
    before, changed, after = planned(f"SELECT * FROM t; {change}; SELECT * FROM t").form.steps
    assert changed.needs == (before.name,)
    assert after.needs == (changed.name,)


def test_who_reads_a_view_reads_its_tables() -> None:
    text = "CREATE VIEW v AS SELECT * FROM t; INSERT INTO t SELECT 1; SELECT * FROM v; DELETE FROM t"
    view, insert, query, delete = planned(text).form.steps
    assert (view.needs, insert.needs) == ((), (view.name,))
    assert set(query.needs) == {view.name, insert.name}
    assert set(delete.needs) == {insert.name, query.name}


def test_a_view_goes_before_its_tables() -> None:
    text = "CREATE VIEW v AS SELECT * FROM t; DROP VIEW v; DROP TABLE t"
    view, gone, table = planned(text).form.steps
    assert (gone.needs, table.needs) == ((view.name,), (view.name, gone.name))


def test_a_table_may_be_named_with_and_without_its_schema() -> None:
    text = "CREATE TABLE s.t AS SELECT 1 AS a; SELECT * FROM t; DELETE FROM s.t; SELECT * FROM r.t; DROP TABLE t"
    create, query, delete, other, drop = planned(text).form.steps
    assert query.needs == (create.name,)
    assert set(delete.needs) == {create.name, query.name}
    assert other.needs == ()
    assert set(drop.needs) >= {delete.name, other.name}


def test_a_part_of_a_query_hides_no_table_that_it_reads_itself() -> None:
    text = "CREATE TABLE t AS SELECT 1 AS a; WITH t AS (SELECT a FROM t) SELECT * FROM t"
    assert waits(planned(text))["query"] == {"create-t"}
    text = "CREATE TABLE t AS SELECT 1 AS a; WITH RECURSIVE t AS (SELECT a FROM t) SELECT * FROM t"
    assert waits(planned(text))["query"] == set()


def test_a_schema_is_there_before_its_tables_and_goes_after_them() -> None:
    names = waits(planned("CREATE SCHEMA s; CREATE TABLE s.t AS SELECT 1 AS a; SELECT a FROM s.t; DROP SCHEMA s"))
    assert names["create-t"] == {"create-s"}
    assert names["drop-s"] == {"create-s", "create-t", "query"}


def test_a_model_is_trained_named_or_published() -> None:
    text = "SELECT * FROM t TO PREDICT p.y USING m"
    assert constants(step(text, "batch-predict", places={"m": "s3://b/m"}))["model"] == "s3://b/m"
    assert waits(planned(text))["predict-p"] == {"data-for-p", "load-m"}
    train = "SELECT * FROM t TO TRAIN DNNClassifier LABEL y INTO m"
    names = waits(planned(f"{text}; {train}; {train}; SELECT * FROM t TO PREDICT q.y USING m"))
    assert names["publish-m"] == {"train-m", "load-m"}  # who loads it means the one from before
    assert names["publish-m-2"] == {"train-m-2", "publish-m"}
    assert names["predict-q"] == {"data-for-q", "train-m-2"}


def test_a_training_is_validated() -> None:
    text = (
        "SELECT * FROM t TO TRAIN DNNRegressor WITH validation.select = 'SELECT * FROM v', "
        "validation.metrics = 'MeanAbsoluteError' LABEL y INTO m"
    )
    assert waits(planned(f"DELETE FROM v; {text}"))["data-to-validate-m"] == {"delete-v"}
    assert constants(step(text, "evaluate-model")) == {"target": "y", "metric": "mae"}
    published = step(text, "register-model")
    assert {item.name: item.source for item in published.inputs if item.source} == {
        "model": "train-m.model",
        "metrics": "validate-m.metrics",
        "registry": "inputs.registry",
    }


def test_an_explanation() -> None:
    text = "SELECT * FROM t TO EXPLAIN m WITH summary.max_display = 3, summary.plot_type = 'bar' USING TreeExplainer"
    assert constants(step(text, "explain-model")) == {"method": "contributions", "most": 3}
    assert planned(text).notes == ("1:60: summary.plot_type only draws, and is left out: TO EXPLAIN gives a table",)
    assert waits(planned(f"{text} INTO e"))["store-e"] == {"explain-m"}


def test_a_colon_in_a_query_is_no_named_value() -> None:
    (query,) = planned("SELECT * FROM t WHERE s = ':x' AND a::text = '1:2'").form.steps
    assert query.inputs[0].value == r"SELECT * FROM t WHERE s = '\:x' AND a::text = '1:2'"


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("SELECT * FROM t\nTO TRAIN DNNClasifier LABEL y", "2:4", "did you mean 'DNNClassifier'?"),
        ("SELECT a, b AS y FROM t TO TRAIN SVC\nLABEL yy", "2:1", "did you mean 'y'?"),
        ("SELECT a, y FROM t TO TRAIN SVC\nCOLUMN A, c LABEL y", "2:11", "it gives a, y"),
        ("SELECT * FROM t\nTO TRAIN xgboost.gbtre LABEL y", "2:4", "did you mean 'xgboost.gbtree'?"),
        ("SELECT * FROM t TO TRAIN xgboost.gbtree\nWITH objectiv = 1 LABEL y", "2:6", "did you mean 'objective'?"),
        ("SELECT * FROM t TO TRAIN a/b:1/MyDNNClassifier LABEL y", "1:20", "did you mean 'DNNClassifier'?"),
        ("SELECT * FROM t TO TRAIN DNNClassifier\nWITH train.epocs = 3 LABEL y", "2:6", "did you mean 'epochs'?"),
        ("SELECT * FROM t TO TRAIN DNNClassifier\nWITH train.epoch = x LABEL y", "2:6", "a whole number"),
        ("SELECT * FROM t TO TRAIN DNNClassifier\nWITH train.epoch = 1e999 LABEL y", "2:6", "a whole number"),
        ("SELECT * FROM t TO TRAIN DNNClassifier\nCOLUMN BUCKET(a, 3) LABEL y", "2:8", "computes a column"),
        ("SELECT * FROM t TO TRAIN SVC COLUMN v9., v LABEL y", "1:37", "computes a column"),
        ("SELECT * FROM t TO TRAIN SVC COLUMN `$$` LABEL y", "1:1", "'$$'"),
        ("SELECT * FROM t TO TRAIN xgboost.gbtree LABEL y", "1:20", "classes or numbers"),
        ("SELECT * FROM t TO TRAIN xgboost.gbtree WITH objective='reg:gamma' LABEL y", "1:46", "no objective"),
        ("SELECT * FROM t TO TRAIN DNNClassifier", "1:20", "names no column to predict"),
        ("SELECT * FROM t TO TRAIN DNNClassifier LABEL y USING m", "1:20", "cannot start from the model 'm'"),
        ("SELECT * FROM t TO PREDICT p.y WITH a = 1 USING m", "1:37", "TO PREDICT has no setting 'a'"),
        ("SELECT * FROM t TO EVALUATE m", "1:20", "names no column to compare with"),
        ("SELECT * FROM t TO EVALUATE m WITH validation.metrics=AUC LABEL y", "1:36", "no metric 'AUC'"),
        ("SELECT * FROM t TO EXPLAIN m WITH plots = force", "1:35", "TO EXPLAIN has no setting 'plots'"),
        ("SELECT * FROM t TO EXPLAIN m USING TreExplainer", "1:20", "did you mean 'TreeExplainer'?"),
        ("SELECT * FROM t TO MAXIMIZE x INTO r", "1:20", "TO MAXIMIZE: no step solves"),
        ("SELECT 1 TO RUN i", "1:13", "TO RUN: no step runs the image 'i'"),
        ("SELECT '{{workflow.name}}'", "1:1", "'{{'"),
        ("SELECT * FROM t TO PREDICT p.y USING 'm$(x)'", "1:1", "'$('"),
        (
            "SELECT * FROM t TO TRAIN SVC LABEL y INTO m;\nSELECT * FROM t TO EXPLAIN m USING TreeExplainer",
            "2:20",
            "sklearn-train trains none",
        ),
    ],
)
def test_what_no_step_does_is_refused_with_its_place(text: str, place: str, said: str) -> None:
    with pytest.raises(Refused) as caught:
        planned(text)
    assert str(caught.value).startswith(f"f.sql:{place}: ")
    assert said in f"{caught.value.message} {caught.value.hint}"


REASONS = ("computes a column", "no step trains", "TO RUN", "solves linear programs", "names no column to predict")


@pytest.mark.corpus
def test_which_statements_of_sqlflow_are_planned() -> None:
    text = shared("corpus", "sqlflow", "statements.sql").read_text("utf-8")
    counts: Counter[str] = Counter()
    for statement in parse_program(text, "mysql", "f.sql"):
        if isinstance(statement, Refused):
            continue
        try:
            Planner(catalogue(), Options(file="f.sql")).add(statement)
            counts["planned"] += 1
        except Refused as error:
            counts[next((reason for reason in REASONS if reason in error.message), "other")] += 1
    assert counts == {
        "planned": 48,
        "computes a column": 10,
        "no step trains": 11,
        "TO RUN": 8,
        "solves linear programs": 5,
        "names no column to predict": 4,
        "other": 3,  # a model to start from, a plot, and an objective that nobody names
    }
