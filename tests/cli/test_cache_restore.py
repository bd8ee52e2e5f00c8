"""`couler cache save` and `restore`: what goes in comes out, whole or not at all, and no failure fails a step."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.cache_processes import COULER, KEY, cache, environment, left_aside, start, until
from couler_plugins.caching.artifacts import open_cache

AWAY = "s3://user:geheim@bucket/cache?secret=geheim"
"""A store that nobody can reach (no endpoint answers at the port below), with credentials that nobody may see."""
NOWHERE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_MAX_ATTEMPTS": "1", "AWS_ACCESS_KEY_ID": "geheim"}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def some_outputs() -> list[str]:
    Path("out/tree/empty").mkdir(parents=True)
    Path("out/model").write_bytes(os.urandom(300_000))
    Path("out/run.sh").write_text("#!/bin/sh\necho hi\n")
    Path("out/run.sh").chmod(0o700)
    Path("out/tree/x").write_text("x")
    Path("out/tree/go").write_text("go")
    Path("out/tree/go").chmod(0o755)
    Path("out/tree/link").symlink_to("x")
    return ["model=out/model", "run=out/run.sh", "tree=out/tree"]


def largest_blob() -> Path:
    return max(Path("store").glob("v1/*/blobs/*/*"), key=lambda path: path.stat().st_size)


def test_files_and_folders_come_back() -> None:
    outputs = some_outputs()
    model = Path("out/model").read_bytes()
    assert cache("save", KEY, *outputs).returncode == 0
    Path("out").rename("before")
    restored = cache("restore", KEY, *outputs)
    assert (restored.returncode, restored.stdout, restored.stderr) == (0, "", "")
    assert Path("out/model").read_bytes() == model
    assert Path("out/run.sh").stat().st_mode & stat.S_IXUSR
    assert not Path("out/model").stat().st_mode & stat.S_IXUSR
    assert Path("out/tree/go").stat().st_mode & stat.S_IXUSR
    assert sorted(path.name for path in Path("out/tree").iterdir()) == ["empty", "go", "link", "x"]
    assert Path("out/tree/link").readlink() == Path("x")
    assert left_aside() == []


def test_what_is_there_is_replaced() -> None:
    outputs = some_outputs()
    cache("save", KEY, *outputs)
    Path("out/model").write_text("other")
    Path("out/tree/left").write_text("over")
    assert cache("restore", KEY, *outputs).returncode == 0
    assert Path("out/model").stat().st_size == 300_000
    assert not Path("out/tree/left").exists()
    assert left_aside() == []


def test_it_takes_no_more_memory_for_more_bytes() -> None:
    """The limit is set by the process itself: what it was forked from may be large."""
    size = 384 << 20
    Path("tree").mkdir()
    with Path("tree/big").open("wb") as file:
        file.writelines(os.urandom(1 << 10) * (1 << 10) for _ in range(size >> 20))
    limit = f"import os, resource, sys; resource.setrlimit(resource.RLIMIT_DATA, ({size}, {size}));"
    limited = [sys.executable, "-c", f"{limit} os.execv(sys.argv[1], sys.argv[1:])"]
    for verb in ("save", "restore"):
        done = subprocess.run([*limited, *COULER, verb, KEY, "tree=tree"], env=environment(), check=False)
        assert done.returncode == 0
    assert Path("tree/big").stat().st_size == size


def test_a_miss_is_exit_code_1_and_touches_nothing() -> None:
    Path("x").write_text("mine")
    missed = cache("restore", KEY, "x=x")
    assert (missed.returncode, missed.stdout, missed.stderr) == (1, "", "")
    assert Path("x").read_text() == "mine"


def test_an_output_that_was_not_saved_is_a_miss() -> None:
    outputs = some_outputs()
    cache("save", KEY, outputs[0])
    Path("out/model").unlink()
    missed = cache("restore", KEY, "model=out/model", "other=out/other")
    assert missed.returncode == 1
    assert "no output other" in missed.stderr
    assert not Path("out/model").exists()


def test_too_old_is_a_miss() -> None:
    outputs = some_outputs()
    cache("save", KEY, *outputs)
    assert cache("restore", "--max-age", "0.001s", KEY, *outputs).returncode == 1
    assert cache("restore", "--max-age", "1h", KEY, *outputs).returncode == 0


@pytest.mark.parametrize("spoil", ["flip", "truncate", "remove"])
def test_a_damaged_blob_is_a_miss(spoil: str) -> None:
    outputs = some_outputs()
    cache("save", KEY, *outputs)
    Path("out").rename("before")
    path = largest_blob()
    content = bytearray(path.read_bytes())
    content[1000] ^= 1
    path.chmod(0o644)
    if spoil == "remove":
        path.unlink()
    else:
        path.write_bytes(content if spoil == "flip" else content[:-1])
    missed = cache("restore", KEY, *outputs)
    assert missed.returncode == 1
    assert not Path("out").exists() or list(Path("out").iterdir()) == []
    assert cache("restore", KEY, *outputs).returncode == 1, "the entry is dropped"


def test_a_path_that_is_a_link_stands_for_what_it_leads_to() -> None:
    Path("real").write_text("x")
    Path("latest").symlink_to("real")
    assert cache("save", "--strict", KEY, "x=latest").returncode == 0
    assert cache("restore", KEY, "x=latest").returncode == 0
    assert Path("latest").read_text() == "x"
    assert not Path("latest").is_symlink()


def test_a_key_keeps_what_it_has() -> None:
    Path("x").write_text("first")
    cache("save", KEY, "x=x")
    Path("x").write_text("second")
    assert cache("save", "--strict", KEY, "x=x").returncode == 0
    cache("restore", KEY, "x=x")
    assert Path("x").read_text() == "first"


@pytest.mark.parametrize("store", ["/proc/nowhere", "file/in/the/way"])
def test_a_store_that_is_away_is_a_miss_and_a_warning(store: str) -> None:
    Path("file").write_text("")
    Path("x").write_text("mine")
    away = {"COULER_CACHE_STORE": store}
    saved, missed = cache("save", KEY, "x=x", **away), cache("restore", KEY, "x=x", **away)
    assert (saved.returncode, missed.returncode) == (0, 1)
    for text in (saved.stderr, missed.stderr):
        assert "warning: " in text
        assert "Traceback" not in text
    assert Path("x").read_text() == "mine"
    assert cache("save", "--strict", KEY, "x=x", **away).returncode == 3
    assert cache("restore", "--strict", KEY, "x=x", **away).returncode == 3


def test_nobody_sees_what_gives_access() -> None:
    Path("x").write_text("mine")
    away = {"COULER_CACHE_STORE": AWAY, **NOWHERE}
    saved = cache("save", "-vv", "--strict", "--timeout", "10s", KEY, "x=x", **away)
    missed = cache("restore", "--timeout", "10s", KEY, "x=x", **away)
    assert (saved.returncode, missed.returncode) == (3, 1)
    assert "geheim" not in saved.stderr + missed.stderr


def test_a_time_limit_holds() -> None:
    """A server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        started = time.monotonic()
        access = {"AWS_ENDPOINT_URL": url, "AWS_ACCESS_KEY_ID": "me", "AWS_SECRET_ACCESS_KEY": "mine"}
        missed = cache("restore", "--timeout", "1s", KEY, "x=x", COULER_CACHE_STORE="s3://b/c", **access)
    assert missed.returncode == 1
    assert "longer than 1 s" in missed.stderr
    assert time.monotonic() - started < 20


