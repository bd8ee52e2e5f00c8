"""What SCR-EM remembers of a history: what comes back, and for how long that is known."""

from __future__ import annotations

import msgspec
import pytest

from caching.policies.test_scr_model import TYPES, learned, run
from couler_plugins.caching.policies.scr.comebacks import Comebacks
from couler_plugins.caching.policies.scr.learned import Learned


def test_undo_and_return_are_counted() -> None:
    base, edited = [0] * 9, [0, 0, 0, 0, 0, 0, 0, 1, 0]
    back = learned([base, edited, base]).families["f"].comebacks
    on = learned([base, edited, [0, 0, 0, 0, 0, 0, 0, 2, 0]]).families["f"].comebacks
    assert back.undone > on.undone
    assert back.returned > on.returned


def test_what_is_undone_is_learned_by_how_long_ago_it_was_changed() -> None:
    """Two versions in turns: what was changed last is put back, then that; and once something older."""
    first, second = [0] * 9, [0, 0, 0, 0, 0, 0, 0, 1, 0]
    turns = learned([first, second] * 6).families["f"].comebacks
    assert turns.shares(8)[0] > 0.7
    assert sum(turns.shares(8)) < 1
    assert Comebacks().shares(8)[0] == pytest.approx(0.2)
    older = learned([first, second, [0] * 7 + [1, 5], [0] * 7 + [1, 6], [0] * 7 + [0, 6]]).families["f"].comebacks
    assert max(range(8), key=older.shares(8).__getitem__) == 2


def test_what_is_learned_does_not_grow_with_the_history() -> None:
    """Every step is edited in every run, and now and then all steps get new names; what is cached is little."""
    view = Learned()
    sizes = []
    for number in range(900):
        current = run([number] * 9)
        if number // 100 % 2:
            steps = tuple(msgspec.structs.replace(ran, step=f"{number // 100}-{ran.step}") for ran in current.steps)
            current = msgspec.structs.replace(current, steps=steps)
        view.observe(current)
        view.decided({ran.key for ran in current.steps[:2]})
        family = view.families["f"]
        known = sum(map(len, family.seen.values())) + len(family.digests)
        known += len(family.seen) + len(family.seconds) + len(family.sizes)
        sizes.append(known + len(view.results) + len(view.recipes) + len(view.last))
    assert max(sizes[600:]) <= max(sizes[300:600])
    assert len(view.families["f"].seen) <= 2 * len(TYPES)


def test_the_last_specs_of_a_step_are_known_when_they_come_back_however_long_the_history_is() -> None:
    view = learned([[number, *[0] * 8] for number in range(500)])
    comebacks = view.families["f"].comebacks
    undone, returned = comebacks.undone, comebacks.returned
    view.observe(run([490, *[0] * 8]))
    assert comebacks.undone > undone
    assert comebacks.returned > returned
    undone, returned = comebacks.undone, comebacks.returned
    view.observe(run([300, *[0] * 8]))
    assert comebacks.undone < undone
    assert comebacks.returned > returned, "versions are known for longer"


def test_a_workflow_that_has_not_run_for_very_long_is_forgotten() -> None:
    view = learned([[0] * 9, [1] * 9])
    for number in range(500):
        view.observe(run([number] * 9, family="other"))
        view.decided(set())
        if number == 300:
            assert "f" in view.families
    assert view.families.keys() == {"other"}
