"""Observing: what cannot be told, what fails, and that it leaves nothing behind."""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import threading
import time
import types
from pathlib import Path

import pytest

from couler_plugins.caching.reads import observe, read_sets, recorder, verify
from couler_plugins.caching.reads.observer import learn_libraries
from reads_observed import Observe, recorded


def aged(path: Path) -> Path:
    """A file that was written long enough ago for its signature to tell whether it is written again."""
    time.sleep(2.1)
    return path


def test_a_file_that_changes_meanwhile(data: Path, watch: Observe) -> None:
    path = data / "x.csv"
    for change in (lambda: path.write_text("a,b\n1,3\n"), path.unlink):
        with watch() as seen:
            path.read_text()
            elsewhere(change)
        assert seen.reads is None
        assert str(path) in seen.reason
        path.write_text("a,b\n1,2\n")
    aged(path)
    with watch() as seen:
        path.read_text()
        elsewhere(lambda: path.write_text("a,b\n1,3\n"))
        path.read_text()
    assert f"{path} was changed meanwhile" in seen.reason


def elsewhere(change: object) -> None:
    """Something that others do: nothing of it is seen."""
    from couler_plugins.caching.reads.dispatch import unobserved

    with unobserved():
        change()  # type: ignore[operator]


def test_a_folder_or_status_that_changes_meanwhile(data: Path, watch: Observe) -> None:
    with watch() as seen:
        os.listdir(data)
        elsewhere((data / "y.csv").touch)
    assert "was changed meanwhile" in seen.reason
    with watch() as seen:
        while not (data / "flag").exists():
            elsewhere((data / "flag").touch)
    assert "flag was changed meanwhile" in seen.reason


def test_what_is_no_file(data: Path, watch: Observe) -> None:
    os.mkfifo(data / "fifo")
    thread = threading.Thread(target=lambda: elsewhere(lambda: (data / "fifo").write_text("a")))
    with watch() as seen:
        thread.start()
        (data / "fifo").read_text()
        thread.join()
    assert "is no file" in seen.reason
    with watch() as seen:
        Path("/dev/urandom").open("rb").close()
    assert seen.reason.startswith(f"it reads /dev/urandom, which is no file ({__file__}:")


