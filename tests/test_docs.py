"""The generated parts of the documentation say what the code does."""

from __future__ import annotations

import runpy

import pytest

from support import ROOT

GENERATED = runpy.run_path(str(ROOT / "docs" / "generate.py"))


@pytest.mark.parametrize("name", GENERATED["PAGES"])
def test_generated_pages_are_current(name: str) -> None:
    written = (ROOT / "docs" / name).read_text(encoding="utf-8")
    assert written == GENERATED["PAGES"][name](), "run `python3 dev.py docs`"
