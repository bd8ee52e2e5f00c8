"""`couler cache save` and `restore`: what goes in comes out, whole or not at all."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cli.cache_processes import COULER, KEY, cache, environment, left_aside
from couler_plugins.caching.artifacts import Content, open_cache


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


@pytest.mark.slow
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


def test_what_is_too_old_is_replaced_where_an_age_is_named() -> None:
    with open_cache("store", clock=lambda: time.time() - 3600) as store:
        store.put(KEY, {"a": Content(b"old", "file")})
    Path("a").write_text("new")
    ages: list[tuple[tuple[str, ...], str]] = [((), "old"), (("--max-age", "2h"), "old"), (("--max-age", "30m"), "new")]
    for age, content in ages:
        assert cache("save", *age, KEY, "a=a").returncode == 0
        assert cache("restore", KEY, "a=b").returncode == 0
        assert Path("b").read_text() == content
    Path("a").write_text("newer")
    cache("save", "--max-age", "30m", KEY, "a=a")
    cache("restore", KEY, "a=b")
    assert Path("b").read_text() == "new", "what is fresh stays"


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
    assert Path("latest").is_symlink()


def test_a_key_keeps_what_it_has() -> None:
    Path("x").write_text("first")
    cache("save", KEY, "x=x")
    Path("x").write_text("second")
    assert cache("save", "--strict", KEY, "x=x").returncode == 0
    cache("restore", KEY, "x=x")
    assert Path("x").read_text() == "first"


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
    assert Path("p").is_symlink() is (there != "a file")
    assert left_aside() == []


def test_what_was_made_in_the_future_has_no_age() -> None:
    with open_cache("store", clock=lambda: time.time() + 86400) as store:
        store.put(KEY, {"a": b"a"})
    assert cache("restore", "--max-age", "1h", KEY, "a=a").returncode == 1
    assert cache("restore", KEY, "a=a").returncode == 0


@pytest.mark.parametrize("target", ["real", "deep/real"])
def test_what_a_link_leads_to_is_replaced_and_the_link_stays(target: str) -> None:
    """As where a command writes through it: who reads what it leads to sees the same."""
    Path("a").write_text("new")
    Path("b").mkdir()
    Path("b/x").write_text("new")
    assert cache("save", KEY, "a=a", "b=b").returncode == 0
    Path("file").symlink_to(target)
    Path("folder").symlink_to(f"{target}-folder")
    for _ in range(2):  # the first time the links lead to nothing
        assert cache("restore", KEY, "a=file", "b=folder").returncode == 0
        assert Path("file").is_symlink()
        assert Path("folder").is_symlink()
        assert (Path(target).read_text(), Path(f"{target}-folder/x").read_text()) == ("new", "new")
        Path(target).write_text("old")
        Path(f"{target}-folder/x").write_text("old")
    assert left_aside() == []
