"""What commands say once of what is the same: reasons with their steps, totals, written files, and unused rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from couler_plugins.api import Text
from couler_plugins.cli.group import couler
from viz.pagebox import make_page, parse

TASKS = [f"t{number}" for number in range(15)]
PIPELINE = {
    "apiVersion": "tekton.dev/v1",
    "kind": "Pipeline",
    "metadata": {"name": "build"},
    "spec": {"tasks": [{"name": name, "taskSpec": {"steps": [{"image": "alpine"}]}} for name in TASKS]},
}
TASK = {
    "apiVersion": "tekton.dev/v1",
    "kind": "Task",
    "metadata": {"name": "lone"},
    "spec": {"steps": [{"name": "a", "image": "alpine"}]},
}
ARGO = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "WorkflowTemplate",
    "metadata": {"name": "nightly"},
    "spec": {
        "entrypoint": "main",
        "templates": [
            {
                "name": "main",
                "dag": {"tasks": [{"name": name, "template": "work"} for name in ("one", "two", "three")]},
            },
            {"name": "work", "container": {"image": "alpine", "command": ["date"]}},
        ],
    },
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("in").mkdir()
    Path("in/build.json").write_text(json.dumps(PIPELINE))
    Path("in/lone.json").write_text(json.dumps(TASK))
    return tmp_path


def call(*arguments: str) -> Result:
    return CliRunner().invoke(couler, arguments, catch_exceptions=False)


def test_a_reason_is_told_once_with_its_steps() -> None:
    lines = call("explain", "-p", "guard", "in").stdout.splitlines()
    [place] = [number for number, line in enumerate(lines) if line.startswith("      left alone: its engine cannot")]
    assert lines[place + 1].strip().startswith("pipeline/t0, pipeline/t1, ")
    assert "and 3 more" in "".join(lines[place + 1 : place + 3])
    assert "; affects" not in "".join(lines)


def test_all_names_are_there_with_v_and_in_json() -> None:
    text = call("explain", "-v", "-p", "guard", "in/build.json").stdout
    assert all(f"pipeline/{name}" in text for name in TASKS)
    record = json.loads(call("explain", "-p", "guard", "--format", "json", "in/build.json").stdout)
    [decision] = record["files"][0]["passes"][0]["decisions"]
    assert [decision["subject"], *decision["affects"]] == [f"pipeline/{name}" for name in TASKS]


def test_a_file_with_one_reason_is_one_line() -> None:
    lines = call("explain", "-p", "guard", "in/lone.json").stdout.splitlines()
    assert len(lines) == 1
    assert lines[0].startswith("in/lone.json: 1 workflow, no change by guard: task: left alone: what calls it says")


def test_the_end_counts_the_reasons_most_frequent_first() -> None:
    lines = call("explain", "-p", "guard", "in").stdout.splitlines()
    total = lines[lines.index("") + 1 :]
    assert total[0] == "guard: 0 steps changed; left alone, by reason (a step can have several):"
    assert [line.split()[0] for line in total[1:]] == ["15", "1"]


def test_one_change_says_how_many_steps_it_is_for() -> None:
    Path("argo.json").write_text(json.dumps(ARGO))
    lines = call("explain", "-p", "guard", "argo.json").stdout.splitlines()
    assert lines[0] == "argo.json: 1 workflow, 1 change to 3 steps"
    assert lines[-1] == "guard: 3 steps changed"


def test_the_page_tells_a_reason_once_and_counts_steps() -> None:
    templates = [{**ARGO, "metadata": {"name": name}} for name in ("nightly", "weekly")]
    tree = parse(make_page(Text("\n---\n".join(map(json.dumps, templates)), "a.yaml"), "guard"))
    [group] = tree.all("section", "pass")
    assert group.all("h3")[0].all("span")[0].text == "2 changes to 6 steps"
    rows = group.all("li")
    assert [len(row.all("small")) for row in rows] == [1, 0]
    assert rows[1].text == "weekly work · 3 steps"


def test_in_place_says_how_many_files_it_changed() -> None:
    Path("in/argo.json").write_text(json.dumps(ARGO))
    Path("in/broken.json").write_text('{"apiVersion": "tekton.dev/v1", "kind": "Task", ')
    done = call("optimize", "-p", "guard", "-i", "in")
    assert done.exit_code == 2
    last = done.stderr.splitlines()[-1]
    assert last == "1 of 4 files changed, 1 not written because of an error: in/broken.json"
    again = call("optimize", "-p", "guard", "-i", "in/argo.json")
    assert again.stderr == "0 of 1 file changed\n"


@pytest.mark.parametrize(
    "arguments", [("optimize", "-i", "in/lone.json"), ("lint", "in/lone.json"), ("diff", "in/lone.json")]
)
def test_quiet_prints_only_errors(arguments: tuple[str, ...]) -> None:
    assert call(*arguments).stderr
    assert call(*arguments, "-q").stderr == ""


def row(key: str, name: str) -> None:
    Path("couler.toml").write_text(f'[[guard.declare]]\n{key} = "{name}"\nidempotent = true\n')


@pytest.mark.parametrize(
    ("key", "name", "near"),
    [("task", "loen", "lone"), ("step", "t144", "t14"), ("image", "alpin", "alpine"), ("task", "lone[", "lone")],
)
def test_a_row_with_a_misspelt_name_is_told(key: str, name: str, near: str) -> None:
    row(key, name)
    done = call("explain", "-p", "guard", "in/build.json", "in/lone.json")
    message = f"warning: couler.toml:1: no {key} here is called {name}; did you mean {near!r}?\n"
    assert done.stderr.count(message) == 1


def test_a_row_for_nothing_is_told_where_a_folder_is_searched() -> None:
    row("task", "elsewhere")
    assert call("explain", "-p", "guard", "in/lone.json").stderr == ""
    said = call("explain", "-p", "guard", "in/lone.json", "-v").stderr
    assert said.count("couler.toml:1: no task here is called elsewhere\n") == 1
    assert "no task here is called elsewhere\n" in call("explain", "-p", "guard", "in").stderr
    assert "elsewhere" not in call("explain", "-p", "dedupe", "in").stderr


@pytest.mark.parametrize(
    ("key", "name"), [("task", "lone"), ("step", "t1?"), ("step", "pipeline/t0"), ("image", "al*")]
)
def test_a_row_that_matches_is_not_told(key: str, name: str) -> None:
    row(key, name)
    assert "is called" not in call("explain", "-p", "guard", "in").stderr


@pytest.mark.parametrize(
    ("pipeline", "hint"),
    [
        ("guard{retries=two}", "write a whole number, such as 3"),
        ("guard{delay=soon}", "write a whole number, such as 3"),
        ("guard{timeouts=perhaps}", "write true or false"),
        ("guardretries=1", "put quotes around it"),
        ("guard{retries=1,", "put quotes around it"),
    ],
)
def test_errors_of_options_say_what_to_write(pipeline: str, hint: str) -> None:
    done = call("explain", "-p", pipeline, "in")
    assert done.exit_code == 2
    assert f"hint: {hint}" in done.stderr


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            "[guard]\nretries = 5",
            'optimizer stand in the pipeline: "guard{option=value}"; rows in [[guard',
        ),
        ('[[guard.declare]]\ntask = "a"\npure = true', "there is no 'pure'; write it into [[cache.declare]];"),
        ('[[guard.declare]]\ntask = "a"\nidempotent = "yes"', "be 'yes'; write true or false, without quotes"),
    ],
)
def test_errors_of_settings_say_where_it_belongs(settings: str, message: str) -> None:
    Path("couler.toml").write_text(settings)
    done = call("explain", "-p", "guard", "in")
    assert done.exit_code == 2
    assert message in done.stderr


def test_only_says_how_to_run_an_optimizer() -> None:
    assert "Add -p guard to run it." in call("explain", "--only", "guard", "in").stderr
