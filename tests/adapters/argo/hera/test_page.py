"""The page for Hera authors shows what its programs print."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from typing import Any

from support import ROOT

BLOCK = re.compile(r"```python\n(.*?)```\n.*?```(?:yaml|text)\n(.*?)```\n", re.DOTALL)


def test_the_page_shows_what_its_programs_print() -> None:
    blocks = BLOCK.findall((ROOT / "docs" / "hera.md").read_text(encoding="utf-8"))
    assert len(blocks) == 3
    names: dict[str, Any] = {}
    for program, shown in blocks:
        with redirect_stdout(io.StringIO()) as printed:
            exec(compile(program, "docs/hera.md", "exec"), names)
        assert printed.getvalue().rstrip() == shown.rstrip()
