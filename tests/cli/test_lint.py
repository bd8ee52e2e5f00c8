"""`couler lint`, with an adapter that has something to say."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from linting_plugin import LINTING_PLUGIN
from pluginbox import PluginBox

GOOD = "kind: Strict\nsteps:\n- {name: a, run: curl}\n- {name: b, run: cat, after: [a]}\n"
BAD = "kind: Strict\nsteps:\n- name: a\n  run: curl\n- name: b\n"
DOUBTFUL = "kind: Strict\nsteps:\n- name: c\n  run: cat\n  after: [elsewhere]\n"
BAD_FOUND = "bad.yaml:5: error: b runs nothing (at steps[1]) [no-command]\n  hint: give it a command in `run`\n"
DOUBTFUL_FOUND = "doubtful.yaml:5: warning: there is no step elsewhere (at steps[0].after[0]) [no-step]\n"
Couler = Callable[..., Result]


@pytest.fixture(autouse=True)
def _files(plugin_box: PluginBox) -> None:
    plugin_box.add("strict", LINTING_PLUGIN)
    Path("good.yaml").write_text(GOOD)
    Path("bad.yaml").write_text(BAD)
    Path("doubtful.yaml").write_text(DOUBTFUL)


def test_good_files_pass(couler_command: Couler) -> None:
    done = couler_command("lint", "good.yaml")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "1 document checked: nothing found\n")


def test_an_error_makes_it_exit_with_1(couler_command: Couler) -> None:
    done = couler_command("lint", "bad.yaml")
    assert (done.exit_code, done.stdout, done.stderr) == (1, BAD_FOUND, "1 document checked: 1 error\n")


def test_a_warning_does_not(couler_command: Couler) -> None:
    done = couler_command("lint", "doubtful.yaml")
    assert (done.exit_code, done.stdout) == (0, DOUBTFUL_FOUND)


def test_findings_come_in_the_order_of_the_files(couler_command: Couler) -> None:
    assert couler_command("lint", "doubtful.yaml", "good.yaml", "bad.yaml").stdout == DOUBTFUL_FOUND + BAD_FOUND
    assert couler_command("lint", "bad.yaml", "doubtful.yaml").stdout == BAD_FOUND + DOUBTFUL_FOUND


def test_what_one_file_refers_to_may_stand_in_another(couler_command: Couler) -> None:
    Path("elsewhere.yaml").write_text("kind: Strict\nsteps:\n- {name: elsewhere, run: curl}\n")
    assert couler_command("lint", "doubtful.yaml", "elsewhere.yaml").stdout == ""


def test_standard_input_is_a_file_like_others(couler_command: Couler) -> None:
    for arguments in ((), ("-",)):
        done = couler_command("lint", *arguments, stdin=BAD)
        assert (done.exit_code, done.stdout) == (1, BAD_FOUND.replace("bad.yaml", "<stdin>"))


def test_a_file_that_cannot_be_read_stops_no_other(couler_command: Couler) -> None:
    Path("broken.yaml").write_text("a: [")
    done = couler_command("lint", "broken.yaml", "none.yaml", "bad.yaml")
    assert (done.exit_code, done.stdout) == (2, BAD_FOUND)
    assert "error: broken.yaml:2: not valid YAML" in done.stderr
    assert "error: none.yaml: it cannot be read: No such file" in done.stderr


def test_json_says_the_same(couler_command: Couler) -> None:
    Path("broken.yaml").write_text("a: [")
    done = couler_command("lint", "--format", "json", "good.yaml", "bad.yaml", "broken.yaml")
    report = json.loads(done.stdout)
    assert (done.exit_code, report["schema"], report["documents"]) == (2, "couler.lint/v1", 2)
    assert report["findings"] == [
        {
            "severity": "error",
            "message": "b runs nothing",
            "file": "bad.yaml",
            "line": 5,
            "path": ["steps", 1],
            "code": "no-command",
            "hint": "give it a command in `run`",
        }
    ]
    assert [error["file"] for error in report["errors"]] == ["broken.yaml"]
    assert json.loads(couler_command("lint", "--format", "json", "good.yaml").stdout) == {
        "schema": "couler.lint/v1",
        "documents": 1,
        "findings": [],
        "errors": [],
    }


def test_one_engine_can_be_chosen(couler_command: Couler) -> None:
    assert couler_command("lint", "--engine", "toy", "bad.yaml").stdout == ""
    assert couler_command("lint", "--engine", "strict", "bad.yaml").stdout == BAD_FOUND
    assert couler_command("lint", "--engine", "strickt", "bad.yaml").exit_code == 2


def test_what_the_engine_is_like_goes_to_the_adapter(couler_command: Couler) -> None:
    assert couler_command("lint", "--to", "strict{strict=true}", "bad.yaml").stdout == BAD_FOUND
    done = couler_command("lint", "--to", "strict{colour=red}", "bad.yaml")
    assert done.exit_code == 2
    assert "colour" in done.stderr


def test_an_adapter_that_fails_is_named(couler_command: Couler) -> None:
    Path("odd.yaml").write_text("kind: Strict\nsteps: 3\n")
    done = couler_command("lint", "odd.yaml")
    assert done.exit_code == 1
    assert "the adapter 'strict' failed in lint()" in done.stderr


def test_the_help_text_has_examples(couler_command: Couler) -> None:
    done = couler_command("lint", "--help")
    assert done.exit_code == 0
    assert "  couler lint workflow.yaml" in done.stdout
    assert "--schema" in done.stdout


def test_quiet_says_nothing_but_findings(couler_command: Couler) -> None:
    done = couler_command("lint", "-q", "good.yaml")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "")


def test_files_without_workflows_are_no_success(couler_command: Couler) -> None:
    Path("churn.py").write_text("import kfp\n")
    Path("values.yaml").write_text("replicas: 1\n")
    done = couler_command("lint", "churn.py")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr.startswith("churn.py: no workflow found: of Python files, only Airflow DAG files are read. ")
    assert "compile first" in done.stderr
    assert done.stderr.endswith("\n0 documents checked: no workflow found\n")
    said = "values.yaml: no workflow found\n0 documents checked: no workflow found\n"
    assert couler_command("lint", "values.yaml").stderr == said
    mixed = couler_command("lint", "good.yaml", "churn.py", "values.yaml").stderr
    assert mixed.startswith("churn.py: no workflow found: ")
    assert mixed.endswith("\n1 document checked: nothing found\n")
    assert "values.yaml" not in mixed


def test_misspelt_words_of_caching_are_warned_of(couler_command: Couler) -> None:
    text = "kind: Strict\nannotations:\n  couler.io/cache: pur\n  couler.io/cache.main.a: ttl=3\nsteps: []\n"
    Path("words.yaml").write_text(text)
    lines = couler_command("lint", "words.yaml").stdout.splitlines()
    assert lines[0].startswith("words.yaml:3: warning: couler.io/cache cannot be 'pur' (at ")
    assert lines[1] == "  hint: did you mean 'pure'? write pure or ttl=24h or always or never, in quotes"
    assert "words.yaml:4: warning: couler.io/cache.main.a cannot be 'ttl=3'" in lines[2]
    for word in ("pure", "ttl=1d12h", "always", "never", "native"):
        Path("words.yaml").write_text(text.replace("pur\n", f"{word}\n").replace("ttl=3", "never"))
        assert couler_command("lint", "words.yaml").stdout == "", word
