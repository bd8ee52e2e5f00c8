"""`couler cache save` and `restore` where something goes wrong: it is said, nothing is half done, and no step fails."""

from __future__ import annotations

import os
import signal
import socket
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.cache_processes import KEY, cache, left_aside, start, until
from couler_plugins.cli.group import couler
from support import first_of

pytestmark = pytest.mark.sampled

AWAY = "s3://user:geheim@bucket/cache?secret=geheim"
"""A store that nobody can reach (no endpoint answers at the port below), with credentials that nobody may see."""
NOWHERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1", "AWS_ACCESS_KEY_ID": "geheim"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("store", ["/proc/nowhere", "file/in/the/way"])
def test_a_store_that_is_away_is_a_miss_and_a_warning(store: str) -> None:
    Path("file").write_text("")
    Path("x").write_text("mine")
    away = {"COULER_CACHE_STORE": store}
    saved, missed = cache("save", KEY, "x=x", **away), cache("restore", KEY, "x=x", **away)
    assert (saved.returncode, missed.returncode) == (0, 1)
    for text in (saved.stderr, missed.stderr):
        assert "warning: " in text
        assert "Traceback" not in text
    assert Path("x").read_text() == "mine"
    assert cache("save", "--strict", KEY, "x=x", **away).returncode == 3
    assert cache("restore", "--strict", KEY, "x=x", **away).returncode == 3


def test_nobody_sees_what_gives_access() -> None:
    Path("x").write_text("mine")
    away = {"COULER_CACHE_STORE": AWAY, **NOWHERE}
    saved = cache("save", "-vv", "--strict", "--timeout", "10s", KEY, "x=x", **away)
    missed = cache("restore", "--timeout", "10s", KEY, "x=x", **away)
    assert (saved.returncode, missed.returncode) == (3, 1)
    assert "geheim" not in saved.stderr + missed.stderr


@pytest.mark.slow
def test_a_time_limit_holds() -> None:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        access = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "mine"}
        missed = cache("restore", "--timeout", "1s", KEY, "x=x", COULER_CACHE_STORE="s3://b/c", **access)
    assert missed.returncode == 1
    assert "longer than 1 s" in missed.stderr
    assert time.monotonic() - started < 20  # test_deadline.py measures it; this includes importing an S3 client


def test_what_cannot_be_saved_is_a_warning() -> None:
    os.mkfifo("pipe")
    Path("tree").mkdir()
    Path("tree/out").symlink_to("/etc/passwd")
    for output in ("x=missing", "x=pipe", "x=tree"):
        saved = cache("save", KEY, output)
        assert saved.returncode == 0
        assert "the result is not kept" in saved.stderr
        assert cache("save", "--strict", KEY, output).returncode == 3
    assert cache("restore", KEY, "x=x").returncode == 1


@pytest.mark.parametrize("number", first_of([signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT]))
@pytest.mark.parametrize("verb", ["save", "restore"])
def test_an_interrupted_one_leaves_nothing_half(verb: str, number: int) -> None:
    Path("big").mkdir()
    for part in range(4):
        Path(f"big/{part}").write_bytes(os.urandom(1 << 20) * 10)
    before = sum(path.stat().st_size for path in Path("big").iterdir())
    if verb == "restore":
        assert cache("save", KEY, "big=big").returncode == 0
        Path("big").rename("old")
    process = start(verb, KEY, "big=big")
    if verb == "save":
        until(lambda: any(path.stat().st_size > 1 << 20 for path in Path("store").rglob("*") if path.is_file()))
    else:
        until(lambda: left_aside() or process.poll() is not None)
    process.send_signal(number)
    process.communicate(timeout=60)
    if process.returncode:  # it was quicker than the signal otherwise
        assert process.returncode in (-number, 128 + number)
    if verb == "restore":
        size = sum(path.stat().st_size for path in Path("big").iterdir()) if Path("big").exists() else 0
        assert size in (0, before)
        if number != signal.SIGKILL:
            assert left_aside() == []
    if Path("big").exists():
        Path("big").rename("seen")
    # Nothing that is half there is ever served, and the store goes on.
    again = cache("restore", KEY, "big=big")
    assert again.returncode in (0, 1)
    if again.returncode == 0:
        assert sum(path.stat().st_size for path in Path("big").iterdir()) == before
    assert cache("verify").returncode == 0 or cache("verify", "--repair").returncode == 0


def test_a_disk_that_cannot_be_written_is_no_miss() -> None:
    Path("a").write_text("a")
    Path("file").write_text("in the way")
    assert cache("save", KEY, "a=a").returncode == 0
    assert cache("restore", "--strict", KEY, "a=file/a").returncode == 3
    assert cache("restore", KEY, "a=file/a").returncode == 1


def test_a_circle_of_links_is_a_warning() -> None:
    Path("loop").symlink_to("loop")
    saved = cache("save", KEY, "o=loop")
    assert saved.returncode == 0
    assert "the result is not kept" in saved.stderr


def test_what_a_closed_terminal_does_not_end_goes_on() -> None:
    Path("big").write_bytes(os.urandom(40 << 20))
    assert cache("save", KEY, "big=big").returncode == 0
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    try:
        process = start("restore", KEY, "big=again")
    finally:
        signal.signal(signal.SIGHUP, before)
    until(lambda: left_aside() or process.poll() is not None)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0
    assert Path("again").stat().st_size == 40 << 20


def test_what_is_half_done_is_no_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second of two cannot be put into place, and what the first has replaced cannot be put back."""
    for name in ("a", "b"):
        Path(name).mkdir()
        Path(name, "x").write_text("kept")
    assert cache("save", KEY, "a=a", "b=b").returncode == 0
    put, back = Path.replace, Path.rename

    def replace(path: Path, target: Path) -> Path:
        if target.name == "b":
            raise OSError(16, "Device or resource busy")
        return put(path, target)

    def rename(path: Path, target: Path) -> Path:
        if target.name == "a":
            raise OSError(16, "Device or resource busy")
        return back(path, target)

    monkeypatch.setenv("COULER_CACHE_STORE", "store")
    monkeypatch.setattr(Path, "replace", replace)
    missed = CliRunner().invoke(couler, ["cache", "restore", KEY, "a=a", "b=b", "-q"])
    assert (missed.exit_code, Path("a/x").exists()) == (1, True)
    monkeypatch.setattr(Path, "rename", rename)
    failed = CliRunner().invoke(couler, ["cache", "restore", KEY, "a=a", "b=b"])
    assert failed.exit_code == 3
    assert f"what was at {Path.cwd()}/a is at {Path.cwd()}/.couler-" in failed.stderr
    (old,) = left_aside()
    assert (old / "x").read_text() == "kept"
