"""What runs around commands, run by the shells that are here."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from couler_plugins.engine_kit.legalize.shell import KEEP, PRINTED, SCRIPT

SHELLS = [shell for shell in ("sh", "bash", "busybox") if shutil.which(shell)]
each_shell = pytest.mark.parametrize("shell", SHELLS)


def kept(shell: str, outputs: list[str], command: str) -> subprocess.CompletedProcess[str]:
    start = ["busybox", "sh"] if shell == "busybox" else [shell]
    whole = [*start, "-c", KEEP, "sh", *outputs, "--", "sh", "-c", command]
    return subprocess.run(whole, capture_output=True, text=True, check=False)


@each_shell
def test_outputs_are_copied_without_one_newline(shell: str, tmp_path: Path) -> None:
    made, place = tmp_path / "made", tmp_path / "deep" / "place"
    for content, wanted in (("a\n\n", "a\n"), ("a", "a"), ("", ""), (" -n $x `y` \\n", " -n $x `y` \\n")):
        made.write_text(content)
        assert kept(shell, [str(made), str(place), ""], "true").returncode == 0
        assert place.read_text() == wanted


@each_shell
def test_what_is_printed_is_an_output_and_still_printed(shell: str, tmp_path: Path) -> None:
    done = kept(shell, [PRINTED, str(tmp_path / "o"), ""], "echo one; echo two; echo three >&2")
    assert (done.stdout, done.stderr, (tmp_path / "o").read_text()) == ("one\ntwo\n", "three\n", "one\ntwo")


@each_shell
def test_a_command_that_fails_fails_as_it_did(shell: str, tmp_path: Path) -> None:
    for outputs in ([PRINTED, str(tmp_path / "o"), ""], [str(tmp_path / "f"), str(tmp_path / "o"), "=x"]):
        assert kept(shell, outputs, "exit 7").returncode == 7
        assert not (tmp_path / "o").exists()


@each_shell
def test_a_missing_file_fails_or_has_its_default(shell: str, tmp_path: Path) -> None:
    missing, place = str(tmp_path / "missing"), tmp_path / "o"
    done = kept(shell, [missing, str(place), ""], "true")
    assert (done.returncode, missing in done.stderr) == (1, True)
    assert kept(shell, [missing, str(place), "=de fault"], "true").returncode == 0
    assert place.read_text() == "de fault"
    assert kept(shell, [missing, str(place), "="], "true").returncode == 0
    assert place.read_text() == ""


def test_a_script_is_run_behind_the_arguments_of_its_command() -> None:
    command = ["sh", "-c", KEEP, "sh", "--", "sh", "-c", SCRIPT, "sh", 'echo "$# $1"\n', "sh", "-e"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "0 \n"
