"""`couler cache show`: what a result depends on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.cache_processes import KEY, cache
from couler_plugins.caching.artifacts import open_cache
from couler_plugins.caching.reads import Traces, observe


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


def test_a_key_of_nothing_is_told_so() -> None:
    shown = cache("show", KEY)
    assert shown.returncode == 1
    assert shown.stderr == f"there is nothing of the key {KEY}\n"
