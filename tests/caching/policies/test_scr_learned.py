"""What SCR-EM remembers of a history: what comes back, and for how long that is known."""

from __future__ import annotations

import msgspec
import pytest

from caching.policies.test_scr_model import TYPES, learned, run
from couler_plugins.caching.policies.scr.comebacks import Comebacks
from couler_plugins.caching.policies.scr.learned import Learned


def test_returns_are_counted_with_and_without_an_edit() -> None:
    base, edited = [0] * 9, [0, 0, 0, 0, 0, 0, 1, 1, 0]
    back = learned([base, edited, base]).families["f"].comebacks
    more = learned([base, edited, [5, *[0] * 8]]).families["f"].comebacks
    on = learned([base, edited, [0, 0, 0, 0, 0, 0, 1, 2, 0]]).families["f"].comebacks
    assert back.returned == more.returned > on.returned
    assert back.edited < more.edited
    assert back.undone == more.undone == on.undone


def test_what_is_undone_is_counted_by_how_long_ago_it_was_changed() -> None:
    """One step is put back while a later change of others stays."""
    on = [[0] * 9, [0] * 7 + [1, 0], [0] * 5 + [3, 3, 1, 0]]
    back = learned([*on, [0] * 5 + [3, 3, 0, 0]]).families["f"].comebacks
    other = learned([*on, [0] * 5 + [3, 3, 2, 0]]).families["f"].comebacks
    assert back.undone > other.undone
    assert back.changes(8)[1] > other.changes(8)[1] == Comebacks().changes(8)[1]
    assert sum(back.changes(8)) < 1
    assert Comebacks().changes(8)[0] == pytest.approx(0.2)


def test_the_edit_that_comes_with_a_return_is_learned_as_that_alone() -> None:
    base = [0] * 9
    other = [0, 0, 0, 1, 1, 1, 1, 1, 0]
    model = learned([base, other, [0, 0, 0, 0, 0, 0, 0, 0, 7]]).families["f"].model
    assert list(model.changes) == [{"s8"}, {"s3", "s4", "s5", "s6", "s7"}]


def test_the_tip_of_the_other_line_is_what_comes_back_however_long_ago_it_was_left() -> None:
    """Two lines of versions: each is edited a few times, another number each time, before the other goes on."""
    lines: list[list[object]] = [[0] * 9, [0] * 4 + ["other"] * 5]
    versions: list[list[object]] = [list(lines[0]), list(lines[1])]
    for turn, edits in enumerate([1, 4, 2, 6, 3, 1, 5]):
        line = lines[turn % 2]
        for edit in range(edits):
            line[4 + (turn + edit) % 5] = f"{turn}.{edit}"
            versions.append(list(line))
    family = learned(versions).families["f"]
    shares = family.comebacks.versions(len(family.tips), len(family.versions))
    known = family.known_versions()
    assert known[max(range(len(known)), key=shares.__getitem__)] == {f"s{at}": str(x) for at, x in enumerate(lines[1])}
    assert max(shares) > 0.5


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
        known = sum(map(len, family.seen.values()))
        known += len(family.seen) + len(family.seconds) + len(family.sizes)
        sizes.append(known + len(view.results) + len(view.recipes) + len(view.last))
    assert max(sizes[600:]) <= max(sizes[300:600])
    assert len(view.families["f"].seen) <= 2 * len(TYPES)


def test_the_last_specs_of_a_step_are_known_when_they_come_back_however_long_the_history_is() -> None:
    view = learned([[number, *[0] * 8] for number in range(500)])
    comebacks = view.families["f"].comebacks
    undone = comebacks.undone
    view.observe(run([470, *[0] * 8]))
    assert comebacks.undone > undone
    undone = comebacks.undone
    view.observe(run([300, *[0] * 8]))
    assert comebacks.undone < undone


def test_a_workflow_that_has_not_run_for_very_long_is_forgotten() -> None:
    view = learned([[0] * 9, [1] * 9])
    for number in range(500):
        view.observe(run([number] * 9, family="other"))
        view.decided(set())
        if number == 300:
            assert "f" in view.families
    assert view.families.keys() == {"other"}
