"""A program of four statements runs here, against SQLite, with a real training."""

from __future__ import annotations

import json
import os
import random
import sqlite3
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from couler_plugins.cli.group import couler
from support import ROOT

pytest.importorskip("xgboost")


@pytest.mark.slow
def test_the_example_trains_evaluates_and_predicts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = random.Random(1)
    with sqlite3.connect(tmp_path / "db.sqlite") as database:
        database.execute("create table customers (customer int, calls int, minutes int, complaints int, churned int)")
        for customer in range(400):
            minutes, complaints = draw.randint(1, 900), draw.randint(0, 6)
            row = (customer, draw.randint(0, 50), minutes, complaints, int(complaints > 3 or minutes < 100))
            database.execute("insert into customers values (?, ?, ?, ?, ?)", row)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    example = str(ROOT / "examples" / "sql" / "churn.sql")
    options = ["--scripts", "--database", "sqlite:///db.sqlite", "--store", "store", "--to", "argo", "-o", "w.yaml"]
    written = CliRunner().invoke(couler, ["sql", example, *options])
    assert written.exit_code == 0, written.output
    assert (tmp_path / "store").is_dir()
    done = CliRunner().invoke(couler, ["run", "--local", "w.yaml"])
    assert done.exit_code == 0, done.output
    with sqlite3.connect(tmp_path / "db.sqlite") as database:
        scores = database.execute("select accuracy from churn_scores").fetchall()
        counts = database.execute(
            "select count(*), sum(leaves = churned) from churn_predictions join customers using (customer)"
        ).fetchall()
    assert scores[0][0] > 0.9
    ((rows, right),) = counts
    assert rows == 400
    assert right / rows > 0.9
    card = (tmp_path / "store" / "models" / "churn_model" / "latest.json").read_text()
    assert json.loads(card)["name"] == "churn_model"
