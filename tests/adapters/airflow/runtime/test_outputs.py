"""Files and folders that a task makes: kept where its owner has named them, and put back by hits."""

from __future__ import annotations

import logging
import os
import shutil
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from airflow_runs import Runs
from couler_airflow.marks import cached
from couler_plugins.cli.group import couler
from couler_plugins.errors import InvalidInput

pytestmark = [pytest.mark.airflow, pytest.mark.sampled]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is not one of temporary files."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Callable[[], str]:
    """What our log says."""
    log = logging.Logger("outputs")  # Airflow switches off those that it finds by name
    log.addHandler(caplog.handler)
    monkeypatch.setattr("couler_airflow.runtime.run.log", log)
    return lambda: caplog.text


def body(code: str) -> str:
    head = "import os\nfrom pathlib import Path\nwith DAG('d') as dag:\n    @task\n    def work(x):\n"
    return f"{head}{textwrap.indent(code, ' ' * 8)}\n    work(5)\n"


def write(path: Path, what: str = "str(x)") -> str:
    return f"return Path({str(path)!r}).write_text({what})"


def test_a_hit_puts_back_what_is_missing_or_another(runs: Runs, data: Path, said: Callable[[], str]) -> None:
    out = data / "out.csv"
    text = body(f"path = Path({str(out)!r})\nsize = path.write_text(str(x))\npath.chmod(0o640)\nreturn size")
    given: dict[str, Any] = {"outputs": (str(out),)}
    assert runs.run(text, **given)[1]["hit"] is False
    status = out.stat()
    value, told = runs.run(text, **given)
    assert (value, told["hit"], told["restored"]) == (1, True, [])
    assert out.stat() == status, "what is as it was is left alone"
    assert "put back: nothing, all is in place" in said()
    for spoil in (out.unlink, lambda: out.write_text("other"), lambda: out.chmod(0o600)):
        spoil()
        _, told = runs.run(text, **given)
        assert (told["hit"], told["restored"], out.read_text()) == (True, [str(out)], "5")
        assert out.stat().st_mode == status.st_mode
    assert runs.calls == 1
    assert f"put back: {out}" in said()
    assert [*data.iterdir()] == [out]


def test_what_returns_nothing_is_kept_for_its_outputs(runs: Runs, data: Path) -> None:
    out = data / "2026" / "01" / "out.csv"
    text = body(f"Path({str(out.parent)!r}).mkdir(parents=True)\n" + write(out).replace("return ", ""))
    _, computed = runs.run(text, outputs=(str(out),))
    assert computed["hit"] is False
    shown = CliRunner().invoke(couler, ["cache", "show", "--store", str(runs.folder), computed["key"][:12]])
    assert f"  it keeps {out}: 1 B, sha256 " in shown.output
    shutil.rmtree(data / "2026")
    value, told = runs.run(text, outputs=(str(out),))
    assert (value, told["hit"], out.read_text()) == (None, True, "5")


def test_paths_are_templates_of_the_run(runs: Runs, data: Path) -> None:
    text = body("path = Path(x, '2026-01-01.csv')\npath.write_text('5')").replace("work(5)", f"work({str(data)!r})")
    outputs = ("{{ task.op_args[0] }}/{{ ds }}.csv",)
    assert [runs.run(text, outputs=outputs)[1]["hit"] for _ in range(2)] == [False, True]
    (data / "2026-01-01.csv").unlink()
    assert runs.run(text, outputs=outputs)[1]["restored"] == [str(data / "2026-01-01.csv")]


def test_another_path_is_another_result(runs: Runs, data: Path) -> None:
    text = body(f"for name in 'ab': Path({str(data)!r}, name).write_text('5')")
    keys = {
        runs.run(text, outputs=tuple(f"{data}/{name}" for name in names))[1]["key"] for names in ("ab", "ba", "abc")
    }
    assert len(keys) == 2


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("data/out.csv", "its output 'data/out.csv' is not an absolute path"),
        ("/data/../etc/passwd", "its output '/data/../etc/passwd' has '..' in it"),
        ("/", "its output '/' is the root folder"),
        ("/data/\ud800", "its output '/data/\\ud800' has characters that no file name has"),
        ("/data/{{ nothing }}", "its output '/data/{{ nothing }}' cannot be rendered (UndefinedError)"),
        ("/data/{{", "its output '/data/{{' cannot be rendered (TemplateSyntaxError)"),
    ],
)
def test_a_path_that_is_none_makes_no_key(runs: Runs, path: str, reason: str) -> None:
    value, told = runs.run(outputs=(path,))
    assert (value, told["reason"], told["rules"]) == (10, reason, ["outputs"])


def test_outputs_are_not_in_each_other(runs: Runs) -> None:
    _, told = runs.run(outputs=("/data/a/b", "/data/a", "/data/ab"))
    assert told["reason"] == "its output /data/a/b is inside its output /data/a"


