"""What a wrapped command prints: passed on as it comes, kept byte by byte unless it is too much, printed on a hit."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.sampled

MOST = 262_144
"""Bytes of a result that Argo keeps (`workflow/executor/executor.go`, `CaptureScriptResult`)."""


def run(shared: Path, *command: str, outputs: tuple[str, ...] = ("result=-",)) -> subprocess.CompletedProcess[bytes]:
    launcher = [str(shared / "busybox"), "sh", str(shared / "launch"), "5", *outputs, "--", *command]
    return subprocess.run(launcher, capture_output=True, cwd=shared.parent, timeout=60, check=False)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", f"import os, sys, time\n{code}"]


TEXTS = {
    "a line": b"1\n",
    "no end of line": b"1",
    "nothing": b"",
    "many ends": b"\n\n1\n\n\n",
    "bytes": bytes(range(256)) * 3,
    "as much as may be": b"x" * MOST,
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_it_is_kept_and_passed_on(text: bytes, shared: Path) -> None:
    (shared.parent / "text").write_bytes(text)
    done = run(shared, *python("sys.stdout.buffer.write(open('text', 'rb').read()); sys.stderr.write('aside')"))
    assert (done.returncode, done.stdout, done.stderr) == (0, text, b"aside")
    assert (shared / "kept/result").read_bytes() == text
    assert (shared / "done").exists()


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_a_hit_prints_it(text: bytes, shared: Path) -> None:
    (shared / "restored").mkdir()
    (shared / "restored/result").write_bytes(text)
    (shared / "hit").touch()
    done = run(shared, "false")
    assert (done.returncode, done.stdout) == (0, text)
    assert b"computed before" in done.stderr


def test_too_much_is_passed_on_and_not_kept(shared: Path) -> None:
    done = run(shared, *python(f"sys.stdout.write('x' * {MOST + 1})"))
    assert (done.returncode, done.stdout) == (0, b"x" * (MOST + 1))
    assert not (shared / "done").exists()


def test_what_a_command_that_fails_prints_is_passed_on_and_not_kept(shared: Path) -> None:
    done = run(shared, *python("sys.stdout.write('half'); sys.stdout.flush(); os._exit(4)"))
    assert (done.returncode, done.stdout) == (4, b"half")
    assert not (shared / "done").exists()


def test_the_last_words_after_a_signal_are_passed_on(shared: Path) -> None:
    handler = "signal.signal(15, signal.SIG_IGN), print('bye', flush=True), sys.exit(9)"
    code = f"import signal; signal.signal(15, lambda *_: ({handler}))\nopen('up', 'w')"
    launcher = [str(shared / "busybox"), "sh", str(shared / "launch"), "5", "result=-", "--"]
    process = subprocess.Popen(
        [*launcher, *python(f"{code}\nwhile True: time.sleep(0.1)")],
        stdout=subprocess.PIPE,
        cwd=shared.parent,
        process_group=0,
    )
    while not (shared.parent / "up").exists():
        time.sleep(0.01)
    subprocess.run(["kill", "-TERM", "--", f"-{process.pid}"], check=True)  # as Argo's `emissary` does, all of them
    stdout, _ = process.communicate(timeout=60)
    assert (process.returncode, stdout) == (9, b"bye\n")


@pytest.mark.slow  # the launcher waits for the end of what it prints
def test_a_program_that_stays_behind_does_not_keep_the_step(shared: Path) -> None:
    started = time.monotonic()
    launcher = [str(shared / "busybox"), "sh", str(shared / "launch"), "5", "result=-", "--"]
    with (shared.parent / "printed").open("wb") as printed:
        process = subprocess.Popen(
            [*launcher, "sh", "-c", "echo 1; sleep 60 & exit 0"], stdout=printed, cwd=shared.parent
        )
        assert process.wait(timeout=50) == 0
    assert time.monotonic() - started < 40
    assert (shared.parent / "printed").read_bytes() == b"1\n"
    assert not (shared / "done").exists()


def test_a_result_that_cannot_be_read_is_computed_anew(shared: Path) -> None:
    (shared / "restored").mkdir()
    (shared / "hit").touch()
    done = run(shared, "echo", "new")
    assert (done.returncode, done.stdout) == (0, b"new\n")


def test_a_hit_that_is_not_whole_prints_nothing_of_it(shared: Path) -> None:
    (shared / "restored").mkdir()
    (shared / "restored/result").write_text("old")
    (shared / "hit").touch()
    out = shared.parent / "out"
    done = run(shared, "sh", "-c", f"echo new; echo 1 > '{out}'", outputs=("result=-", f"a={out}"))
    assert (done.returncode, done.stdout) == (0, b"new\n")
    assert (shared / "kept/result").read_bytes() == b"new\n"


def test_a_second_try_in_the_same_container_runs(shared: Path) -> None:
    """Argo's `emissary` may call the command again in its container (`retryStrategy` of a container)."""
    assert run(shared, "sh", "-c", "echo half; exit 3").returncode == 3
    done = run(shared, "echo", "whole")
    assert (done.returncode, done.stdout) == (0, b"whole\n")
    assert not (shared / "done").exists()


def test_without_it_the_command_has_the_output_itself(shared: Path) -> None:
    out = shared.parent / "out"
    code = f"open({str(out)!r}, 'w').write(os.readlink('/proc/self/fd/1'))"
    run(shared, *python(code), outputs=(f"a={out}",))
    assert out.read_text().startswith("pipe:")
    assert not (shared / "pipe").exists()
