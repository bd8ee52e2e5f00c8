"""`couler lint --baseline`: what was there before is kept quiet, what is new is not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from linting_plugin import LINTING_PLUGIN
from pluginbox import PluginBox

BAD = "kind: Strict\nsteps:\n- name: a\n  run: curl\n- name: b\n"
Couler = Callable[..., Result]
OPTIONS = ("--baseline", "known.json")


@pytest.fixture(autouse=True)
def _files(plugin_box: PluginBox) -> None:
    plugin_box.add("strict", LINTING_PLUGIN)
    Path("bad.yaml").write_text(BAD)


def write(couler: Couler, *names: str) -> None:
    done = couler("lint", *OPTIONS, "--write-baseline", *names)
    assert (done.exit_code, done.stdout) == (0, "")


def test_what_is_recorded_is_quiet_and_does_not_count(couler_command: Couler) -> None:
    write(couler_command, "bad.yaml")
    done = couler_command("lint", *OPTIONS, "bad.yaml")
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == "1 document checked: nothing found\n1 finding of known.json kept quiet\n"


def test_lines_may_move(couler_command: Couler) -> None:
    write(couler_command, "bad.yaml")
    Path("bad.yaml").write_text(BAD.replace("steps:\n", "\n# moved\nsteps:\n- {name: first, run: curl}\n"))
    assert couler_command("lint", *OPTIONS, "bad.yaml").exit_code == 0


def test_what_is_new_is_shown(couler_command: Couler) -> None:
    write(couler_command, "bad.yaml")
    Path("bad.yaml").write_text(BAD + "- name: c\n")
    done = couler_command("lint", *OPTIONS, "bad.yaml")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (
        1,
        "bad.yaml:6: error: c runs nothing (at steps[2]) [no-command]",
    )


def test_one_more_of_the_same_is_shown_at_its_place(couler_command: Couler) -> None:
    Path("bad.yaml").write_text(BAD + "- name: b\n")
    write(couler_command, "bad.yaml")
    (record,) = json.loads(Path("known.json").read_text())["findings"]
    assert record["places"] == 2
    Path("bad.yaml").write_text(BAD + "- name: b\n- name: b\n")
    done = couler_command("lint", *OPTIONS, "bad.yaml")
    assert (done.exit_code, done.stdout.splitlines()[0]) == (
        1,
        "bad.yaml:7: error: b runs nothing (at steps[3]) [no-command]",
    )
    assert "stale" not in done.stdout


def test_what_is_gone_is_named_and_no_error(couler_command: Couler) -> None:
    write(couler_command, "bad.yaml")
    Path("bad.yaml").write_text(BAD.replace("- name: b\n", ""))
    done = couler_command("lint", *OPTIONS, "bad.yaml")
    said = "bad.yaml: note: the baseline records a finding that is gone: b runs nothing [no-command] [stale-baseline]"
    assert (done.exit_code, done.stdout) == (0, f"{said}\n  hint: write the baseline again\n")


def test_files_that_are_not_of_the_call_are_not_out_of_date(couler_command: Couler) -> None:
    Path("other.yaml").write_text(BAD)
    write(couler_command, "bad.yaml", "other.yaml")
    assert couler_command("lint", *OPTIONS, "bad.yaml").stdout == ""
    Path("other.yaml").unlink()
    assert "other.yaml: note" in couler_command("lint", *OPTIONS, "bad.yaml").stdout


def test_a_file_is_known_however_it_is_named(couler_command: Couler, monkeypatch: pytest.MonkeyPatch) -> None:
    write(couler_command, "bad.yaml")
    assert couler_command("lint", *OPTIONS, str(Path("bad.yaml").resolve())).exit_code == 0
    Path("inner").mkdir()
    monkeypatch.chdir("inner")
    assert couler_command("lint", "--baseline", "../known.json", "..").exit_code == 0


def test_the_file_is_the_same_each_time(couler_command: Couler) -> None:
    Path("other.yaml").write_text(BAD)
    write(couler_command, "bad.yaml", "other.yaml")
    first = Path("known.json").read_bytes()
    write(couler_command, "other.yaml", "bad.yaml")
    assert Path("known.json").read_bytes() == first
    assert "line" not in json.loads(first)["findings"][0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot read the baseline known.json"),
        ("[", "known.json is no baseline"),
        ('{"schema": "couler.lint/v1", "findings": []}', "its schema is 'couler.lint/v1'"),
    ],
)
def test_a_file_that_is_no_baseline_is_refused(couler_command: Couler, content: str | None, said: str) -> None:
    if content is not None:
        Path("known.json").write_text(content)
    done = couler_command("lint", *OPTIONS, "bad.yaml")
    assert done.exit_code == 2
    assert said in done.stderr
    assert "--write-baseline" in done.stderr


def test_a_baseline_is_written_to_a_file_that_is_named(couler_command: Couler) -> None:
    done = couler_command("lint", "--write-baseline", "bad.yaml")
    assert done.exit_code == 2
    assert "needs --baseline FILE" in done.stderr


def test_a_file_that_is_no_baseline_is_not_overwritten(couler_command: Couler) -> None:
    Path("known.json").write_text('{"name": "a package"}')
    done = couler_command("lint", *OPTIONS, "--write-baseline", "bad.yaml")
    assert (done.exit_code, Path("known.json").read_text()) == (2, '{"name": "a package"}')
    assert "known.json is no baseline, and is not overwritten" in done.stderr
