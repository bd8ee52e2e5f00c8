"""The launcher by itself: it stands in the command's place, and nothing but the command can fail the step."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from adapters.argo.wrapper.launching import launch

pytestmark = pytest.mark.sampled


def test_arguments_input_and_output_are_the_commands(shared: Path) -> None:
    code = "import sys; print(sys.argv[1:], sys.stdin.read()); open('out file', 'w').write('x')"
    out = str(shared.parent / "out file")
    process = launch(shared, f"a={out}", "--", sys.executable, "-c", code, "a b", "", "$x", "*", "--", "b=c")
    stdout, stderr = process.communicate("typed")
    assert (process.returncode, stdout, stderr) == (0, "['a b', '', '$x', '*', '--', 'b=c'] typed\n", "")
    assert (shared / "kept/a").read_text() == "x"
    assert float((shared / "done").read_text()) >= 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT])
def test_signals_reach_the_command(shared: Path, number: int) -> None:
    handler = f"signal.signal({int(number)}, lambda *_: (time.sleep(0.3), sys.exit(9)))"
    # A long sleep may begin between a signal's arrival and its handler, and would then not end for it.
    code = f"import signal, sys, time; {handler}; open('up', 'w')\nwhile True: time.sleep(0.1)"
    process = launch(shared, "a=/nowhere", "--", sys.executable, "-c", code)
    while not (shared.parent / "up").exists():
        time.sleep(0.01)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 9
    assert not (shared / "done").exists()


@pytest.mark.parametrize(
    ("command", "code"), [(["sh", "-c", "exit 3"], 3), (["sh", "-c", "kill -KILL $$"], 137), (["nothing-of-this"], 127)]
)
def test_how_the_command_ends_is_how_it_ends(shared: Path, command: list[str], code: int) -> None:
    process = launch(shared, "a=/nowhere", "--", *command)
    process.communicate()
    assert process.returncode == code
    assert not (shared / "done").exists()


def test_a_result_takes_the_commands_place(shared: Path) -> None:
    (shared / "restored/tree").mkdir(parents=True)
    (shared / "restored/tree/x").write_text("x")
    (shared / "hit").touch()
    out = shared.parent / "deep" / "tree"
    out.mkdir(parents=True)
    (out / "old").touch()
    process = launch(shared, f"tree={out}", "--", "false")
    process.communicate()
    assert process.returncode == 0
    assert [path.name for path in out.iterdir()] == ["x"]
    assert [path.name for path in out.parent.iterdir()] == ["tree"]


def test_a_result_that_is_not_whole_does_not(shared: Path) -> None:
    (shared / "restored").mkdir()
    (shared / "restored/a").write_text("old")
    (shared / "hit").touch()
    a, b = shared.parent / "a", shared.parent / "b"
    process = launch(shared, f"a={a}", f"b={b}", "--", "sh", "-c", f"echo new > '{a}'; echo new > '{b}'")
    process.communicate()
    assert process.returncode == 0
    assert a.read_text() == b.read_text() == "new\n"
    assert sorted(path.name for path in shared.parent.iterdir()) == ["a", "b", "couler folder"]


@pytest.mark.parametrize(("age", "waits"), [(0, True), (120, False)])
def test_nobody_waits_for_a_sidecar_that_was_killed(age: int, waits: bool, shared: Path) -> None:
    """Its last sign of life is two minutes old."""
    (shared / "saved").unlink()
    os.utime(shared / "ready", (time.time() - age,) * 2)
    out = shared.parent / "out"
    started = time.monotonic()
    process = launch(shared, f"a={out}", "--", "touch", str(out), limit=1)
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert (time.monotonic() - started > 1) is waits


def test_a_folder_that_nobody_may_write_is_no_harm(shared: Path) -> None:
    (shared / "kept").touch()  # in the way
    process = launch(shared, "a=/nowhere", "--", "true")
    process.communicate()
    assert process.returncode == 0
    assert not (shared / "done").exists()


@pytest.mark.parametrize("name", ["sh", "sort", "date", "printf", "test", "run", "keep", "each"])
def test_a_bare_name_is_a_program_of_the_image(name: str, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    programs = shared.parent / "bin"
    programs.mkdir()
    (programs / name).write_text('#!/bin/sh\nPATH=$OLD exec touch "$1"\n')
    (programs / name).chmod(0o755)
    monkeypatch.setenv("OLD", os.environ["PATH"])
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    out = shared.parent / "out"
    process = launch(shared, f"a={out}", "--", name, str(out))
    process.communicate(timeout=30)
    assert process.returncode == 0
    assert (shared / "kept/a").exists()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_former_run_has_left_is_not_kept(kind: str, shared: Path) -> None:
    out = shared.parent / "out"
    if kind == "folder":
        out.mkdir()
    stale = out / "x" if kind == "folder" else out
    stale.write_text("stale")
    process = launch(shared, f"a={out}", "--", "true")
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "has not written all of its outputs" in stderr
    assert not (shared / "done").exists()


@pytest.mark.parametrize("old", ["stale", "deep/stale"])
def test_a_folder_with_something_of_before_in_it_is_not_kept(old: str, shared: Path) -> None:
    out = shared.parent / "out"
    (out / old).parent.mkdir(parents=True)
    (out / old).write_text("stale")
    process = launch(shared, f"a={out}", "--", "sh", "-c", f"echo new > '{out}/new'; mkdir -p '{out}/deep'")
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "has not written all of its outputs" in stderr
    assert not (shared / "done").exists()


@pytest.mark.parametrize("change", ["chmod 700 old", "mv old older", "ln old older; rm old"])
def test_a_folder_with_something_of_before_under_another_name_or_mode_is_not_kept(change: str, shared: Path) -> None:
    out = shared.parent / "out"
    out.mkdir()
    (out / "old").write_text("stale")
    process = launch(shared, f"a={out}", "--", "sh", "-c", f"cd '{out}'; echo new > new; {change}")
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "has not written all of its outputs" in stderr
    assert not (shared / "done").exists()


@pytest.mark.parametrize("made", ["echo 1 > new", "echo 1 > stale", "rm stale; echo 1 > deep/new"])
def test_a_folder_of_before_with_nothing_of_before_left_in_it_is_kept(made: str, shared: Path) -> None:
    out = shared.parent / "out"
    (out / "deep").mkdir(parents=True)
    if "stale" in made:
        (out / "stale").write_text("stale")
    process = launch(shared, f"a={out}", "--", "sh", "-c", f"cd '{out}'; {made}")
    process.communicate(timeout=30)
    assert (shared / "done").exists()
    assert (shared / "kept/a/deep").is_dir()


def test_a_program_with_an_odd_name_runs(shared: Path) -> None:
    program = shared.parent / "a=b"
    program.write_text("#!/bin/sh\nexit 4\n")
    program.chmod(0o755)
    process = launch(shared, "a=/nowhere", "--", str(program))
    process.communicate(timeout=30)
    assert process.returncode == 4


def test_whoever_keeps_the_result_of_a_careful_command_can_read_it(shared: Path) -> None:
    out = shared.parent / "out"
    process = launch(shared, f"a={out}", "--", "sh", "-c", f"mkdir '{out}'; echo 1 > '{out}/x'", umask=0o077)
    process.communicate(timeout=30)
    for path in (shared / "kept", shared / "kept/a"):
        assert path.stat().st_mode & 0o005 == 0o005
    assert (shared / "kept/a/x").stat().st_mode & 0o004
    assert (shared / "done").stat().st_mode & 0o004


def test_what_is_written_over_is_kept(shared: Path) -> None:
    out = shared.parent / "out"
    out.write_text("stale")
    process = launch(shared, f"a={out}", "--", "sh", "-c", f"echo fresh > '{out}'")
    process.communicate(timeout=30)
    assert (shared / "kept/a").read_text() == "fresh\n"


def test_a_folder_of_the_name_that_is_used_aside_is_not_taken_for_the_result(shared: Path) -> None:
    (shared / "restored").mkdir()
    (shared / "restored/a").write_text("kept")
    (shared / "hit").touch()
    (shared.parent / "a.couler").mkdir()
    process = launch(shared, f"a={shared.parent / 'a'}", "--", "false")
    process.communicate(timeout=30)
    assert (shared.parent / "a").read_text() == "kept"


def test_what_cannot_be_replaced_is_not_emptied(shared: Path) -> None:
    """`mv` refuses what is mounted; here one that refuses everything stands for that."""
    (shared / "restored").mkdir()
    (shared / "restored/a").write_text("kept")
    (shared / "hit").touch()
    out = shared.parent / "a"
    out.mkdir()
    (out / "input").write_text("of the step")
    real = shared / "busybox.real"
    (shared / "busybox").rename(real)
    (shared / "busybox").write_text(f'#!/bin/sh\n[ "$1" != mv ] || exit 1\nexec "{real}" "$@"\n')
    (shared / "busybox").chmod(0o755)
    process = launch(shared, f"a={out}", "--", "cat", str(out / "input"))
    stdout, _ = process.communicate(timeout=30)
    assert (process.returncode, stdout) == (0, "of the step")
    assert sorted(path.name for path in shared.parent.iterdir()) == ["a", "couler folder"]
