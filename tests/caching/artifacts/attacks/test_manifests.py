"""Manifests that lie or are none: what they say of bytes, names and keys is believed only where it is so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from caching.artifacts.planting import CONTENT, OUTSIDE, file_outside, manifest_of, output_of, planted, served
from couler_plugins.caching.artifacts import Stored

BOMBS: dict[str, str | bytes] = {
    "nested": "[" * 200_000,
    "nested in a field": '{"version":1,"namespace":"mine","key":"key","unheard-of":' + "[" * 200_000,
    "nested objects": '{"a":' * 100_000,
    "numbers": '{"version":1,"created":1e999999999,"namespace":"mine","key":"key","outputs":[]}',
    "huge text": '{"version":1,"namespace":"mine","key":"' + "k" * 50_000_000 + '","outputs":[]}',
    "many outputs": '{"version":1,"namespace":"mine","key":"key","outputs":['
    + ",".join(map(json.dumps(output_of("o{}")).replace, ["{}"] * 200_000, map(str, range(200_000))))
    + "]}",
    "not utf-8": b'{"version":1,"namespace":"mine","key":"\xff\xfe","outputs":[]}',
    "empty": "",
    "a pickle": b"\x80\x04\x95\x1e\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_manifests_that_are_none(store: Path, index: str | None, bomb: str) -> None:
    with planted(store, index, BOMBS[bomb]) as cache:
        assert served(cache) is None
        assert isinstance(cache.put("after", {"out": b"x"}), Stored)
        assert served(cache, "after") == b"x"
        cache.verify(repair=True)
        assert isinstance(cache.put("key", {"out": b"x"}), Stored)
        assert served(cache) == b"x"


@pytest.mark.parametrize(
    "output",
    [
        output_of("../escape"),
        output_of("/etc/passwd"),
        output_of(sha256="../../outside"),
        output_of(sha256="/etc/passwd"),
        output_of(sha256="../" * 21 + "x"),
        output_of(bytes=-1),
        output_of(bytes=2**63),
        output_of(bytes=1e308),
        output_of(bytes=10**30),
        output_of(codec="../x"),
        output_of(codec="pickle\n"),
    ],
    ids=lambda output: str(sorted(set(output.items()) ^ set(output_of().items()), key=str))[:60],
)
def test_outputs_that_lie(store: Path, index: str | None, tmp_path: Path, output: dict[str, Any]) -> None:
    file_outside(tmp_path)
    with planted(store, index, manifest_of(outputs=[output])) as cache:
        assert served(cache) is None
        target = tmp_path / "restored"
        assert cache.restore("key", {"out": target}) is None
        assert not target.exists()
        cache.verify(repair=True)
        assert isinstance(cache.put("after", {"out": b"x"}), Stored)
        assert served(cache, "after") == b"x"
    assert (tmp_path / "outside").read_bytes() == OUTSIDE


@pytest.mark.parametrize("size", [0, 1, len(CONTENT) + 1, 2**40, 2**63 - 1])
def test_a_size_that_is_not_the_blobs_is_a_miss(store: Path, index: str | None, size: int) -> None:
    with planted(store, index, manifest_of(outputs=[output_of(content=CONTENT, bytes=size)])) as cache:
        assert served(cache) is None
        cache.verify(repair=True)
        assert isinstance(cache.put("key", {"out": CONTENT}), Stored)
        assert served(cache) == CONTENT


def test_another_keys_manifest_is_not_served(store: Path, index: str | None) -> None:
    """A manifest under the name of one key that says it is another's."""
    with planted(store, index, manifest_of(key="victim", outputs=[output_of(content=CONTENT)])) as cache:
        assert served(cache) is None
        assert served(cache, "victim") is None


def test_a_manifest_as_it_should_be_is_served(store: Path, index: str | None) -> None:
    """What is planted above fails for what is wrong with it, and for nothing else."""
    with planted(store, index, manifest_of(outputs=[output_of(content=CONTENT)])) as cache:
        assert served(cache) == CONTENT
