"""Getting data, and bringing it somewhere."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path

import pytest

from step_runs import Runs

TABLE = "id,name,price\n1,ant,2.5\n2,bee,\n3,cat,4\n"


def test_load_csv_keeps_the_columns_that_were_asked_for(run: Runs) -> None:
    given = run("load-csv", url=run.table(TABLE), columns=["id", "price"])
    assert Path(given["data"]).read_text() == "id,price\n1,2.5\n2,\n3,4.0\n"
    assert (given["rows"], given["columns"]) == ("3", '["id", "price"]')


def test_load_csv_reads_by_url_and_json_lines(run: Runs) -> None:
    place = run.table('{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}\n', "rows.jsonl")
    assert Path(run("load-csv", url=f"file://{place}")["data"]).read_text() == "a,b\n1,x\n2,y\n"


def test_load_csv_says_which_column_is_missing(run: Runs) -> None:
    with pytest.raises(SystemExit, match="no column 'cost': it has id, name, price"):
        run("load-csv", url=run.table(TABLE), columns=["cost"])


def test_a_file_is_kept_under_its_content_and_read_back_from_a_store_with_a_url(run: Runs) -> None:
    first = run("load-csv", url=run.table(TABLE), store="memory://steps")
    again = run("load-csv", url=run.table(TABLE), store="memory://steps/")
    assert first == again
    assert first["data"].startswith("memory://steps/")
    assert Path(run("load-csv", url=first["data"], columns=["id"])["data"]).read_text() == "id\n1\n2\n3\n"


def test_a_local_store_holds_whole_files_only(run: Runs) -> None:
    place = run("load-csv", url=run.table(TABLE))["data"]
    (only,) = run.store.iterdir()
    assert str(only) == place
    assert hashlib.sha256(only.read_bytes()).hexdigest() == only.stem


@pytest.fixture
def database(tmp_path: Path) -> str:
    connection = sqlite3.connect(tmp_path / "a.db")
    connection.executescript("create table t (id int, name text); insert into t values (1, 'ant'), (2, 'o''bee');")
    connection.close()
    return f"sqlite:///{tmp_path / 'a.db'}"


def test_sql_query_binds_values_and_never_pastes_them(run: Runs, database: str) -> None:
    query = "select id from t where name = :name"
    given = run("sql-query", query=query, values='{"name": "o\'bee"}', url=database)
    assert Path(given["data"]).read_text() == "id\n2\n"
    none = run("sql-query", query=query, values='{"name": "x\' or 1=1 --"}', url=database)
    assert (Path(none["data"]).read_text(), none["rows"]) == ("id\n", "0")


def test_sql_query_takes_the_database_from_a_secret(run: Runs, database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", database)
    assert run("sql-query", query="select count(*) as n from t")["rows"] == "1"
    monkeypatch.delenv("DATABASE_URL")
    with pytest.raises(SystemExit, match="there is no database"):
        run("sql-query", query="select 1")


def test_download_refuses_another_file_than_was_meant(run: Runs) -> None:
    place = run.table(TABLE, "a.bin")
    digest = hashlib.sha256(TABLE.encode()).hexdigest()
    given = run("download", url=f"file://{place}", sha256=digest.upper())
    assert Path(given["file"]).read_text() == TABLE
    assert given["bytes"] == str(len(TABLE))
    with pytest.raises(SystemExit, match=f"the sha256 of the file is {digest}, not 00"):
        run("download", url=place, sha256="00")


def test_upload_replaces_what_was_there(run: Runs, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "b.csv"
    target.parent.mkdir()
    target.write_text("old")
    assert run("upload", file=run.table(TABLE), to=str(target)) == {"place": str(target)}
    assert target.read_text() == TABLE
    assert [file.name for file in target.parent.iterdir()] == ["b.csv"]


def test_sql_execute_runs_a_statement_as_it_is(run: Runs, database: str) -> None:
    made = run(
        "sql-execute", statement="create table n as select id, ':x %s' as s from t where name <> 'ant'", url=database
    )
    assert made["rows"] == "0"
    assert run("sql-execute", statement="update n set s = '%(y)s' || s", url=database)["rows"] == "1"
    assert Path(run("sql-query", query="select * from n", url=database)["data"]).read_text() == "id,s\n2,%(y)s:x %s\n"


def test_sql_execute_changes_nothing_where_it_fails(run: Runs, database: str) -> None:
    with pytest.raises(Exception, match="no such column"):
        run("sql-execute", statement="update t set id = lacking", url=database)
    assert run("sql-query", query="select * from t where id = 1", url=database)["rows"] == "1"


def test_sql_store_replaces_a_table(run: Runs, database: str) -> None:
    assert run("sql-store", data=run.table(TABLE), name="t", url=database)["rows"] == "3"
    kept = run("sql-query", query="select name, price from t where price is null", url=database)
    assert Path(kept["data"]).read_text() == "name,price\nbee,\n"


def test_sql_store_writes_values_as_a_row(run: Runs, database: str) -> None:
    name = 'scores"; drop table t; --'
    run("sql-store", values='{"f1": 0.5, "balanced-accuracy": 1}', name=name, schema="main", url=database)
    row = run("sql-query", query='select * from "scores""; drop table t; --"', url=database)
    assert Path(row["data"]).read_text() == "f1,balanced_accuracy\n0.5,1\n"
    assert run("sql-query", query="select * from t", url=database)["rows"] == "2"