def test_limits(data: Path, monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    with watch(largest=3) as seen:
        (data / "x.csv").read_text()
    assert seen.reason.startswith(f"{data / 'x.csv'} is larger than 3 bytes")
    monkeypatch.setattr(recorder, "LIMIT", 5)
    with watch() as seen:
        for number in range(6):
            (data / str(number)).exists()
    assert seen.reason.startswith("it reads more than 5 things")


def test_huge_folders(data: Path, monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    from couler_plugins.caching.reads import probes

    for number in range(2_000):
        (data / str(number)).touch()
    with watch() as seen:
        os.listdir(data)
    assert recorded(seen) == {("folder", str(data))}
    monkeypatch.setattr(probes, "ENTRIES", 1_000)
    with watch() as failed:
        os.listdir(data)
    assert failed.reason == f"{data} has more than 1000 entries"
    assert seen.reads is not None
    assert verify(seen.reads) is not None


def test_a_name_that_is_no_text(data: Path, watch: Observe) -> None:
    name = os.fsencode(data) + b"/\xff"
    Path(os.fsdecode(name)).write_text("a")
    with watch() as seen:
        open(name).close()
    assert seen.reason.startswith("its reads cannot be determined")


def test_code_that_fails(data: Path, watch: Observe) -> None:
    before = os.stat
    with pytest.raises(KeyError), watch() as seen:  # noqa: PT012
        assert os.stat is not before
        raise KeyError
    assert os.stat is before
    assert (seen.reads, seen.reason) == (None, "the code has failed")


def test_several_observers(data: Path, watch: Observe) -> None:
    before = os.stat
    with watch() as outer:
        with watch() as inner:
            os.stat(data)
        assert os.stat is not before
        (data / "x.csv").read_text()
    assert os.stat is before
    assert recorded(inner) == {("stat", str(data))}
    assert recorded(outer) == {("stat", str(data)), ("file", str(data / "x.csv"))}


def test_observers_of_threads(data: Path, watch: Observe) -> None:
    before, failures = os.stat, []

    def work() -> None:
        for _ in range(20):
            with watch() as seen:
                (data / "x.csv").read_text()
                os.environ.get("HOME")
            if seen.reads is None or ("file", str(data / "x.csv")) not in recorded(seen):
                failures.append(seen.reason)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failures, os.stat) == ([], before)


def test_what_somebody_else_has_replaced_stays(watch: Observe, monkeypatch: pytest.MonkeyPatch) -> None:
    before = os.getcwd
    with watch():
        monkeypatch.setattr(os, "getcwd", lambda: "/other")
    assert os.getcwd() == "/other"
    monkeypatch.setattr(os, "getcwd", before)


def test_wrappers_are_like_what_they_wrap(data: Path, watch: Observe) -> None:
    with watch():
        kept = os.stat
        assert os.stat in os.supports_dir_fd
        assert os.open in os.supports_dir_fd
        assert pickle.loads(pickle.dumps(kept)) is kept
        assert kept.__name__ == "stat"

        class Holder:
            stat = os.stat

        assert Holder().stat(data)  # type: ignore[misc, call-arg, arg-type]
    assert kept(data) == os.stat(data)
    assert pickle.loads(pickle.dumps(kept)) is os.stat


def test_the_environment_is_the_same_object(watch: Observe) -> None:
    before, copied = os.environ, os.environ.copy()
    with watch():
        assert os.environ is before
        assert os.environ == copied
    assert type(before) is os._Environ


def test_time_limits_go_through(data: Path, monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    class Late(Exception):
        pass

    def end(*_: object) -> None:
        raise Late

    def slow(*_: object) -> None:
        signal.raise_signal(signal.SIGUSR1)

    before = signal.signal(signal.SIGUSR1, end)
    monkeypatch.setattr(recorder.Recorder, "read", slow)
    try:
        with pytest.raises(Late), watch():
            (data / "x.csv").read_text()
    finally:
        signal.signal(signal.SIGUSR1, before)


def test_failures_of_the_observer_are_no_failures_of_the_code(
    data: Path, monkeypatch: pytest.MonkeyPatch, watch: Observe
) -> None:
    monkeypatch.setattr(read_sets, "LIMIT", 0)
    with watch() as seen:
        assert (data / "x.csv").read_text()
    assert seen.reads is None
    assert "cannot be determined" in seen.reason


def test_standard_input(monkeypatch: pytest.MonkeyPatch, watch: Observe) -> None:
    import io

    monkeypatch.setattr(sys, "stdin", io.StringIO("a\n"))
    with watch() as seen:
        input()
    assert seen.reason.startswith("it reads standard input")


def test_a_forked_child_observes_nothing(data: Path, watch: Observe) -> None:
    with watch() as seen:
        child = os.fork()
        if child == 0:
            os._exit(0 if type(os.environ) is os._Environ and os.stat(data) else 1)
        assert os.waitpid(child, 0)[1] == 0
    assert recorded(seen) == set()


def test_nothing_is_recorded_beside(data: Path) -> None:
    with observe() as seen:
        pass
    (data / "x.csv").read_text()
    assert recorded(seen) == set()


def test_libraries_are_learned_once_and_other_modules_are_asked_each_time(
    data: Path, watch: Observe, monkeypatch: pytest.MonkeyPatch
) -> None:
    learn_libraries()
    asked: list[str] = []

    def is_library(file: str) -> bool:
        asked.append(file)
        return False

    monkeypatch.setattr("couler_plugins.caching.reads.observer.is_library", is_library)
    own = types.ModuleType("of_a_user")
    own.__file__, own.__dict__["exists"] = str(data / "of_a_user.py"), os.path.exists
    monkeypatch.setitem(sys.modules, "of_a_user", own)
    monkeypatch.setitem(sys.modules, "not_importable", None)
    assert own in learn_libraries()
    assert own.__file__ in asked
    assert json.__file__ not in asked
    with watch() as seen:
        own.exists(data / "x.csv")
    assert seen.reads is not None
    assert str(data / "x.csv") in {read.name for read in seen.reads.reads}
