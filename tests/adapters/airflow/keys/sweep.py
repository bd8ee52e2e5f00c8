"""Judge all cases and write the table of those that fail: `python -P -m adapters.airflow.keys.sweep OUTCOMES`.

Outcomes are kept in a file, one a line, and cases that stand there are not run again: take lines away, or begin a new
file, to judge anew. The cases of the default suite come first. At the end, and with `--table` at once, the table in
`known.py` is written from them.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import sys
import tempfile
from pathlib import Path

from adapters.airflow.keys.case import Case
from adapters.airflow.keys.catalogue import CASES, THEMES
from adapters.airflow.keys.judging import Fault, Server, judge

__all__ = ["main"]

TABLE = Path(__file__).with_name("known.py")
HEAD = '''"""What fails today: the name of a case, and what happens.

It shall shrink to nothing: a case that is mended leaves it. `sweep.py` writes it.
"""

from __future__ import annotations

__all__ = ["KNOWN"]

KNOWN: dict[str, str] = {
'''
FAULT, RIGHT, BROKEN = "fault", "right", "broken"


def main(arguments: list[str]) -> None:
    """Judge cases, and write the table."""
    outcomes = Path(next(item for item in arguments if not item.startswith("-")))
    if "--table" not in arguments:
        sweep(outcomes)
    known = read(outcomes)
    TABLE.write_text(HEAD + "\n".join(rows(known)) + "\n}\n", encoding="utf-8")
    left = [case.name for case in CASES if case.name not in known and not is_skipped(case)]
    broken = [name for name, (kind, _) in known.items() if kind == BROKEN]
    sys.stdout.write(f"{len(left)} cases are not judged; these are no cases: {', '.join(broken) or 'none'}\n")


def sweep(outcomes: Path) -> None:
    """Judge the cases whose outcome is not known."""
    known = read(outcomes)
    root = Path(tempfile.mkdtemp(prefix="couler-keys-"))
    server = Server(root / "servers" / "home")
    try:
        for number, case in enumerate(sorted(CASES, key=lambda case: not case.is_quick)):
            if case.name in known or is_skipped(case):
                continue
            kind, text = outcome(case, server, root / str(number))
            with outcomes.open("a", encoding="utf-8") as file:
                file.write(json.dumps([case.name, kind, text]) + "\n")
            shutil.rmtree(root / str(number), ignore_errors=True)
    finally:
        server.close()
        shutil.rmtree(root, ignore_errors=True)


def outcome(case: Case, server: Server, base: Path) -> tuple[str, str]:
    """Return what kind of outcome a case has, and a text about it."""
    try:
        return RIGHT, judge(case, server, base)
    except Fault as error:
        return FAULT, str(error)
    except (AssertionError, OSError) as error:
        return BROKEN, str(error)


def is_skipped(case: Case) -> bool:
    """Return whether a module that a case needs is not installed."""
    return any(importlib.util.find_spec(name) is None for name in case.needs)


def read(outcomes: Path) -> dict[str, tuple[str, str]]:
    """Return the outcomes by the names of the cases; the last one counts."""
    if not outcomes.exists():
        return {}
    lines = [json.loads(line) for line in outcomes.read_text(encoding="utf-8").splitlines()]
    return {name: (kind, text) for name, kind, text in lines}


def rows(known: dict[str, tuple[str, str]]) -> list[str]:
    """Return the rows of the table, theme by theme."""
    written = []
    for theme, cases in THEMES.items():
        faults = [case.name for case in cases if known.get(case.name, ("", ""))[0] == FAULT]
        written += [f"    # Of {theme}."] if faults else []
        written += [f"    {json.dumps(name)}: {json.dumps(short(known[name][1]))}," for name in faults]
    return written


def short(text: str) -> str:
    """Return what happens in a few words, without what differs from run to run."""
    first = text.replace("\n", " ").split("; ")[0]
    if first.startswith("hung"):
        return "hung"
    if first.startswith("failed:"):
        return "the process ends: the key raised what is no Exception"
    found = re.match(r"\S+: (wrong hit|failed|needless \w+|a hit, and tomorrow a wrong one)(?: \((.*))?", first)
    if found is None:
        return first[:80]
    kind, detail = found[1], found[2] or "another key"
    if not kind.startswith("needless"):
        return "the task fails" if kind == "failed" else kind
    plain = re.sub(r"0x[0-9a-f]+|unusual_prefix_\w+|/\S+/", "…", detail.removesuffix(")"))
    return f"{kind}: {plain}"[:110]


if __name__ == "__main__":
    main(sys.argv[1:])
