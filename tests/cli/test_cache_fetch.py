"""`couler cache fetch`: which version a row of the settings declares, and what it does without a store."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from couler_plugins.caching.dataplane.datasets import dataset_text
from couler_plugins.cli.group import couler
from servers.counting import Counted, counting_server


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    (tmp_path / "web").mkdir()
    monkeypatch.chdir(tmp_path)
    with counting_server(tmp_path / "web") as server:
        yield server


def fetch(*arguments: str, store: str = "store", said: str = "") -> Result:
    return CliRunner(env={"COULER_CACHE_STORE": store}).invoke(couler, ["cache", "fetch", *arguments, "-oout"], said)


def declare(text: str) -> None:
    Path("couler.toml").write_text(f"[[cache.declare]]\n{text}\n")


def test_a_row_declares_the_version(server: Counted) -> None:
    declare(f'url = "{server.url}"\nversion = "7"')
    assert (fetch(server.url).output, fetch(server.url, "--version", "7").output) == ("", "")
    assert server.fetched == 1
    fetch(server.url, "--version", "8")
    declare(f'url = "{server.url}"\nversion = "8"')
    assert fetch(server.url).exit_code == 0
    assert (server.fetched, Path("out").read_bytes()) == (2, b"1,2\n")


@pytest.mark.parametrize("row", ['pure = true\ntask = "t"', 'url = "s3://b/x"'])
def test_without_a_version_or_with_a_wrong_row_nothing_is_fetched(server: Counted, row: str) -> None:
    declare(row)
    refused = fetch(server.url)
    assert (refused.exit_code, server.fetched) == (2, 0)
    assert "either a version, an etag or a sha256" in refused.stderr


def test_the_url_may_come_from_where_nobody_sees_it(server: Counted) -> None:
    assert fetch("-", "--version", "7", said=f"{server.url}\n").output == ""
    assert Path("out").read_bytes() == b"1,2\n"


def test_without_a_store_it_is_downloaded_each_time(server: Counted) -> None:
    for _ in range(2):
        done = fetch(server.url, "--version", "7", store="")
        assert (done.exit_code, Path("out").read_bytes()) == (0, b"1,2\n")
        assert "warning: no store is given" in done.stderr
    assert server.fetched == 2
    assert fetch(server.url, "--sha256", "0" * 64, store="").exit_code == 3


def pod_fetch(*places: str, store: str = "store") -> Result:
    return CliRunner().invoke(couler, ["cache", "pod-fetch", ".", f"--store={store}", "--", *places])


def test_in_a_pod_only_texts_that_name_datasets_are_written_over(server: Counted) -> None:
    for name, text in {"a": dataset_text(server.url, "7"), "b": "other", "c": '{"couler.io/dataset": 1}'}.items():
        Path(name).write_text(text)
    Path("d").mkdir()
    done = pod_fetch("a", "b", "c", "d")
    assert (done.exit_code, done.output) == (0, "")
    assert [Path(name).read_text() for name in "abc"] == ["1,2\n", "other", '{"couler.io/dataset": 1}']
    assert server.fetched == 1


@pytest.mark.parametrize("store", ["nonsense://x", "/dev/null/x"])
def test_in_a_pod_without_a_store_it_is_downloaded(server: Counted, store: str) -> None:
    Path("a").write_text(dataset_text(server.url, "7"))
    done = pod_fetch("a", store=store)
    assert (done.exit_code, Path("a").read_text(), server.fetched) == (0, "1,2\n", 1)
    assert "going on without the cache" in done.stderr


def test_in_a_pod_another_content_than_declared_is_an_error(server: Counted) -> None:
    Path("e").write_text(dataset_text(server.url, f"sha256:{'0' * 64}"))
    refused = pod_fetch("e")
    assert refused.exit_code == 3
    assert "its sha256 is" in refused.stderr
    assert "Traceback" not in refused.stderr
