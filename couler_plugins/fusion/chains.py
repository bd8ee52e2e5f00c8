"""Chains of a graph: what stands against each link, and how far each chain goes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

from couler_plugins.fusion.attempts import reserve_of, retry_refusals, timeout_refusals
from couler_plugins.fusion.optimizer import Fuse
from couler_plugins.fusion.rules import IDEMPOTENT, Say
from couler_plugins.hookspecs.fusing import FUSED_STEPS, Fusing, Member, Refusal
from couler_plugins.ir import External, Graph, Operation, SettableStep, Workflow
from couler_plugins.ir.merging import Surroundings
from couler_plugins.simulation.schedule import schedule

POD = ("labels", "node_selector", "priority", "scheduler", "annotations")
"""The settings that the pods of a chain have to have in common."""
OURS = "couler.io/"
"""How annotations begin that change nothing in a pod."""


class Site(NamedTuple):
    """A step of a graph, as it is asked about.

    Attributes:
        step: the call, with all settings in force.
        callee: what it calls; None where that is in no file of the call, or not clear.
        library: the workflow that holds this; None where its own one does.
        say: what its owner says of it.
        annotations: those of its operation, and of what is around that.
        seconds: how long it takes.
    """

    step: SettableStep
    callee: Graph | Operation | None
    library: Workflow | None
    say: Say
    annotations: frozenset[str]
    seconds: float


class Cut(NamedTuple):
    """A link that does not become one pod.

    Attributes:
        first, second: the names of its steps.
        refusals: all that stands against it.
    """

    first: str
    second: str
    refusals: tuple[Refusal, ...]


class Chains:
    """The chains of one graph.

    Args:
        options: the options of `fuse`.
        scope: the graph.
        facet: what its engine knows of pods.
        site: returns a step of the graph as it is asked about.
        is_idempotent: returns whether a step may run twice, as its owner says elsewhere.
        slots: how many pods of the whole workflow run at a time; None where it sets no limit.
    """

    def __init__(
        self,
        options: Fuse,
        scope: Surroundings,
        facet: Fusing,
        site: Callable[[str], Site],
        is_idempotent: Callable[[str], bool],
        slots: int | None = None,
    ) -> None:
        self._options, self._scope, self._facet, self._slots = options, scope, facet, slots
        self._site, self._is_idempotent = site, is_idempotent
        self._alone: dict[str, tuple[Refusal, ...]] = {}

    def find(self) -> tuple[list[tuple[Member, ...]], list[Cut]]:
        """Return the chains, as long as they can be, and the links at which chains were cut."""
        links = self._scope.links
        chains: list[list[str]] = []
        cuts: list[Cut] = []
        for name in (name for name in links if name not in links.values()):
            chain = [name]
            while (following := links.get(chain[-1])) is not None:
                refusals = self.refusals(chain, following)
                if refusals:
                    cuts.append(Cut(chain[-1], following, refusals))
                    chains.append(chain)
                    chain = []
                chain.append(following)
            chains.append(chain)
        return self._in_time([chain for chain in chains if len(chain) > 1], cuts), cuts

    def refusals(self, names: Sequence[str], following: str) -> tuple[Refusal, ...]:
        """Return all that stands against the next link of a chain, once what owners say is heeded."""
        refusals = [*self._of_member(names[-1]), *self._of_member(following)]
        members = [self._member(name) for name in (*names, following)]
        between = self._scope.between([*names, following])
        refusals += [Refusal(*obstacle, step=following) for obstacle in between]
        if len(members) > self._options.max_steps:
            reason = f"{len(names)} steps share a pod already"
            refusals.append(Refusal("length", reason, remedy="option max-steps", step=following))
        if all(members):
            is_alone = any(not self._is_lifted(one) for one in refusals)
            refusals += self._of_link([member for member in members if member is not None], ask=not is_alone)
        stand = (one._replace(step=one.step or following) for one in refusals)
        return tuple(dict.fromkeys(one for one in stand if not self._is_lifted(one)))

    def _of_member(self, name: str) -> tuple[Refusal, ...]:
        if name not in self._alone:
            self._alone[name] = tuple(one._replace(step=one.step or name) for one in self._refusals_alone(name))
        return self._alone[name]

    def _refusals_alone(self, name: str) -> Iterator[Refusal]:
        site, member = self._site(name), self._member(name)
        if site.say.refusal:
            yield Refusal("never", site.say.refusal)
        yield from (Refusal(*obstacle) for obstacle in self._scope.around(name))
        if isinstance(site.callee, Graph):
            yield Refusal("graph", f"it calls the graph {site.callee.name!r}, which has several steps")
        elif site.callee is None:
            call = site.step.call
            if isinstance(call, External) and call.workflow:
                what = f"it calls {call.description}, which no file here has, or several have"
                yield Refusal("elsewhere", what, remedy="name the one file that has it")
            else:
                yield Refusal("resolver", "what it calls is only known at run time")
        if member is None:
            return
        item = member.operation
        reasons = {
            ("fused", "it does the work of several steps already"): FUSED_STEPS in site.annotations,
            ("daemon", "it keeps running beside the steps after it"): item.daemon,
            ("memoized", "its engine caches it by itself"): item.memoized is not None,
            ("cached", "it has a request of its own to the engine, such as a cache"): bool(
                item.directives or member.step.directives
            ),
            ("locks", "it takes a lock, which others would wait for longer"): item.locks is not None,
            ("metrics", "it reports metrics of its own"): item.metrics is not None,
        }
        yield from (Refusal(*reason) for reason, holds in reasons.items() if holds)
        yield from self._facet.refuse_member(self._scope.graph, member)

    def _of_link(self, members: Sequence[Member], *, ask: bool) -> Iterator[Refusal]:
        *before, last = members
        first = before[0].step
        for name in POD:
            if _pod(first, name) != _pod(last.step, name):
                what = name.replace("_", " ")
                yield Refusal(
                    "pod",
                    f"its pod does not have the same {what} as that of {first.name!r}",
                    remedy="the same for both",
                )
        if any(output.exported is not None for output in before[-1].operation.outputs):
            yield Refusal("exported", "the whole run sees an output of it, also where the next step fails")
        yield from retry_refusals(members)
        if not self._facet.keeps_timeouts:
            yield from timeout_refusals(members)
        seconds = [self._site(member.step.name).seconds for member in members]
        reserve = reserve_of(members, seconds, self._options.overhead, self._options.max_reserved)
        yield from filter(None, [reserve.refusal])
        if ask:
            yield from self._facet.refuse_link(self._scope.graph, before, last)

    def _member(self, name: str) -> Member | None:
        site = self._site(name)
        return Member(site.step, site.callee, site.library) if isinstance(site.callee, Operation) else None

    def _is_lifted(self, refusal: Refusal) -> bool:
        say = self._site(refusal.step).say
        if refusal.word == IDEMPOTENT:
            return self._is_idempotent(refusal.step) if say.idempotent is None else say.idempotent
        return bool(refusal.word) and refusal.word in say.words.union(self._options.allow)

    def _in_time(self, chains: list[list[str]], cuts: list[Cut]) -> list[tuple[Member, ...]]:
        """Those of the chains with which the graph takes no longer.

        Without a limit of pods, no chain makes it longer: nothing else waits for a step in its middle, so each of the
        others starts once the same steps have ended as before, and these end earlier or at the same time. With a limit,
        a chain holds its place from its first step to its last, and others may get theirs later.
        """
        stay: list[list[str]] = []
        pending = [chains] if self.workers is not None and chains else []
        while pending:
            group = pending.pop()
            if self.makespan([*stay, *group]) <= self.makespan(stay):
                stay += group
            elif len(group) > 1:
                middle = len(group) // 2
                pending += [group[middle:], group[:middle]]
            else:
                reason = f"with at most {self.workers} pods at a time, others would end later"
                pairs = [pair for chain in group for pair in pairwise(chain)]
                cuts += [Cut(*pair, (Refusal("makespan", reason, step=pair[1]),)) for pair in pairs]
        settled = chains if self.workers is None else stay
        return [tuple(member for name in chain if (member := self._member(name))) for chain in settled]

    @cached_property
    def workers(self) -> int | None:
        """How many pods run at a time; None where nothing limits that."""
        own = getattr(self._scope.graph.parallelism, "value", None)
        limits = [one for one in (own, self._slots, self._options.workers) if isinstance(one, int) and one > 0]
        return min(limits, default=None)

    def makespan(self, chains: Iterable[Sequence[str]]) -> float:
        """Return how long the graph takes in a simulation, in seconds, where some chains are one pod each."""
        heads = {name: chain[0] for chain in chains for name in chain}
        seconds: dict[str, float] = {}
        parents: dict[str, set[str]] = {}
        barrier: set[str] = set()
        graph = self._scope.graph
        for number, stage in enumerate(graph.stages or [tuple(self._scope.view.order())]):
            for name in stage:
                head = heads.get(name, name)
                seconds[head] = seconds.get(head, 0.0) + self._site(name).seconds
                above = {heads.get(one, one) for one in self._scope.view.predecessors(name)}
                parents.setdefault(head, set()).update((above | barrier) - {head} if head == name else ())
            if graph.stages is not None:
                seconds[f"\0{number}"], parents[f"\0{number}"] = (
                    0.0,
                    {heads.get(name, name) for name in stage} | barrier,
                )
                barrier = {f"\0{number}"}
        place = {name: number for number, name in enumerate(seconds)}
        idle = {number for name, number in place.items() if name.startswith("\0")}
        launch = [0.0 if number in idle else self._options.overhead for number in place.values()]
        above_of = [sorted(place[one] for one in parents[name] if one in place) for name in place]
        return schedule(list(seconds.values()), above_of, launch=launch, workers=self.workers, idle=idle).makespan


def _pod(step: SettableStep, name: str) -> object:
    """A setting of a pod, without what changes nothing in it."""
    content = getattr(step, name)
    return {pair for pair in content if not pair[0].startswith(OURS)} if isinstance(content, tuple) else content
