"""What a run of each workflow costs before and after the optimizers, by its past runs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar, NamedTuple

from couler_plugins.costs.estimate import Amounts, Range, Reservation, cost_of, spread, total
from couler_plugins.costs.pods import Site, reservation, sites_of
from couler_plugins.hookspecs import Context, Profile
from couler_plugins.ir import Libraries, Workflow
from couler_plugins.options.prices import Price
from couler_plugins.plan import Plan
from couler_plugins.runs import Run, StepRun
from couler_plugins.runs.run import median, site_of

RECENT = 20
"""How many of the newest runs count, as for the profiles of steps."""
NAMED = 6
"""How many steps a note names."""


class StepCost(NamedTuple):
    """What one step costs in a run.

    Attributes:
        step: its label.
        pool: the row of prices that it belongs to; empty for none.
        seconds: the time of its pods together.
        before, after: the medians; the same where nothing changed.
    """

    step: str
    pool: str
    seconds: float
    before: Amounts
    after: Amounts


class RunCost(NamedTuple):
    """What a run of a workflow costs.

    Attributes:
        workflow: its label.
        runs: how many past runs say so; 0 where only profiles of steps do.
        before: the range of each amount that is known, by its name.
        after: that after the optimizers; None where it is the same, or cannot be compared.
        currency: of the money.
        steps: the steps that are known, the most expensive first.
        notes: what is not in it, and why.
    """

    workflow: str
    runs: int
    before: Mapping[str, Range]
    after: Mapping[str, Range] | None
    currency: str
    steps: tuple[StepCost, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class CostMeter:
    """Note what a run of each workflow costs; change nothing, and say nothing. It comes last.

    Attributes:
        prices: the rows of the settings.
    """

    name: ClassVar[str] = "cost"

    prices: tuple[Price, ...] = field(default=(), metadata={"option": False})

    @cached_property
    def _costs(self) -> dict[int, tuple[Workflow, RunCost | None]]:
        return {}

    def cost(self, workflow: Workflow | None) -> RunCost | None:
        """Return what was noted of a workflow, as it was read; None where no past run knows any step of it."""
        return self._costs.get(id(workflow), (workflow, None))[1]

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Return the plan as it is."""
        before = Libraries(plan.originals, plan.bundle)
        after = {item.source: sites_of(item, plan.homes, plan.libraries) for item in plan.workflows}
        for workflow in plan.originals:
            old, new = sites_of(workflow, plan.homes, before), after.get(workflow.source, {})
            # With the workflow kept alive, since another one may get its identity.
            self._costs[id(workflow)] = workflow, _Meter(self.prices, plan, ctx, workflow).cost(old, new)
        return plan


