"""What an engine puts around the code of its users: a fingerprint is told of it, and knows no engine."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import Any

from couler_plugins.caching.code.values import Form


def _none(*_: Any) -> None:
    return None


def _no(*_: Any) -> bool:
    return False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What an engine puts around code.

    Attributes:
        packages: its packages: what a module does with them when it is loaded is writing workflows down.
        aliases: matches the names of modules that have another name wherever their file is.
        opaque: functions, by module and name, whose own code is no matter: their arguments say all that they give.
        marks: attributes of functions that say how they are cached.
        is_own: tells what is a part of a workflow, and no code of its user.
        special: gives the form of what the engine hands to a body in the place of a value; None for all else.
        words: what of the engine's own a body reaches by name, as in `reach`.
        observed: what is seen while a body runs, and so is nothing to object to before.
        remedy: what an owner may declare against an objection to a kind of reach; empty for nothing.
    """

    packages: tuple[str, ...] = ()
    aliases: re.Pattern[str] = re.compile(r"__main__$")
    opaque: frozenset[str] = frozenset()
    marks: tuple[str, ...] = ()
    is_own: Callable[[Any], bool] = _no
    special: Callable[[Any, Form], Any] = _none
    observed: frozenset[str] = frozenset()
    words: tuple[tuple[str, re.Pattern[str]], ...] = ()
    remedy: Callable[[str], str] = lambda kind: ""