def test_what_cannot_be_saved_is_a_warning() -> None:
    os.mkfifo("pipe")
    Path("tree").mkdir()
    Path("tree/out").symlink_to("/etc/passwd")
    for output in ("x=missing", "x=pipe", "x=tree"):
        saved = cache("save", KEY, output)
        assert saved.returncode == 0
        assert "the result is not kept" in saved.stderr
        assert cache("save", "--strict", KEY, output).returncode == 3
    assert cache("restore", KEY, "x=x").returncode == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["restore", KEY], "Missing argument"),
        (["restore", KEY, "x"], "NAME=VALUE"),
        (["restore", KEY, "x="], "has no path"),
        (["restore", KEY, "x=a", "x=b"], "given twice"),
        (["restore", KEY, "x=a", "y=a/b"], "is inside of another one"),
        (["restore", KEY, "x=a", "y=a"], "is inside of another one"),
        (["restore", "../evil", "x=a"], "cannot be a key"),
        (["restore", KEY, "../evil=a"], "cannot be the name of an output"),
        (["save", KEY, ".hidden=a"], "cannot be the name of an output"),
        (["save", "--seconds", "soon", KEY, "x=a"], "not a time"),
        (["save", "--family", "f" * 1025, KEY, "x=a"], "at most 1,024 characters"),
        (["restore", "--namespace", "../other", KEY, "x=a"], "cannot be a namespace"),
    ],
)
def test_bad_input_is_exit_code_2(arguments: list[str], message: str) -> None:
    Path("a").write_text("")
    refused = cache(*arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert "Traceback" not in refused.stderr


def test_without_a_store_nothing_is_guessed() -> None:
    refused = cache("restore", KEY, "x=x", COULER_CACHE_STORE="")
    assert refused.returncode == 2
    assert "COULER_CACHE_STORE" in refused.stderr


def test_the_settings_say_which_store() -> None:
    Path("couler.toml").write_text('cache-store = "elsewhere"\ncache-namespace = "team"\n')
    Path("x").write_text("x")
    cache("save", KEY, "x=x", COULER_CACHE_STORE="")
    assert cache("restore", KEY, "x=x", COULER_CACHE_STORE="").returncode == 0
    assert Path("elsewhere/v1/team").is_dir()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
@pytest.mark.parametrize("verb", ["save", "restore"])
def test_an_interrupted_one_leaves_nothing_half(verb: str, number: int) -> None:
    Path("big").mkdir()
    for part in range(4):
        Path(f"big/{part}").write_bytes(os.urandom(1 << 20) * 10)
    before = sum(path.stat().st_size for path in Path("big").iterdir())
    if verb == "restore":
        assert cache("save", KEY, "big=big").returncode == 0
        Path("big").rename("old")
    process = start(verb, KEY, "big=big")
    if verb == "save":
        until(lambda: any(path.stat().st_size > 1 << 20 for path in Path("store").rglob("*") if path.is_file()))
    else:
        until(lambda: left_aside() or process.poll() is not None)
    process.send_signal(number)
    process.communicate(timeout=60)
    if process.returncode:  # it was quicker than the signal otherwise
        assert process.returncode in (-number, 128 + number)
    if verb == "restore":
        size = sum(path.stat().st_size for path in Path("big").iterdir()) if Path("big").exists() else 0
        assert size in (0, before)
        if number != signal.SIGKILL:
            assert left_aside() == []
    if Path("big").exists():
        Path("big").rename("seen")
    # Nothing that is half there is ever served, and the store goes on.
    again = cache("restore", KEY, "big=big")
    assert again.returncode in (0, 1)
    if again.returncode == 0:
        assert sum(path.stat().st_size for path in Path("big").iterdir()) == before
    assert cache("verify").returncode == 0 or cache("verify", "--repair").returncode == 0


@pytest.mark.parametrize("there", ["a file", "a link", "a broken link"])
def test_a_folder_replaces_whatever_is_there(there: str) -> None:
    Path("tree").mkdir()
    Path("tree/x").write_text("x")
    assert cache("save", KEY, "o=tree").returncode == 0
    if there == "a file":
        Path("p").write_text("in the way")
    else:
        Path("p").symlink_to("tree" if there == "a link" else "nowhere")
    assert cache("restore", KEY, "o=p").returncode == 0
    assert Path("p/x").read_text() == "x"
    assert not Path("p").is_symlink()
    assert left_aside() == []


@pytest.mark.parametrize("second", ["b=sub/../a", "b={}/a", "b=link/x"])
def test_two_outputs_at_one_place_are_refused(second: str) -> None:
    Path("a").mkdir()
    Path("link").symlink_to("a")
    refused = cache("restore", KEY, "a=a", second.format(Path.cwd()))
    assert refused.returncode == 2
    assert "is inside of another one" in refused.stderr


def test_a_disk_that_cannot_be_written_is_no_miss() -> None:
    Path("a").write_text("a")
    Path("file").write_text("in the way")
    assert cache("save", KEY, "a=a").returncode == 0
    assert cache("restore", "--strict", KEY, "a=file/a").returncode == 3
    assert cache("restore", KEY, "a=file/a").returncode == 1


def test_what_was_made_in_the_future_has_no_age() -> None:
    with open_cache("store", clock=lambda: time.time() + 86400) as store:
        store.put(KEY, {"a": b"a"})
    assert cache("restore", "--max-age", "1h", KEY, "a=a").returncode == 1
    assert cache("restore", KEY, "a=a").returncode == 0


def test_a_circle_of_links_is_a_warning() -> None:
    Path("loop").symlink_to("loop")
    saved = cache("save", KEY, "o=loop")
    assert saved.returncode == 0
    assert "the result is not kept" in saved.stderr


@pytest.mark.parametrize("option", ["--timeout", "--max-age"])
def test_a_time_without_end_is_wrong_usage(option: str) -> None:
    refused = cache("restore", option, "9" * 400, KEY, "a=a")
    assert refused.returncode == 2
    assert "more than ten years" in refused.stderr


def test_what_is_said_of_a_result_cannot_forge_the_list() -> None:
    Path("a").write_text("a")
    assert cache("save", "--step", "a\nforged \x1b[31m", KEY, "a=a").returncode == 0
    listed = cache("ls").stdout
    assert len(listed.splitlines()) == 1
    assert "a\\nforged \\x1b[31m" in listed
