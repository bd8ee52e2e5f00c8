"""What is known of each plugin, and the kinds of named things (optimizers, adapters, …) that plugins provide.

Cache policies, asked in a way that says whose fault a failure is.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from functools import partial
from operator import attrgetter
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from couler_plugins.errors import CoulerError, InvalidInput, PluginFailure, closest, one_line
from couler_plugins.hookspecs import (
    Adapter,
    ArtifactStore,
    CachePolicy,
    CatalogueStep,
    Cause,
    Optimizer,
    Partitioner,
    Tuner,
)
from couler_plugins.plugins.checks import (
    adapter_problem,
    cause_problem,
    named_class_problem,
    optimizer_problem,
    step_problem,
    store_problem,
)
from couler_plugins.runs import Candidate, History

PEOPLES = {"argo-workflows": "argo", "hera": "argo", "kubeflow": "kfp", "kubeflow-pipelines": "kfp"}
"""What people call engines whose adapters have other names."""
T = TypeVar("T")


class PluginRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One plugin, as `couler plugins` shows it.

    Attributes:
        name: its entry point's name.
        module: its entry point's value.
        distribution, version: what installed it; empty where that is not known.
        enabled: False where the settings keep it from being loaded.
        hooks: the hooks that it implements.
        provides: the names of what it provides, by the key of the extension point (`optimizers`, `adapters`, …).
        errors: what is wrong with it, one or two lines each.
    """

    name: str
    module: str
    distribution: str = ""
    version: str = ""
    enabled: bool = True
    hooks: tuple[str, ...] = ()
    provides: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    errors: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """Who it is, for errors: `name (distribution version, module)`."""
        origin = " ".join(part for part in (self.distribution, self.version) if part)
        return f"{self.name} ({', '.join(part for part in (origin, self.module) if part)})"


class Reply(NamedTuple):
    """What one plugin answered to a hook call: a result, or the exception that it raised."""

    plugin: str
    result: Any
    error: BaseException | None


class Registry(Generic[T]):
    """Named things of plugins; a name that two plugins claim can be listed, and is refused when used."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._entries: dict[str, list[tuple[T, PluginRecord]]] = {}

    def add(self, name: str, thing: T, owner: PluginRecord) -> str:
        self._entries.setdefault(name, []).append((thing, owner))
        return name

    def remove(self, name: str) -> None:
        self._entries.pop(name, None)

    def entries(self) -> list[tuple[str, T]]:
        return [(name, thing) for name, entries in sorted(self._entries.items()) for thing, _ in entries]

    def usable(self) -> dict[str, T]:
        return {name: entries[0][0] for name, entries in sorted(self._entries.items()) if len(entries) == 1}

    def get(self, name: str, some_failed: Callable[[], bool]) -> T:
        entries = self._entries.get(name, [])
        if len(entries) > 1:
            raise PluginFailure(self._clash(name), hint="disable one of them with disable-plugins")
        if not entries:
            names = self.usable()
            hints = [
                closest(PEOPLES.get(name.lower(), name), names),
                f"there is {', '.join(names)}" if names else "no plugin provides any",
            ]
            hints += ["(`couler plugins` shows some that could not be loaded)"] if some_failed() else []
            raise InvalidInput(f"there is no {self._what} {name!r}", hint=" ".join(filter(None, hints)))
        return entries[0][0]

    def with_clashes(self, record: PluginRecord) -> PluginRecord:
        """The record, with an error for each name that another plugin claims as well."""
        clashes = [
            self._clash(name)
            for name, entries in sorted(self._entries.items())
            if len(entries) > 1 and any(owner.name == record.name for _, owner in entries)
        ]
        return replace(record, errors=(*record.errors, *clashes)) if clashes else record

    def _clash(self, name: str) -> str:
        owners = " and ".join(owner.owner for _, owner in self._entries[name])
        article = "an" if self._what[0] in "aeiou" else "a"
        return f"{len(self._entries[name])} plugins have {article} {self._what} {name!r}: {owners}"


log = logging.getLogger(__name__)


def hint_for(what: str) -> str:
    """What to do about a plugin's class that breaks its contract."""
    return f"report it to the {what}'s author, or choose another"


