"""Statements are read, or refused by name, with line and column."""

from __future__ import annotations

from collections import Counter

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.sql.clauses import Refused
from couler_plugins.sql.parser import parse_program
from couler_plugins.sql.statements import Attribute, Column, Evaluate, Explain, Place, Plain, Predict, Run, Solve, Train
from support import shared

TRAIN = """\
-- a comment; with a semicolon
SELECT a, b, y FROM t WHERE s = 'x;y'
TO TRAIN DNNClassifier
WITH model.hidden_units = [10, 20], train.epoch = 3, note = "a, b"
COLUMN a, DENSE(b, [4]), v1..., v4
LABEL y
INTO my.model;
"""


def one(text: str, dialect: str = "") -> object:
    (statement,) = parse_program(text, dialect, "f.sql")
    return statement


def test_all_clauses_of_a_training() -> None:
    train = one(TRAIN)
    assert isinstance(train, Train)
    assert (train.estimator, train.label, train.into, train.reads) == ("DNNClassifier", "y", "my.model", ("t",))
    assert train.query == "SELECT a, b, y FROM t WHERE s = 'x;y'"
    assert [(item.name, item.value) for item in train.attributes] == [
        ("model.hidden_units", (10, 20)),
        ("train.epoch", 3),
        ("note", "a, b"),
    ]
    assert train.attributes[0] == Attribute("model.hidden_units", (10, 20), Place(4, 6))
    assert [item.name for item in train.columns] == ["a", "", "v1", "v2", "v3", "v4"]
    assert train.columns[1] == Column("DENSE(b, [4])", "", Place(5, 11))
    assert (train.place, train.verb_place) == (Place(2, 1), Place(3, 4))


@pytest.mark.parametrize(
    ("text", "kind", "fields"),
    [
        ("SELECT * FROM t TO PREDICT p.y USING m", Predict, {"target": "p.y", "using": "m"}),
        ("SELECT * FROM t TO EVALUATE m LABEL y INTO e", Evaluate, {"model": "m", "label": "y", "into": "e"}),
        ("SELECT * FROM t TO EXPLAIN m USING TreeExplainer", Explain, {"model": "m", "using": "TreeExplainer"}),
        ('SELECT 1 TO RUN a/b:1.0 CMD "x", "--y=1" INTO p, q', Run, {"image": "a/b:1.0", "into": ("p", "q")}),
        (
            "SELECT * FROM t TO MINIMIZE SUM(x) CONSTRAINT x <= 3, x >= 1 INTO r",
            Solve,
            {"constraints": ("x <= 3", "x >= 1")},
        ),
        ("CREATE TABLE n AS SELECT * FROM a JOIN b ON a.i = b.i", Plain, {"writes": "n", "reads": ("a", "b")}),
        ("SELECT * INTO n FROM a", Plain, {"writes": "n", "reads": ("a",)}),
        ("INSERT INTO n SELECT * FROM a", Plain, {"writes": "n", "reads": ("a",)}),
        ("WITH c AS (SELECT 1 AS x) SELECT * FROM c", Plain, {"writes": "", "reads": ()}),
        ("SELECT * FROM t TO TRAIN a/b:v2/xgboost.gbtree LABEL label", Train, {"estimator": "a/b:v2/xgboost.gbtree"}),
    ],
)
def test_each_kind(text: str, kind: type, fields: dict[str, object]) -> None:
    statement = one(text)
    assert isinstance(statement, kind), statement
    assert {name: getattr(statement, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ("SELECT * FROM t\nTO TRIAN m LABEL y", 2, 4, "TO TRIAN is not known"),
        ("SELECT * FROM t TO PREDICT p.y", 1, 20, "names no model"),
        ("SELECT * FROM t\nTO PREDICT p.y LABEL z USING m", 2, 16, "TO PREDICT has no clause LABEL"),
        ("SELECT * FROM t TO TRAIN m WITH a = 1 b LABEL y", 1, 39, "'b' is not expected here"),
        ("SELECT * FROM t TO TRAIN m\n  LABEL", 2, 3, "nothing is behind LABEL"),
        ("SELECT * FROM t TO TRAIN m INTO a INTO b", 1, 35, "INTO is there twice"),
        ("SELECT * FROM t\nTO TRAIN ...", 2, 10, "'...' stands for what was left out"),
        ("SELECT * FRM t WHERE", 1, 14, "this is no SQL"),
        ("SELECT * FROM t TO TRAIN m COLUMN a,,b LABEL y", 1, 36, "a comma too much"),
    ],
)
def test_refusals_name_what_is_wrong_and_where(text: str, line: int, column: int, said: str) -> None:
    refused = one(text)
    assert isinstance(refused, Refused)
    assert (refused.file, refused.line, refused.column) == ("f.sql", line, column), refused
    assert said in refused.message
    assert refused.hint


def test_one_statement_that_is_refused_stops_no_other() -> None:
    program = parse_program("SELECT ... TO TRAIN m; SELECT * FROM t TO PREDICT p.y USING m;;", "", "f.sql")
    assert [type(item).__name__ for item in program] == ["Refused", "Predict"]


def test_an_unknown_dialect_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="this is no SQL"):
        parse_program("SELECT 1", "klingon", "f.sql")


@pytest.mark.corpus
def test_the_statements_of_sqlflow() -> None:
    program = parse_program(shared("corpus", "sqlflow", "statements.sql").read_text("utf-8"), "", "statements.sql")
    counts = Counter(type(item).__name__ for item in program)
    assert len(program) == 117
    assert counts["Refused"] == 27
    for item in program:
        if isinstance(item, Refused):
            assert item.line
            assert item.column
            assert item.hint
            assert "..." in item.message or "this is no SQL" in item.message
