"""`couler cache`: wrong usage and bad input are exit code 2, before anything happens."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cli.cache_processes import KEY, cache


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["restore", KEY], "Missing argument"),
        (["restore", KEY, "x"], "NAME=VALUE"),
        (["restore", KEY, "x="], "has no path"),
        (["restore", KEY, "x=a", "x=b"], "given twice"),
        (["restore", KEY, "x=a", "y=a/b"], "is inside of another one"),
        (["restore", KEY, "x=a", "y=a"], "is inside of another one"),
        (["restore", "../evil", "x=a"], "cannot be a key"),
        (["restore", KEY, "../evil=a"], "cannot be the name of an output"),
        (["restore", KEY, "x=a", "X=b"], "differ in case only"),
        (["save", KEY, "x=a", "X=b"], "differ in case only"),
        (["run", "--key", KEY, "--output", "x=a", "--output", "X=b", "--", "touch", "ran"], "differ in case only"),
        (["save", KEY, ".hidden=a"], "cannot be the name of an output"),
        (["save", "--seconds", "soon", KEY, "x=a"], "not a time"),
        (["save", "--family", "f" * 1025, KEY, "x=a"], "at most 1,024 characters"),
        (["restore", "--namespace", "../other", KEY, "x=a"], "cannot be a namespace"),
    ],
)
def test_bad_input_is_exit_code_2(arguments: list[str], message: str) -> None:
    Path("a").write_text("")
    refused = cache(*arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not Path("ran").exists()


def test_without_a_store_nothing_is_guessed() -> None:
    refused = cache("restore", KEY, "x=x", COULER_CACHE_STORE="")
    assert refused.returncode == 2
    assert "COULER_CACHE_STORE" in refused.stderr


def test_the_settings_say_which_store() -> None:
    Path("couler.toml").write_text('cache-store = "elsewhere"\ncache-namespace = "team"\n')
    Path("x").write_text("x")
    cache("save", KEY, "x=x", COULER_CACHE_STORE="")
    assert cache("restore", KEY, "x=x", COULER_CACHE_STORE="").returncode == 0
    assert Path("elsewhere/v1/team").is_dir()


@pytest.mark.parametrize("second", ["b=sub/../a", "b={}/a", "b=link/x"])
def test_two_outputs_at_one_place_are_refused(second: str) -> None:
    Path("a").mkdir()
    Path("link").symlink_to("a")
    refused = cache("restore", KEY, "a=a", second.format(Path.cwd()))
    assert refused.returncode == 2
    assert "is inside of another one" in refused.stderr


@pytest.mark.parametrize("place", [".", "..", "{}", "here"])
@pytest.mark.parametrize("command", [("restore", KEY), ("run", "--key", KEY, "--output")])
def test_the_folder_that_it_runs_in_is_not_replaced(command: tuple[str, ...], place: str) -> None:
    Path("here").symlink_to(".")
    refused = cache(*command, f"a={place.format(Path.cwd())}", *(("--", "touch", "ran") if "run" in command else ()))
    assert refused.returncode == 2
    assert "is the folder that this runs in, or around it" in refused.stderr
    assert not Path("ran").exists()


@pytest.mark.parametrize("option", ["--timeout", "--max-age"])
def test_a_time_without_end_is_wrong_usage(option: str) -> None:
    refused = cache("restore", option, "9" * 400, KEY, "a=a")
    assert refused.returncode == 2
    assert "more than ten years" in refused.stderr


def test_what_is_said_of_a_result_cannot_forge_the_list() -> None:
    Path("a").write_text("a")
    assert cache("save", "--step", "a\nforged \x1b[31m", KEY, "a=a").returncode == 0
    listed = cache("ls").stdout
    assert len(listed.splitlines()) == 1
    assert "a\\nforged \\x1b[31m" in listed


NO_TEXT = os.fsdecode(b"\xff")
"""What an argument is that is no UTF-8."""


@pytest.mark.parametrize(
    "arguments",
    [
        ["key", "--program", "a", f"x={NO_TEXT}", "--format", "json"],
        ["key", "--program", "a", f"x={NO_TEXT}"],
        ["key", "--program", "a", f"{NO_TEXT}=x"],
        ["key", "--program", "a", "--file", f"{NO_TEXT}=a"],
        ["run", "--value", f"x={NO_TEXT}", "--output", "o=o", "--", "touch", "ran"],
        ["save", "--step", NO_TEXT, KEY, "o=a"],
        ["save", "--parent", NO_TEXT, KEY, "o=a"],
        ["ls", "--namespace", NO_TEXT, "--format", "json"],
        ["rm", NO_TEXT, "--format", "json"],
        ["fetch", "a", "--version", NO_TEXT, "-o", "o"],
        ["fetch", "a", "--etag", NO_TEXT, "-o", "o"],
    ],
)
def test_what_is_no_text_is_bad_input(arguments: list[str]) -> None:
    Path("a").write_text("")
    refused = cache(*arguments)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "\\udcff" in refused.stderr
    assert not Path("ran").exists()
