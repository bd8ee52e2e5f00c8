"""Statements are read, or refused by name, with line and column."""

from __future__ import annotations

from collections import Counter

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.sql.parser import parse_program
from couler_plugins.sql.statements import (
    Attribute,
    Column,
    Evaluate,
    Explain,
    Place,
    Plain,
    Predict,
    Refused,
    Run,
    Solve,
    Train,
)
from support import shared

TRAIN = """\
-- a comment; with a semicolon
SELECT *, 1 AS y FROM t WHERE s = 'x;y'
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
    assert train.query == "SELECT *, 1 AS y FROM t WHERE s = 'x;y'"
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
        ("CREATE TABLE n AS SELECT * FROM a JOIN b ON a.i = b.i", Plain, {"writes": ("n",), "reads": ("a", "b")}),
        ("SELECT * INTO n FROM a", Plain, {"writes": ("n",), "reads": ("a",)}),
        ("INSERT INTO n SELECT * FROM a", Plain, {"writes": ("n",), "reads": ("a",)}),
        ("WITH c AS (SELECT 1 AS x) SELECT * FROM c", Plain, {"writes": (), "reads": ()}),
        ("DELETE FROM N WHERE s = '(;'", Plain, {"writes": ("n",), "reads": ()}),
        ("UPDATE n SET a = 1 FROM u", Plain, {"writes": ("n",), "reads": ("u",)}),
        ("UPDATE a SET x = 1 FROM t AS a", Plain, {"writes": ("a", "t"), "reads": ()}),
        ("UPDATE t, u SET u.x = 1", Plain, {"writes": ("t", "u"), "reads": ()}),
        ("DELETE t, u FROM t JOIN u", Plain, {"writes": ("t", "u"), "reads": ()}),
        ("WITH d AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM d", Plain, {"writes": ("u", "t")}),
        ("DROP TABLE IF EXISTS a, b.C", Plain, {"writes": ("a", "b.c"), "kind": "DROP"}),
        ("CREATE VIEW v AS SELECT * FROM a", Plain, {"writes": ("v",), "view": True}),
        ("SELECT INTERVAL '1-2' YEAR TO MONTH", Plain, {"kind": "SELECT"}),
        (
            "WITH c AS (SELECT ';' AS x FROM s) SELECT x -- where\n INTO q.n FROM c WHERE x <> '('",
            Plain,
            {
                "query": "CREATE TABLE q.n AS WITH c AS (SELECT ';' AS x FROM s) SELECT x FROM c WHERE x <> '('",
                "reads": ("s",),
            },
        ),
        ("(SELECT a, b FROM t) TO TRAIN m LABEL a", Train, {"query": "(SELECT a, b FROM t)", "reads": ("t",)}),
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
        ("SELECT * FROM t TO TRAIN m COLUMN a,,b LABEL y", 1, 37, "a comma too much"),
        ("SELECT * FROM t TO TRAIN m WITH a = 1, a = 2 LABEL y", 1, 40, "'a' is there twice"),
        ("SELECT a\nFROM t x y TO TRAIN m LABEL y", 2, 10, "this is no SQL"),
        ("SELECT a FROM t\nCOLUMN b TO TRAIN m LABEL y", 2, 8, "this is no SQL"),
        ("SELCT * FROM t TO TRAIN m LABEL y", 1, 1, "SELCT is no step"),
        ("USE shop", 1, 1, "USE has no effect"),
        ("SET x = 1", 1, 1, "SET has no effect"),
        ("SHOW TABLES", 1, 1, "SHOW is no step"),
        ("SELECT a INTO TEMP n FROM t", 1, 10, "a temporary table is lost"),
        ("SELECT a INTO n FROM t UNION SELECT b FROM u", 1, 1, "INTO is in a part of the query"),
        ("SELECT a INTO n FROM t UNION SELECT b FROM u TO TRAIN m LABEL a", 1, 1, "writes a table of its own"),
        ("SELECT a INTO FROM t", 1, 10, "INTO names no table"),
        ("SELECT a INTO TABLE n FROM t", 1, 10, "INTO names no table"),
        ("SELECT a INTO UNLOGGED n FROM t", 1, 10, "INTO names no table"),
        ("SELECT a INTO s . n FROM t", 1, 10, "INTO names no table"),
        ("SELECT a INTO @n FROM t", 1, 10, "INTO names no table"),
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d", 1, 1, "a part of the query changes a table"),
        ("WITH d AS (DELETE FROM t RETURNING *) SELECT * FROM d TO TRAIN m LABEL a", 1, 1, "writes a table of its own"),
        ("CREATE TRIGGER a BEFORE INSERT ON b FOR EACH ROW c", 1, 1, "this kind of CREATE is no step"),
        ("SELECT * FROM t TO PREDICT p.y USING ''", 1, 38, "a part of it is empty"),
        ("SELECT * FROM t TO PREDICT .y USING m", 1, 28, "a part of it is empty"),
        ("SELECT * FROM t TO TRAIN m LABEL y INTO ''", 1, 41, "a part of it is empty"),
        (f"SELECT * FROM t TO TRAIN m COLUMN v1...,v{'9' * 5000} LABEL y", 1, 41, "is no range"),
        ("CREATE TEMPORARY TABLE n (a int)", 1, 1, "a temporary table is lost"),
        ("SELECT 1 TO RUN i CMD x", 1, 23, "'x' is no text"),
        ("SELECT * FROM t TO TRAIN m COLUMN v9...,v2 LABEL y", 1, 41, "is no range"),
        ("SELECT * FROM t\nTO TRAIN m WITH validation.select = 'SELECT x FROM y z w' LABEL y", 2, 17, "this is no SQL"),
    ],
)
def test_refusals_name_what_is_wrong_and_where(text: str, line: int, column: int, said: str) -> None:
    refused = one(text)
    assert isinstance(refused, Refused)
    assert (refused.file, refused.place) == ("f.sql", Place(line, column)), refused
    assert str(refused).startswith(f"f.sql:{line}:{column}: ")
    assert said in refused.message
    assert refused.hint


def test_one_statement_that_is_refused_stops_no_other() -> None:
    program = parse_program("SELECT ... TO TRAIN m; SELECT * FROM t TO PREDICT p.y USING m;;", "", "f.sql")
    assert [type(item).__name__ for item in program] == ["Refused", "Predict"]


def test_an_unknown_dialect_is_an_error() -> None:
    with pytest.raises(InvalidInput, match="klingon"):
        parse_program("SELECT 1", "klingon", "f.sql")


@pytest.mark.parametrize("quote", ["'b", '"b', "/* b"])
def test_a_quote_that_is_not_closed_is_found(quote: str) -> None:
    with pytest.raises(Refused) as caught:
        parse_program(f"SELECT 'it''s' FROM t;\nSELECT a, {quote} FROM t; SELECT 1", "", "f.sql")
    assert caught.value.place == Place(2, 11)


@pytest.mark.parametrize(
    ("dialect", "query", "reads"),
    [
        ("MySQL", 'SELECT `a;b` FROM `my db`.`T` WHERE s = "it\'s"', "my db.t"),
        ("postgres", "SELECT a::text, '{x,y}'::text[] FROM \"s\".t WHERE j ->> 'k' = $tag$;$tag$", "s.t"),
        ("bigquery", "SELECT * EXCEPT (a) FROM `p.d.t`", "p.d.t"),
        ("hive", "SELECT a FROM t LATERAL VIEW explode(b) e AS c", "t"),
        ("tsql", "SELECT TOP 3 [a b] FROM [s].[t]", "s.t"),
        ("sqlite", "SELECT 'ü', a FROM t -- ; TO TRAIN x\n", "t"),
    ],
)
def test_dialects(dialect: str, query: str, reads: str) -> None:
    train = one(f"{query} TO TRAIN m WITH a = 'x;y' LABEL a INTO n;", dialect)
    assert isinstance(train, Train), train
    assert train.reads == (reads,)
    assert train.query == query.partition(" --")[0]
    assert train.attributes[0].value == "x;y"


def test_large_programs_and_deep_ones_are_read_in_time() -> None:
    program = parse_program(TRAIN * 500, "", "f.sql")
    assert {type(item) for item in program} == {Train}
    deep = one(f"SELECT {'(' * 5000}1{')' * 5000} FROM t TO TRAIN m LABEL y")
    assert isinstance(deep, Refused)


@pytest.mark.corpus
def test_the_statements_of_sqlflow() -> None:
    text = shared("corpus", "sqlflow", "statements.sql").read_text("utf-8")
    program = parse_program(text, "mysql", "statements.sql")
    counts = Counter(type(item).__name__ for item in program)
    assert len(program) == 117
    assert counts["Refused"] == 28
    for item in program:
        if isinstance(item, Refused):
            assert item.place.column
            assert item.hint
            assert "..." in item.message or item.message == "WITH is before TO" or "COLUMN agee:" in item.message