class _Meter:
    """Compute the cost of one workflow."""

    def __init__(self, prices: tuple[Price, ...], plan: Plan, ctx: Context, workflow: Workflow) -> None:
        self._prices = prices
        self._homes = plan.homes
        self._names = ctx.adapter(workflow.engine).pod_containers
        self._profile: Callable[[str], Profile] = lambda name: ctx.profile(workflow, name)
        self._runs = [run for run in ctx.runs(workflow) if run.whole][-RECENT:]
        self._label = workflow.label

    def cost(self, old: Mapping[str, Site], new: Mapping[str, Site]) -> RunCost | None:
        """Return the cost by the calls before and after; None where no past run knows any of them."""
        profiles = {label: self._profile(label) for label in old}
        usual = {
            label: profile.seconds * (1.0 if profile.instances is None else profile.instances)
            for label, profile in profiles.items()
            if profile.seconds is not None
        }
        if not usual:
            return None
        runs = [usual | _seconds_in(run, old, profiles) for run in self._runs] or [usual]
        runs = [{label: run[label] for label in usual} for run in runs]
        price = {label: self._price(old[label], profiles[label]) for label in usual}
        gone = [label for label in usual if label not in new]
        pods = [
            {label: self._pod(sites[label], profiles[label]) for label in usual}
            for sites in (old, old if gone else new)
        ]
        totals = [
            [total(_cost(seconds[label], side[label], price[label]) for label in usual) for seconds in runs]
            for side in pods
        ]
        middle = {label: median(run[label] for run in runs) for label in usual}
        steps = []
        for label in usual:
            costs = (_cost(middle[label], side[label], price[label]) for side in pods)
            steps.append(StepCost(label, _pool(price[label]), middle[label], *costs))
        steps.sort(key=lambda step: _weight(step.before), reverse=True)
        return RunCost(
            workflow=self._label,
            runs=len(self._runs),
            before=_ranges(totals[0]),
            after=_ranges(totals[1]) if totals[0] != totals[1] else None,
            currency=self._prices[0].currency if self._prices else "",
            steps=tuple(steps),
            notes=tuple(self._notes(old, steps, gone, [label for label in new if label not in old])),
        )

    def _price(self, site: Site, profile: Profile) -> Price | None:
        nodes = [attempt.node for attempt in profile.tries or () if attempt.node]
        return next((price for price in self._prices if price.fits(site.node_selector, nodes)), None)

    def _pod(self, site: Site, profile: Profile) -> Reservation:
        names = () if site.operation is None else self._names(site.operation)
        return reservation(site, self._homes, names, profile.tries or ())

    def _notes(
        self, sites: Mapping[str, Site], steps: Sequence[StepCost], gone: Sequence[str], added: Sequence[str]
    ) -> Iterator[str]:
        counted = {step.step for step in steps}
        unknown = {
            "no history: not in the total": [label for label in sites if label not in counted],
            "neither a request nor a known use of cores: not in the core-hours": [
                step.step for step in steps if step.before.core_hours is None
            ],
            "neither a request nor a known use of memory: not in the GiB-hours": [
                step.step for step in steps if step.before.gib_hours is None
            ],
        }
        if any(price.core_hour is not None for price in self._prices):
            unknown["no price: not in the money"] = [step.step for step in steps if step.before.money is None]
        if any(price.grams_per_kwh is not None for price in self._prices):
            unknown["no known carbon: not in the CO2e"] = [step.step for step in steps if step.before.grams is None]
        for what, labels in unknown.items():
            if labels:
                verb = "has" if len(labels) == 1 else "have"
                yield f"{len(labels):,} of {len(sites):,} steps {verb} {what} ({_names(labels)})"
        if gone:
            yield f"steps that move or go are not compared ({_names(gone)})"
        if added:
            yield f"steps that the optimizers add have no history: not in the total ({_names(added)})"


def _seconds_in(run: Run, sites: Mapping[str, Site], profiles: Mapping[str, Profile]) -> dict[str, float]:
    """Return the seconds of each call in a run, as far as it says; a cached result counts as if it had been computed.

    A step of a run belongs to the call of its own name, else to the first one that calls an operation of its kind.
    """
    by_site: dict[str, list[StepRun]] = defaultdict(list)
    for step in run.steps:
        by_site[site_of(step)].append(step)
    steps = {label: by_site.pop(label) for label in sites if label in by_site}
    steps |= {label: by_site.pop(site.name) for label, site in sites.items() if site.name in by_site}
    by_type: dict[str, list[StepRun]] = defaultdict(list)
    for own in by_site.values():
        for step in own:
            by_type[step.type].append(step)
    steps |= {
        label: by_type.pop(site.callee)
        for label, site in sites.items()
        if label not in steps and site.callee in by_type
    }
    seconds: dict[str, float] = {}
    for label, own in steps.items():
        figures = [_seconds(step, profiles[label].seconds) for step in own]
        if None not in figures:
            seconds[label] = sum(figure for figure in figures if figure is not None)
    return seconds


def _seconds(step: StepRun, usual: float | None) -> float | None:
    """Return how long the pods of a step ran, failed attempts included; None where that is not known."""
    if step.fate == "skipped":
        return 0.0
    if step.fate == "loaded":
        return usual
    tries = [attempt.seconds for attempt in step.tries]
    return step.seconds if not tries or None in tries else sum(figure for figure in tries if figure is not None)


def _cost(seconds: float, pod: Reservation, price: Price | None) -> Amounts:
    return cost_of(seconds, pod.cores, pod.memory, price, pod.gpus)


def _ranges(totals: Sequence[Amounts]) -> dict[str, Range]:
    """Return the range of each amount that is known of a run."""
    columns = zip(Amounts._fields, zip(*totals, strict=True), strict=True)
    figures = {name: [figure for figure in column if figure is not None] for name, column in columns}
    return {name: spread(column) for name, column in figures.items() if column}


def _weight(amounts: Amounts) -> tuple[float, float, float]:
    return amounts.money or 0.0, amounts.core_hours or 0.0, amounts.gib_hours or 0.0


def _pool(price: Price | None) -> str:
    return "" if price is None else price.pool


def _names(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - NAMED:,} more" if len(labels) > NAMED else ""
    return ", ".join(labels[:NAMED]) + more
