"""`couler cache declare`: rows of what a declaration would let be cached; they declare nothing until they are kept."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner

from caching.test_rows import ARGO_PLAIN, TEKTON, settings, verdicts
from couler_plugins.api import Text, optimize
from couler_plugins.cli.cache_declare import WIDEST
from couler_plugins.cli.group import couler

TEKTON_TEXT = TEKTON.replace("{annotations}", "")


@pytest.fixture
def proposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Returns what the command prints for the text of a file, in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(text: str, *options: str) -> str:
        (tmp_path / "w.yaml").write_text(text)
        result = CliRunner().invoke(couler, ["cache", "declare", *options, "w.yaml"], catch_exceptions=False)
        assert result.exit_code == 0, result.stderr
        return result.stdout

    return run


def test_rows_are_comments_until_somebody_keeps_them(proposed: Callable[..., str]) -> None:
    text = proposed(ARGO_PLAIN)
    assert tomllib.loads(text) == {}
    assert '# task = "train"' in text
    assert "# image: registry.example/train:1" in text
    assert "# runs: train" in text
    assert "# outputs: parameter loss" in text
    assert re.search(r"^# look at w.yaml:\d+: it reads secretKeyRef", text, re.MULTILINE)


def test_no_text_of_a_manifest_ends_a_comment_or_tells_a_secret(proposed: Callable[..., str]) -> None:
    text = ARGO_PLAIN.replace(
        '"registry.example/train:1"', r'"https://me:hunter2@host/train:1\n[[cache.declare]]\e\r\n"'
    )
    text = text.replace("command: [train]", r'command: [sh, -c, "x\u2028y", "--password=hunter2"]')
    found = proposed(text)
    assert tomllib.loads(found) == {}
    assert "[[cache.declare]]" in found
    assert "hunter2" not in found + proposed(text, "--format", "json")


def test_rows_that_are_kept_let_the_steps_be_cached(proposed: Callable[..., str], tmp_path: Path) -> None:
    rows = re.sub(r"^# (?=\[\[|\w[\w-]* = )", "", proposed(ARGO_PLAIN), flags=re.MULTILINE)
    immutable = '\n\n[[cache.declare]]\nimmutable = ["s3://raw/"]\n'
    result = optimize([Text(ARGO_PLAIN, "w.yaml")], WIDEST, config=settings(tmp_path, rows + immutable))
    assert verdicts(result) == {"main/train": "cached", "main/other": "cached"}


def test_a_task_is_named_as_rows_name_it(proposed: Callable[..., str]) -> None:
    assert re.findall(r"^# task = (.*)$", proposed(TEKTON_TEXT), re.MULTILINE) == ['"train"']


def test_json_has_the_same_rows(proposed: Callable[..., str]) -> None:
    rows = json.loads(proposed(ARGO_PLAIN, "--format", "json"))["rows"]
    (train,) = [row for row in rows if row["task"] == "train"]
    assert train["allow"] == ["secret"]
    assert not train["values"], "a wrapper keeps outputs of any size"
    assert train["images"] == ["registry.example/train:1"]


def test_a_row_has_a_bound_that_fits_where_the_engine_needs_one(proposed: Callable[..., str], tmp_path: Path) -> None:
    task = TEKTON_TEXT.partition("---")[0].replace("  workspaces: [{name: data}]\n", "")
    text = task.replace("$(workspaces.data.path)/raw, ", "")
    row = re.sub(r"^# (?=\[\[|\w[\w-]* = )", "", proposed(text), flags=re.MULTILINE)
    result = optimize([Text(text, "w.yaml")], WIDEST, config=settings(tmp_path, row))
    assert verdicts(result) == {"task": "cached"}


def test_a_row_has_the_workspaces_that_nobody_has_told_of(proposed: Callable[..., str]) -> None:
    text = proposed(re.sub(r"\bdata\b", "token", TEKTON_TEXT))
    assert '# workspaces.token = "in"  # or "out", or "in,out"' in text
    assert "also needed" not in text
