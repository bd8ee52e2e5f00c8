"""Every structural edit, on every workflow of the corpus: carried out so that nothing dangles, or refused."""

from __future__ import annotations

from collections import Counter

import pytest

from adapters.argo.checking import check
from adapters.argo.edits import EDITS, edited
from adapters.subjects import ARGO, lift_file
from support import at_least, first_of

FLOORS = {
    "directive": (at_least(115, 615), at_least(6, 16)),
    "directive once": (at_least(85, 415), at_least(10, 55)),
    "rename": (at_least(75, 435), at_least(4, 9)),
    "move": (at_least(50, 230), at_least(60, 180)),
    "clone step": (at_least(90, 465), at_least(5, 15)),
    "clone callable": (at_least(105, 565), at_least(6, 16)),
}
"""For each kind of edit: how many succeed at least, and how many are refused at most."""


@pytest.mark.parametrize("one_of", first_of([4, 1]))
@pytest.mark.parametrize("kind", first_of(EDITS, 3))
def test_edits(kind: str, one_of: int) -> None:
    outcomes: Counter[str] = Counter()
    for path in ARGO.files()[::one_of]:
        plan = lift_file(ARGO, path)
        for workflow in plan.workflows:
            for edit in edited(workflow, kind):
                outcomes[check(plan, workflow, edit)] += 1
    done = outcomes.pop("", 0)
    reasons = "".join(f"\n{number:5} {reason}" for reason, number in outcomes.most_common())
    print(f"\n{kind}: {done} carried out, {outcomes.total()} refused{reasons}")  # noqa: T201  # a table for `-s`
    least, most = FLOORS[kind]
    assert done * one_of >= (least if one_of == 1 else 0.8 * least)
    assert outcomes.total() <= most
