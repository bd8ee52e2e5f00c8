"""Local copies of datasets: when they are downloaded, which of them count, and what people are told."""

from __future__ import annotations

import hashlib
import logging
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from couler_plugins import dataset
from couler_plugins.caching.dataplane import copies
from couler_plugins.cli.group import couler
from couler_plugins.errors import CoulerError, EngineError, InvalidInput
from servers.counting import Counted, counting_server


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Counted]:
    (tmp_path / "web").mkdir()
    with counting_server(tmp_path / "web") as server:
        yield server


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with a store, without a settings file, on which a new process is no new process."""

    def run(command: Sequence[str], *, input: str, env: dict[str, str], **_: Any) -> subprocess.CompletedProcess[str]:  # noqa: A002
        done = CliRunner(env=env).invoke(couler, command[3:], input=input)
        return subprocess.CompletedProcess(command, done.exit_code, done.stdout, done.stderr)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("COULER_CACHE_STORE", str(tmp_path / "store"))
    monkeypatch.chdir(tmp_path)
    return other_machine(monkeypatch, tmp_path / "one")


def other_machine(monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def declare(text: str) -> None:
    Path("couler.toml").write_text(f"[[cache.declare]]\n{text}\n")


def test_a_version_is_downloaded_once_for_all_machines(
    server: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = dataset(server.url, version="7")
    assert (one.name, one.read_bytes(), one.stat().st_mode & 0o777) == ("raw.csv", b"1,2\n", 0o444)
    assert dataset(server.url, version="7") == one
    other_machine(monkeypatch, tmp_path / "two")
    assert dataset(server.url, version="7") != one
    assert server.fetched == 1
    server.content.write_bytes(b"3\n")
    assert dataset(server.url, version="8").read_bytes() == b"3\n"
    assert server.fetched == 2


def test_a_copy_that_somebody_has_changed_is_made_anew(server: Counted) -> None:
    one = dataset(server.url, version="7")
    one.chmod(0o644)
    one.write_bytes(b"9,9\n")
    assert (dataset(server.url, version="7").read_bytes(), server.fetched) == (b"1,2\n", 1)


def test_a_copy_that_somebody_else_makes_meanwhile_stays(server: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, theirs = copies._is_whole, []

    def is_whole(place: Path) -> bool:
        answer = whole(place)
        monkeypatch.setattr(copies, "_is_whole", whole)
        theirs.append(os.open(dataset(server.url, version="7"), os.O_RDONLY))
        return answer

    monkeypatch.setattr(copies, "_is_whole", is_whole)
    dataset(server.url, version="7")
    assert [os.fstat(number).st_nlink for number in theirs] == [1]
    os.close(theirs[0])


def test_a_folder_has_copies_as_well(tmp_path: Path) -> None:
    (tmp_path / "table/part").mkdir(parents=True)
    (tmp_path / "table/part/x").write_text("1")
    one = dataset(str(tmp_path / "table"), version="7")
    assert ((one / "part/x").read_text(), one.name) == ("1", "table")
    (one / "part/y").write_text("more")
    assert not (dataset(str(tmp_path / "table"), version="7") / "part/y").exists()


@pytest.mark.parametrize(
    ("row", "label"),
    [
        ('url = "URL"\nversion = "7"', "7"),
        ('url = "FOLDER"\nversion = 7', "7"),
        (f'url = "URL"\nsha256 = "{hashlib.sha256(b"1,2").hexdigest()}"', ""),
    ],
)
def test_a_row_of_the_settings_says_which_version(server: Counted, row: str, label: str) -> None:
    declare(row.replace("URL", server.url).replace("FOLDER", server.url.rpartition("/")[0]))
    if label:
        assert dataset(server.url.replace("//", "//user:password@")) == dataset(server.url, version=label)
        assert server.fetched == 1
    else:
        with pytest.raises(EngineError, match="is not what was declared") as refused:
            dataset(server.url)
        assert str(refused.value.hint).startswith("its sha256 is")


@pytest.mark.parametrize("row", ['url = "https://example.org/x"\nversion = "7"', 'url = "URLx"\nversion = "7"'])
def test_without_a_version_nothing_is_downloaded(server: Counted, row: str) -> None:
    declare(row.replace("URL", server.url))
    with pytest.raises(InvalidInput, match="either a version, an etag or a sha256") as refused:
        dataset(server.url)
    assert "[[cache.declare]]" in str(refused.value.hint)
    assert server.fetched == 0


@pytest.mark.parametrize(
    ("store", "warning"), [("/dev/null/x", "going on without the cache"), ("", "no store is given")]
)
def test_without_a_store_it_is_downloaded_with_a_warning(
    server: Counted, store: str, warning: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("COULER_CACHE_STORE", store)
    with caplog.at_level(logging.WARNING):
        assert dataset(server.url, version="7").read_bytes() == b"1,2\n"
    assert warning in caplog.text
    assert server.fetched == 1


def test_what_gives_access_is_nowhere_to_be_seen(
    server: Counted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    secret = server.url.replace("//", "//user:geheim@") + "?X-Amz-Signature=geheim"
    with caplog.at_level(logging.DEBUG):
        one = dataset(secret, version="7")
        assert dataset(server.url, version="7") == one
        monkeypatch.setenv("COULER_CACHE_STORE", "/dev/null/x")
        dataset(secret, version="8")
        with pytest.raises(EngineError) as refused:
            dataset(secret, sha256="0" * 64)
    kept = [str(path).encode() + (path.read_bytes() if path.is_file() else b"") for path in tmp_path.rglob("*")]
    assert "geheim" not in f"{caplog.text}{refused.value}{one}"
    assert not [text for text in kept if b"geheim" in text]


def test_others_have_no_say_in_what_a_copy_is(server: Counted, machine: Path) -> None:
    copies.copies_folder().mkdir()
    copies.copies_folder().chmod(0o777)
    with pytest.raises(EngineError, match="other users may write") as refused:
        dataset(server.url, version="7")
    assert "TMPDIR" in str(refused.value.hint)
    copies.copies_folder().chmod(0o700)
    assert dataset(server.url, version="7").is_file()
    assert copies.copies_folder().parent == machine


def test_where_nothing_can_be_written_is_said(server: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", "/dev/null")
    with pytest.raises(CoulerError, match="cannot be written"):
        dataset(server.url, version="7")


@pytest.mark.slow
def test_of_several_processes_one_downloads_it(server: Counted, tmp_path: Path) -> None:
    program = "import sys; from couler_plugins import dataset; print(dataset(sys.argv[1], version='7').read_text())"

    def start(number: int) -> subprocess.Popen[str]:
        (tmp_path / f"machine-{number // 2}").mkdir(exist_ok=True)
        around = {**os.environ, "TMPDIR": str(tmp_path / f"machine-{number // 2}")}
        command = [sys.executable, "-c", program, server.url]
        return subprocess.Popen(command, env=around, stdout=subprocess.PIPE, text=True)

    ended = [process.communicate()[0].strip() for process in [start(number) for number in range(4)]]
    assert ended == ["1,2"] * 4
    assert server.fetched == 1
