"""The containers around a wrapped step: whatever is wrong with what they are told, the launcher is there."""

from __future__ import annotations

import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from couler_plugins.caching.artifacts import Content, Meta, blobs, open_cache
from couler_plugins.caching.dataplane import pods
from couler_plugins.caching.dataplane.pods import at_work, time_allowed
from couler_plugins.cli.group import couler

KEY = "k"


@pytest.fixture
def shared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the containers share, and a working folder beside it."""
    busybox = tmp_path / "static"
    busybox.write_text("a program")
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("COULER_BUSYBOX", str(busybox))
    return tmp_path / "shared"


def call(*arguments: str) -> Result:
    return CliRunner().invoke(couler, ["cache", *arguments], catch_exceptions=False)


def restore(shared: Path, *arguments: str) -> Result:
    return call("pod-restore", str(shared), f"--key={KEY}", f"--store={shared}-store", *arguments, "--", "a")


def save(shared: Path, *arguments: str) -> Result:
    return call("pod-save", str(shared), f"--key={KEY}", f"--store={shared}-store", *arguments, "--", "a")


def test_the_launcher_is_for_whoever_runs_the_command(shared: Path) -> None:
    before = os.umask(0o077)
    try:
        assert restore(shared).exit_code == 0
    finally:
        os.umask(before)
    assert (shared / "launch").stat().st_mode & 0o777 == 0o644
    assert (shared / "busybox").stat().st_mode & 0o777 == 0o755


WRONG = {
    "a time": "--timeout=-1",
    "an option of another version": "--from-another-version=1",
    "a key": "--key=",
    "a name": "--namespace=Bad/NS",
    "an index": "--index=nothing://x",
    "a store": "--store=nothing://x",
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG)
def test_a_wrong_argument_fails_no_step(wrong: str, shared: Path) -> None:
    found = restore(shared, wrong)
    assert (found.exit_code, found.stdout) == (0, "")
    assert found.stderr.startswith("warning: nothing was restored: ")
    assert (shared / "launch").exists()
    assert not (shared / "hit").exists()
    (shared / "done").write_text("1")
    found = save(shared, wrong)
    assert (found.exit_code, found.stdout) == (0, "")
    assert found.stderr.startswith("warning: the result is not kept: ")
    assert (shared / "saved").exists()


@pytest.mark.parametrize("setting", ["COULER_CACHE_CAPACITY", "COULER_LOG_LEVEL", "COULER_MAX_BYTES"])
def test_a_wrong_variable_fails_no_step(setting: str, shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(setting, "xx")
    found = restore(shared)
    assert found.exit_code == 0
    assert f"environment {setting}" in found.stderr
    assert (shared / "launch").exists()
    assert save(shared).exit_code == 0
    assert (shared / "ready").exists()
    assert (shared / "saved").exists()


@pytest.mark.parametrize("content", [b"[", b"nonsense = 1", b"\xff", b"max-bytes = {}"])
def test_broken_settings_fail_no_step(content: bytes, shared: Path) -> None:
    Path("couler.toml").write_bytes(content)
    found = restore(shared)
    assert found.exit_code == 0
    assert "couler.toml" in found.stderr
    assert (shared / "launch").exists()
    assert save(shared).exit_code == 0


@pytest.mark.parametrize("option", ["family", "step", "run"])
def test_a_name_that_is_too_long_fails_no_step(option: str, shared: Path) -> None:
    shared.mkdir()
    assert save(shared, f"--{option}={'x' * 1025}").exit_code == 0


def test_a_folder_that_nobody_can_write_is_the_one_failure(shared: Path) -> None:
    shared.write_text("in the way")
    found = restore(shared)
    assert found.exit_code == 3
    assert "the launcher cannot be written" in found.stderr


def test_no_secret_is_said(shared: Path) -> None:
    found = restore(shared, "--timeout=s3://AKIA:secret@bucket/x")
    assert found.exit_code == 0
    assert "AKIA" not in found.stderr


@pytest.mark.parametrize("arguments", [(), ("--help-me",)])
def test_who_calls_it_by_hand_is_told_how(arguments: tuple[str, ...], shared: Path) -> None:
    assert call("pod-restore", *arguments).exit_code == 2
    assert call("pod-save", *arguments).exit_code == 2


def test_temporary_files_are_in_the_shared_folder_where_no_other_can_be_written(
    shared: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(tempfile, "_candidate_tempdir_list", list)
    monkeypatch.setattr(blobs, "IN_MEMORY", 1)
    assert restore(shared).stderr == ""
    (shared / "kept").mkdir()
    (shared / "kept/a").write_text("x" * 100_000)
    (shared / "done").write_text("1")
    assert save(shared).stderr == ""
    assert tempfile.gettempdir() == str(shared)
    again = shared.with_name("again")
    found = call("pod-restore", str(again), f"--key={KEY}", f"--store={shared}-store", "--", "a")
    assert found.stderr == ""
    assert (again / "hit").exists()


def test_contents_complete_a_key_that_the_command_does_not_see(shared: Path, tmp_path: Path) -> None:
    folder, read = tmp_path / "key", tmp_path / "read"
    folder.mkdir()
    read.write_text("1")
    seen = [restore(shared, f"--key-folder={folder}", f"--input=t={read}").stderr, (folder / "key").read_text()]
    read.write_text("2")
    restore(shared, f"--key-folder={folder}", f"--input=t={read}")
    assert seen[0] == ""
    assert len({*seen, (folder / "key").read_text(), KEY}) == 4


@pytest.mark.parametrize("wrong", ["--key={{=sprig.sha256sum()}}", "--input=t=/nowhere", "--input=nothing"])
def test_a_key_that_cannot_be_completed_is_none(wrong: str, shared: Path, tmp_path: Path) -> None:
    found = restore(shared, f"--key-folder={tmp_path}", wrong)
    assert (found.exit_code, (tmp_path / "key").exists()) == (0, False)
    assert found.stderr.startswith("warning: nothing was restored: ")
    (shared / "done").write_text("1")
    assert "could not be read" in save(shared, f"--key-folder={tmp_path}").stderr


def test_who_keeps_results_gives_signs_of_life(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pods, "SIGN", 0.01)
    ready = tmp_path / "ready"
    with at_work(tmp_path):
        for _ in range(2):
            while not ready.exists():
                time.sleep(0.01)
            ready.unlink()
    while ready.exists():  # the last one
        ready.unlink()
    time.sleep(0.1)
    assert not ready.exists()


def at(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


@pytest.mark.parametrize(
    ("limit", "deadline", "expected"),
    [
        (600.0, "", 600.0),
        (600.0, "$(ARGO_DEADLINE)", 600.0),
        (600.0, "0001-01-01T00:00:00Z", 600.0),  # as Argo says it of a run without one
        (600.0, at(1_000_000 + 3600), 72.0),
        (60.0, at(1_000_000 + 3600), 60.0),
        (None, at(1_000_000 + 3600), 72.0),
        (600.0, at(999_999), 0.0),
        (None, "", None),
    ],
)
def test_the_store_takes_a_small_part_of_what_is_left(
    limit: float | None, deadline: str, expected: float | None
) -> None:
    assert time_allowed(limit, deadline, clock=lambda: 1_000_000.0) == expected


def test_a_run_that_is_all_but_over_is_not_kept_waiting(shared: Path) -> None:
    with open_cache(f"{shared}-store") as cache:
        cache.put(KEY, {"a": b"1"}, Meta())
    found = restore(shared, f"--deadline={at(1.0)}")
    assert found.exit_code == 0
    assert "the deadline of the run is over" in found.stderr
    assert not (shared / "hit").exists()
    assert restore(shared, "--deadline=9999-01-01T00:00:00Z").exit_code == 0
    assert (shared / "hit").exists()


def test_what_is_too_old_is_replaced_and_reused_from_then_on(shared: Path) -> None:
    def run_step(content: str, *arguments: str) -> str:
        """What a step with its wrapper leaves, where its command would write `content`."""
        for name in (pods.HIT, pods.DONE, pods.MAX_AGE):
            (shared / name).unlink(missing_ok=True)
        assert restore(shared, *arguments).exit_code == 0
        if not (shared / pods.HIT).exists():
            (shared / "kept").mkdir(exist_ok=True)
            (shared / "kept" / "a").write_text(content)
            (shared / pods.DONE).write_text("1")
            assert save(shared).exit_code == 0
            return (shared / "kept" / "a").read_text()
        return (shared / "restored" / "a").read_text()

    with open_cache(f"{shared}-store", clock=lambda: time.time() - 3600) as cache:
        cache.put(KEY, {"a": Content(b"old", "file")})
    assert run_step("new", "--max-age=7200s") == "old"
    assert run_step("new") == "old", "without a limit it is good for ever"
    assert run_step("new", "--max-age=600s") == "new"
    assert run_step("newer", "--max-age=600s") == "new"
    assert run_step("newer") == "new"


def test_without_an_age_the_first_result_stays(shared: Path) -> None:
    with open_cache(f"{shared}-store") as cache:
        cache.put(KEY, {"other": b"first"})
    assert restore(shared).exit_code == 0  # a miss: it has no output of that name
    (shared / "kept").mkdir()
    (shared / "kept" / "a").write_text("second")
    (shared / pods.DONE).write_text("1")
    assert save(shared).exit_code == 0
    with open_cache(f"{shared}-store") as cache:
        assert [output.name for output in cache.entries()[0].outputs] == ["other"]
