"""`couler run` where nobody runs: engines whose adapters submit nothing, and files that hold nothing to run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Couler = Callable[..., Result]


def test_an_engine_that_submits_nothing_is_named(couler_command: Couler) -> None:
    Path("a.yaml").write_text("kind: Toy\nname: a\nsteps: []\n")
    done = couler_command("run", "a.yaml")
    assert done.exit_code == 2
    assert "couler cannot submit workflows of toy" in done.stderr
    assert "with the engine's own tools" in done.stderr


@pytest.mark.parametrize("command", ["run", "stop"])
def test_help_has_examples(couler_command: Couler, command: str) -> None:
    text = couler_command(command, "--help").stdout
    assert "Examples:" in text
    assert f"  couler {command} " in text


def test_stopping_needs_an_engine_that_runs(couler_command: Couler) -> None:
    done = couler_command("stop", "ml/a")
    assert done.exit_code == 2
    assert "no engine is given" in done.stderr
    assert "couler cannot submit workflows of toy" in couler_command("stop", "ml/a", "--engine", "toy").stderr