REFUSED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "another": ("Path(D, 'out').touch(); Path(D, 'other').touch()", "a hit would not write {0}/other", {}),
    "nothing": ("return 1", "it has not made its output {0}/out", {}),
    "old": ("return os.path.exists(D + '/there')", "it has not written its output {0}/there", {"out": "there"}),
    "link": ("os.symlink('/etc/passwd', D + '/out')", "its output {0}/out is a link", {}),
    "link out": ("os.mkdir(D + '/out'); os.symlink('/etc', D + '/out/l')", "the link 'l' leads out of its folder", {}),
    "pipe": ("os.mkdir(D + '/out'); os.mkfifo(D + '/out/p')", "'p' is neither a file, a folder nor a link", {}),
    "foreign": (
        "Path(D, 'full', 'new').touch()",
        "its output {0}/full holds 'old', which it has not written",
        {"out": "full"},
    ),
    "mode": (
        "os.chmod(D + '/full', 0o755); Path(D, 'full', 'new').touch()",
        "its output {0}/full holds 'old', which it has not written",
        {"out": "full"},
    ),
    "private": (
        "os.mkdir(D + '/out'); Path(D, 'out', '{s}').touch(0o600)",
        "its output {0}/out holds '{{s}}', which only its owner may read",
        {},
    ),
    "beside": (
        "os.mkdir(D + '/a'); Path(D, 'a', 'out').touch(); Path(D, 'a', 'b').touch()",
        "a hit would not write {0}/a",
        {"out": "a/out"},
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_its_own_or_not_named_is_not_kept(
    runs: Runs, data: Path, name: str, said: Callable[[], str]
) -> None:
    code, reason, given = REFUSED[name]
    (data / "there").touch()
    (data / "full").mkdir()
    (data / "full" / "old").touch()
    text = body(code.replace("D", repr(str(data))))
    _, told = runs.run(text, outputs=(f"{data}/{given.get('out', 'out')}",))
    assert told["cached"] is False
    assert reason.format(data) in told["reason"]
    assert reason.format(data) in said()
    assert runs.entries() == []


def test_a_folder_is_put_back_as_it_was_but_not_over_what_others_put_there(
    runs: Runs, data: Path, said: Callable[[], str]
) -> None:
    out = data / "out"
    code = (
        f"os.makedirs({str(out / 'b')!r}, exist_ok=True)\nx = str(x)\n{write(out / 'a')} + {write(out / 'b' / 'c')[7:]}"
    )
    text = body(code)
    given: dict[str, Any] = {"outputs": (str(out),)}
    runs.run(text, **given)
    shutil.rmtree(out / "b")
    (out / "a").write_text("other")
    _, told = runs.run(text, **given)
    assert (told["hit"], told["restored"]) == (True, [str(out)])
    assert ((out / "a").read_text(), (out / "b" / "c").read_text()) == ("5", "5")
    (out / "theirs").touch()
    value, told = runs.run(text, **given)
    assert (value, told["cached"], runs.calls) == (2, False, 2)
    assert (out / "theirs").exists()
    assert f"computed again: {out} holds 'theirs' now" in said()


def test_what_an_output_held_before_counts(runs: Runs, data: Path) -> None:
    out = data / "log"
    text = body(f"with open({str(out)!r}, 'a') as file:\n    file.write('x')\nreturn Path({str(out)!r}).read_text()")
    given: dict[str, Any] = {"outputs": (str(out),), "allow": ("files",)}  # whatever is allowed
    values = [runs.run(text, **given) for _ in range(3)]
    assert [(value, told["cached"]) for value, told in values] == [("x", True), ("xx", False), ("xxx", False)]
    assert values[1][1]["reason"].startswith(f"it has read its output {out} and made another of it")
    out.unlink()
    value, told = runs.run(text, **given)
    assert (value, told["hit"], out.read_text()) == ("x", True, "x")


def test_an_output_that_is_written_again_as_it_was_is_kept(runs: Runs, data: Path) -> None:
    out = data / "out"
    out.write_text("5")
    text = body(f"with open({str(out)!r}, 'r+') as file:\n    file.write(str(x))\nreturn x")
    assert [runs.run(text, outputs=(str(out),))[1]["hit"] for _ in range(2)] == [False, True]


def test_what_a_program_writes_is_seen_by_what_has_changed(runs: Runs, data: Path) -> None:
    out = data / "out"
    text = body(f"import subprocess\nsubprocess.run(['sh', '-c', 'echo 5 > {out}'], check=True)")
    given: dict[str, Any] = {"outputs": (str(out),), "allow": ("programs",)}
    assert [runs.run(text, **given)[1]["hit"] for _ in range(2)] == [False, True]
    out.unlink()
    assert runs.run(text, **given)[1]["restored"] == [str(out)]


@pytest.mark.parametrize("there", ["folder", "link", "pipe"])
def test_what_is_no_file_at_the_place_of_one_is_left_alone(runs: Runs, data: Path, there: str) -> None:
    out, other = data / "out", data / "other"
    text = body(write(out))
    runs.run(text, outputs=(str(out),))
    out.unlink()
    if there == "folder":
        out.mkdir()
    else:
        out.symlink_to(other) if there == "link" else os.mkfifo(out)
    _, told = runs.run(text, outputs=(str(out),), compute=lambda: 7)
    assert (told["cached"], other.exists(), out.is_file()) == (False, False, False)


def test_a_store_without_the_outputs_is_a_miss(runs: Runs, data: Path, said: Callable[[], str]) -> None:
    from couler_plugins.caching.artifacts import open_cache

    out = data / "out"
    text = body(write(out))
    given: dict[str, Any] = {"outputs": (str(out),)}
    _, first = runs.run(text, **given)
    with open_cache(runs.folder) as cache:
        (key,) = (entry.key for entry in cache.entries() if entry.key != first["key"])
        cache.remove(key)
    assert runs.run(text, **given)[1]["hit"] is True, "all is in place"
    out.unlink()
    value, told = runs.run(text, **given)
    assert (value, told["hit"], out.read_text()) == (1, False, "5")
    assert "computed again: the outputs are not in the store any more" in said()
    out.unlink()
    assert runs.run(text, **given)[1]["restored"] == [str(out)]


def test_a_store_that_hangs_leaves_nothing_behind(runs: Runs, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from couler_plugins.caching.artifacts import Hit

    out = data / "out"
    text = body(write(out))
    runs.run(text, outputs=(str(out),))
    out.unlink()
    runs.set(cache_timeout="0.3")
    free, done, save = threading.Event(), threading.Event(), Hit.save

    def hang(self: Hit, name: str, path: Path) -> None:
        free.wait(10)
        try:
            save(self, name, path)
        finally:
            done.set()

    monkeypatch.setattr(Hit, "save", hang)
    _, told = runs.run(text, outputs=(str(out),))
    assert (told["cached"], out.read_text()) == (False, "5")
    out.write_text("mine")
    free.set()
    assert done.wait(10)
    for thread in threading.enumerate():
        if thread.name.startswith("couler cache"):
            thread.join(10)
    assert ([*data.iterdir()], out.read_text()) == ([out], "mine")


def test_another_run_that_makes_the_same_is_noticed(runs: Runs, data: Path) -> None:
    from couler_plugins.caching.dataplane.fresh_outputs import OutputLocks
    from couler_plugins.caching.reads.dispatch import unobserved

    out = data / "out"
    other = OutputLocks()

    def compute() -> int:
        with unobserved():  # it stands for another process
            other.take([out])
        return out.write_text("5")

    _, told = runs.run(outputs=(str(out),), compute=compute)
    assert told["reason"] == f"another run makes {out} at the same time"
    other.take([out])
    _, told = runs.run(outputs=(str(out),), compute=lambda: out.write_text("5"))
    assert told["reason"] == f"another run makes {out} at the same time", "it has begun before"
    other.close()
    runs.run(outputs=(str(out),), compute=lambda: out.write_text("5"))
    out.unlink()
    other.take([out])
    _, told = runs.run(outputs=(str(out),))
    assert (told["restored"], other.disturbed()) == ([str(out)], [out]), "who makes it now is told"
    other.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not tell what is open")
def test_what_is_still_open_may_not_be_whole(runs: Runs, data: Path) -> None:
    files = []

    def compute() -> int:
        files.append((data / "out").open("w"))
        return files[0].write("5")

    _, told = runs.run(outputs=(str(data / "out"),), compute=compute)
    assert told["reason"] == f"its output {data}/out is still open, and may not be whole"
    files[0].close()


def test_outputs_are_texts_of_a_task(runs: Runs) -> None:
    for wrong in ("/data/out", (Path("/data/out"),)):
        with pytest.raises(InvalidInput, match="outputs is a tuple or a list of texts"):
            cached(outputs=wrong)  # type: ignore[arg-type]  # no texts, as people write it
    with pytest.raises(InvalidInput, match="a DAG has no outputs"):
        cached(runs.files.dag("with DAG('d') as dag: pass"), outputs=("/data/out",))  # type: ignore[call-overload]  # a DAG has none


def test_a_name_that_is_no_utf8_is_kept(runs: Runs, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("couler_airflow.runtime.run.log", logging.Logger("quiet"))  # reports of tests are UTF-8
    out = data / "out\udcff"
    try:
        out.touch()
    except OSError:
        pytest.skip("the file system takes no such name")
    text = body(f"return Path({str(out)!r}).write_text('5')")
    assert [runs.run(text, outputs=(str(out),))[1]["hit"] for _ in range(2)] == [False, True]
