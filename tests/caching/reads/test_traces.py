"""Read sets and lists of them: their form, what is refused, and verifying what anybody may have written."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path

import pytest

from couler_plugins.caching.reads import Read, ReadSet, Trace, Traces, decode_reads, encode_reads, trace_key, verify
from couler_plugins.caching.reads import traces as trace_lists
from couler_plugins.caching.reads.kinds import LIMIT
from couler_plugins.caching.reads.read_sets import read_set
from couler_plugins.caching.reads.traces import decode_traces
from couler_plugins.errors import InvalidInput
from reads_observed import Observe


def reads_of(path: Path, watch: Observe) -> ReadSet:
    with watch() as seen:
        path.read_text()
    assert seen.reads is not None, seen.reason
    return seen.reads


def test_the_order_of_reading_does_not_matter(data: Path, watch: Observe) -> None:
    (data / "y.csv").touch()
    found = []
    for names in (("x.csv", "y.csv"), ("y.csv", "x.csv")):
        with watch() as seen:
            for name in names:
                (data / name).read_text()
        assert seen.reads is not None
        found.append(encode_reads(seen.reads))
    assert found[0] == found[1]
    assert encode_reads(decode_reads(found[0])) == found[0]


GOOD = ["file", "/a", "1:ab"]


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"[]",
        b"{}",
        b"{" * 100_000,
        {"reads": [["other", "/a", "x"]], "version": 1},
        {"reads": [["file", "a", "x"]], "version": 1},
        {"reads": [["file", "", "x"]], "version": 1},
        {"reads": [["file", "/a\0", "x"]], "version": 1},
        {"reads": [["file", "/" + "a" * 5000, "x"]], "version": 1},
        {"reads": [["file", "/a", "x" * 500]], "version": 1},
        {"reads": [["file", "/a", ""]], "version": 1},
        {"reads": [["file", "/a", "\n"]], "version": 1},
        {"reads": [["variable", "A=B", "x"]], "version": 1},
        {"reads": [["module", "a.b", "absent"]], "version": 1},
        {"reads": [["directory", "/a", "x"]], "version": 1},
        {"reads": [["file", "/a", 1]], "version": 1},
        {"reads": [["file", "/a"]], "version": 1},
        {"reads": [[*GOOD, "more"]], "version": 1},
        {"reads": [GOOD, GOOD], "version": 1},
        {"reads": [["file", "/b", "x"], GOOD], "version": 1},
        {"reads": [GOOD, ["kind", "/a", "file"]], "version": 1},
        {"reads": [GOOD], "version": 2},
        {"reads": [GOOD], "version": 1, "more": 1},
        {"reads": [["file", f"/{number:06}", "x"] for number in range(LIMIT + 1)], "version": 1},
    ],
)
def test_what_is_no_read_set(bad: bytes | dict[str, object]) -> None:
    data = bad if isinstance(bad, bytes) else json.dumps(bad).encode()
    with pytest.raises(InvalidInput):
        decode_reads(data)
    with pytest.raises(InvalidInput):
        decode_traces(b'{"sets":[' + (data or b"1") + b'],"version":1}')


def test_what_is_one() -> None:
    assert decode_reads(json.dumps({"reads": [GOOD], "version": 1}).encode()) == read_set([Read(*GOOD)])  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["file", "folder", "stat", "link", "access", "kind", "lstat"])
def test_bad_files_neither_fail_nor_wait(kind: str, data: Path) -> None:
    os.mkfifo(data / "fifo")
    (data / "circle").symlink_to("circle")
    (data / "closed").mkdir(0)
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(data / "socket"))
    names = ["/dev/zero", "/dev/tty", "/proc/kmsg", "/proc/self/mem", "/nowhere", "/dev/stdin"]
    names += [str(data / name) for name in ("fifo", "circle", "closed", "socket", "x.csv/y")] + [f"/{'a' * 3000}"]
    start = time.monotonic()
    for name in names:
        assert verify(read_set([Read(kind, name, "0:00")])) is not None  # type: ignore[arg-type]
    assert time.monotonic() - start < 5
    server.close()


def test_the_first_trace_that_holds_is_found(data: Path, watch: Observe) -> None:
    path = data / "x.csv"
    traces = Traces()
    assert traces.find() is None
    contents = ("one", "two", "three")
    for content in contents:
        path.write_text(content)
        traces = traces.add(reads_of(path, watch), content.encode())
    traces = decode_traces(traces.encode())
    keys = set()
    for content in contents:
        path.write_text(content)
        found = traces.find()
        assert found == Trace(reads_of(path, watch), content.encode())
        keys.add(trace_key("key", found.reads))
    first, second, third = traces.traces
    assert len(keys | {trace_key("other", first.reads)}) == 4
    path.write_text("four")
    assert traces.find() is None
    assert traces.add(third.reads, b"new").traces == (Trace(third.reads, b"new"), first, second)


def test_traces_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    traces = Traces()
    for number in range(20):
        traces = traces.add(read_set([Read("kind", f"/{number}", "absent")]), b"")
    assert [one.reads.reads[0].name for one in traces.traces] == [f"/{number}" for number in range(19, 3, -1)]
    monkeypatch.setattr(trace_lists, "LARGEST_LIST", 60)
    newest = read_set([Read("kind", "/a", "absent")])
    assert len(traces.add(newest, b"x" * 1000).traces) == 2, "the newest is kept, however large it is"
    with pytest.raises(InvalidInput):
        decode_traces(b" " * 2000)
