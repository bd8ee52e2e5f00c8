"""Which results are worth keeping under a capacity, by what past runs say of each step's time and size."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec

from couler_plugins.caching.calls import Place
from couler_plugins.caching.keys import digest
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.hookspecs import CachePolicy, Context, Profile
from couler_plugins.hookspecs.caching import Knowledge, Objection
from couler_plugins.ir import Call, Graph, GraphView, Step, Workflow, callables, callers_first, recursive
from couler_plugins.options.fields import Size
from couler_plugins.plugins.registry import ask_policy
from couler_plugins.runs import Candidate, History, Run, StepRun, family_of, site_of

UNSIZED = "its size is not known, so the policy cannot choose it"


class Limit(msgspec.Struct, frozen=True):
    """How much a cache may hold, and the policy that chooses what that is."""

    capacity: Size
    policy: CachePolicy


def choose(
    workflow: Workflow, verdicts: Mapping[Place, Verdict], facet: Knowledge, ctx: Context, limit: Limit
) -> dict[Place, Verdict]:
    """The verdicts, those refused whose results the policy would not keep.

    The policy sees the past runs and, as the newest, the run that is planned: its steps, with the medians of what they
    took and made. A step whose size is not known takes no part: it stays cached, and who evicts decides at run time.

    Args:
        workflow: the workflow, stripped.
        verdicts: what was found about each call.
        facet: what its engine knows.
        ctx: whose past runs and profiles the policy decides by.
        limit: the capacity and the policy.
    """
    planned = _Planned(workflow, verdicts, facet, ctx)
    history = History([*ctx.runs(workflow), planned.run])
    candidates = list(planned.candidates())
    kept = ask_policy(limit.policy, [candidate for _, candidate in candidates], limit.capacity, history)
    decided = dict(candidates)
    chosen: dict[Place, Verdict] = {}
    for place, verdict in verdicts.items():
        candidate = decided.get(place)
        if verdict.objection is not None:
            chosen[place] = verdict
        elif candidate is None:
            chosen[place] = msgspec.structs.replace(verdict, choice=UNSIZED)
        elif candidate.key in kept:
            note = f"{limit.policy.name} keeps it in {limit.capacity}"
            chosen[place] = msgspec.structs.replace(verdict, choice=note)
        else:
            chosen[place] = msgspec.structs.replace(verdict, objections=(_refusal(candidate, limit),))
    return chosen


def _refusal(candidate: Candidate, limit: Limit) -> Objection:
    took = "it is not known how long it takes" if candidate.seconds is None else f"it takes {candidate.seconds:.3g} s"
    reason = (
        f"{limit.policy.name} does not keep it in {limit.capacity}: {took} and makes {candidate.bytes:,} bytes in a run"
    )
    return Objection("capacity", reason, "storage")


class _Planned:
    """The run that is planned: each call site is a step, and one that calls a graph joins the ends of what is in it.

    What the first steps of a called graph need from outside of it is left out.
    """

    def __init__(self, workflow: Workflow, verdicts: Mapping[Place, Verdict], facet: Knowledge, ctx: Context) -> None:
        self._workflow, self._verdicts, self._facet, self._ctx = workflow, verdicts, facet, ctx
        self._by_name = callables(workflow)
        self._inline = {name: item for name, item in self._by_name.items() if item.inline}
        self._past = {site_of(ran): ran.spec for run in ctx.runs(workflow) for ran in run.steps}
        self._numbers: dict[Place, int] = {}
        self._ends: dict[str, tuple[int, ...]] = {}
        steps: list[StepRun] = []
        for graph in reversed(callers_first(workflow, recursive(workflow))):
            self._add(graph, steps)
        entry = workflow.entry
        if entry is not None and isinstance(entry.call, Call) and entry.call.name not in self._ends:
            self._numbers["", entry.name] = len(steps)
            steps.append(self._ran("", entry, (), steps))
        past = ctx.runs(workflow)
        self.run = Run(family=family_of(workflow, past), steps=tuple(steps), at=past[-1].at + 1 if past else 0.0)

    def candidates(self) -> Iterator[tuple[Place, Candidate]]:
        """What could be kept, as far as its size is known."""
        for place, number in self._numbers.items():
            ran = self.run.steps[number]
            verdict = self._verdicts.get(place)
            if verdict is not None and verdict.objection is None and ran.bytes is not None:
                yield (
                    place,
                    Candidate(
                        key=ran.key,
                        bytes=ran.bytes,
                        seconds=ran.seconds,
                        family=self.run.family,
                        step=ran.step,
                        type=ran.type,
                        parents=tuple(self.run.steps[parent].key for parent in ran.parents),
                        created=self.run.at,
                        used=self.run.at,
                    ),
                )

    def _add(self, graph: Graph, steps: list[StepRun]) -> None:
        """Adds the steps of a graph, whose callees have been added."""
        view = GraphView(graph, self._inline)
        before: dict[str, set[str]] = {step.name: set() for step in graph.steps}
        for edge in view.edges():
            before[edge.after].add(edge.before)
        by_name = {step.name: step for step in graph.steps}
        for name in view.order():
            step = by_name[name]
            ends = self._ends.get(step.call.name, ()) if isinstance(step.call, Call) else ()
            parents = {self._numbers[graph.name, parent] for parent in before[name]} | set(ends)
            self._numbers[graph.name, name] = len(steps)
            steps.append(self._ran(graph.name, step, tuple(sorted(parents)), steps))
        read = {parent for parents in before.values() for parent in parents}
        self._ends[graph.name] = tuple(self._numbers[graph.name, name] for name in by_name if name not in read)

    def _ran(self, graph: str, step: Step, parents: tuple[int, ...], steps: list[StepRun]) -> StepRun:
        callee = step.call.name if isinstance(step.call, Call) else ""
        name = f"{graph}/{step.name}" if graph else callee
        verdict = self._verdicts.get((graph, step.name))
        spec = self._past.get(name) or (verdict.facts.spec if verdict and verdict.facts else digest([name]))
        joins = isinstance(self._by_name.get(callee), Graph)
        profile = Profile(seconds=0.0, output_bytes=0) if joins else self._ctx.profile(self._workflow, name)
        items: float | None = self._facet.items(step)
        if items is None:
            items = profile.instances
        elif verdict is not None and verdict.entries is not None:
            items = verdict.entries  # with how often its graph is called
        return StepRun(
            step=name,
            type=callee,
            spec=spec,
            key=digest([spec, name, [steps[number].key for number in parents]]),
            parents=parents,
            seconds=None if profile.seconds is None or items is None else profile.seconds * items,
            bytes=None if profile.output_bytes is None or items is None else round(profile.output_bytes * items),
        )
