"""Fetching what changes while it is read, or falls silent: nothing mixed is delivered, and nobody waits for ever."""

from __future__ import annotations

import errno
import hashlib
import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from caching.artifacts.faults import Faults
from caching.dataplane.fetching import opening
from couler_plugins.caching.dataplane.datasets import Dataset
from couler_plugins.caching.dataplane.downloads import fetch
from couler_plugins.caching.dataplane.origins import Found, Origin
from couler_plugins.errors import EngineError
from servers.web import CONTENT, Server

SHA256 = hashlib.sha256(CONTENT).hexdigest()


def test_what_changes_while_it_is_read_is_another_etag(server: Server, tmp_path: Path) -> None:
    server.sending = lambda: server.change(CONTENT, '"new"')
    with pytest.raises(EngineError, match="is not what was declared"):
        fetch(Dataset(url=server.url, etag="abc"), tmp_path / "x", opening(tmp_path))


def test_what_changes_each_time_that_it_is_read_is_not_kept(server: Server, tmp_path: Path) -> None:
    server.sending = lambda: server.change(CONTENT, f'"{time.monotonic()}"')
    with pytest.raises(EngineError, match="was changed while it was read"):
        fetch(Dataset(url=server.url, version="1"), tmp_path / "x", opening(tmp_path))
    assert server.fetched == 3
    assert [path.name for path in tmp_path.iterdir()] == ["store"]
    with opening(tmp_path) as cache:
        assert cache.entries() == []
    fetch(Dataset(url=server.url, sha256=SHA256), tmp_path / "x", opening(tmp_path))
    assert server.fetched == 4, "its sha256 says that it is right"


def test_what_changes_once_is_read_again(server: Server, tmp_path: Path) -> None:
    server.sending = lambda: server.change(b"new" * 1000, '"new"')
    fetch(Dataset(url=server.url, version="1"), tmp_path / "x", opening(tmp_path))
    assert (tmp_path / "x").read_bytes() == b"new" * 1000
    assert server.fetched == 2


def test_one_answer_is_never_mixed_with_another(server: Server, tmp_path: Path) -> None:
    """A server that nobody could ask whether the file is still the same."""
    answers = itertools.count()
    server.sending = lambda: server.change(bytes([next(answers)]) * (4 << 20), "")
    server.sending()
    fetch(Dataset(url=server.url, version="1"), tmp_path / "x", opening(tmp_path))
    assert set((tmp_path / "x").read_bytes()) == {0}


def test_the_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "table").mkdir()
    (tmp_path / "table/a").write_bytes(b"x")
    (tmp_path / "table/b").symlink_to("nowhere")
    with pytest.raises(EngineError, match=r"there is nothing at .*/table/b$"):
        fetch(Dataset(url=str(tmp_path / "table"), version="1"), tmp_path / "x", opening(tmp_path))
    assert not (tmp_path / "x").exists()


def test_a_folder_that_cannot_be_listed_is_not_an_empty_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("open", "walled"):
        (tmp_path / "table" / name).mkdir(parents=True)
        (tmp_path / "table" / name / "part").write_bytes(b"x")
    faults = Faults(tmp_path / "table/walled", monkeypatch)
    faults.reset()
    faults.fail("scandir", errno.EACCES)
    dataset = Dataset(url=str(tmp_path / "table"), version="1")
    with pytest.raises(EngineError, match="Permission denied"):
        fetch(dataset, tmp_path / "x", opening(tmp_path))
    faults.reset()
    fetch(dataset, tmp_path / "x", opening(tmp_path))
    assert (tmp_path / "x/walled/part").read_bytes() == b"x"


@pytest.mark.parametrize("change", ["a", "c"])
def test_a_folder_that_changes_while_it_is_read_is_not_kept(
    change: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "table").mkdir()
    for name in ("a", "b"):
        (tmp_path / "table" / name).write_text(name)
    pieces = Origin.pieces

    def changing(origin: Origin, found: Found) -> Iterator[bytes]:
        (tmp_path / "table" / change).write_text(str(time.monotonic()))
        return pieces(origin, found)

    monkeypatch.setattr(Origin, "pieces", changing)
    with pytest.raises(EngineError, match="was changed while it was read"):
        fetch(Dataset(url=str(tmp_path / "table"), version="1"), tmp_path / "x", opening(tmp_path))
    assert not (tmp_path / "x").exists()


def test_a_silent_server_is_not_waited_for(server: Server, tmp_path: Path) -> None:
    silence = threading.Event()
    server.sending = lambda: silence.wait(30)
    started = time.monotonic()
    with pytest.raises(EngineError, match="nothing has come for 1 s"):
        fetch(Dataset(url=server.url, version="1"), tmp_path / "x", opening(tmp_path), stall=1)
    silence.set()
    assert time.monotonic() - started < 15


@pytest.mark.slow
def test_a_slow_server_is_waited_for(server: Server, tmp_path: Path) -> None:
    server.sending = lambda: time.sleep(1.2)
    fetch(Dataset(url=server.url, version="1"), tmp_path / "x", opening(tmp_path), stall=2)
    assert (tmp_path / "x").read_bytes() == CONTENT
