"""The contract owns its words: it imports nothing of what is above it, for type checkers neither."""

from __future__ import annotations

import ast

from support import ROOT

BELOW = {"documents", "errors", "hookspecs", "ir", "options", "plan", "runs"}


def test_the_contract_imports_only_what_is_below_it() -> None:
    found = set()
    for path in (ROOT / "couler_plugins" / "hookspecs").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("couler_plugins"):
                names = [alias.name for alias in node.names] if node.module == "couler_plugins" else [node.module[15:]]
                found |= {name.partition(".")[0] for name in names}
    assert found == BELOW
