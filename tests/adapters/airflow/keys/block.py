"""What a building block of a task program is: what a task may read, and what may change.

`@` in a text is the number of the block in its program; `/BASE/` is the folder of the program.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["Block", "Change", "chance", "code", "reader", "setting"]


@dataclasses.dataclass(frozen=True, slots=True)
class Change:
    """A change of a program.

    Attributes:
        old: a text, of the code or of a file; or the name of an environment variable with a `$` before it.
        new: what takes its place.
        is_idle: whether it must cost nothing: an everyday edit. It counts only where the result is the same.
    """

    old: str
    new: str
    is_idle: bool = False


@dataclasses.dataclass(frozen=True, slots=True)
class Block:
    """A piece of a program.

    Attributes:
        name: of it.
        top: what stands at the top of a module.
        expression: what reads it.
        changes: what may change.
        files: files that it needs, by their paths.
        env: environment variables that it needs.
        is_refused: whether it is never kept, on purpose.
        needs: a module without which it is left out.
    """

    name: str
    top: str
    expression: str
    changes: Sequence[Change]
    files: Mapping[str, str] = dataclasses.field(default_factory=dict)
    env: Mapping[str, str] = dataclasses.field(default_factory=dict)
    is_refused: bool = False
    needs: str = "os"


NOTE = "# nothing of note @\n"
IDLE = Change("# nothing of note @", "# something else @", is_idle=True)


def reader(
    name: str, top: str, expression: str, one: str = "1\n", two: str = "2\n", file: str = "x@.txt", **more: Any
) -> Block:
    """Return a block that reads a file, whose content changes."""
    reads = expression.replace("FILE", f"'/BASE/{file}'")
    return Block(name, NOTE + top, reads, (Change(one, two), IDLE), files={file: one}, **more)


def setting(name: str, top: str, expression: str) -> Block:
    """Return a block that reads the environment variable `REGION@`."""
    return Block(name, NOTE + top, expression, (Change("$REGION@", "us"), IDLE), env={"REGION@": "eu"})


def code(name: str, top: str, expression: str, old: str, new: str, **more: Any) -> Block:
    """Return a block of which some code or value changes."""
    return Block(name, NOTE + top, expression, (Change(old, new), IDLE), **more)


def chance(name: str, top: str, expression: str) -> Block:
    """Return a block that gives another value each time."""
    return Block(name, top, expression, (Change("", ""),), is_refused=True)
