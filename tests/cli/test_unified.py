"""The diffs that `couler diff` prints, held against difflib and against patch's reading of them."""

from __future__ import annotations

import difflib
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.documents.matching import LineMatcher
from couler_plugins.documents.unified import unified_diff

TEXTS = st.lists(st.sampled_from(["a", "b", "c", "d: 1", "", "e"]), max_size=12).map("\n".join)


@given(st.lists(st.integers(0, 9).map(str), max_size=20), st.lists(st.integers(0, 9).map(str), max_size=20))
def test_blocks_are_equal_ascending_and_apart(old: list[str], new: list[str]) -> None:
    blocks = LineMatcher(old, new).get_matching_blocks()
    assert blocks[-1] == (len(old), len(new), 0)
    i = j = -1
    for block in blocks[:-1]:
        assert old[block.a : block.a + block.size] == new[block.b : block.b + block.size]
        assert block.size
        assert block.a >= max(i, 0)
        assert block.b >= max(j, 0)
        assert (block.a, block.b) != (i, j)
        i, j = block.a + block.size, block.b + block.size


@pytest.mark.skipif(shutil.which("patch") is None, reason="needs patch")
def test_patch_takes_it(tmp_path: Path) -> None:
    old = "".join(f"line {number % 7} of {number}\n" for number in range(400))
    new = old.replace("line 3 of 10\n", "").replace("of 200\n", "of 200\nmore\n").replace("line 1 of 1\n", "x\ny\n")
    (tmp_path / "f").write_text(old)
    diff = "".join(unified_diff(old, new, "f"))
    subprocess.run(["patch", "-p0"], input=diff, text=True, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "f").read_text() == new


@given(TEXTS, TEXTS)
def test_both_texts_can_be_read_off_it(old: str, new: str) -> None:
    """With unlimited context difflib's own restore would do; with hunks, the changed lines have to add up."""
    lines = "".join(unified_diff(old, new, "f")).split("\n")[2:]
    added = sum(line.startswith("+") for line in lines) - sum(line.startswith("-") for line in lines)
    assert added == len(_lines(new)) - len(_lines(old))
    least = sum(line[0] in "+-" for line in difflib.ndiff(_lines(old), _lines(new)))
    end = old.endswith("\n") != new.endswith("\n")  # the last line changes with it
    assert sum(line.startswith(("+", "-")) for line in lines) <= 3 * (least + end)


def _lines(text: str) -> list[str]:
    lines = text.split("\n")
    return lines if lines[-1] else lines[:-1]
