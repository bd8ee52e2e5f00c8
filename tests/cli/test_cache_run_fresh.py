"""`couler cache run`: what is kept is what the command has made of what its key says, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cli.cache_processes import KEY, cache

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
    assert f"the result is not kept: nothing has written {output}" in ran.stderr
    assert cache("run", "--key", KEY, "--output", f"o={output}", "--", "sh", "-c", COMMAND).returncode == 0
    assert runs() == 1
    assert cache("restore", KEY, f"o={output}").returncode == 0
    assert "stale" not in Path("a" if output == "a" else "b/x").read_text()


def test_what_a_former_run_has_left_in_a_folder_is_not_taken_for_the_result() -> None:
    Path("b").mkdir()
    for name in ("old", "older", "x"):
        Path(f"b/{name}").write_text("stale")
    Path("b/latest").symlink_to("old")
    command = ("run", "--key", KEY, "--output", "o=b", "--", "sh", "-c", COMMAND)
    ran = cache(*command)
    assert ran.returncode == 0
    assert "nothing has written b/latest, b/old, b/older: remove what" in ran.stderr
    for name in ("old", "older", "latest"):
        Path(f"b/{name}").unlink()
    assert cache(*command).stderr == "said\n", "what it writes again counts"
    assert cache("restore", KEY, "o=again").returncode == 0
    assert [path.name for path in Path("again").iterdir()] == ["x"]


def test_what_is_written_again_with_the_same_bytes_is_a_result() -> None:
    Path("b/deep").mkdir(parents=True)
    for name in ("b/x", "b/deep/y"):
        Path(name).write_text("same")
    written = "printf same > b/x; touch -d 2001-01-01 b/x; cp b/deep/y y; mv y b/deep/y"
    assert cache("run", "--key", KEY, "--output", "o=b", "--", "sh", "-c", written).stderr == ""
    assert cache("restore", KEY, "o=again").returncode == 0


@pytest.mark.parametrize("change", ["chmod 700 b/old", "mv b/old b/older", "ln b/old b/older", "mv b c; mv c b"])
def test_what_a_former_run_has_left_is_not_the_result_under_another_name_or_mode(change: str) -> None:
    Path("b").mkdir()
    Path("b/old").write_text("stale")
    ran = cache("run", "--key", KEY, "--output", "o=b", "--", "sh", "-c", f"echo new > b/x; {change}")
    assert ran.returncode == 0
    assert "the result is not kept: nothing has written b/old" in ran.stderr
    assert cache("ls").stdout == ""


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
    assert "not kept: what it was computed from was changed meanwhile" in ran.stderr
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
