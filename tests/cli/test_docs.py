from __future__ import annotations

import runpy

from support import ROOT


def test_the_page_of_the_command_line_is_current() -> None:
    made = runpy.run_path(str(ROOT / "docs" / "make_cli.py"))
    assert made["PAGE"].read_text(encoding="utf-8") == made["page"](), "run `python docs/make_cli.py`"
