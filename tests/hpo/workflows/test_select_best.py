"""The program that picks the best of some trials, given what no program should leave."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from couler_plugins.errors import CoulerError
from couler_plugins.hpo.commands import read_metric
from couler_plugins.hpo.workflows.programs import selecting
from couler_plugins.hpo.workflows.select_best import best, measured

SETTINGS = [{"rate": "0.1"}, {"rate": "0.2"}, {"rate": "0.3"}]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0.93", 0.93),
        ("0.93\n", 0.93),
        ("epoch 1\nepoch 2\n0.5\n\n", 0.5),
        ("  -1e-5 ", -1e-5),
        ("+.5", 0.5),
        ("1.", 1.0),
        ("7", 7.0),
        ('"0.5"', 0.5),
        ('{"auc": 0.7, "loss": 2}', 0.7),
        ('{"auc": "0.7"}', 0.7),
        ('{"loss": 2}', None),
        ('{"auc": {"auc": 1}}', None),
        ("", None),
        ("none", None),
        ("NaN", None),
        ("Infinity", None),
        ("-inf", None),
        ("nan", None),
        ("1e999", None),
        ("9" * 5000, None),
        (str(10**400), None),
        ("true", None),
        ("[1]", None),
        ("null", None),
        ("1_000", None),
        ("0x10", None),
        ("0,5", None),
        ("0.9 of 1", None),
        ("[" * 100_000, None),
        ("__import__('os').system('false')", None),
        ("\ud800", None),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_what_counts_as_a_number(text: str, number: float | None) -> None:
    assert measured(text, "auc") == number
    if number is None:
        with pytest.raises(CoulerError, match="has no auc"):
            read_metric(text, "auc")
    else:
        assert read_metric(text, "auc") == number


@pytest.mark.parametrize(
    ("trials", "maximize", "rate"),
    [
        ([("0", "0.5"), ("1", "0.9"), ("2", "0.7")], True, "0.2"),
        ([("0", "0.5"), ("1", "0.9"), ("2", "0.7")], False, "0.1"),
        ([("2", "0.9"), ("1", "0.9"), ("0", "0.1")], True, "0.2"),  # of equal ones the first, in whatever order
        ([("0", "none"), ("1", "nan"), ("2", "-5")], True, "0.3"),
        ([("1", "0.5")], True, "0.2"),  # engines leave out what has failed
        ([("0", "none"), ("1", ""), ("2", "x")], True, "0.1"),
        ([], True, "0.1"),
        ([("7", "0.9"), ("-1", "0.9"), ("x", "0.9"), ("1", "0.1")], True, "0.2"),
    ],
    ids=range(8),
)
def test_the_best_is_picked(trials: list[tuple[str, str]], maximize: bool, rate: str) -> None:
    assert best(SETTINGS, trials, "auc", maximize) == {"rate": rate}


def test_it_runs_by_itself(tmp_path: Path) -> None:
    text = selecting({"rate": str(tmp_path / "out/rate")}, "[tuple(given.split(' ', 1)) for given in sys.argv[1:]]")
    assert "{{" not in text  # Argo's tags
    assert "$(" not in text  # Tekton's variables
    environment = {"COULER_SETTINGS": json.dumps(SETTINGS), "COULER_METRIC": "auc", "COULER_GOAL": "maximize"}
    given = ["0 $(reboot)", "1 0.9\n", '2 {"auc": 0.95}', "2 "]
    done = subprocess.run(
        [sys.executable, "-I", "-", *given], input=text, env=environment, text=True, capture_output=True, check=True
    )
    assert (tmp_path / "out/rate").read_text() == "0.3"
    assert done.stderr.splitlines()[0] == "trial 0: no number"
    assert done.stdout == ""


def test_nothing_beats_a_number() -> None:
    assert best(SETTINGS, [("0", "1e-300"), ("1", str(math.inf))], "auc", False) == {"rate": "0.1"}
