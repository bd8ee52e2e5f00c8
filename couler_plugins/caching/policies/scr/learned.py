"""What SCR-EM has learned from a history: for each workflow an edit model, the last versions, and the results."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from couler_plugins.caching.policies.scr.comebacks import Comebacks
from couler_plugins.caching.policies.scr.model import EditModel, Pool
from couler_plugins.caching.policies.scr.shape import Shape
from couler_plugins.runs import Run

REMEMBERED = 8
"""How many past changes and past versions of a workflow may come back."""

FORGET_RUNS = 0.95
KEEP_RESULTS = 24
"""For how many runs a result that is not cached is remembered."""
KEEP_SPECS = 64
"""How many specs of a step are known again when they come back."""
FORGOTTEN = 1e-9
"""The rate of a workflow that has not run for so long that it is forgotten: about 400 runs of others."""


@dataclass(frozen=True)
class Result:
    """What is known of a result: what it was made of, and what making it took.

    Attributes:
        recipe: the step, its spec and its parents' keys.
        seconds: None where that is not known.
    """

    recipe: tuple[str, str, tuple[str, ...]]
    seconds: float | None


@dataclass(frozen=True)
class Change:
    """One past change: the specs that its steps had before; steps that were new are left out."""

    before: Mapping[str, str]


@dataclass
class Family:
    """A workflow: its edit model, and the versions that it had, the newest first.

    Attributes:
        shape: of the last run.
        specs: of the last run's steps, by position.
        keys: of the last run's steps, by position.
        rate: how often it runs, as a count that fades with every run of any workflow.
        changes: the last changes, the newest first.
        comebacks: how often they are undone.
        versions: the last versions: the spec of each step.
        tips: the versions that were left for an earlier one and not come back to since, the last left first: where
            work on other lines of versions would go on.
        seconds: what each step took last, where that is known.
        sizes: the bytes of each step's last result, where they are known.
        seen: the last specs of each step, the newest last.
    """

    model: EditModel
    shape: Shape
    specs: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    rate: float = 0.0
    changes: deque[Change] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    comebacks: Comebacks = field(default_factory=Comebacks)
    versions: deque[Mapping[str, str]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    tips: deque[Mapping[str, str]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    seconds: dict[str, float] = field(default_factory=dict)
    sizes: dict[str, float] = field(default_factory=dict)
    seen: dict[str, dict[str, None]] = field(default_factory=dict)

    def known_versions(self) -> list[Mapping[str, str]]:
        """The versions that may come back: the tips, then the last ones."""
        return [*self.tips, *self.versions]


class Learned:
    """The view of a history that SCR-EM decides by."""

    def __init__(self) -> None:
        self.pool = Pool()
        self.families: dict[str, Family] = {}
        self.runs = 0
        self.results: dict[str, Result] = {}
        self.last: dict[str, int] = {}
        """The number of the last run that had a key."""
        self.recipes: dict[tuple[str, str, tuple[str, ...]], str] = {}
        self._kept: Set[str] = frozenset()

    def observe(self, run: Run) -> None:
        """A run has ended."""
        self.runs += 1
        for other in self.families.values():
            other.rate *= FORGET_RUNS
        family = self.families.get(run.family)
        shape = Shape.of(run, family.shape if family else None)
        if family is None:
            family = self.families[run.family] = Family(EditModel(self.pool), shape)
        else:
            self._learn(family, shape, run)
        self._record(family, shape, run)

    def decided(self, kept: Set[str]) -> None:
        """The cache holds these keys and no others now."""
        self._kept = kept
        if self.runs % REMEMBERED == 0:
            self._forget()

    def ancestry(self, key: str) -> Iterator[str]:
        """A key, and those of the results that it was made from as far as they are remembered, each once."""
        stack, met = [key], {key}
        while stack:
            at = stack.pop()
            yield at
            result = self.results.get(at)
            for parent in result.recipe[2] if result else ():
                if parent not in met:
                    met.add(parent)
                    stack.append(parent)

    def _learn(self, family: Family, shape: Shape, run: Run) -> None:
        before = dict(zip(family.shape.steps, family.specs, strict=True))
        changed = _new(before, run)
        versions = family.known_versions()
        back = _nearest(versions, run, len(changed)) if changed else None
        # What a return puts back is no edit; only what it does not explain says how the owner edits.
        edited = changed if back is None else _new(versions[back], run)
        if edited or back is None:
            family.model.learn(shape, frozenset(edited))
        if not changed:
            return
        now = {run.steps[node].step: run.steps[node].spec for node in changed}
        if back is None:
            undone = sum(spec in family.seen.get(step, ()) for step, spec in now.items())
            family.comebacks.learn_edit(undone / len(changed), _age(family.changes, now))
        else:
            family.comebacks.learn_return(back, len(family.tips), edited=bool(edited))
            if back < len(family.tips):
                del family.tips[back]
            family.tips.appendleft(before)
        family.changes.appendleft(Change({name: before[name] for name in now if name in before}))
        family.versions.appendleft(before)

    def _record(self, family: Family, shape: Shape, run: Run) -> None:
        family.shape = shape
        family.specs = tuple(ran.spec for ran in run.steps)
        family.keys = tuple(ran.key for ran in run.steps)
        family.rate += 1.0
        for ran in run.steps:
            _remember(family.seen.setdefault(ran.step, {}), ran.spec, KEEP_SPECS)
            if ran.seconds is not None:
                family.seconds[ran.step] = ran.seconds
            if ran.bytes is not None:
                family.sizes[ran.step] = ran.bytes
            recipe = ran.step, ran.spec, tuple(run.steps[parent].key for parent in ran.parents)
            self.recipes[recipe] = ran.key
            self.results[ran.key] = Result(recipe, ran.seconds)
            self.last[ran.key] = self.runs

    def _forget(self) -> None:
        """Drops what nothing will ask for: steps that are gone, and results not cached and in none of the last runs.

        A workflow that has not run for very long is dropped as a whole.
        """
        self.families = {name: family for name, family in self.families.items() if family.rate > FORGOTTEN}
        for family in self.families.values():
            steps = family.shape.positions.keys() | {step for version in family.known_versions() for step in version}
            for table in (family.seen, family.seconds, family.sizes):
                for step in table.keys() - steps:
                    del table[step]
        for key in [
            key for key, last in self.last.items() if last < self.runs - KEEP_RESULTS and key not in self._kept
        ]:
            recipe = self.results.pop(key).recipe
            if self.recipes.get(recipe) == key:
                del self.recipes[recipe]
            del self.last[key]


def _remember(recent: dict[str, None], one: str, limit: int) -> None:
    """Notes it as the newest, and drops the oldest beyond the limit."""
    recent.pop(one, None)
    recent[one] = None
    if len(recent) > limit:
        del recent[next(iter(recent))]


def _new(version: Mapping[str, str], run: Run) -> list[int]:
    """The positions of the steps that a version does not have, or has with another spec."""
    return [node for node, ran in enumerate(run.steps) if version.get(ran.step) != ran.spec]


def _nearest(versions: Iterable[Mapping[str, str]], run: Run, limit: int) -> int | None:
    """Which version has the fewest steps otherwise, the first of equals; None where none has fewer than the limit."""
    far = [len(_new(version, run)) for version in versions]
    least = min(far, default=limit)
    return far.index(least) if least < limit else None


def _age(changes: Iterable[Change], now: Mapping[str, str]) -> int | None:
    """Which change was undone: the one that most of what has changed now goes back behind, the latest of equals."""
    back = [sum([change.before.get(step) == spec for step, spec in now.items()]) for change in changes]
    return back.index(max(back)) if any(back) else None
