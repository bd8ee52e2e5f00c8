"""`couler cache ls`, `stats`, `verify` and `rm`: what they say, as text and as JSON, and how they exit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from couler_plugins.caching.artifacts import Lost, Meta, Output, open_cache
from couler_plugins.caching.artifacts.blobs import Blobs
from couler_plugins.cli.group import couler
from pluginbox import PluginBox


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COULER_CACHE_STORE", "store")
    with open_cache("store") as cache:
        cache.put("k1", {"a": b"x" * 1000}, Meta(family="churn", step="prep", seconds=3.25, made_by="test"))
        cache.put("k2", {"a": b"y", "b": b"zz"}, Meta(parents=("k1",)))
    with open_cache("store", namespace="other") as cache:
        cache.put("secret-of-others", {"a": b"o"})
    return tmp_path / "store"


def run(*arguments: str) -> Result:
    return CliRunner().invoke(couler, ["cache", *arguments], catch_exceptions=False)


def record(*arguments: str) -> dict[str, Any]:
    result = run(*arguments, "--format", "json")
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_ls_lists_the_namespace() -> None:
    found = record("ls")
    assert (found["schema"], found["namespace"]) == ("couler.cache-ls/v1", "default")
    by_key = {entry["key"]: entry for entry in found["entries"]}
    assert sorted(by_key) == ["k1", "k2"]
    assert (by_key["k1"]["bytes"], by_key["k1"]["seconds"], by_key["k2"]["seconds"]) == (1000, 3.25, None)
    assert by_key["k2"]["parents"] == ["k1"]
    assert [output["name"] for output in by_key["k2"]["outputs"]] == ["a", "b"]
    text = run("ls").stdout
    assert "churn/prep" in text
    assert "1,000 B" in text
    assert "secret-of-others" not in text
    assert [entry["key"] for entry in record("ls", "--namespace", "other")["entries"]] == ["secret-of-others"]


def test_stats_say_what_is_held() -> None:
    found = record("stats")
    assert found["schema"] == "couler.cache-stats/v1"
    assert found["usage"]["default"]["entries"] == 2
    assert found["usage"]["default"]["bytes"] == 1003
    text = run("stats").stdout
    assert "default: 2 results, 1,003 bytes" in text
    assert "\n1,004 bytes (no limit)\n" in text
    Path("out").write_bytes(b"x")
    assert run("save", "--capacity", "7kB", "k3", "a=out").exit_code == 0
    assert "\n1,005 bytes (limit: 7,000 bytes)\n" in run("stats").stdout


def test_verify_finds_what_is_wrong_and_mends_it() -> None:
    assert run("verify").exit_code == 0
    (damaged,) = [
        path for path in Path("store/v1/default/blobs").rglob("*") if path.is_file() and path.stat().st_size == 1000
    ]
    damaged.chmod(0o644)
    damaged.write_bytes(b"?" * 1000)
    found = run("verify")
    assert found.exit_code == 1
    assert "k1: has bytes that are not what was stored" in found.stdout
    assert record("verify")["corrupt"] == ["k1"]
    assert run("verify", "--repair").exit_code == 0
    assert record("verify") == {**record("verify"), "schema": "couler.cache-verify/v1", "ok": True, "entries": 1}


def test_what_cannot_be_mended_is_still_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(blobs: Blobs, output: Output) -> None:
        raise Lost("Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(Blobs, "check", unreadable)
        assert run("verify", "--repair").exit_code == 1
    assert run("verify", "--repair").exit_code == 0
    assert [entry["key"] for entry in record("ls")["entries"]] == ["k2", "k1"]


def test_rm_removes_and_warns_of_what_is_not_there() -> None:
    found = run("rm", "k1", "k3")
    assert found.exit_code == 0
    assert [entry["key"] for entry in record("ls")["entries"]] == ["k2"]
    result = run("rm", "k2", "k9", "--format", "json")
    gone = json.loads(result.stdout)
    assert (gone["schema"], gone["removed"], gone["bytes"], gone["dry_run"]) == ("couler.cache-rm/v1", ["k2"], 3, False)
    assert "k9 is not there" in result.stderr
    assert len(record("ls", "--namespace", "other")["entries"]) == 1


def test_a_capacity_holds_from_then_on() -> None:
    for number in range(3):
        Path("out").write_bytes(bytes([number]) * 3_000)
        assert run("save", "--capacity", "7kB", "--store", "small", f"k{number}", "a=out").exit_code == 0
    Path("out").write_bytes(b"3" * 3_000)
    assert run("save", "--store", "small", "k3", "a=out").exit_code == 0
    found = record("stats", "--store", "small")
    assert (found["capacity"], found["bytes"]) == (7_000, 6_000)


@pytest.mark.parametrize("way", ["flag", "environment", "file"])
def test_a_capacity_is_lifted(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("x").write_bytes(b"x" * 600)
    assert run("save", "--strict", "--capacity", "1kB", "--store", "small", "k1", "a=x").exit_code == 0
    Path("couler.toml").write_text(f"cache-capacity = {'none' if way == 'file' else '100'!r}\n")
    if way == "environment":
        monkeypatch.setenv("COULER_CACHE_CAPACITY", "none")
    flag = ["--capacity", "none"] if way == "flag" else []
    Path("x").write_bytes(b"y" * 6000)
    assert run("save", "--strict", *flag, "--store", "small", "k2", "a=x").exit_code == 0
    assert record("stats", "--store", "small")["capacity"] is None
    assert len(record("ls", "--store", "small")["entries"]) == 2


def test_a_capacity_that_is_none_is_refused() -> None:
    refused = run("save", "--capacity", "much", "k", "a=x")
    assert refused.exit_code == 2
    assert "'much' is not a size such as 1000, 30GB or 64MiB, nor `none`" in refused.stderr


def test_a_plugin_serves_its_own_urls(plugin_box: PluginBox, monkeypatch: pytest.MonkeyPatch) -> None:
    source = """
        import sys
        from couler_plugins import hookimpl
        from couler_plugins.caching.artifacts.stores import FolderStore
        print("plugins may print")
        class Shelf(FolderStore):
            schemes = ("shelf",)
            @classmethod
            def open(cls, url):
                return FolderStore.open(url.removeprefix("shelf://"))
        @hookimpl
        def couler_artifact_stores(): return [Shelf]
    """
    plugin_box.add("shelf", source)
    monkeypatch.setenv("COULER_CACHE_STORE", "shelf://books")
    Path("a").write_text("mine")
    assert run("save", "--strict", "k", "a=a").exit_code == 0
    assert [entry["key"] for entry in record("ls")["entries"]] == ["k"]
    assert Path("books/v1/default").is_dir()


@pytest.mark.parametrize("verb", [["ls"], ["stats"], ["verify"], ["rm", "k1"]])
def test_a_store_that_is_away_is_exit_code_3(verb: list[str]) -> None:
    found = run(*verb, "--store", "/proc/nowhere")
    assert found.exit_code == 3
    assert "error: " in found.stderr


@pytest.mark.parametrize("verb", [["ls"], ["stats"], ["verify"], ["rm", "k1"]])
def test_a_store_that_nobody_names_is_exit_code_2(verb: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COULER_CACHE_STORE")
    found = run(*verb)
    assert found.exit_code == 2
    assert "COULER_CACHE_STORE" in found.stderr


def test_looking_at_a_store_sets_no_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("x").write_text("123456")
    assert run("save", "--capacity", "1MB", "k3", "o=x").exit_code == 0
    monkeypatch.setenv("COULER_CACHE_CAPACITY", "1")
    for arguments in (["stats"], ["ls"], ["verify"], ["restore", "k3", "o=y"]):
        assert run(*arguments).exit_code == 0
    assert json.loads(run("stats", "--format", "json").stdout)["capacity"] == 10**6


def test_evict_says_what_went() -> None:
    assert run("evict", "--capacity", "0").stdout == "k1: evicted (1,000 bytes, prep)\nk2: evicted (3 bytes)\n"


def test_evict_takes_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "or the setting cache-capacity" in run("evict").stderr
    monkeypatch.setenv("COULER_CACHE_CAPACITY", "100")
    assert record("evict")["capacity"] == 100
    assert [entry["key"] for entry in record("ls")["entries"]] == ["k2"]
    assert record("evict", "--capacity", "2")["capacity"] == 2
    assert record("ls")["entries"] == []


def test_without_a_limit_nothing_is_evicted_and_the_store_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COULER_CACHE_CAPACITY", "1")
    with open_cache("store", capacity=10_000):
        pass
    found = record("evict", "--capacity", "none")
    assert (found["capacity"], found["evicted"], found["bytes"]) == (None, [], 1003)
    assert record("stats")["capacity"] is None


def test_what_is_left_is_counted_as_the_store_counts_it() -> None:
    Path("x").write_text("123456")
    for key in ("k3", "k4"):
        assert run("save", key, "o=x").exit_code == 0
    found = record("evict", "--capacity", "1009")
    assert (found["evicted"], found["bytes"]) == ([], 1009)
    assert record("stats")["usage"]["default"]["bytes"] == 1009
