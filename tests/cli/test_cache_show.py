"""`couler cache show`: what a result depends on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.cache_processes import KEY, cache
from couler_plugins.caching.artifacts import Meta, open_cache
from couler_plugins.caching.reads import Traces, observe, trace_key


@pytest.fixture(autouse=True)
def _files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rates.csv").write_text("a secret")


def test_it_tells_what_was_read_and_what_has_changed(tmp_path: Path) -> None:
    with observe(temporary=[tmp_path / "none"]) as seen:
        Path("rates.csv").read_text()
    assert seen.reads is not None, seen.reason
    with open_cache("store") as store:
        store.put(KEY, {"result": Traces().add(seen.reads, b"7").encode()})
    shown = cache("show", KEY)
    assert shown.returncode == 0, shown.stderr
    assert f"    file       {tmp_path}/rates.csv\n" in shown.stdout
    assert "secret" not in shown.stdout
    Path("rates.csv").write_text("another")
    assert f"  ! file       {tmp_path}/rates.csv\n" in cache("show", KEY).stdout
    record = json.loads(cache("show", KEY, "--format", "json").stdout)
    assert [(read["kind"], read["holds"]) for read in record["traces"][0]["reads"]][-1] == ("file", False)


def test_a_result_without_reads_is_shown_as_well() -> None:
    with open_cache("store") as store:
        store.put(KEY, {"model": b"7"})
    shown = cache("show", KEY)
    assert shown.returncode == 0
    assert "output model: 1 B" in shown.stdout


def test_it_names_the_outputs_that_are_kept_beside_a_result(tmp_path: Path) -> None:
    with observe(temporary=[tmp_path / "none"]) as seen:
        Path("rates.csv").read_text()
    assert seen.reads is not None, seen.reason
    kept = trace_key(KEY, seen.reads)
    with open_cache("store") as store:
        store.put(KEY, {"result": Traces().add(seen.reads, b"7").encode()})
        assert "it keeps" not in cache("show", KEY).stdout
        store.put(kept, {"0": b"123", "1": b"4"}, Meta(paths=("/data/a.csv", "/data/b\x1b.csv")))
    assert "\n  it keeps /data/a.csv: 3 B, sha256 a665" in cache("show", KEY).stdout
    assert "\n  it keeps /data/b\\x1b.csv: 1 B, sha256 " in cache("show", KEY).stdout
    assert "output /data/a.csv: 3 B" in cache("show", kept).stdout
    record = json.loads(cache("show", KEY, "--format", "json").stdout)
    assert [output["path"] for output in record["traces"][0]["outputs"]] == ["/data/a.csv", "/data/b\x1b.csv"]


def test_names_that_are_no_numbers_of_paths_are_themselves() -> None:
    with open_cache("store") as store:
        store.put(KEY, {"2": b"1", "x": b"2"}, Meta(paths=("/data/a",)))
    shown = cache("show", KEY).stdout
    assert "output 2: 1 B" in shown
    assert "output x: 1 B" in shown


def test_the_beginning_of_a_key_is_enough() -> None:
    first, second, chosen = "ab12cd" + "0" * 58, "ab12ce" + "0" * 58, "ab12cd-mine"
    with open_cache("store") as store:
        for key in (first, second, chosen):
            store.put(key, {"model": b"7"})
    assert f"key: {first}\n" in cache("show", "ab12cd").stdout
    assert f"key: {chosen}\n" in cache("show", chosen).stdout
    for command in (("show", "ab12c"), ("show", "ab12cd-")):  # too short, and what a person has chosen
        assert cache(*command).returncode == 1, command
    assert "first six characters" in cache("show", "ab12c").stderr
    with open_cache("store") as store:
        store.put("ab12cd" + "1" * 58, {"model": b"7"})
    refused = cache("show", "ab12cd")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "2 keys begin with 'ab12cd'" in refused.stderr
    assert "hint: give more of it: ab12cd0, ab12cd1" in refused.stderr
    assert cache("rm", "ab12ce", "ab12cd").returncode == 2
    assert cache("show", second).returncode == 0
    assert cache("rm", "ab12ce", "ab12cd0").returncode == 0
    assert [cache("show", key).returncode for key in (first, second, chosen)] == [1, 1, 0]


def test_a_key_of_nothing_is_told_so() -> None:
    shown = cache("show", KEY)
    assert shown.returncode == 1
    assert shown.stderr == f"there is nothing of the key {KEY}\n"
