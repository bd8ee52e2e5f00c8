"""What code does beside reading: connections, programs, what it writes, native libraries; and where."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import dbm.dumb
import importlib
import logging
import multiprocessing
import os
import pickle
import shelve
import shutil
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from couler_plugins.caching.reads import Facts, observe
from reads_observed import Observe, missed, recorded, values, written

pytestmark = pytest.mark.sampled


def spawn() -> None:
    process = multiprocessing.get_context("spawn").Process(target=len, args=((),))
    process.start()
    process.join()


def fork() -> None:
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def posix_spawn() -> None:
    os.waitpid(os.posix_spawn("/bin/true", ["true", "secret"], {}), 0)


async def shell() -> None:
    await (await asyncio.create_subprocess_shell("true secret")).wait()


PROGRAMS: dict[str, tuple[Callable[[], Any], str]] = {
    "subprocess": (lambda: subprocess.run(["true", "secret"], check=True), "true"),
    "shell": (lambda: subprocess.run("true secret", shell=True, check=True), "/bin/sh"),
    "executable": (lambda: subprocess.run(["x", "secret"], executable=b"/bin/true", check=True), "/bin/true"),
    "os.system": (lambda: os.system("true secret"), "sh"),
    "asyncio": (lambda: asyncio.run(shell()), "/bin/sh"),
    "posix_spawn": (posix_spawn, "/bin/true"),
    "fork": (fork, "fork"),
    "spawn": (spawn, sys.executable),
}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs(name: str, watch: Observe) -> None:
    run, program = PROGRAMS[name]
    with watch() as seen:
        run()
    assert program in [fact.name for fact in seen.facts.programs]
    assert all(fact.place.startswith(f"{__file__}:") for fact in seen.facts.programs)
    assert "secret" not in repr(seen.facts) + repr(seen.reads) + seen.reason


def test_exec_in_a_fork_ends_no_observation(watch: Observe) -> None:
    with watch() as seen:
        child = os.fork()
        if child == 0:
            os.execv("/bin/true", ["true"])
        os.waitpid(child, 0)
    assert [fact.name for fact in seen.facts.programs] == ["fork"]


def test_connections(tmp_path: Path, watch: Observe) -> None:
    with socket.socket() as server, socket.socket(socket.AF_UNIX) as local, socket.socket() as client:
        server.bind(("127.0.0.1", 0))
        server.listen()
        local.bind(str(tmp_path / "s"))
        local.listen()
        port = server.getsockname()[1]
        with watch() as seen, socket.socket(socket.AF_UNIX) as other, socket.socket(type=socket.SOCK_DGRAM) as datagram:
            client.connect(("127.0.0.1", port))
            other.connect(str(tmp_path / "s"))
            datagram.sendto(b"secret", ("127.0.0.1", 9))
            with contextlib.suppress(OSError):
                socket.create_connection(("localhost", 1))
            with socket.socket(socket.AF_INET6) as six, contextlib.suppress(OSError):
                six.connect(("::1", 1))
    names = [fact.name for fact in seen.facts.connections]
    assert {f"127.0.0.1:{port}", str(tmp_path / "s"), "127.0.0.1:9", "localhost:1", "[::1]:1"} <= set(names)
    assert recorded(seen) == set() or all(kind != "variable" for kind, _ in recorded(seen))
    with watch() as seen, socket.socket() as server:
        server.bind(("127.0.0.1", 0))
    assert [fact.name for fact in seen.facts.connections] == ["127.0.0.1:0"]


def test_asyncio_alone_connects_to_nothing(watch: Observe) -> None:
    with watch() as seen:
        asyncio.run(asyncio.sleep(0))
    assert seen.facts == Facts()


EFFECTS: dict[str, Callable[[Path], Any]] = {
    "open": lambda path: open(path, "w").close(),
    "append": lambda path: open(path, "ab").close(),
    "update": lambda path: open(path, "r+").close(),
    "pathlib": lambda path: path.write_text("a"),
    "os.open": lambda path: os.close(os.open(path, os.O_WRONLY)),
    "truncate": lambda path: os.truncate(path, 0),
    "remove": lambda path: path.unlink(),
    "chmod": lambda path: path.chmod(0o600),
    "utime": lambda path: os.utime(path),
    "touch": lambda path: path.touch(),
    "rename from": lambda path: path.rename(path.parent.parent / "scratch" / "moved"),
    "replace": lambda path: written_by(path.parent.parent / "scratch" / "made").replace(path),
    "copy": lambda path: shutil.copy(written_by(path.parent.parent / "scratch" / "made"), path),
    "sqlite": lambda path: sqlite3.connect(path.with_suffix(".db")).close(),
    "shelve": lambda path: shelve.Shelf(dbm.dumb.open(str(path.with_suffix(".d")))).close(),  # type: ignore[arg-type]
}


def written_by(path: Path) -> Path:
    path.write_text("made")
    return path


@pytest.mark.parametrize("name", EFFECTS)
def test_what_is_written(name: str, data: Path, watch: Observe) -> None:
    with watch() as seen:
        EFFECTS[name](data / "x.csv")
    assert written(seen), seen.reason
    assert all(path.is_relative_to(data.parent) for path in written(seen))
    assert any(path.is_relative_to(data) for path in written(seen))
    assert seen.facts.written[0].place.startswith(f"{__file__}:")
    with watch(outputs=[data]) as allowed:
        pass
    assert allowed.facts.written == ()


def test_outputs_and_temporary_files_are_no_effects(data: Path, watch: Observe) -> None:
    with watch(outputs=[data / "out"], ignored=[data / "log"]) as seen:
        (data / "out").mkdir()
        (data / "out" / "a").write_text("a")
        (data / "log").write_text("line")
        descriptor, scratch = tempfile.mkstemp(dir=data.parent / "scratch")
        os.write(descriptor, b"a")
        os.close(descriptor)
        assert Path(scratch).read_text() + (data / "out" / "a").read_text() == "aa"
        assert os.listdir(data / "out") == ["a"]
    assert written(seen) == []
    assert [fact.name for fact in seen.facts.leftovers] == [scratch]
    assert recorded(seen) == set()


def test_a_folder_of_logs_is_left_out_for_what_writes_logs(data: Path, watch: Observe) -> None:
    with watch(logs=[data]) as seen:
        logger, handler = logging.Logger("x"), logging.FileHandler(data / "own.log")
        logger.addHandler(handler)
        logger.error("line")
        handler.close()
    assert (written(seen), recorded(seen)) == ([], set())
    with watch(logs=[data]) as reading:
        (data / "own.log").read_text()
        (data / "x.csv").write_text("a")
    assert written(reading) == [data / "x.csv"]
    assert ("file", str(data / "own.log")) in recorded(reading)


def test_a_temporary_file_with_a_name_of_its_own_is_an_effect(data: Path, watch: Observe) -> None:
    scratch = data.parent / "scratch"
    with watch() as seen:
        (scratch / "handed.csv").write_text("a")
        (scratch / "gone").write_text("a")
        (scratch / "gone").unlink()
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            Path(folder, "inside").write_text("a")
        kept = Path(tempfile.mkdtemp(dir=scratch)) / "kept"
        kept.write_text("a")
    assert written(seen) == [scratch / "handed.csv"]
    assert str(kept.parent) in [fact.name for fact in seen.facts.leftovers]


def test_a_class_that_is_unpickled_is_read(data: Path, watch: Observe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(data)
    (data / "pickled_steps.py").write_text("class Step: pass\n")
    module = importlib.import_module("pickled_steps")
    (data / "model").write_bytes(pickle.dumps(module.Step()))
    with watch() as seen:
        pickle.loads((data / "model").read_bytes())
    assert ("file", str(data / "pickled_steps.py")) in recorded(seen)
    sys.modules.pop("pickled_steps")


def test_what_stays_what_it_is_under_another_mode_is_read(data: Path, watch: Observe) -> None:
    """A folder whose mode is set does not become the code's own, with all that is in it."""
    with watch(outputs=[data]) as seen:
        data.chmod(0o750)
        assert (data / "x.csv").read_text()
    assert ("file", str(data / "x.csv")) in recorded(seen)
    assert seen.created == frozenset()
    for change in (lambda path: os.truncate(path, 1), lambda path: path.chmod(0o600), os.utime):
        with watch(outputs=[data]) as seen:
            change(data / "x.csv")
        assert ("file", str(data / "x.csv")) in recorded(seen)
        assert seen.created == {os.path.realpath(data / "x.csv")}


