"""What SCR-EM learns of edits, and the scenarios that come of it, against brute force."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence, Set

import pytest

from couler_plugins.caching.policies.scr.decision import scenarios
from couler_plugins.caching.policies.scr.learned import Learned
from couler_plugins.caching.policies.scr.model import EditModel, Pool
from couler_plugins.caching.policies.scr.shape import Shape
from couler_plugins.runs import Run, StepRun

PARENTS = ((), (), (), (0,), (1,), (2,), (3, 4, 5), (6,), (6,))
TYPES = ("read", "read", "read", "map", "map", "map", "join", "plot", "stats")


def run(specs: Sequence[object], family: str = "f", parents: Sequence[tuple[int, ...]] = PARENTS) -> Run:
    """A run of the toy workflow; the key of a step spells its spec and its parents' keys."""
    keys: list[str] = []
    steps = []
    for place, spec in enumerate(specs):
        above = [keys[parent] for parent in parents[place]]
        keys.append(f"{place}:{spec}({','.join(above)})")
        steps.append(
            StepRun(
                step=f"s{place}",
                type=TYPES[place],
                spec=str(spec),
                key=keys[-1],
                parents=parents[place],
                seconds=1.0,
                bytes=1,
            )
        )
    return Run(family=family, steps=tuple(steps))


def shape() -> Shape:
    return Shape.of(run([0] * 9))


def learned(versions: Iterable[Sequence[object]]) -> Learned:
    view = Learned()
    for version in versions:
        view.observe(run(version))
    return view


def test_a_shape_knows_its_groups() -> None:
    found = shape()
    assert found.sources == {0, 1, 2}
    assert found.depths == (0, 0, 0, 1, 1, 1, 2, 3, 3)
    assert found.groups["map"] == (3, 4, 5)
    assert list(found.tails) == [{3, 4, 5, 6, 7, 8}, {6, 7, 8}, {7, 8}]
    assert found.consumers == {
        frozenset({3}): 1,
        frozenset({4}): 1,
        frozenset({5}): 1,
        frozenset({6}): 3,
        frozenset({7, 8}): 1,
    }
    assert found.neighbours([6]) == {3, 4, 5, 7, 8}


@pytest.mark.parametrize(
    ("changed", "atoms"),
    [
        ({0, 1, 2}, [{0, 1, 2}]),
        ({0, 2}, [{0, 2}]),
        ({0, 1, 2, 7}, [{0, 1, 2}, {7}]),
        ({3, 4, 5, 8}, [{3, 4, 5}, {8}]),
        ({3, 5, 6}, [{3, 5}, {6}]),
        (set(), []),
    ],
)
def test_a_change_set_is_explained_by_few_atoms(changed: set[int], atoms: list[set[int]]) -> None:
    assert shape().atoms(frozenset(changed)) == atoms


def test_probabilities_of_atoms_add_up_to_one() -> None:
    model = EditModel(Pool())
    found = shape()
    assert sum(model.atoms(found).values()) == pytest.approx(1)
    for changed in ({3, 4, 5}, {7}, {0, 1}, {3, 4, 5, 8}):
        model.learn(found, frozenset(changed))
        assert sum(model.atoms(found).values()) == pytest.approx(1)
        assert sum(model.edits().values()) == pytest.approx(1)


@pytest.mark.parametrize(
    ("generator", "change"),
    [("type", {3, 4, 5}), ("sources", {0, 1, 2}), ("sources", {0, 2}), ("some-of-type", {3, 5}), ("consumers", {6})],
)
def test_one_step_of_expectation_maximisation_is_bayes_rule(generator: str, change: set[int]) -> None:
    """The weight of a generator grows by its share in explaining what happened, after everything has faded a little."""
    kinds, of = 5, {"read": 3, "map": 3, "join": 1}
    given = {
        frozenset({3, 4, 5}): {"type": 1 / kinds, "tail": 0.0},
        frozenset({0, 1, 2}): {"type": 1 / kinds, "sources": 0.5},
        frozenset({0, 2}): {"sources": 0.5 / (2 * 3), "some-of-type": 1 / kinds / (2 * of["read"])},
        frozenset({3, 5}): {"some-of-type": 1 / kinds / (2 * of["map"])},
        frozenset({6}): {"type": 1 / kinds, "node-of-type": 1 / kinds, "node": 1 / 9, "consumers": 3 / 7},
    }[frozenset(change)]
    model = EditModel(Pool())
    before = dict(model.weights)
    total = sum(before[name] * probability for name, probability in given.items())
    model.learn(shape(), frozenset(change))
    for name, weight in model.weights.items():
        share = before[name] * given.get(name, 0.0) / total
        assert weight == pytest.approx(0.98 * before[name] + share), name
    assert model.weights[generator] > before[generator]