@contextmanager
def blaming(what: str, name: str) -> Iterator[None]:
    """Says which thing of a plugin it was that failed.

    Raises:
        PluginFailure: it raised anything but a CoulerError, or called exit.
    """
    try:
        yield
    except CoulerError:
        raise
    except (Exception, SystemExit) as error:  # a plugin may call exit
        log.info("the traceback of the %s %s:", what, name, exc_info=error)
        raise PluginFailure(f"the {what} {name!r} failed: {one_line(error)}", hint=hint_for(what)) from error


Problem = Callable[[object], str | None]


def _name(thing: Any) -> Iterable[str]:
    return (thing.name,)


class ExtensionPoint(msgspec.Struct, Generic[T], frozen=True):
    """One kind of thing.

    Attributes:
        hook: the hook that returns a list of them.
        noun: what one of them is called in messages.
        key: what all of them are called in the JSON of `couler plugins`.
        check: says what keeps an object from being one; None for nothing.
        names: gives the names of one.
    """

    hook: str
    noun: str
    key: str
    check: Problem
    names: Callable[[T], Iterable[str]] = _name


def _with_method(what: str, signature: str) -> Problem:
    """Return the check of a frozen dataclass of options with a name and this method."""
    return partial(named_class_problem, what=what, signature=signature)


OPTIMIZERS: ExtensionPoint[type[Optimizer]] = ExtensionPoint(
    "couler_optimizers", "optimizer", "optimizers", optimizer_problem
)
POLICIES: ExtensionPoint[type[CachePolicy]] = ExtensionPoint(
    "couler_cache_policies", "cache policy", "policies", _with_method("policy", "keep(candidates, capacity, history)")
)
PARTITIONERS: ExtensionPoint[type[Partitioner]] = ExtensionPoint(
    "couler_partitioners", "partitioner", "partitioners", _with_method("partitioner", "split(dag, budget, previous)")
)
TUNERS: ExtensionPoint[type[Tuner]] = ExtensionPoint(
    "couler_tuners", "tuner", "tuners", _with_method("tuner", "propose(task, trials, number)")
)
STEPS: ExtensionPoint[CatalogueStep] = ExtensionPoint("couler_steps", "ready-made step", "steps", step_problem)
ADAPTERS: ExtensionPoint[Adapter] = ExtensionPoint(
    "couler_adapters", "adapter", "adapters", adapter_problem, lambda adapter: (adapter.engine,)
)
STORES: ExtensionPoint[type[ArtifactStore]] = ExtensionPoint(
    "couler_artifact_stores", "artifact store", "stores", store_problem, attrgetter("schemes")
)
CAUSES: ExtensionPoint[Cause] = ExtensionPoint("couler_causes", "cause of failures", "causes", cause_problem)
POINTS: tuple[ExtensionPoint[Any], ...] = (OPTIMIZERS, POLICIES, PARTITIONERS, TUNERS, STEPS, ADAPTERS, STORES, CAUSES)


WHAT = "policy"
HINT = hint_for(WHAT)


def online_policy(policy: CachePolicy) -> CachePolicy:
    """The policy that decides in its place on one artifact at a time.

    Raises:
        PluginFailure: it failed to say so.
    """
    with blaming(WHAT, policy.name):
        return policy.online()


def ask_policy(
    policy: CachePolicy, candidates: Sequence[Candidate], capacity: int | None, history: History
) -> Set[str]:
    """What a policy keeps of the candidates, held to its contract.

    Raises:
        PluginFailure: it failed, or keeps what is no candidate, or more than fits.
    """
    with blaming(WHAT, policy.name):
        kept: object = policy.keep(candidates, capacity, history)
    if not isinstance(kept, Set):
        raise PluginFailure(f"the policy {policy.name!r} returned {type(kept).__name__}, not a set of keys", hint=HINT)
    sizes = {candidate.key: candidate.bytes for candidate in candidates}
    if strange := sorted(map(str, kept - sizes.keys())):
        raise PluginFailure(f"the policy {policy.name!r} kept what is no candidate: {strange[0]:.60}", hint=HINT)
    if capacity is not None and (used := sum(sizes[key] for key in kept)) > capacity:
        raise PluginFailure(f"the policy {policy.name!r} kept {used:,} bytes of at most {capacity:,}", hint=HINT)
    return kept