def test_folders_that_are_made_on_the_way_are_not_looked_for(data: Path, watch: Observe) -> None:
    with watch(outputs=[data / "a"]) as seen:
        os.makedirs(data / "a" / "b" / "c", exist_ok=True)
    assert recorded(seen) == set()
    with watch(outputs=[data / "a"]) as seen:
        os.makedirs(data / "a" / "b" / "c", exist_ok=True)
    assert recorded(seen) == {("kind", str(data / "a" / "b" / "c"))}


def test_the_process_has_a_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", None)
    with observe() as seen:
        with tempfile.TemporaryDirectory() as folder, tempfile.NamedTemporaryFile() as file:
            Path(folder, "a").write_text("a")
            file.write(b"a")
            assert Path(folder, "a").read_text() == "a"
        shutil.rmtree(tempfile.mkdtemp())
    # Their names begin with it.
    assert (recorded(seen), seen.facts) == ({("variable", "TMPDIR")}, Facts())


def test_a_temporary_file_does_not_make_its_folder(data: Path, watch: Observe) -> None:
    """`tempfile` opens the folder, by an `opener` that opens a file in it, or one without a name."""
    with watch() as seen:
        with tempfile.TemporaryFile("w", dir=data) as nameless, tempfile.NamedTemporaryFile("w", dir=data) as file:
            nameless.write("a")
            file.write((data / "x.csv").read_text())
        with tempfile.NamedTemporaryFile("w", dir=data, delete=False) as kept:
            pass
        os.replace(kept.name, data / "y.csv")
    assert written(seen) == [data / "y.csv"]
    assert os.path.realpath(data) not in seen.created
    assert ("file", str(data / "x.csv")) in recorded(seen)


