"""Steps of Python are observed: what they read is compared before their results are used again."""

from __future__ import annotations

import json
import logging
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from couler_plugins.caching.dataplane.strace import strace_problem
from couler_plugins.running.local import observing
from couler_plugins.running.local.caching import Opening
from couler_plugins.running.local.observing import Unusable, observed, reads_of
from running.local.running import Ran, runs, script, workflow
from running.local.test_cache import INPUT, PURE, opened
from support import first_of

pytestmark = pytest.mark.sampled

FIRST_PATH = os.environ.get("PATH")
MAIN = """
steps:
- - {name: a, template: one, arguments: {parameters: [{name: v, value: "1"}]}}
outputs: {parameters: [{name: o, valueFrom: {parameter: "{{steps.a.outputs.result}}"}}]}
"""


class Steps:
    """Runs a workflow of one step of Python, each time in another folder, with one cache.

    Args:
        folder: for all of it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder, self._number = folder, 0
        self.opening: Opening = partial(opened, folder / "cache")

    def run(self, source: str, command: str = "python", **more: str) -> Ran:
        self._number += 1
        text = workflow(MAIN, one=script(source, command, **{"inputs": INPUT, "metadata": PURE, **more}))
        return runs(text, self._folder / str(self._number), opening=self.opening)

    def output(self, source: str, **more: str) -> tuple[str, str]:
        """Whether it was executed, and its result."""
        ran = self.run(source, **more)
        assert ran.well, ran.status
        return fate(ran), ran.outputs["o"]


def fate(ran: Ran) -> str:
    (record,) = [
        each for line in (ran.folder / "records.jsonl").read_text().splitlines() if (each := json.loads(line))["step"]
    ]
    return str(record.get("fate", "computed"))


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Steps:
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    return Steps(tmp_path)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "x").write_text("one")
    return folder


def naming(folder: Path, source: str) -> str:
    """A program that has a folder as `F`; a step's own `/tmp` is another one than that of this machine."""
    return f"F = '/' '{folder.relative_to('/')}'\n{source}"


def add(x: Path) -> None:
    x.with_name("more.py").touch()


def remove(x: Path) -> None:
    x.with_name("more.py").unlink()


TRY = "import sys; sys.path.insert(0, F)\n"


def change(x: Path) -> None:
    x.write_text("two")


def change_back(x: Path) -> None:
    x.write_text("one")


@pytest.mark.parametrize(
    ("source", "change", "back"),
    [
        ("print(open(F + '/x').read())", change, change_back),
        ("import os; print(len(os.listdir(F)))", add, remove),
        ("import os; print(os.path.exists(F + '/more.py'))", add, remove),
        (TRY + "try: import more; print(2)\nexcept ImportError: print(1)\nsys.path.remove(F)", add, remove),
        (TRY + "import importlib.util as u; print(u.find_spec('more') is None)", add, remove),
        ("import atexit; atexit.register(lambda: print(open(F + '/x').read()))", change, change_back),
        (
            "import threading\nthreading.Thread(target=lambda: print(open(F + '/x').read())).start()",
            change,
            change_back,
        ),
        ("import numpy; print(numpy.memmap(F + '/x', mode='r').tobytes().decode())", change, change_back),
    ],
    ids=[
        "a file",
        "a folder",
        "a file that is missing",
        "a module that is missing",
        "a specification",
        "at exit",
        "a thread",
        "memmap",
    ],
)
def test_another_read_is_a_miss_and_the_same_again_a_hit(
    steps: Steps,
    data: Path,
    source: str,
    change: Callable[[Path], object],
    back: Callable[[Path], object],
    caplog: pytest.LogCaptureFixture,
) -> None:
    text = naming(data, source)
    first = steps.output(text)
    assert first[0] == "computed"
    assert steps.output(text) == ("loaded", first[1])
    change(data / "x")
    with caplog.at_level(logging.INFO):
        other = steps.output(text)
    assert (other[0], other[1] == first[1]) == ("computed", False)
    assert "main/a runs again: " in caplog.text
    assert "is not as it was" in caplog.text
    back(data / "x")
    assert steps.output(text) == ("loaded", first[1])


def test_a_database_is_a_read(steps: Steps, data: Path) -> None:
    def change(text: str) -> None:
        with sqlite3.connect(data / "db") as database:
            database.execute("create table if not exists t (v text)")
            database.execute("delete from t")
            database.execute("insert into t values (?)", (text,))
        database.close()

    change("one")
    text = naming(data, "import sqlite3\nprint(sqlite3.connect(F + '/db').execute('select v from t').fetchall())")
    assert [steps.output(text)[0] for _ in range(2)] == ["computed", "loaded"]
    change("two")
    assert steps.output(text) == ("computed", "[('two',)]")


