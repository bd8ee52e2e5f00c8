"""How workflows were split is kept in a file, and a file that is none is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.plan import Part
from couler_plugins.plan.part_files import parts_text, read_parts

PARTS = (
    Part(workflow="w", name="part-1", steps=("a", "b")),
    Part(workflow="w", name="part-2", steps=("c",)),
    Part(workflow="other", name="part-1", steps=("a",)),
)
LIMIT = 10_000


def refused(tmp_path: Path, content: bytes, reason: str) -> None:
    file = tmp_path / "plan.json"
    file.write_bytes(content)
    with pytest.raises(InvalidInput, match=reason) as error:
        read_parts(str(file), LIMIT)
    assert error.value.file == str(file)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(parts_text(PARTS))
    assert read_parts(str(file), LIMIT) == PARTS


def test_no_parts_at_all(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(parts_text(()))
    assert read_parts(str(file), LIMIT) == ()


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff", b'{"schema": "couler.plan/v1", "parts": [1]}'])
def test_what_is_no_plan(tmp_path: Path, content: bytes) -> None:
    refused(tmp_path, content, "keeps no plan")


def test_another_version(tmp_path: Path) -> None:
    refused(tmp_path, parts_text(PARTS).replace("/v1", "/v9").encode(), "the schema 'couler.plan/v9'")


def test_a_step_in_two_parts(tmp_path: Path) -> None:
    data = json.loads(parts_text(PARTS))
    data["parts"][1]["steps"] = ["b"]
    refused(tmp_path, json.dumps(data).encode(), "a step in two parts")


def test_too_large(tmp_path: Path) -> None:
    refused(tmp_path, b" " * (LIMIT + 1), "larger than 10,000 bytes")


def test_not_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read: No such file"):
        read_parts(str(tmp_path / "none.json"), LIMIT)
