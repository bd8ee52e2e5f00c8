"""The launcher by itself: it stands in the command's place, and nothing but the command can fail the step."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from support import ROOT

LAUNCHER = ROOT / "couler_plugins" / "caching" / "dataplane" / "launch.sh"


BUSYBOX = os.environ.get("COULER_BUSYBOX") or shutil.which("busybox")


@pytest.fixture(params=["programs of the system", "busybox"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """The shared folder, with somebody who has kept whatever is to be kept."""
    folder = tmp_path / "couler folder"
    folder.mkdir()
    busybox = folder / "busybox"
    if request.param == "busybox":
        if BUSYBOX is None:
            pytest.skip("there is no busybox, and COULER_BUSYBOX names none")
        shutil.copyfile(BUSYBOX, busybox)
    else:
        busybox.write_text('#!/bin/sh\n[ "$1" != sh ] || exec "/bin/$@"\nexec "$@"\n')
    busybox.chmod(0o755)
    (folder / "launch").write_bytes(LAUNCHER.read_bytes())
    (folder / "ready").touch()
    (folder / "saved").touch()
    return folder


def launch(shared: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(shared / "busybox"), "sh", str(shared / "launch"), "5", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=shared.parent,
    )


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
