"""`couler cache run`: all that the call says of its inputs is in the key, and holds still while the command runs."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path

import pytest

from cli.cache_processes import COULER, KEY, cache, environment
from support import first_of

pytestmark = pytest.mark.sampled


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(*arguments: str, **more: str) -> str:
    """Runs a command that writes `a`, and returns that."""
    Path("a").unlink(missing_ok=True)
    ran = cache("run", *arguments, **more)
    assert (ran.returncode, ran.stderr) == (0, "")
    return Path("a").read_text().strip()


# A file that is back is like before but for its times, its inode, or both.
@pytest.mark.parametrize(
    "change",
    first_of(
        [
            "echo 2 > data; cp data a; echo 1 > data",
            "cp -p data kept; echo 2 > data; cp data a; cp -p kept data",
            "mv data kept; echo 2 > data; cp data a; mv kept data",
            "touch -r data then; echo 2 > data; cp data a; echo 1 > data; touch -r then data",
        ]
    ),
)
@pytest.mark.parametrize("option", ["--file", "--program", "word"])
def test_an_input_that_is_changed_and_put_back_is_noticed(option: str, change: str) -> None:
    Path("data").write_text("1\n")
    given = {"--file": ["--file", "d=data"], "--program": ["--program", "data"], "word": ["--value", "x=1"]}[option]
    ran = cache("run", *given, "--output", "o=a", "--", "sh", "-c", change, "data")
    assert ran.returncode == 0
    assert "the result is not kept: " in ran.stderr
    assert "data' was changed while" in ran.stderr or "data was changed while" in ran.stderr
    assert Path("data").read_text() == "1\n"
    assert cache("ls").stdout == ""


@pytest.mark.parametrize("option", ["--file", "--program"])
def test_what_is_changed_and_put_back_in_a_folder_is_noticed(option: str) -> None:
    Path("data").mkdir()
    Path("data/x").write_text("1\n")
    given = "d=data" if option == "--file" else "data"
    change = "echo 2 > data/x; cp data/x a; echo 1 > data/x"
    ran = cache("run", option, given, "--output", "o=a", "--", "sh", "-c", change)
    assert f"the result is not kept: {option} {given} was changed" in ran.stderr


def test_a_file_that_a_word_names_counts() -> None:
    Path("p.sh").write_text("cat q > a; if test -x q; then echo may >> a; fi")
    for word in ("q", "--with=q"):
        for text in ("1", "2", "1"):
            Path("q").write_text(text)
            assert made("--program", "p.sh", "--output", "o=a", "--", "sh", "p.sh", word) == text
    Path("q").chmod(0o755)
    assert made("--program", "p.sh", "--output", "o=a", "--", "sh", "p.sh", "q") == "1may"


def test_a_file_that_a_word_names_and_the_command_writes_has_to_be_an_output() -> None:
    command = ("--", "sh", "-c", "echo 1 > a; echo made > log", "log")
    ran = cache("run", "--value", "x=1", "--output", "o=a", *command)
    assert "'log' was changed while the command ran: if the command writes it, make it an --output" in ran.stderr
    assert cache("run", "--value", "x=1", "--output", "o=a", "--output", "l=log", *command).stderr == ""
    Path("log").unlink()
    assert cache("run", "--value", "x=1", "--output", "o=a", "--output", "l=log", *command).stderr == ""
    assert Path("log").read_text() == "made\n"


@pytest.mark.parametrize("word", ["pipe", "/dev/urandom"])
def test_what_has_no_content_is_no_input(word: str) -> None:
    os.mkfifo("pipe")
    ran = cache("run", "--value", "x=1", "--output", "o=a", "--", "sh", "-c", "echo 1 > a", word)
    assert (ran.returncode, ran.stderr) == (
        0,
        f"warning: nothing is cached: '{word}' is neither a file nor a folder\n",
    )
    assert not Path("store").exists()


def test_a_variable_counts_where_it_is_declared_or_a_word_names_it() -> None:
    Path("p.sh").write_text('echo "${V-none}" > a')
    declared = ("--program", "p.sh", "--env", "V", "--output", "o=a", "--", "sh", "p.sh")
    named = ("--value", "x=1", "--output", "o=a", "--", "sh", "-c", 'echo "${V-none}" > a')
    for call in (declared, named):
        assert made(*call, V="1") == "1"
        assert made(*call, V="2") == "2"
        assert made(*call) == "none"
        ran = subprocess.run(
            [*COULER, "run", *call], env={**environment(), "V": ""}, stdin=subprocess.DEVNULL, check=True
        )
        assert ran.returncode == 0
        assert Path("a").read_text() == "\n", "what is empty is there"


@pytest.mark.parametrize("name", ["", "A=B"])
def test_what_is_no_name_of_a_variable_is_wrong_usage(name: str) -> None:
    ran = cache("run", "--env", name, "--output", "o=a", "--", "touch", "ran")
    assert ran.returncode == 2
    assert "is no name of an environment variable" in ran.stderr
    assert not Path("ran").exists()


def piped(text: str | None, *arguments: str) -> tuple[str, str]:
    """Runs `cat > a` with a text in a pipe, or with what `stdin` of subprocess takes; what it has made, and stderr."""
    Path("a").unlink(missing_ok=True)
    ran = subprocess.run(
        [*COULER, "run", *arguments, "--output", "o=a", "--", "sh", "-c", "echo ran >> log; cat > a"],
        input=text,
        capture_output=True,
        text=True,
        env=environment(),
        check=True,
    )
    return Path("a").read_text(), ran.stderr


def runs() -> int:
    return Path("log").read_text().count("ran")


def test_the_standard_input_counts_where_it_is_declared() -> None:
    assert piped("one", "--stdin") == ("one", "")
    assert piped("two", "--stdin") == ("two", "")
    assert piped("one", "--stdin") == ("one", "")
    assert runs() == 2
    assert piped("", "--stdin") == ("", "")
    assert piped("", "--value", "x=1") == ("", ""), "a closed pipe"
    assert runs() == 4
    assert piped("", "--value", "x=1") == ("", "")
    assert runs() == 4


def test_a_standard_input_that_is_not_declared_is_read_and_nothing_is_cached() -> None:
    for text in ("one", "two"):
        content, stderr = piped(text, "--value", "x=1")
        assert content == text
        assert "nothing is cached: the standard input may have something in it; add --stdin, or </dev/null" in stderr
    assert cache("ls").stdout == ""


def test_a_key_is_its_owners_word_for_the_standard_input_as_well() -> None:
    assert piped("one", "--key", KEY) == ("one", "")
    assert piped("two", "--key", KEY) == ("one", "")


@pytest.mark.parametrize(
    "kind", first_of(["closed", "null", "open pipe", "empty file", "file", "socket", "closed socket"], 3)
)
def test_what_a_runner_has_as_standard_input(kind: str) -> None:
    Path("empty").touch()
    Path("full").write_text("text")
    read, write = os.pipe()
    one, other = socket.socketpair()
    if kind == "closed socket":
        other.close()
    stdin: dict[str, int | None] = {"open pipe": read}
    stdin |= {"empty file": os.open("empty", os.O_RDONLY), "file": os.open("full", os.O_RDONLY)}
    stdin |= {"socket": one.fileno(), "closed socket": one.fileno(), "null": subprocess.DEVNULL, "closed": None}
    command = [*COULER, "run", "--value", "x=1", "--output", "o=a", "--", "sh", "-c", "echo 1 > a"]
    if kind == "closed":
        command = ["sh", "-c", 'exec "$@" <&-', "sh", *command]
    ran = subprocess.run(command, stdin=stdin[kind], capture_output=True, text=True, env=environment(), check=True)
    os.close(write)
    one.close()
    other.close()
    assert Path("a").read_text() == "1\n"
    assert ("nothing is cached" in ran.stderr) is (kind in ("file", "open pipe", "socket")), ran.stderr


@pytest.mark.parametrize("given", [("--file", "d=out/data"), ("--program", "out")])
def test_an_input_in_an_output_is_refused(given: tuple[str, str]) -> None:
    Path("out").mkdir()
    Path("out/data").write_text("1")
    ran = cache("run", *given, "--output", "o=out", "--", "touch", "ran")
    assert ran.returncode == 2
    assert "the command would not find it there" in ran.stderr or "which the key covers" in ran.stderr
    assert not Path("ran").exists()