def test_learned_probabilities_come_close_to_those_of_a_planted_generator() -> None:
    """A hot step gets two thirds of all edits, any other step the rest."""
    chance = random.Random(11)
    model = EditModel(Pool())
    for _ in range(60):
        node = 7 if chance.random() < 2 / 3 else chance.randrange(9)
        model.learn(shape(), frozenset({node}))
    atoms = model.atoms(shape())
    assert 0.5 < atoms[frozenset({7})] < 0.9
    assert all(atoms.get(frozenset({node}), 0) < 0.2 for node in (3, 4, 5, 6, 8))


def test_how_many_edits_come_at_once_is_learned() -> None:
    model = EditModel(Pool())
    for _ in range(30):
        model.learn(shape(), frozenset())
    assert model.edits()[0] > 0.8
    for _ in range(60):
        model.learn(shape(), frozenset({3, 4, 5, 7, 8}))
    assert model.edits()[1] > 0.5  # the same change set again is one replayed edit
    assert model.edits()[3] > 0


def test_a_new_workflow_starts_from_what_the_others_have_shown() -> None:
    pool = Pool()
    first = EditModel(pool)
    for _ in range(40):
        first.learn(shape(), frozenset())
    fresh, other = EditModel(Pool()), EditModel(pool)
    assert other.edits()[0] > 2 * fresh.edits()[0]
    assert sum(other.sizes.values()) == pytest.approx(sum(fresh.sizes.values()))


def _brute_force(view: Learned, versions: Sequence[Sequence[object]]) -> None:
    """Each scenario is a version that was or may be, with what an edit leaves of it; each is there without one too."""
    family = view.families["f"]
    found = scenarios(family, view)
    assert sum(found.weights) == pytest.approx(1)
    made = {ran.key for version in versions for ran in run(version).steps}
    back = [*(change.before for change in family.changes), *family.tips, *family.versions]
    bases = [[ran.key for ran in run(_specs(family.specs, specs)).steps] for specs in ({}, *back)]
    met = []
    for place in range(len(found.weights)):
        valid = [[key for key, mask in masks.items() if mask >> place & 1] for masks in found.masks]
        assert all(len(keys) <= 1 for keys in valid)
        met.append([keys[0] if keys else None for keys in valid])
        assert any(_is_edit_of(met[-1], base, made) for base in bases)
    for base in bases:
        assert [key if key in made else None for key in base] in met


def _specs(now: Sequence[object], other: Mapping[str, str]) -> list[object]:
    return [other.get(f"s{node}", spec) for node, spec in enumerate(now)]


def _is_edit_of(kept: Sequence[str | None], base: Sequence[str], made: Set[str]) -> bool:
    """Whether these are a version's keys but for those of some steps and of all that is below them."""
    stale = {node for node, key in enumerate(base) if key in made and kept[node] is None}
    return all(kept[node] in (key, None) for node, key in enumerate(base)) and all(
        node in stale or base[node] not in made for node, parents in enumerate(PARENTS) if not stale.isdisjoint(parents)
    )


def test_masks_are_those_of_the_versions_that_each_scenario_stands_for() -> None:
    chance = random.Random(3)
    versions: list[list[object]] = [[0] * 9]
    for number in range(1, 14):
        version = list(versions[-1])
        if number % 4 == 0:
            version = list(chance.choice(versions))
        else:
            version[chance.randrange(9)] = number
        versions.append(version)
        _brute_force(learned(versions), versions)


def test_no_more_scenarios_than_a_mask_may_hold() -> None:
    versions: list[list[object]] = [[0] * 9]
    for number in range(1, 30):
        versions.append([number if place == number % 9 else spec for place, spec in enumerate(versions[-1])])
    view = learned(versions)
    assert len(scenarios(view.families["f"], view).weights) <= 260


def test_results_that_nothing_will_ask_for_are_forgotten() -> None:
    view = Learned()
    for number in range(200):
        view.observe(run([number] * 9))
        view.decided({"0:0()"})
    assert "0:0()" in view.results
    assert len(view.results) < 9 * 40
    assert view.results.keys() == view.last.keys()
    assert set(view.recipes.values()) == view.results.keys()


def test_steps_that_come_and_go() -> None:
    view = learned([[0] * 9])
    short = run([0] * 8)
    view.observe(short)
    assert len(scenarios(view.families["f"], view).masks) == 8
    view.observe(run([0] * 9))
    assert view.families["f"].keys == tuple(ran.key for ran in run([0] * 9).steps)


def test_a_run_that_had_no_step_is_a_version_without_a_future() -> None:
    view = learned([[0] * 9, [1] * 9, []])
    future = scenarios(view.families["f"], view)
    assert future.masks == ()
    assert sum(future.weights) == pytest.approx(1)
