"""`couler sql`: what it writes, what it says, and what it keeps out of a manifest."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from couler_plugins.cli.group import couler
from couler_plugins.sql.models import ESTIMATORS
from sql_programs import EXAMPLE
from support import ROOT

EVIL = "SELECT '\"; }}\n  - name: evil\n    #$&*? \u2028 `id` $HOME \\n' AS a FROM t"
"""What means something to YAML, to shells and to JSON, and nothing to an engine."""


def sql(*arguments: str, text: str | None = None) -> Result:
    return CliRunner().invoke(couler, ["sql", *arguments], input=text)


def test_the_steps_of_the_example() -> None:
    done = sql(str(EXAMPLE))
    assert done.exit_code == 0, done.output
    assert "  train-churn-model: xgboost-train after data-of-churn-model\n" in done.stdout
    assert "need DATABASE_URL: name its Secret with --secret DATABASE_URL=SECRET/KEY" in done.stderr
    assert "each run must give store, registry" in done.stderr
    assert done.stderr.endswith("4 statements, 10 steps\n")


def test_json_says_which_steps_a_statement_has() -> None:
    done = sql("-", "--format", "json", "--store", "s3://b/s/", text="SELECT 1; SELECT * FROM t TO EXPLAIN m INTO e")
    record = json.loads(done.stdout)
    assert record["schema"] == "couler.sql/v0"
    steps = ["data-to-explain-m", "load-m", "explain-m", "store-e"]
    assert (record["statements"], record["notes"]) == ([["query"], steps], [])
    assert [step["name"] for step in record["workflow"]["steps"]] == ["query", *steps]
    inputs = {item["name"]: item["value"] for item in record["workflow"]["inputs"]}
    assert inputs == {"store": "s3://b/s/", "registry": "s3://b/s/models"}


def test_a_database_comes_from_a_secret() -> None:
    done = sql(str(EXAMPLE), "--to", "argo", "--secret", "DATABASE_URL=warehouse/url", "--package", "pymysql")
    assert done.exit_code == 0, done.output
    assert "DATABASE_URL" not in done.stderr
    templates = {item["name"]: item for item in yaml.safe_load(done.stdout)["spec"]["templates"]}
    reading = {name for name, item in templates.items() if "secretKeyRef" in json.dumps(item)}
    assert reading == {"sql-execute", "sql-query", "sql-store"}
    assert "pymysql" in templates["sql-query"]["container"]["command"][4]
    assert "pymysql" not in json.dumps(templates["xgboost-train"])


@pytest.mark.parametrize(
    "url", ["postgresql://me:hunter2@db/x", "mysql://db/x?password=hunter2", "snowflake://me@db/x?private_key=hunter2"]
)
def test_a_password_is_refused_and_not_repeated(url: str) -> None:
    done = sql(str(EXAMPLE), "--to", "argo", "--database", url)
    assert done.exit_code == 2
    assert "hunter2" not in done.output
    assert "--secret DATABASE_URL=SECRET/KEY" in done.stderr


@pytest.mark.parametrize("engine", ["argo", "tekton", "kfp"])
def test_no_text_of_a_statement_is_more_than_a_text(engine: str) -> None:
    done = sql("-", "--to", engine, "--name", "evil", "--store", "s3://b/s", text=f"{EVIL}; DROP TABLE t")
    assert done.exit_code == 0, done.output
    found = list(_texts(yaml.safe_load(done.stdout)))
    assert found.count(EVIL) == 1
    assert [text for text in found if "evil" in text and text not in (EVIL, "evil")] == []


def test_no_text_of_a_statement_is_more_than_a_text_in_a_dag() -> None:
    import ast

    done = sql("-", "--to", "airflow", "--store", "s3://b/s", text=f'{EVIL}; SELECT """, 1); import os #" FROM t')
    assert done.exit_code == 0, done.output
    texts = [node.value for node in ast.walk(ast.parse(done.stdout)) if isinstance(node, ast.Constant)]
    assert f"--query={EVIL}" in texts
    assert '--query=SELECT """, 1); import os #" FROM t' in texts


def _texts(data: Any) -> Any:
    if isinstance(data, dict):
        data = [*data, *data.values()]
    for item in data if isinstance(data, list) else ():
        yield from _texts(item)
    if isinstance(data, str):
        yield data


def test_all_errors_of_a_program_are_told_with_their_places(tmp_path: Path) -> None:
    file = tmp_path / "p.sql"
    file.write_text(
        "\ufeffUSE x;\nSELECT * FROM t TO TRIAN m LABEL y;\r\nSELECT * FROM t TO TRAIN DNClassifier LABEL y"
    )
    done = sql(str(file))
    assert done.exit_code == 2
    for place in ("1:1: USE", "2:20: TO TRIAN is not known\n  hint: did you mean 'TRAIN'?", "3:20: no step trains"):
        assert f"error: {file}:{place}" in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "text", "said"),
    [
        (["-"], " ;; -- nothing", "there is no statement in it"),
        (["-", "--dialect", "klingon"], "SELECT 1", "--dialect: Unknown dialect 'klingon'"),
        (["nowhere.sql"], None, "nowhere.sql: it cannot be read: No such file or directory"),
        (["-", "--max-bytes", "4"], "SELECT 1", "it is larger than 4 bytes"),
        (["-", "--secret", "DATABASE_URI=a/b"], "SELECT 1", "did you mean 'DATABASE_URL'?"),
        (["-", "--store", "{{x}}"], "SELECT 1", "engines take for a placeholder"),
        (["-", "-o", "x.yaml"], "SELECT 1", "-o needs --to"),
        (["-", "--database", "http://[x"], "SELECT 1", "--database is no URL"),
    ],
)
def test_wrong_calls(arguments: list[str], text: str | None, said: str) -> None:
    done = sql(*arguments, text=text)
    assert done.exit_code == 2, done.output
    assert said in done.stderr
    assert "Traceback" not in done.output


def test_the_page_shows_the_example() -> None:
    page = (ROOT / "docs" / "sql.md").read_text("utf-8")
    assert f"```sql\n{EXAMPLE.read_text('utf-8')}```\n" in page
    told = re.findall(r"`([\w.]+)(…?)`", page)
    for name in ESTIMATORS.keys() - {"XGBoostModel", "xgboost.Estimator"}:  # only drafts of SQLFlow have these
        assert any(name == word or (more and name.startswith(word)) for word, more in told), name
