"""Writes the parts of the documentation that follow from the code; `--check` only says whether they are current.

What is generated: the support matrix (docs/support.md) from the adapters' capability tables, the command line's
reference (docs/cli.md) from its own help, and the IR's JSON schema (docs/schema/).
"""

from __future__ import annotations

import json
from pathlib import Path

DOCS = Path(__file__).resolve().parent
MARKS = {"full": "yes", "derived": "read only", "refused": "refused"}


def support_matrix() -> str:
    """One table: what each adapter does with each feature of the IR."""
    from couler_plugins.config import load_config
    from couler_plugins.plugins import load_plugins

    adapters = sorted(load_plugins(load_config()).adapters)
    tables = {
        name: {row.feature: row for row in load_plugins(load_config()).adapter(name).capabilities} for name in adapters
    }
    features = list(dict.fromkeys(feature for table in tables.values() for feature in table))
    lines = [
        "# What each engine's adapter supports",
        "",
        "Made by `python3 dev.py docs` from the adapters' own tables, which a test holds to what the code does.",
        "*yes*: lifted, and written wherever an optimizer sets it. *read only*: lifted; follows from other fields.",
        "*refused*: lowering says so, and writes nothing. Whatever the IR has no field for is kept as it is.",
        "",
        f"| feature | {' | '.join(adapters)} |",
        f"| --- |{' --- |' * len(adapters)}",
    ]
    lines += [
        f"| {feature} | {' | '.join(_cell(tables[name].get(feature)) for name in adapters)} |" for feature in features
    ]
    return "\n".join(lines) + "\n"


def _cell(row: object) -> str:
    if row is None:
        return ""
    support, native, note = row.support, row.native, row.note  # type: ignore[attr-defined]
    names = f" ({', '.join(f'`{name}`' for name in native.split(', '))})" if native else ""
    return f"{MARKS[support]}{names}{f'; {note}' if note else ''}"


def schema() -> str:
    """The JSON schema of the IR's JSON form."""
    from couler_plugins.ir import json_schema

    return json.dumps(json_schema(), indent=2, sort_keys=True) + "\n"
