"""When a step may start, once those before it have ended."""

from __future__ import annotations

import pytest

from couler_plugins.engine_kit.legalize.depends import bare_outcomes, parse_depends
from couler_plugins.hookspecs.local import Ended
from couler_plugins.running.local.engine import met

GOOD, BAD, SKIPPED = Ended(outcome="succeeded"), Ended(outcome="failed"), Ended(outcome="skipped")
ENDED = {
    "a": GOOD,
    "b": BAD,
    "c": SKIPPED,
    "d": Ended(outcome="failed", every=(GOOD, BAD)),
    "e": Ended(outcome="failed", every=(BAD, BAD)),
    "o": Ended(outcome="omitted"),
    "x": Ended(outcome="errored"),
}


@pytest.mark.parametrize(
    ("depends", "starts"),
    [
        ("", True),
        ("a", True),
        ("b", False),
        ("c", True),
        ("o", False),
        ("a && b", False),
        ("a || b", True),
        ("b || o", False),
        ("b.Failed || o", True),
        ("!b", True),
        ("!(a || b)", False),
        ("a && (b || c)", True),
        ("a && !(b.Succeeded) && o.Omitted", True),
        ("x.Errored", True),
        ("x.Failed", False),
        ("d.AnySucceeded", True),
        ("d.AllFailed", False),
        ("e.AllFailed", True),
        ("e.AnySucceeded", False),
    ],
)
def test_a_step_starts_by_how_those_before_it_ended(depends: str, starts: bool) -> None:
    assert met(parse_depends(depends, lambda name: bare_outcomes(())), ENDED) is starts
