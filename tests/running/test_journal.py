"""The journal: whole lines or none, one writer, and nothing of another run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.running import Produced, Where
from couler_plugins.running import Head, Journal
from couler_plugins.running.journal import Entry
from running.toy_engine import job

JOBS = [job("library", runs=False), job("a", "library")]
HEAD = Head.of("r", "toy", Where(namespace="ml"), JOBS)
ENTRIES = [
    Entry(job="library", outcome="created", phase="succeeded"),
    Entry(job="a", outcome="created"),
    Entry(
        job="a",
        outcome="created",
        phase="succeeded",
        outputs=(Produced(name="ü\n", kind="parameter", value="line\nline"),),
    ),
]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with Journal.opened(tmp_path / "journal") as journal:
        journal.begin(HEAD, tmp_path / "journal")
        for entry in ENTRIES:
            journal.add(entry)
    return tmp_path / "journal"


def test_what_was_written_is_read(path: Path) -> None:
    journal = Journal.read(path)
    assert journal.head == HEAD
    assert journal.entries == {"library": ENTRIES[0], "a": ENTRIES[2]}
    assert path.stat().st_mode & 0o777 == 0o600


def test_however_much_of_a_line_was_written_it_is_whole_or_not_there(path: Path) -> None:
    text = path.read_bytes()
    ends = [number + 1 for number, byte in enumerate(text) if byte == ord("\n")]
    for length in range(len(text) + 1):
        path.write_bytes(text[:length])
        whole = sum(end <= length for end in ends)
        with Journal.opened(path) as journal:
            assert (journal.head is not None) == (whole > 0)
            assert journal.entries == {entry.job: entry for entry in ENTRIES[: max(0, whole - 1)]}
            journal.begin(HEAD, path)
            journal.add(ENTRIES[1])
        assert Journal.read(path).entries["a"] == ENTRIES[1]


def test_a_second_writer_is_kept_out_and_readers_are_not(path: Path) -> None:
    with Journal.opened(path):
        with pytest.raises(InvalidInput, match="somebody else is writing"), Journal.opened(path):
            pass
        assert Journal.read(path).head == HEAD
    with Journal.opened(path) as journal:
        assert journal.head == HEAD


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (Head.of("other", "toy", Where(namespace="ml"), JOBS), "its run is r, not other"),
        (Head.of("r", "argo", Where(namespace="ml"), JOBS), "its engine is toy, not argo"),
        (Head.of("r", "toy", Where(), JOBS), "its where is the namespace ml"),
        (Head.of("r", "toy", Where(namespace="ml"), JOBS[:1]), "a was not the same"),
    ],
)
def test_another_run_is_refused(path: Path, head: Head, message: str) -> None:
    with Journal.opened(path) as journal, pytest.raises(InvalidInput, match=message):
        journal.begin(head, path)


@pytest.mark.parametrize(
    "text",
    [b"apiVersion: v1\nkind: Workflow\n", b"not a journal", b'{"schema":"couler.journal/v9"}\n', b"\xff\n", b"{}\n"],
)
def test_other_files_are_refused_and_left_as_they_are(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(text)
    with pytest.raises(InvalidInput), Journal.opened(path):
        pass
    assert path.read_bytes() == text


def test_a_line_in_the_middle_that_is_none_is_told(path: Path) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"{torn\n", *lines[2:]]))
    with pytest.raises(InvalidInput, match="no line of a journal") as caught:
        Journal.read(path)
    assert caught.value.line == 3


def test_no_journal_and_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="No such file"):
        Journal.read(tmp_path / "none")
    (tmp_path / "empty").touch()
    with pytest.raises(InvalidInput, match="no run has begun"):
        Journal.read(tmp_path / "empty")
    with pytest.raises(InvalidInput, match="cannot be written"), Journal.opened(tmp_path):
        pass


def test_a_full_disk_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Journal.opened(tmp_path / "journal") as journal:
        journal.begin(HEAD, tmp_path / "journal")
        monkeypatch.setattr(os, "write", lambda descriptor, text: len(text) - 1)
        with pytest.raises(EngineError, match="disk is full"):
            journal.add(ENTRIES[0])
        assert journal.entries == {}
