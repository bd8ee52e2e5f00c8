"""`couler demo`: the main job in one command."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from couler_plugins.cli.group import couler
from couler_plugins.demo import workflow

pytestmark = pytest.mark.sampled


def run(*arguments: str) -> Result:
    return CliRunner().invoke(couler, arguments)


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_it_shows_what_the_commands_show() -> None:
    done = run("demo")
    assert done.exit_code == 0, done.stderr
    lines = [line for line in done.stdout.split("\n") if line.startswith("$ couler ")]
    typed = [shlex.split(line.removeprefix("$ couler ")) for line in lines]
    assert [arguments[0] for arguments in typed] == ["explain", "diff", "optimize", "lint", "graph"]
    for arguments in typed:
        assert run(*arguments).stdout in done.stdout
    assert Path("couler-demo/churn.yaml").read_text(encoding="utf-8") == workflow()
    assert "memoize:" in Path("couler-demo/optimized.yaml").read_text(encoding="utf-8")
    assert Path("couler-demo/page.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert "nothing found" in done.stderr


def test_a_workflow_in_python_is_written_for_all_engines_and_runs(capfd: pytest.CaptureFixture[str]) -> None:
    done = run("demo", "authoring")
    assert done.exit_code == 0, done.stderr
    assert capfd.readouterr() == ("", "")
    folder = Path("couler-demo")
    assert {path.name for path in folder.iterdir()} == {
        *(
            ".couler-demo.json",
            "airflow.py",
            "argo.yaml",
            "authoring.py",
            "churn.json",
            "kfp.yaml",
            "run",
            "tekton.yaml",
        )
    }
    assert "3 documents checked: nothing found" in done.stderr
    assert "/churn: succeeded" in done.stdout
    (given,) = folder.glob("run/*/churn/steps/main.choose-*/made/parameter.result")
    assert given.read_text() == "early: 100%, late: 79%"
    assert run("demo", "authoring").exit_code == 0


def test_it_can_be_run_again_and_elsewhere() -> None:
    first, second = run("demo", "-o", "there/it is"), run("demo", "-o", "there/it is")
    assert (first.exit_code, first.stdout) == (0, second.stdout)
    assert Path("there/it is/page.html").exists()


def test_a_folder_that_cannot_be_written() -> None:
    Path("file").write_text("")
    done = run("demo", "-o", "file")
    assert done.exit_code == 3
    assert "error: cannot write to file" in done.stderr
    assert "hint: choose another folder" in done.stderr


@pytest.mark.parametrize("name", ["churn.yaml", "optimized.yaml", "page.html"])
def test_it_overwrites_no_other_file(name: str) -> None:
    Path(name).write_text("mine")
    done = run("demo", "-o", ".")
    assert done.exit_code == 2
    assert f"error: {name}: the demo would overwrite this file, and did not write it" in done.stderr
    assert "hint: choose a folder with -o" in done.stderr
    assert [(path.name, path.read_text()) for path in Path().iterdir()] == [(name, "mine")]


@pytest.mark.parametrize("name", ["churn.yaml", "optimized.yaml"])
def test_it_overwrites_nothing_that_was_edited_since(name: str) -> None:
    assert run("demo").exit_code == 0
    edited = Path("couler-demo", name)
    edited.write_text("mine")
    assert run("demo").exit_code == 2
    assert edited.read_text() == "mine"
    edited.unlink()
    assert run("demo").exit_code == 0


def test_it_follows_no_link() -> None:
    Path("couler-demo").mkdir()
    Path("couler-demo/page.html").symlink_to(Path("elsewhere.html").absolute())
    assert run("demo").exit_code == 2
    assert not Path("elsewhere.html").exists()


@pytest.mark.parametrize("record", ["", "[]", "{}"])
def test_without_its_record_the_files_count_as_somebody_elses(record: str) -> None:
    assert run("demo").exit_code == 0
    Path("couler-demo/.couler-demo.json").write_text(record)
    done = run("demo")
    assert done.exit_code == 2
    assert "optimized.yaml: the demo would overwrite" in done.stderr


def test_where_it_writes_is_said_first(tmp_path: Path) -> None:
    Path("file").write_text("")
    for folder in ("there", "file"):  # before it is known whether that is possible
        said = run("demo", "-o", folder).stderr.splitlines()[0]
        assert said == f"writes to {tmp_path / folder}: churn.yaml, optimized.yaml, page.html"


def test_settings_of_the_folder_do_not_change_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COULER_PIPELINE", "prune")
    assert "memoize" in run("demo").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("graph", "--format", "html", "w.yaml", "-o", "w.yaml"),
        ("optimize", "w.yaml", "-o", "w.yaml"),
        ("optimize", "w.yaml", "-o", "."),
        ("convert", "w.yaml", "--to", "argo", "-o", "../x/w.yaml"),
    ],
)
def test_no_command_overwrites_its_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    (tmp_path / "x").mkdir()
    monkeypatch.chdir(tmp_path / "x")
    Path("w.yaml").write_text(workflow(), encoding="utf-8")
    done = run(*arguments)
    assert done.exit_code == 2
    assert "is an input: write elsewhere" in done.stderr
    assert Path("w.yaml").read_text(encoding="utf-8") == workflow()


def test_a_file_name_need_not_be_utf_8() -> None:
    Path("bad\udcff.yaml").write_text(workflow(), encoding="utf-8")
    for command in (["explain"], ["explain", "--format", "json"], ["diff"], ["lint"], ["graph", "--format", "html"]):
        done = run(*command, "bad\udcff.yaml")
        assert done.exit_code == 0, done.output
