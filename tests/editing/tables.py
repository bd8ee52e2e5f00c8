"""Tables of actions with what they do to a text: for each its JSON, and the lines that go and come, or the refusal.

    ### set image
    {"do": "set", "graph": "main", "step": "fetch", "field": "image", "value": "busybox"}
    -      image: curlimages/curl:8.9.1   # pinned
    +      image: busybox   # pinned

Several actions, a line each, are carried out one after another. A refusal is a line `! message`.
"""

from __future__ import annotations

import json
from difflib import unified_diff
from pathlib import Path
from typing import NamedTuple

import msgspec

from couler_plugins.driver.rewrite import Session
from couler_plugins.editing.actions import Action
from couler_plugins.editing.apply import apply_actions
from couler_plugins.errors import CoulerError

FOLDER = Path(__file__).parent / "manifests"
SCRIPT = "set -f; python3 -m pip"
"""How the scripts of ready-made steps begin."""


class Case(NamedTuple):
    """One row of a table.

    Attributes:
        name: what it shows.
        actions: what is done.
        wanted: the lines that go and come, or a refusal.
    """

    name: str
    actions: list[Action]
    wanted: str


def cases(path: Path) -> list[Case]:
    """Return the rows of a table."""
    rows = []
    for part in path.read_text(encoding="utf-8").split("### ")[1:]:
        name, *lines = part.strip("\n").split("\n")
        actions = [line for line in lines if line.startswith("{")]
        wanted = "\n".join(lines[len(actions) :])
        rows.append(Case(name, [msgspec.convert(json.loads(line), Action) for line in actions], wanted))
    return rows


def outcome(name: str, text: str, actions: list[Action], session: Session) -> str:
    """Return the lines that go and come, or the refusal; of a ready-made step's script, three dots."""
    try:
        new = apply_actions(name, text, actions, session)
    except CoulerError as error:
        return f"! {error.message}"
    return "\n".join(shortened(changed_lines(text, new)))


def changed_lines(old: str, new: str) -> list[str]:
    """Return the lines that go and come, without those around them."""
    lines = unified_diff(old.splitlines(), new.splitlines(), n=0, lineterm="")
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def shortened(lines: list[str]) -> list[str]:
    """Return lines without the script of a ready-made step."""
    kept: list[str] = []
    inside = False
    for line in lines:
        inside = inside and not line[1:].strip().startswith("args:")
        if not inside and SCRIPT in line:
            inside = True
            kept.append(f"{line[0]} ...")
        elif not inside:
            kept.append(line.rstrip())
    return kept
