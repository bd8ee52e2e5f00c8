"""`couler cache run`: a command runs once for one key, and nothing about the cache can fail it."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from cli.cache_processes import KEY, cache, left_aside, start, until
from couler_plugins.caching.artifacts import Content, open_cache

pytestmark = pytest.mark.sampled

COMMAND = "echo ran >> log; echo one > a; mkdir -p b; echo two > b/x; echo shown; echo said >&2"
OUTPUTS = ("--output", "a=a", "--output", "b=b")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runs() -> int:
    return Path("log").read_text().count("ran") if Path("log").exists() else 0


def test_a_command_runs_once() -> None:
    first = cache("run", "--key", KEY, *OUTPUTS, "--", "sh", "-c", COMMAND)
    assert (first.returncode, first.stdout, first.stderr) == (0, "shown\n", "said\n")
    Path("a").unlink()
    Path("b/x").write_text("other")
    second = cache("run", "--key", KEY, *OUTPUTS, "--", "sh", "-c", COMMAND)
    assert (second.returncode, second.stdout, second.stderr) == (0, "", "")
    assert runs() == 1
    assert Path("a").read_text() == "one\n"
    assert Path("b/x").read_text() == "two\n"


def test_arguments_reach_the_command_as_they_are() -> None:
    arguments = ["--output", "x", "-v", "--", "a b", "$x", "", "--help"]
    code = "import json, sys; open('a', 'w').write(json.dumps(sys.argv[1:]))"
    ran = cache("run", "--key", KEY, "--output", "a=a", "--", sys.executable, "-c", code, *arguments)
    assert ran.returncode == 0
    assert Path("a").read_text() == '["--output", "x", "-v", "--", "a b", "$x", "", "--help"]'


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("sh", "-c", "echo ran >> log; echo one > a; exit 7"), 7),
        (("sh", "-c", "echo ran >> log; echo one > a; kill -KILL $$"), 137),
    ],
)
def test_a_failure_is_passed_on_and_never_kept(command: tuple[str, ...], code: int) -> None:
    for _ in range(2):
        assert cache("run", "--key", KEY, "--output", "a=a", "--", *command).returncode == code
    assert runs() == 2
    assert cache("restore", KEY, "a=a").returncode == 1


@pytest.mark.parametrize(("command", "code"), [("no-such-command", 127), ("./text", 126)])
def test_what_cannot_be_run_has_the_exit_code_that_shells_give_it(command: str, code: int) -> None:
    Path("text").write_text("no program")
    ran = cache("run", "--key", KEY, "--output", "a=a", "--", command)
    assert ran.returncode == code
    assert "cannot run" in ran.stderr
    assert "Traceback" not in ran.stderr


def test_a_result_without_all_its_outputs_is_not_kept() -> None:
    ran = cache("run", "--key", KEY, *OUTPUTS, "--", "sh", "-c", "echo ran >> log; echo one > a")
    assert ran.returncode == 0
    assert "the result is not kept" in ran.stderr
    assert cache("restore", KEY, "a=a").returncode == 1


def test_a_result_that_lacks_what_is_wanted_now_is_replaced() -> None:
    cache("run", "--key", KEY, "--output", "a=a", "--", "sh", "-c", COMMAND)
    cache("run", "--key", KEY, *OUTPUTS, "--", "sh", "-c", COMMAND)
    assert runs() == 2
    assert cache("restore", KEY, "a=a", "b=b").returncode == 0


def test_what_is_too_old_is_computed_anew() -> None:
    for _ in range(2):
        assert cache("run", "--max-age", "0.001s", "--key", KEY, *OUTPUTS, "--", "sh", "-c", COMMAND).returncode == 0
    assert runs() == 2
    assert cache("run", "--max-age", "1h", "--key", KEY, *OUTPUTS, "--", "sh", "-c", COMMAND).returncode == 0
    assert runs() == 2, "what was computed anew has taken its place"


def test_another_version_computes_anew() -> None:
    for version in ("1", "2", "1"):
        cache("run", "--value", f"cache-version={version}", *OUTPUTS, "--", "sh", "-c", COMMAND)
    assert runs() == 2


@pytest.mark.parametrize("store", ["/proc/nowhere", "file/in/the/way"])
def test_a_store_that_is_away_is_no_harm(store: str) -> None:
    Path("file").write_text("")
    for code in (0, 3):
        command = ("sh", "-c", f"{COMMAND}; exit {code}")
        ran = cache("run", "--key", KEY, *OUTPUTS, "--", *command, COULER_CACHE_STORE=store)
        assert ran.returncode == code
        assert ran.stdout == "shown\n"
        assert "going on without the cache" in ran.stderr
    assert runs() == 2


def test_a_damaged_result_is_computed_anew() -> None:
    cache("run", "--key", KEY, *OUTPUTS, "--", "sh", "-c", COMMAND)
    for path in Path("store").glob("v1/*/blobs/*/*"):
        path.chmod(0o644)
        path.write_bytes(path.read_bytes()[:-1] + b"!")
    again = cache("run", "--key", KEY, *OUTPUTS, "--", "sh", "-c", COMMAND)
    assert again.returncode == 0
    assert runs() == 2
    assert Path("a").read_text() == "one\n"
    assert cache("restore", KEY, "a=a", "b=b").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_reach_the_command(number: int) -> None:
    handler = f"signal.signal({int(number)}, lambda *_: sys.exit(9))"
    # A signal that comes just before a sleep is heeded after it: sleeps are short.
    code = f"import signal, sys, time\n{handler}\nopen('up', 'w').close()\nwhile True: time.sleep(0.1)"
    process = start("run", "--key", KEY, "--output", "a=a", "--", sys.executable, "-c", code)
    until(Path("up").exists)
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode == 9


@pytest.mark.slow
def test_of_many_one_computes() -> None:
    slow = ("sh", "-c", f"sleep 2; {COMMAND}")
    processes = [start("run", "--wait", "60s", "--key", KEY, *OUTPUTS, "--", *slow) for _ in range(4)]
    for process in processes:
        process.communicate(timeout=120)
    assert [process.returncode for process in processes] == [0] * 4
    assert runs() == 1


def test_one_that_is_killed_leaves_nothing_half_and_blocks_nobody() -> None:
    process = start("run", "--key", KEY, *OUTPUTS, "--", "sh", "-c", "echo $$ > a; exec sleep 60")
    until(lambda: Path("a").exists() and Path("a").read_text())
    process.kill()
    os.kill(int(Path("a").read_text()), signal.SIGKILL)  # nobody's child now; in a pod it ends with its container
    process.communicate(timeout=30)
    after = cache("run", "--key", KEY, *OUTPUTS, "--", "sh", "-c", COMMAND)
    assert after.returncode == 0
    assert runs() == 1
    assert left_aside() == []
    assert cache("restore", KEY, "a=a", "b=b").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--key", KEY, "--", "true"), "Give what the result is: --output NAME=PATH."),
        (("--", "true"), "--observe; and what the result is: --output NAME=PATH."),
        ((), "--observe; and what the result is: --output NAME=PATH; and what makes it: -- COMMAND."),
        (("--output", "a=a", "--", "true"), "Give either --key, or"),
        (("--key", KEY, "--value", "x=1", "--output", "a=a", "--", "touch", "log"), "Give either --key, or"),
        (("--program", "missing", "--output", "a=a", "--", "touch", "log"), "neither a file nor a folder"),
        (("--value", "x=1", "--value", "x=2", "--output", "a=a", "--", "touch", "log"), "given twice"),
        (("--program", ".", "--output", "a=a", "--", "touch", "log"), "is in '.', which the key covers"),
        (("--file", "d=a", "--output", "a=a", "--", "touch", "log"), "is in 'a', which the key covers"),
        (("--key", KEY, "--output", "a=a"), "Give what makes it: -- COMMAND."),
        (("--key", "a/b", "--output", "a=a", "--", "touch", "log"), "cannot be a key"),
        (("--key", KEY, "--output", "a=a", "--namespace", "A", "--", "touch", "log"), "cannot be a namespace"),
    ],
)
def test_bad_input_is_said_before_anything_runs(arguments: tuple[str, ...], message: str) -> None:
    refused = cache("run", *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert not Path("log").exists()


def test_a_fault_on_this_side_takes_nothing_from_others() -> None:
    cache("run", "--key", KEY, "--output", "a=a", "--", "sh", "-c", COMMAND)
    Path("in the way").write_text("")
    for output in ("a=in the way/a", "other=b"):
        assert cache("run", "--key", KEY, "--output", output, "--", "false").returncode == 1
    ran = cache("run", "--max-age", "0.001s", "--key", KEY, "--output", "a=a", "--", "false")
    assert ran.returncode == 1
    assert cache("restore", KEY, "a=again").returncode == 0


def test_what_can_never_be_used_is_replaced() -> None:
    with open_cache("store") as store:
        store.put(KEY, {"a": Content(b"no archive", codec="folder")})
    for _ in range(2):
        assert cache("run", "--key", KEY, "--output", "a=b", "--", "sh", "-c", COMMAND).returncode == 0
    assert runs() == 1
    assert cache("restore", KEY, "a=again").returncode == 0
