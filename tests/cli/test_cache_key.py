"""`couler cache key`: the key that the same values have everywhere, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from couler_plugins.caching.dataplane.contents import content_of
from couler_plugins.caching.keys import key, spec_hash
from couler_plugins.cli.group import couler

SPEC = spec_hash({"a": 1})


def run(*arguments: str) -> Result:
    return CliRunner().invoke(couler, ["cache", "key", *arguments], catch_exceptions=False)


def made(*arguments: str) -> str:
    result = run(*arguments)
    assert result.exit_code == 0, result.stderr
    return result.stdout.strip()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("train.py").write_text("print(1)\n")
    Path("data").mkdir()
    Path("data/a.csv").write_text("1,2\n")
    return tmp_path


def test_values_are_hashed_in_the_order_of_their_names() -> None:
    assert made("--spec", SPEC, "b=2", "a=1") == key(SPEC, ["1", "2"])
    assert made("--spec", SPEC, "a=", "b=x=y") == key(SPEC, ["", "x=y"])
    assert made("--spec", SPEC) == key(SPEC, [])


def test_values_of_the_run_come_after_a_steps_own() -> None:
    values = ["workflow.serviceAccountName=sa", "workflow.parameters.rate=3", "zeta=2", "couler-lineage=l", "alpha=1"]
    assert made("--spec", SPEC, *values) == key(SPEC, ["1", "l", "2", "3", "sa"])


def test_files_and_folders_are_hashed_by_their_content() -> None:
    first = made("--program", "train.py", "--file", "d=data")
    Path("data").rename("other")
    assert made("--program", "train.py", "--file", "d=other") == first
    Path("other/a.csv").write_text("1,3\n")
    assert made("--program", "train.py", "--file", "d=other") != first


def test_a_program_counts_by_its_content_and_by_the_names_of_its_inputs() -> None:
    first = made("--program", "train.py", "a=1")
    assert made("--program", "train.py", "b=1") != first
    assert made("--program", "train.py", "a=1", "b=") != first
    Path("train.py").write_text("print(2)\n")
    assert made("--program", "train.py", "a=1") != first


def test_a_text_does_not_pass_for_a_file() -> None:
    content = content_of(Path("train.py"))
    assert made("--program", "train.py", f"x={content}") != made("--program", "train.py", "--file", "x=train.py")
    assert made("--spec", SPEC, f"x={content}") == made("--spec", SPEC, "--file", "x=train.py"), "an engine hands it on"


def test_what_may_be_executed_is_another_program() -> None:
    first = made("--program", "train.py")
    Path("train.py").chmod(0o755)
    assert made("--program", "train.py") != first
    assert made("--program", "train.py") != made("--program", "data")


def test_what_running_a_program_leaves_in_its_folder_does_not_count() -> None:
    first, value = made("--program", "data"), made("--program", "train.py", "--file", "d=data")
    for name in ("__pycache__/a.cpython-312.pyc", "__pycache__/b.cpython-312.pyc.139", ".git/HEAD"):
        Path("data", name).parent.mkdir(exist_ok=True, parents=True)
        Path("data", name).write_text(name)
    (Path("data") / ".git" / "out").symlink_to("/etc/passwd")
    assert made("--program", "data") == first
    (Path("data") / ".git" / "out").unlink()
    assert made("--program", "train.py", "--file", "d=data") != value, "as a value, a folder counts with all in it"


@pytest.mark.parametrize("name", ["old.pyc", "__pycache__/data.bin", "__pycache__/more/x"])
def test_what_python_may_run_or_a_program_read_counts(name: str) -> None:
    Path("data", name).parent.mkdir(exist_ok=True, parents=True)
    first = made("--program", "data")
    Path("data", name).write_text("x")
    assert made("--program", "data") != first


def test_a_file_that_may_be_executed_is_another_input() -> None:
    first = made("--program", "data", "--file", "x=train.py")
    Path("train.py").chmod(0o755)
    assert made("--program", "data", "--file", "x=train.py") != first


def test_json_says_what_went_in() -> None:
    found = json.loads(made("--spec", SPEC, "--format", "json", "a=1", "--file", "d=data"))
    assert found["schema"] == "couler.cache-key/v1"
    assert found["spec"] == SPEC
    assert list(found["values"]) == ["a", "d"]
    assert found["key"] == key(SPEC, found["values"].values())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "either --spec or --program"),
        (["--spec", SPEC, "--program", "train.py"], "either --spec or --program"),
        (["--spec", "v1:abc"], "no hash of what is run"),
        (["--spec", SPEC, "a"], "NAME=VALUE"),
        (["--spec", SPEC, "=a"], "NAME=VALUE"),
        (["--spec", SPEC, "a=1", "a=2"], "given twice"),
        (["--spec", SPEC, "a=1", "--file", "a=data"], "given twice"),
        (["--spec", SPEC, "--file", "a=missing"], "neither a file nor a folder"),
        (["--program", "missing"], "neither a file nor a folder"),
    ],
)
def test_bad_input_is_said(arguments: list[str], message: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""
