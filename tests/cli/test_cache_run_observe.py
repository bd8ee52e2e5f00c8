"""`couler cache run --observe`: what a command finds by itself is in the key, and nothing else is kept."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.cache_processes import KEY, cache, environment, start, until
from couler_plugins.caching.dataplane.strace import strace_problem
from support import first_of

pytestmark = pytest.mark.sampled

PROBLEM = strace_problem()
needs_strace = pytest.mark.skipif(bool(PROBLEM), reason=PROBLEM)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("w").mkdir()
    monkeypatch.chdir("w")
    Path("x").write_text("1\n")
    old("x")
    return tmp_path


def old(name: str) -> None:
    os.utime(name, (1, 1))


def ran(command: str, *options: str, shown: str = "", **more: str) -> bool:
    """Runs a command that writes `a`; whether it has run. Its result has to be in place then."""
    Path("a").unlink(missing_ok=True)
    call = ("run", "--observe", *options, "--output", "o=a", "--", "sh", "-c", f"echo ran >&2; {command}")
    done = cache(*call, COULER_CACHE_STORE="../store", **more)
    assert done.returncode == 0, done.stderr
    assert Path("a").exists()
    lines = done.stderr.splitlines()
    warnings = "\n".join(line for line in lines if line != "ran")
    assert shown in warnings
    assert bool(shown) is bool(warnings), warnings
    return "ran" in lines


@needs_strace
@pytest.mark.parametrize(
    ("command", "change", "back"),
    first_of(
        [
            pytest.param(*each)
            for each in [
                ("cat x > a", lambda: Path("x").write_text("2\n"), lambda: Path("x").write_text("1\n")),
                ("cat y > a 2>&1; true", lambda: Path("y").write_text("2\n"), lambda: Path("y").unlink()),
                ("test -e y; echo $? > a", lambda: Path("y").write_text("2\n"), lambda: Path("y").unlink()),
                ("ls > a", lambda: Path("y").write_text("2\n"), lambda: Path("y").unlink()),
                ("cd ..; cat w/x > w/a", lambda: Path("x").write_text("2\n"), lambda: Path("x").write_text("1\n")),
                ("readlink l > a; true", lambda: Path("l").symlink_to("y"), lambda: Path("l").unlink()),
                ("test -x x; echo $? > a", lambda: Path("x").chmod(0o755), lambda: Path("x").chmod(0o644)),
                ("{ cat x & cat y; wait; } > a 2>&1", lambda: Path("y").write_text("2\n"), lambda: Path("y").unlink()),
            ]
        ]
    ),
    ids=["content", "missing", "existence", "folder", "after cd", "link", "executable", "beside"],
)
def test_what_a_command_finds_by_itself_is_in_the_key(
    command: str, change: Callable[[], object], back: Callable[[], object]
) -> None:
    times = ("--allow", "times")
    assert ran(command, *times)
    before = Path("a").read_text()
    assert not ran(command, *times)
    change()
    assert ran(command, *times)
    assert Path("a").read_text() != before
    assert not ran(command, *times)
    back()
    assert not ran(command, *times), "the first is known still"
    assert Path("a").read_text() == before


@needs_strace
def test_a_script_and_its_interpreter_are_in_the_key() -> None:
    for name, text in (("tool", "#!./shell\necho one"), ("shell", '#!/bin/sh\nexec /bin/sh "$@"')):
        Path(name).write_text(text.replace("./", f"{Path.cwd()}/"))
        Path(name).chmod(0o755)
    assert ran("./tool > a")
    assert not ran("./tool > a")
    Path("shell").write_text("#!/bin/sh\necho two")
    assert ran("./tool > a")
    assert Path("a").read_text() == "two\n"


@needs_strace
def test_times_of_files_count_unless_they_are_allowed() -> None:
    assert ran("stat -c %Y x > a")
    assert not ran("stat -c %Y x > a")
    os.utime("x", (2, 2))
    assert ran("stat -c %Y x > a")
    assert Path("a").read_text() == "2\n"
    assert ran("stat -c %s x > a", "--allow", "times")
    os.utime("x", (3, 3))
    assert not ran("stat -c %s x > a", "--allow", "times")


@needs_strace
def test_variables_are_handed_on_where_they_are_declared() -> None:
    script = "env | grep ^V[12] | sort > a; true"
    assert ran(script, V1="1", V2="2")
    assert Path("a").read_text() == ""
    assert not ran(script, V1="3")
    assert ran(script, "--env", "V1", V1="1", V2="2")
    assert Path("a").read_text() == "V1=1\n"
    assert ran(script, "--env", "V1", V1="2")
    assert ran("echo $V1 > a", V1="1")
    assert Path("a").read_text() == "1\n"
    assert ran("date -d @0 +%H > a", TZ="UTC")
    assert ran("date -d @0 +%H > a", TZ="Asia/Tokyo")


@needs_strace
@pytest.mark.parametrize(
    ("command", "option", "shown"),
    first_of([pytest.param(*each) for each in [
        ("echo 1 > a; echo 2 > b", "files", "the result is not kept: it wrote {}/b; name it with --output"),
        ("echo 1 > a; echo 2 >> x", "files", "the result is not kept: it wrote {}/x; name it with --output"),
        ("echo 1 > a; rm x", "files", "the result is not kept: it wrote {}/x; name it with --output"),
        ("head -c 4 /dev/urandom > a", "files", "it reads /dev/urandom, which is no file; `--allow files`"),
        ("cat /proc/meminfo > a", "files", "it reads /proc/meminfo, which tells of this moment; `--allow files`"),
        ("{} -c 'import socket as s; s.socket(s.AF_INET, s.SOCK_DGRAM).connect((\"127.0.0.1\", 9))'; echo 1 > a",
         "network", "it connected to 127.0.0.1:9; `--allow network`"),
    ]]),
)  # fmt: skip
def test_what_no_read_can_tell_is_not_kept_unless_it_is_allowed(command: str, option: str, shown: str) -> None:
    command = command.replace("{}", sys.executable) if "socket" in command else command
    shown = shown.replace("{}", str(Path.cwd()))
    for _ in range(2):
        Path("x").touch()
        assert ran(command, shown=shown)
    if "x" not in command.split(";")[-1]:
        ran(command, "--allow", option)
        assert not ran(command, "--allow", option)


@needs_strace
def test_scratch_files_and_atomic_writes_are_no_effects() -> None:
    script = "t=$(mktemp); cat x > $t; cp $t b.tmp; rm $t; mv b.tmp a"
    assert ran(script)
    assert not ran(script)


@needs_strace
def test_a_file_that_changes_while_the_command_runs_is_noticed() -> None:
    script = "cat x > a; (sleep 0.1; cp x kept; echo 2 > x; cp kept x; rm kept)"
    assert ran(script, shown="the result is not kept: ")
    assert ran(script, "--allow", "files", shown="x was changed while the command ran")


@needs_strace
@pytest.mark.parametrize("command", first_of(["exit 7", "kill -TERM $$", "kill -KILL $$"]))
def test_exit_codes_are_those_of_the_command(command: str) -> None:
    plain = cache("run", "--key", KEY, "--output", "o=a", "--", "sh", "-c", command)
    ran = cache("run", "--observe", "--output", "o=a", "--", "sh", "-c", command)
    assert (ran.returncode, ran.stderr) == (plain.returncode, plain.stderr)


@needs_strace
def test_signals_reach_the_command() -> None:
    script = "trap 'exit 9' TERM; touch up; while :; do sleep 0.05; done"
    process = start("run", "--observe", "--output", "o=a", "--", "sh", "-c", script)
    until(Path("up").exists)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 9


@needs_strace
def test_what_is_left_running_is_not_kept() -> None:
    left = "import sys; from couler_plugins.caching.dataplane import strace; strace.PATIENCE = 0.2"
    Path("sitecustomize.py").write_text(left)
    script = "echo 1 > a; sleep 6 > /dev/null 2>&1 &"
    path = f"{Path.cwd()}:{environment()['PYTHONPATH']}"
    assert ran(script, shown="the result is not kept: it has left something running", PYTHONPATH=path)


@needs_strace
def test_a_python_program_with_its_modules() -> None:
    Path("m.py").write_text("V = 1\n")
    Path("main.py").write_text("import m; open('a', 'w').write(str(m.V))")
    command = f"env -u PYTHONDONTWRITEBYTECODE {sys.executable} main.py"
    assert ran(command)
    assert not ran(command)
    Path("m.py").write_text("V = 22\n")
    assert ran(command)
    assert Path("a").read_text() == "22"


@needs_strace
def test_a_bad_list_of_reads_is_a_miss() -> None:
    from couler_plugins.caching.artifacts import open_cache

    assert ran("cat x > a")
    with open_cache("../store") as store:
        (entry,) = (entry for entry in store.entries() if entry.outputs[0].name == "reads")
        with store.claim(entry.key, usable=lambda found: False) as claim:
            claim.put({"reads": b'{"sets":[{"reads":[["file","../x",1]]}]}'})  # type: ignore[union-attr]
    assert ran("cat x > a", shown="the reads of former runs cannot be used")
    assert not ran("cat x > a")


def test_without_strace_it_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refused = cache("run", "--observe", "--output", "o=a", "--", "touch", "ran", PATH=str(tmp_path))
    assert refused.returncode == 2
    assert "the command cannot be observed: strace is not installed" in refused.stderr
    assert "install strace, or name what the command reads" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(("--allow", "files", "--value", "x=1"), "give --observe as well"), (("--observe", "--key", KEY), "Give either")],
)
def test_wrong_usage_is_said_before_anything_runs(arguments: tuple[str, ...], message: str) -> None:
    refused = cache("run", *arguments, "--output", "o=a", "--", "touch", "ran")
    assert refused.returncode == 2
    assert message in refused.stderr
    assert not Path("ran").exists()


@needs_strace
@pytest.mark.parametrize("command", ["cd cur && cat f > ../a", "grep -r . cur/ > a"])
def test_a_link_to_a_folder_that_a_command_starts_from_is_followed(command: str) -> None:
    for name in ("v1", "v2"):
        Path(name).mkdir()
        Path(name, "f").write_text(f"{name}\n")
        old(f"{name}/f")
    Path("cur").symlink_to("v1")
    assert [ran(command), ran(command)] == [True, False]
    Path("cur").unlink()
    Path("cur").symlink_to("v2")
    assert ran(command)
    assert "v2" in Path("a").read_text()
