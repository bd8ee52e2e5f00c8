"""What strace tells is taken as it stands, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from couler_plugins.caching.dataplane.observed_calls import Observed, interpret
from couler_plugins.caching.dataplane.strace import Call, NotUnderstood, finished_trace, parse, path_of, text_of


def hexed(text: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in text.encode())


def test_a_whole_call() -> None:
    name, place = hexed('a", ) = 0'), hexed("/w/>")
    (call,) = parse([f'7  openat(AT_FDCWD<{hexed("/w")}>, "{name}", O_RDONLY|O_CLOEXEC) = 3<{place}>'])
    assert call == Call(7, "openat", (f"AT_FDCWD<{hexed('/w')}>", f'"{name}"', "O_RDONLY|O_CLOEXEC"), 3, "", "/w/>")
    assert text_of(call.arguments[1]) == 'a", ) = 0'
    assert path_of(call.arguments[0]) == "/w"


def test_calls_are_put_together_in_the_order_in_which_they_began() -> None:
    lines = [
        "1  vfork( <unfinished ...>",
        f'2  execve("{hexed("/bin/x")}", [...], 0x7ff /* 3 vars */ <unfinished ...>',
        "1  <... vfork resumed>)              = 2",
        "2  <... execve resumed>)             = 0",
        f'2  newfstatat(AT_FDCWD<{hexed("/")}>, "{hexed("y")}",  <unfinished ...>',
        "1  --- SIGCHLD {si_signo=SIGCHLD, si_code=CLD_EXITED, si_pid=2} ---",
        "2  <... newfstatat resumed>{st_mode=S_IFREG|0644, st_size=1, ...}, AT_SYMLINK_NOFOLLOW) = 0",
        "2  +++ exited with 0 +++",
        "1  +++ killed by SIGSEGV (core dumped) +++",
    ]
    assert [(call.process, call.name, call.result) for call in parse(lines)] == [
        (1, "vfork", 2),
        (2, "execve", 0),
        (2, "newfstatat", 0),
    ]
    assert parse(lines)[2].arguments[2:] == ("{st_mode=S_IFREG|0644, st_size=1, ...}", "AT_SYMLINK_NOFOLLOW")


@pytest.mark.parametrize(
    "line",
    [
        "nothing",
        "1  open",
        '1  open("a", O_RDONLY) = 3',
        "1  <... open resumed>) = 3",
        "1  +++ superseded by execve in pid 2 +++",
        "1  open( <unfinished ...>",
        "[ Process PID=1 runs in 32 bit mode. ]",
        f'1  open("{hexed("a")}"..., O_RDONLY) = 3',
        '1  openat(AT_FDCWD, "\\x61", O_RDONLY) = 3',
    ],
)
def test_what_is_written_otherwise_is_not_understood(line: str) -> None:
    with pytest.raises(NotUnderstood):
        seen(line)


def test_a_trace_is_finished_once_all_have_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("couler_plugins.caching.dataplane.strace.PATIENCE", 0.1)
    trace = tmp_path / "trace"
    for text in (
        "1  vfork() = 2\n1  +++ exited with 0 +++\n2  getcwd() = 1\n",
        "1  vfork() = 2\n1  +++ exited with 0 +++",
    ):
        trace.write_text(text)
        with pytest.raises(TimeoutError, match="left something running"):
            finished_trace(trace)
    trace.write_text("1  +++ exited with 0 +++\n")
    assert finished_trace(trace) == ["1  +++ exited with 0 +++"]


@pytest.mark.parametrize("made", ["clone(flags=SIGCHLD) = 2", "<... vfork resumed>) = 2"])
def test_a_process_without_a_line_yet_is_still_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, made: str
) -> None:
    monkeypatch.setattr("couler_plugins.caching.dataplane.strace.PATIENCE", 0.01)
    trace = tmp_path / "trace"
    ends = "1  +++ exited with 0 +++\n"
    trace.write_text(f"1  {made}\n{ends}")
    with pytest.raises(TimeoutError):
        finished_trace(trace)
    trace.write_text(f"2  +++ exited with 0 +++\n1  {made}\n{ends}")
    assert len(finished_trace(trace)) == 3


def seen(*lines: str) -> Observed:
    return interpret(parse(lines), Path("/work"), [Path("/work/out")], [Path("/tmp")])


def at(name: str, path: str, rest: str, result: str = "0", folder: str = "/work") -> str:
    return f'1  {name}(AT_FDCWD<{hexed(folder)}>, "{hexed(path)}", {rest}) = {result}'


ABSENT = "-1 ENOENT (No such file or directory)"


def test_what_is_opened_looked_for_and_listed_is_read() -> None:
    found = seen(
        at("openat", "a", "O_RDONLY|O_CLOEXEC", f"3<{hexed('/work/a')}>"),
        at("openat", "b", "O_RDONLY", ABSENT),
        at("newfstatat", "/c", "{st_mode=S_IFREG|0644, st_size=1, ...}, 0"),
        at("newfstatat", "/c", "{st_mode=S_IFREG|0644, st_size=1, ...}, AT_SYMLINK_NOFOLLOW"),
        f'1  access("{hexed("d")}", X_OK) = 0',
        f"1  getdents64(3<{hexed('/work/e')}>, 0x55 /* 4 entries */, 32768) = 120",
        f'1  readlink("{hexed("f")}", "..., 64) = 4'.replace('"...', '""...'),
        f'1  execve("{hexed("./g")}", [...], 0x7ff /* 3 vars */) = 0',
    )
    assert found.reads == {
        ("file", "/work/a"): False,
        ("kind", "/work/b"): True,
        ("stat", "/c"): False,
        ("lstat", "/c"): False,
        ("access", "/work/d"): False,
        ("folder", "/work/e"): False,
        ("link", "/work/f"): False,
        ("file", "/work/./g"): False,
        ("access", "/work/./g"): False,
    }
    assert found.programs == ("/work/./g",)
    assert not found.objections


@pytest.mark.parametrize("how", ["chdir", "open"])
def test_links_to_folders_that_paths_start_from_are_read(tmp_path: Path, how: str) -> None:
    (tmp_path / "v1").mkdir()
    (tmp_path / "cur").symlink_to("v1")
    cur, opened = str(tmp_path / "cur"), f"3<{hexed(str(tmp_path / 'v1'))}>"
    goes = {
        "chdir": f'1  chdir("{hexed(cur)}") = 0',
        "open": at("openat", cur, "O_RDONLY|O_DIRECTORY", opened),
    }
    assert seen(goes[how]).reads == {("kind", cur): False, ("link", cur): False}


def test_what_a_command_makes_itself_is_no_read() -> None:
    found = seen(
        at("openat", "/tmp/x", "O_WRONLY|O_CREAT|O_TRUNC, 0666", f"3<{hexed('/tmp/x')}>"),
        at("openat", "/tmp/x", "O_RDONLY", f"3<{hexed('/tmp/x')}>"),
        at("openat", "out/y", "O_RDONLY", ABSENT),
        f'1  mkdir("{hexed("/tmp/d")}", 0777) = 0',
        at("openat", "/tmp/d/z", "O_RDONLY", ABSENT),
    )
    assert (found.reads, found.written) == ({}, ())


def test_threads_share_their_folder_and_processes_do_not() -> None:
    found = seen(
        "1  clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD, exit_signal=0}, 88) = 2",
        "1  clone(child_stack=NULL, flags=CLONE_CHILD_SETTID|SIGCHLD) = 3",
        f'2  chdir("{hexed("/usr")}") = 0',
        f'1  access("{hexed("a")}", F_OK) = 0',
        f'3  access("{hexed("b")}", F_OK) = 0',
    )
    assert {name for kind, name in found.reads if kind == "access"} == {"/usr/a", "/work/b"}


def test_effects_and_connections_are_told() -> None:
    found = seen(
        at("openat", "log", "O_WRONLY|O_CREAT|O_APPEND, 0666", f"3<{hexed('/work/log')}>"),
        f'1  unlink("{hexed("/etc/gone")}") = 0',
        f"1  connect(3<{hexed('socket:[1]')}>, {{sa_family=AF_INET, sin_port=htons(443), "
        f'sin_addr=inet_addr("{hexed("10.0.0.1")}")}}, 16) = -1 EINPROGRESS (Operation now in progress)',
        f'1  connect(3<{hexed("socket:[1]")}>, {{sa_family=AF_UNIX, sun_path="{hexed("/run/nscd")}"}}, 110) = {ABSENT}',
        f'1  sendto(3<{hexed("socket:[1]")}>, ""..., 20, 0, {{sa_family=AF_NETLINK, nl_pid=0}}, 12) = 20',
    )
    assert found.connections == ("10.0.0.1:443",)
    assert found.written == ("/work/log", "/etc/gone")
    assert found.reads[("kind", "/run/nscd")] is True


@pytest.mark.parametrize("call", ["unshare(CLONE_NEWNS)", "io_uring_setup(8, 0x7ff)", 'chroot("\\x61")', "newcall(1)"])
def test_what_nobody_can_follow_is_an_objection(call: str) -> None:
    name = call.partition("(")[0]
    assert seen(f"1  {call} = 0").objections == (f"it calls {name}, which nobody can follow",)
    assert seen(f"1  {call} = -1 EPERM (Operation not permitted)").objections == ()
