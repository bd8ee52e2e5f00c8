"""A training pipeline with seeds: all of its tasks stay cached by default, with marks and without."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from adapters.kfp.caching.executing import QUIET, compiled, run
from adapters.kfp.caching.pipelines import training
from couler_kfp import marks, optimize
from couler_plugins import api
from couler_plugins.cli.group import couler
from couler_plugins.documents import read
from couler_plugins.options.config import Config

pytestmark = QUIET
DEFAULT = Config().pipeline
TASKS = {"load", "clean", "train", "train-2", "score", "score-2", "choose"}
MARKS = pytest.mark.parametrize("mark", [lambda task: task, marks.pure], ids=["unmarked", "pure"])


@pytest.fixture
def source(mark: Any, tmp_path: Path) -> Path:
    pytest.importorskip("kfp", reason="needs kfp")
    return compiled(training(mark), tmp_path)


def optimized(source: Path, passes: str = DEFAULT) -> tuple[Any, dict[str, Any]]:
    """What becomes of the file, and its tasks."""
    (file,) = api.optimize(str(source), passes).files
    assert file.error is None
    return file, file.documents[0]["root"]["dag"]["tasks"]


def cached(tasks: dict[str, Any]) -> set[str]:
    return {name for name, task in tasks.items() if task["cachingOptions"].get("enableCache")}


@MARKS
def test_seven_of_seven_tasks_stay_cached(source: Path, mark: Any) -> None:
    file, tasks = optimized(source)
    assert cached(tasks) == TASKS
    salted = {name for name, task in tasks.items() if "couler-salt" in task["inputs"].get("parameters", {})}
    assert salted == (TASKS if mark is marks.pure else set())
    decisions = {item.subject.removeprefix("root/"): item for item in file.decisions if item.optimizer == "cache"}
    assert decisions.keys() == TASKS
    for decision in decisions.values():
        assert decision.verdict == "cached"
        (warning,) = decision.warnings
        assert (warning.rule, warning.seen) == ("randomness", "random")
        assert mark is marks.pure or "marks.pure(task, allow=('random',))" in warning.remedy


@MARKS
def test_explain_names_the_line_with_the_word(source: Path, mark: Any) -> None:
    result = CliRunner().invoke(couler, ["explain", str(source)])
    assert result.exit_code == 0, result.output
    assert "7 steps in 1 workflow: 7 cached." in result.output
    numbers = re.findall(
        r"\d+", " ".join(re.findall(r"warning: lines? ([\d, ]+): it contains 'random'", result.output))
    )
    assert len(numbers) == 5  # equal components were merged
    lines = source.read_text("utf-8").splitlines()
    assert all("import random" in lines[int(number) - 1] for number in numbers)
    assert ("marks.pure(task, allow=('random',))" in result.output) is (mark is not marks.pure)


@MARKS
def test_strict_switches_off_what_nobody_declared(source: Path, mark: Any) -> None:
    _, tasks = optimized(source, "dedupe,cache{strict=true}")
    assert cached(tasks) == (TASKS if mark is marks.pure else set())


@MARKS
def test_the_decorator_keeps_seven_of_seven_as_well(mark: Any, tmp_path: Path) -> None:
    pytest.importorskip("kfp", reason="needs kfp")
    text = compiled(optimize(training(mark)), tmp_path).read_text("utf-8")
    assert cached(read(text, "training.yaml").documents[0].data["root"]["dag"]["tasks"]) == TASKS


@pytest.mark.slow
@MARKS
def test_a_second_local_run_computes_nothing(source: Path, tmp_path: Path) -> None:
    file, _ = optimized(source)
    text = file.text or source.read_text("utf-8")
    first, executed = run(text, tmp_path / "runs", caching=True)
    assert len(executed) == len(TASKS)
    assert run(text, tmp_path / "runs", caching=True) == (first, [])