def test_a_temporary_file_of_before_is_read(data: Path, watch: Observe) -> None:
    left = data.parent / "scratch" / "left.csv"
    left.write_text("left")
    os.utime(left, (1, 1))
    threading.Event().wait(0.05)
    with watch() as seen:
        left.read_text()
    assert recorded(seen) == {("file", str(left))}


def test_what_is_made_and_removed_is_no_effect(data: Path, watch: Observe) -> None:
    with watch(outputs=[data / "x.csv"]) as seen:
        part = data / "x.csv.part"
        part.write_text("new")
        part.replace(data / "x.csv")
        (data / "folder").mkdir()
        (data / "folder").rmdir()
        data.mkdir(exist_ok=True)
        os.makedirs(data, exist_ok=True)
        (data / "never").unlink(missing_ok=True)
    assert written(seen) == []
    assert ("lkind", str(data / "never")) in recorded(seen)


def test_what_is_read_before_it_is_written(data: Path, watch: Observe) -> None:
    path = data / "x.csv"
    with watch(outputs=[path]) as seen:
        old = path.read_text()
        path.write_text(old + "3,4\n")
        path.read_text()
    assert missed(seen) == f"file {path}"
    path.write_text(old)
    assert missed(seen) == ""
    with watch(outputs=[path]) as seen, path.open("a") as stream:  # what is there stays a part of it
        stream.write("5,6\n")
    assert missed(seen) == f"file {path}"
    path.write_text(old)
    assert missed(seen) == ""


def test_what_a_link_gets_at(data: Path, watch: Observe) -> None:
    link = data.parent / "scratch" / "link"
    with watch() as seen:
        link.symlink_to(data / "x.csv")
        link.read_text()
    assert ("file", str(link)) in recorded(seen)
    hard = data.parent / "scratch" / "hard"
    with watch() as seen:
        os.link(data / "x.csv", hard)
        hard.read_text()
    assert ("file", str(data / "x.csv")) in recorded(seen)


def test_native_libraries(data: Path, watch: Observe) -> None:
    with watch() as seen:
        ctypes.CDLL(None)
        ctypes.CDLL("libc.so.6")
        with pytest.raises(OSError, match=r"x\.csv"):
            ctypes.CDLL(str(data / "x.csv"))
    assert [fact.name for fact in seen.facts.native] == [str(data / "x.csv"), "ctypes", "libc.so.6"]
    assert values(seen)["file", str(data / "x.csv")]


def test_a_file_database_that_is_not_there(data: Path, watch: Observe) -> None:
    with watch() as seen:
        sqlite3.connect(":memory:").close()
        sqlite3.connect("file:x?mode=memory", uri=True).close()
    assert recorded(seen) == set()


def test_a_copy_that_sqlite_writes(data: Path, watch: Observe) -> None:
    with watch() as made:
        main = sqlite3.connect(":memory:")
        main.execute(f"vacuum into '{data / 'copy.db'}'")
        main.close()
    assert data / "copy.db" in written(made)


def test_a_connection_of_sqlite_that_nobody_follows(data: Path, watch: Observe) -> None:
    with watch() as seen:
        sqlite3.Connection(":memory:").close()
    assert seen.reads is None
    assert "without its function" in seen.reason
