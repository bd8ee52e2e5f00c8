"""`couler cache run`: what is kept is what the command has made of what its key says, and nothing else."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from unittest import mock

import pytest

from cli.cache_processes import KEY, cache, left_aside, start, until
from couler_plugins.caching.dataplane.fresh_outputs import FreshOutputs
from support import first_of

pytestmark = pytest.mark.sampled

COMMAND = "echo ran >> log; echo one > a; mkdir -p b; echo two > b/x; echo shown; echo said >&2"
OUTPUTS = ("--output", "a=a", "--output", "b=b")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runs() -> int:
    return Path("log").read_text().count("ran") if Path("log").exists() else 0


@pytest.mark.parametrize("output", ["a", "b"])
def test_what_was_there_before_is_not_taken_for_the_result(output: str) -> None:
    Path("a").write_text("stale")
    Path("b").mkdir()
    Path("b/x").write_text("stale")
    ran = cache("run", "--key", KEY, "--output", f"o={output}", "--", "true")
    assert ran.returncode == 0
    assert f"the result is not kept: nothing has written {Path(output).resolve()}" in ran.stderr
    assert Path("a" if output == "a" else "b/x").read_text() == "stale", "it is back"
    assert cache("run", "--key", KEY, "--output", f"o={output}", "--", "sh", "-c", COMMAND).returncode == 0
    assert runs() == 1
    assert cache("restore", KEY, f"o={output}").returncode == 0
    assert "stale" not in Path("a" if output == "a" else "b/x").read_text()
    assert left_aside() == []


@pytest.mark.parametrize(
    ("command", "made"),
    first_of(
        [
            pytest.param(*each)
            for each in [
                ("touch a", ""),
                ("echo new >> a", "new\n"),
                ("cp -p source a", "source"),
                ("test -e a || echo missing > a", "missing\n"),
                ("ln source a", "source"),
            ]
        ],
        2,
    ),
)
def test_an_output_is_made_anew(command: str, made: str) -> None:
    Path("source").write_text("source")
    os.utime("source", (1, 1))
    Path("a").write_text("stale")
    os.utime("a", (1, 1))
    ran = cache("run", "--key", KEY, "--output", "o=a", "--", "sh", "-c", command)
    assert (ran.returncode, ran.stderr, Path("a").read_text()) == (0, "", made)
    assert cache("restore", KEY, "o=again").returncode == 0
    assert Path("again").read_text() == made
    assert left_aside() == []


def test_a_folder_is_empty_when_the_command_begins() -> None:
    Path("b").mkdir(mode=0o750)
    Path("b/old").write_text("stale")
    ran = cache("run", "--key", KEY, "--output", "o=b", "--", "sh", "-c", "echo new > b/x")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert [path.name for path in Path("b").iterdir()] == ["x"]
    assert Path("b").stat().st_mode & 0o777 == 0o750
    assert cache("restore", KEY, "o=again").returncode == 0
    assert [path.name for path in Path("again").iterdir()] == ["x"]


@pytest.mark.parametrize(
    "command", first_of(["echo half > a; echo half > b/half; exit 3", "exit 3", "rm -rf b; exit 3"])
)
def test_what_was_there_before_is_back_where_the_command_fails(command: str) -> None:
    Path("a").write_text("before")
    Path("b").mkdir()
    Path("b/x").write_text("before")
    ran = cache("run", "--key", KEY, *OUTPUTS, "--", "sh", "-c", command)
    assert ran.returncode == 3
    assert "the command began without" in ran.stderr
    assert (Path("a").read_text(), Path("b/x").read_text()) == ("before", "before")
    assert [path.name for path in Path("b").iterdir()] == ["x"]
    if "half" in command:
        assert Path(".couler-failed-a").read_text() == Path(".couler-failed-b/half").read_text() == "half\n"
        assert f"is {Path('.couler-failed-a').resolve()} now" in ran.stderr
    assert not list(Path().glob(".couler-before-*"))


def test_what_a_command_that_fails_leaves_stays_where_nothing_was_before() -> None:
    assert cache("run", "--key", KEY, "--output", "o=a", "--", "sh", "-c", "echo half > a; exit 3").returncode == 3
    assert Path("a").read_text() == "half\n"


@pytest.mark.parametrize("number", first_of([signal.SIGTERM, signal.SIGINT, signal.SIGHUP]))
def test_what_was_there_before_is_back_after_a_signal(number: int) -> None:
    Path("a").write_text("before")
    process = start("run", "--key", KEY, "--output", "o=a", "--", "sh", "-c", "echo half > a; exec sleep 60")
    until(lambda: Path("a").exists() and Path("a").read_text() == "half\n")
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert Path("a").read_text() == "before"


def test_what_a_killed_run_has_set_aside_is_named() -> None:
    Path("a").write_text("before")
    process = start("run", "--key", KEY, "--output", "o=a", "--", "sh", "-c", "echo $$ > a; exec sleep 60")
    until(lambda: Path("a").exists() and Path("a").read_text().strip().isdigit())
    process.kill()
    os.kill(int(Path("a").read_text()), signal.SIGKILL)
    process.communicate(timeout=30)
    [aside] = Path().glob(".couler-before-*-a")
    assert aside.read_text() == "before"
    again = cache("run", "--key", KEY, "--output", "o=a", "--", "sh", "-c", "echo new > a")
    assert again.returncode == 0
    assert f"set aside by a run that was killed or is still at work: it is {aside.resolve()}" in again.stderr
    assert aside.read_text() == "before"


def test_what_cannot_be_set_aside_is_not_kept() -> None:
    Path("b").mkdir()
    Path("b/a").write_text("stale")
    with mock.patch("pathlib.Path.rename", side_effect=PermissionError(13, "Permission denied")):
        fresh = FreshOutputs([Path("b/a").resolve()])
        fresh.begin()
    assert "was there before, and cannot be set aside (Permission denied)" in fresh.objection()
    fresh.end(succeeded=True)
    assert Path("b/a").read_text() == "stale"


def test_of_two_runs_that_make_the_same_output_none_is_kept() -> None:
    Path("a").write_text("before")
    slow = start(
        *("run", "--key", KEY, "--output", "o=a", "--"),
        *("sh", "-c", "echo half > a; until test -e go; do sleep 0.05; done; echo one >> a"),
    )
    until(lambda: Path("a").exists() and Path("a").read_text() == "half\n")
    other = cache("run", "--key", "1" * 64, "--output", "o=a", "--", "sh", "-c", "echo two > a")
    assert (other.returncode, Path("a").read_text()) == (0, "two\n")
    Path("go").touch()
    _, stderr = slow.communicate(timeout=30)
    for text in (other.stderr, stderr):
        assert f"the result is not kept: another run makes {Path('a').resolve()} at the same time" in text
    assert cache("ls").stdout == ""
    assert left_aside() == []
    assert cache("run", "--key", KEY, "--output", "o=a", "--", "sh", "-c", "echo one > a").stderr == ""


def test_a_long_name_can_be_set_aside() -> None:
    name = "ä" * 127
    Path(name).write_text("stale")
    ran = cache("run", "--key", KEY, "--output", f"o={name}", "--", "sh", "-c", f"echo new >> {name}")
    assert (ran.returncode, ran.stderr, Path(name).read_text()) == (0, "", "new\n")


def test_where_the_store_is_away_outputs_are_made_anew_as_well() -> None:
    Path("a").write_text("stale")
    ran = cache(
        "run", "--key", KEY, "--output", "o=a", "--", "sh", "-c", "echo new >> a", COULER_CACHE_STORE="/proc/no"
    )
    assert (ran.returncode, Path("a").read_text()) == (0, "new\n")


def derived(*arguments: str, program: str = "train.sh") -> bool:
    """Runs a program under the key that follows from it; whether it has run."""
    before = runs()
    ran = cache("run", "--program", program, *arguments)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr == ""
    return runs() > before


def test_the_key_follows_from_all_that_is_run() -> None:
    Path("train.sh").write_text("echo ran >> log; echo $* > a")
    Path("data").write_text("1,2")
    usual = ("--file", "d=data", "--value", "r=1", "--output", "a=a", "--", "sh", "train.sh", "--rate", "1")
    assert derived(*usual)
    assert not derived(*usual)
    assert derived(*usual[:-1], "2")
    assert Path("a").read_text() == "--rate 2\n"
    assert derived(*usual[:2], "--value", "r=2", *usual[4:])
    assert derived("--value", "r=1", *usual[4:])
    Path("data").write_text("1,3")
    assert derived(*usual)
    Path("train.sh").write_text("echo ran >> log; echo new > a")
    assert derived(*usual)
    assert not derived(*usual)


def test_what_is_taken_for_the_result_is_in_the_key() -> None:
    Path("train.sh").write_text("echo ran >> log; echo one > a; echo two > b")
    for name, text in (("a", "one"), ("b", "two")):
        assert derived("--output", f"o={name}", "--", "sh", "train.sh")
        assert Path(name).read_text() == f"{text}\n"
        Path(name).unlink()
        assert not derived("--output", f"o={name}", "--", "sh", "train.sh")
        assert Path(name).read_text() == f"{text}\n"


def test_a_folder_with_what_running_it_writes_is_the_same_program() -> None:
    Path("src").mkdir()
    Path("src/lib.py").write_text("text = 'ran'")
    Path("src/main.py").write_text("import lib; open('log', 'a').write(lib.text); open('a', 'w').write('one')")
    arguments = ("--output", "a=a", "--", "env", "-u", "PYTHONDONTWRITEBYTECODE", sys.executable, "src/main.py")
    assert derived(*arguments, program="src")
    assert Path("src/__pycache__").is_dir()
    assert not derived(*arguments, program="src")


def test_what_changes_while_the_command_runs_is_not_what_the_result_is_of() -> None:
    Path("data").write_text("1,2")
    command = ("--output", "a=a", "--", "sh", "-c", "cp data a; echo 1,3 > data")
    ran = cache("run", "--file", "d=data", *command)
    assert ran.returncode == 0
    assert "not kept: --file d=data was changed while the command ran" in ran.stderr
    assert cache("ls").stdout == ""


def test_the_key_is_said_to_whoever_asks() -> None:
    key = cache("key", "--program", "/dev/null", "x=1")
    ran = cache("run", "-v", "--key", key.stdout.strip(), "--output", "a=a", "--", "sh", "-c", COMMAND)
    assert f"the key is {key.stdout}" in ran.stderr


def test_a_link_is_written_through_by_command_and_cache_alike() -> None:
    Path("real").mkdir()
    Path("link").symlink_to("real")
    for _ in range(2):
        ran = cache("run", "--key", KEY, "--output", "o=link", "--", "sh", "-c", "echo ran >> log; echo new > link/x")
        assert (ran.returncode, ran.stderr) == (0, "")
        assert Path("link").is_symlink()
        assert Path("real/x").read_text() == "new\n"
        Path("real/x").unlink()
    assert Path("log").read_text() == "ran\n"