@pytest.mark.parametrize("name", first_of(["HOME", "TZ"], 1))
def test_another_variable_is_a_miss(steps: Steps, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    text = f"import os; print(os.environ['{name}'], os.environ.get('REGION'))"
    found = []
    for value in ("a", "b", "a"):
        monkeypatch.setenv(name, value)
        monkeypatch.setenv("REGION", value)  # no step gets it
        found.append(steps.output(text))
    assert found == [("computed", "a None"), ("computed", "b None"), ("loaded", "a None")]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("open(F + '/made', 'w').close()", "a hit would not write {}/made (line 2)"),
        ("import os; os.path.exists(F + '/x') and os.remove(F + '/x')", "a hit would not write {}/x (line 2)"),
        ("import subprocess; subprocess.run(['/bin/true'])", "it started /bin/true (line 2)"),
        ("import os; os.fork() or os._exit(0)", "it started fork (line 2)"),
        ("import os; print(1, flush=True); os._exit(0)", "it was not observed, or not to its end"),
        ("import os; print(os.getcwd())", "its result contains the path of its own folder"),
        ("import ctypes; ctypes.CDLL(None)", "it loaded ctypes (line 2)"),
        ("open('/dev/u' 'ran' 'dom', 'rb').read(1)", "it reads /dev/urandom, which is no file"),
    ],
    ids=["written", "removed", "a program", "a fork", "an exit", "its own folder", "ctypes", "a device"],
)
def test_what_does_more_than_reading_is_not_kept(
    steps: Steps, data: Path, source: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    text = naming(data, source)
    assert [steps.output(text)[0] for _ in range(2)] == ["computed", "computed"]
    assert f"main/a: the result is not kept: {reason.format(data)}" in caplog.text


def test_a_connection_is_not_kept(steps: Steps, caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        # Its name alone would be an objection, before anything runs.
        text = f"s = __import__('soc' + 'ket'); s.create_connection(('127.0.0.1', {port})).close()"
        assert [steps.output(text)[0] for _ in range(2)] == ["computed", "computed"]
    assert f"the result is not kept: it connected to 127.0.0.1:{port}" in caplog.text


def test_a_connection_that_its_owner_allows_is_kept(steps: Steps) -> None:
    allowed = PURE.replace("pure", "pure, couler.io/cache-allow: network")
    with socket.create_server(("127.0.0.1", 0)) as server:
        text = f"import socket; socket.create_connection(('127.0.0.1', {server.getsockname()[1]})).close(); print(1)"
        assert [steps.output(text, metadata=allowed)[0] for _ in range(2)] == ["computed", "loaded"]


def test_a_program_that_its_owner_allows_is_kept(steps: Steps) -> None:
    text = "import subprocess; subprocess.run(['true'], check=True); print(1)"
    assert [steps.output(text)[0] for _ in range(2)] == ["computed", "computed"]
    allowed = PURE.replace("pure", "pure, couler.io/cache-allow: programs")
    assert [steps.output(text, metadata=allowed)[0] for _ in range(2)] == ["computed", "loaded"]


def test_what_is_its_own_is_no_read(steps: Steps, tmp_path: Path) -> None:
    text = """
import tempfile
from pathlib import Path
with tempfile.TemporaryDirectory() as folder:
    Path(folder, "x").write_text("text")
    Path("/tmp/out").write_text(Path(folder, "x").read_text())
"""
    more = {"outputs": "{parameters: [{name: p, valueFrom: {path: /tmp/out}}]}"}
    ran = steps.run(text, **more)
    assert fate(ran) == "computed"
    assert fate(steps.run(text, **more)) == "loaded"
    (seen,) = ran.folder.glob("steps/*/1/seen")
    assert {kind for kind, *_ in json.loads(seen.read_text())["reads"]} <= {"variable", "variables", "directory"}


NATIVE = "import psutil\nprint(1)"  # nobody has looked at what its compiled code reads


def test_compiled_code_that_nobody_knows_is_not_kept_without_strace(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("psutil")
    monkeypatch.setattr(observing, "_strace", lambda: "")
    assert [steps.output(NATIVE)[0] for _ in range(2)] == ["computed", "computed"]
    assert "it loaded psutil, whose compiled code may read files unseen" in caplog.text


@pytest.mark.skipif(bool(strace_problem()), reason="strace does not work here")
def test_a_file_that_compiled_code_reads_is_a_read(steps: Steps, data: Path) -> None:
    pytest.importorskip("pycurl")
    source = """
import io, pycurl
found, reader = io.BytesIO(), pycurl.Curl()
reader.setopt(reader.URL, "file://" + F + "/x")
reader.setopt(reader.WRITEDATA, found)
reader.perform()
print(found.getvalue().decode())
"""
    found = []
    for text in ("one", "one", "two", "one"):
        (data / "x").write_text(text)
        time.sleep(0.05)  # the clock of files is behind ours, and what may be written meanwhile is not kept
        found.append(steps.output(naming(data, source)))
    # The first run tells that its compiled code is to be traced from then on.
    assert found == [("computed", "one"), ("computed", "one"), ("computed", "two"), ("loaded", "one")]


@pytest.mark.slow
@pytest.mark.skipif(bool(strace_problem()), reason="strace does not work here")
def test_a_table_is_a_read(steps: Steps, data: Path) -> None:
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    found = []
    for number in (1, 1, 2, 1):
        parquet.write_table(pyarrow.table({"a": list(range(number))}), data / "x")
        time.sleep(0.05)
        found.append(steps.output(naming(data, "import pandas\nprint(len(pandas.read_parquet(F)))")))
    assert found == [("computed", "1"), ("computed", "1"), ("computed", "2"), ("loaded", "1")]


def test_a_program_runs_as_if_nobody_looked(steps: Steps, tmp_path: Path) -> None:
    text = """
import sys, pickle, os
def f(): return 1
print([name for name in sys.modules if name.startswith(("couler", "msgspec"))], __name__, len(sys.argv))
print(os.path.basename(__file__), os.path.samefile(sys.path[0], os.path.dirname(__file__)))
print(pickle.loads(pickle.dumps(f))(), sys.modules["__main__"].f is f, pickle.loads(pickle.dumps(os.stat)) is os.stat)
"""
    assert steps.output(text) == ("computed", "[] __main__ 1\nscript True\n1 True True")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["python3.8", "python3.9", "python3.10", "python3.12", "python3.13", "python3.14"])
def test_other_pythons(steps: Steps, data: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    path = shutil.which(name, path=FIRST_PATH)
    if path is None or subprocess.run([path, "-c", "pass"], check=False, capture_output=True).returncode:
        pytest.skip(f"there is no {name}")
    monkeypatch.setenv("PATH", f"{Path(path).parent}:/usr/bin:/bin")
    text = naming(data, "print(open(F + '/x').read())")
    kept = "loaded" if int(name.partition(".")[2]) >= 10 else "computed"
    assert [fate(steps.run(text, name)) for _ in range(2)] == ["computed", kept]
    (data / "x").write_text("two")
    assert steps.run(text, name).outputs == {"o": "two"}


def test_a_failure_shows_the_program_alone(steps: Steps, tmp_path: Path) -> None:
    ran = steps.run("def f():\n    raise ValueError('text')\nf()")
    assert not ran.well
    (log,) = ran.folder.glob("steps/*/1/log")
    assert "entry.py" not in log.read_text()
    assert log.read_text().count("  File ") == 2
    assert "ValueError: text" in ran.status.message
    assert "exit code 3" in steps.run("import sys; sys.exit(3)").status.message


def test_an_observer_that_fails_leaves_a_step_unkept(
    steps: Steps, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    entry = tmp_path / "entry.py"  # without the modules beside it
    entry.write_text(Path(observing.ENTRY).read_text())
    monkeypatch.setattr(observing, "ENTRY", str(entry))
    assert [steps.output("print(1)") for _ in range(2)] == [("computed", "1")] * 2
    assert "the result is not kept: it cannot be observed: ModuleNotFoundError" in caplog.text


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"reason": "", "reads": [["file", "a", "b"]]}'])
def test_what_is_no_record_of_reads_is_not_kept(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "seen").write_bytes(text)
    with pytest.raises(Unusable, match="cannot be determined"):
        reads_of(tmp_path)


@pytest.mark.parametrize(
    ("command", "is_observed"),
    [
        ("python", True),
        ("python3 -u -Xdev -W error -BE", True),
        ("python -m timeit", False),
        ("python -c pass", False),
        ("python -x", False),
    ],
)
def test_options_that_name_another_program_are_left_alone(
    command: str, is_observed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = command.split()
    monkeypatch.setattr(observing, "_strace", lambda: "")
    found = observed(words, Path("/folder"), trace=True)
    assert (found != words) is is_observed
    assert found[: len(words)] == words
    assert found[len(words) + 1 :] == (["/folder/seen", "/folder"] if is_observed else [])


def test_a_step_that_cannot_be_observed_is_not_kept(steps: Steps, caplog: pytest.LogCaptureFixture) -> None:
    assert [fate(steps.run("print(1)", "python, -x")) for _ in range(2)] == ["computed", "computed"]
    assert "the result is not kept: it was not observed" in caplog.text
