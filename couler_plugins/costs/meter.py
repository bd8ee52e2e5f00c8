"""What a run of each workflow costs before and after the optimizers, by its past runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import ClassVar

import msgspec

from couler_plugins.costs.estimate import HOUR, Amounts, Range, Reservation, cost_of, scale_of, spread
from couler_plugins.costs.pods import Site, reservation, sites_of
from couler_plugins.documents.mappings import by_key
from couler_plugins.hookspecs import Context, Profile
from couler_plugins.ir import Libraries, Workflow
from couler_plugins.options.prices import Price
from couler_plugins.plan import Plan
from couler_plugins.runs import Run, StepRun, median, site_of

RECENT = 20
"""How many of the newest runs count, as for the profiles of steps."""
NAMED = 6
"""How many steps a note names."""
HOURLY = "no past run: each step counts with one hour"
Sites = Mapping[str, Site]


class StepCost(msgspec.Struct, frozen=True):
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


class RunCost(msgspec.Struct, frozen=True):
    """What a run of a workflow costs.

    Attributes:
        path: the name of its file.
        workflow: its label.
        runs: how many past runs say so; 0 where only profiles of steps do.
        currency: of the money; empty without prices.
        before: the range of each amount that is known, by its name.
        after: that after the optimizers; None where it is the same, or cannot be compared.
        steps: the steps that are known, the most expensive first.
        notes: what is not in it, and why.
    """

    path: str
    workflow: str
    runs: int
    currency: str
    before: dict[str, Range]
    after: dict[str, Range] | None
    steps: tuple[StepCost, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class CostMeter:
    """Note what a run of each workflow costs; change nothing, and say nothing. It comes last.

    Attributes:
        prices: the rows of the settings.
        input_scale: how large the input of the next run is, beside that of past runs.
        as_read: whether workflows count as they were read alone, for comparisons of two versions. Then one that no past
            run knows counts as well, as if each of its steps took an hour.
    """

    name: ClassVar[str] = "cost"

    prices: tuple[Price, ...] = field(default=(), metadata={"option": False})
    input_scale: float = field(default=1.0, metadata={"option": False})
    as_read: bool = field(default=False, metadata={"option": False})

    @cached_property
    def _costs(self) -> dict[int, tuple[Workflow, RunCost | None]]:
        return {}

    def cost(self, workflow: Workflow | None) -> RunCost | None:
        """Return what was noted of a workflow, as it was read; None where no past run knows any step of it."""
        return self._costs.get(id(workflow), (workflow, None))[1]

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Return the plan as it is."""
        libraries = Libraries(plan.originals, plan.bundle)
        after = {item.source: sites_of(item, plan.homes, plan.libraries) for item in plan.workflows}
        for workflow in plan.originals:
            old = sites_of(workflow, plan.homes, libraries)
            new = old if self.as_read else after.get(workflow.source, {})
            # With the workflow kept alive, since another one may get its identity.
            self._costs[id(workflow)] = workflow, self._cost(plan, ctx, workflow, old, new)
        return plan

    def _cost(self, plan: Plan, ctx: Context, workflow: Workflow, old: Sites, new: Sites) -> RunCost | None:
        """Return the cost of a run by its calls before and after."""
        profiles = {label: ctx.profile(workflow, label) for label in old}
        past = [run for run in ctx.runs(workflow) if run.whole][-RECENT:]
        times = [_seconds_in(run, old, profiles) for run in past] or [
            {
                label: profile.seconds * (1.0 if profile.instances is None else profile.instances)
                for label, profile in profiles.items()
                if profile.seconds is not None
            }
        ]
        scales = {label: scale_of(profiles[label].tries or (), self.input_scale) for label in old}
        times = [{label: own * scales[label] for label, own in run.items()} for run in times]
        usual = {label: median(own) for label in old if (own := [run[label] for run in times if label in run])}
        assumed = self.as_read and not usual
        usual = dict.fromkeys(old, HOUR) if assumed else usual
        if not usual:
            return None
        prices = {label: self._price(old[label], profiles[label]) for label in usual}
        names = ctx.adapter(workflow.engine).pod_containers

        def pods(sites: Sites) -> dict[str, Reservation]:
            some = {label: (sites[label], profiles[label].tries or ()) for label in usual}
            return {
                label: reservation(site, plan.homes, names(site.operation) if site.operation is not None else (), tries)
                for label, (site, tries) in some.items()
            }

        def costs(side: Mapping[str, Reservation], seconds: Mapping[str, float]) -> dict[str, Amounts]:
            return {
                label: cost_of(seconds[label], pod.cores, pod.memory, prices[label], pod.gpus)
                for label, pod in side.items()
            }

        gone = [label for label in usual if label not in new]
        sides = [pods(old), pods(old if gone else new)]
        before, after = (costs(side, usual) for side in sides)
        hours = [costs(side, dict.fromkeys(usual, HOUR)) for side in sides]
        ranges = [_ranges(side, [usual | run for run in times], hours) for side in hours]
        steps = [
            StepCost(label, price.pool if price is not None else "", usual[label], before[label], after[label])
            for label, price in prices.items()
        ]
        return RunCost(
            path=plan.bundle.file_of(int(workflow.source[0])).name if workflow.source is not None else "",
            workflow=workflow.label,
            runs=len(past),
            currency=self.prices[0].currency if self.prices else "",
            before=ranges[0],
            after=ranges[1] if ranges[0] != ranges[1] else None,
            steps=tuple(sorted(steps, key=lambda one: -(one.before.money or one.before.core_hours or 0.0))),
            notes=(
                *([HOURLY] if assumed else []),
                *self._scaled(scales, usual),
                *self._notes(old, steps, gone, [label for label in new if label not in old]),
            ),
        )

    def _price(self, site: Site, profile: Profile) -> Price | None:
        nodes = [attempt.node for attempt in profile.tries or () if attempt.node]
        return next((price for price in self.prices if price.fits(site.node_selector, nodes)), None)

    def _scaled(self, scales: Mapping[str, float], usual: Mapping[str, float]) -> Iterator[str]:
        """Yield how many steps take another time for an input of another size, where one is expected."""
        if self.input_scale != 1:
            count = sum(scales[label] != 1 for label in usual)
            times = f"{self.input_scale:g} times the input of past runs"
            yield f"{times}: the time of {count:,} of {len(usual):,} steps follows their input"

    def _notes(
        self, sites: Sites, steps: Sequence[StepCost], gone: Sequence[str], added: Sequence[str]
    ) -> Iterator[str]:
        unknown = {"no history: not in the total": sorted(sites.keys() - {step.step for step in steps})}
        for name, (what, setting) in UNKNOWN.items():
            if not setting or any(getattr(price, setting) is not None for price in self.prices):
                unknown[what] = [step.step for step in steps if getattr(step.before, name) is None]
        for what, labels in unknown.items():
            if labels:
                verb = "has" if len(labels) == 1 else "have"
                yield f"{len(labels):,} of {len(sites):,} steps {verb} {what} ({_names(labels)})"
        if gone:
            yield f"steps that move or go are not compared ({_names(gone)})"
        if added:
            yield f"steps that the optimizers add have no history: not in the total ({_names(added)})"


UNKNOWN = {
    "core_hours": ("neither a request nor a known use of cores: not in the core-hours", ""),
    "gib_hours": ("neither a request nor a known use of memory: not in the GiB-hours", ""),
    "money": ("no price: not in the money", "core_hour"),
    "grams": ("no known carbon: not in the CO2e", "grams_per_kwh"),
}
"""What to say of steps without an amount, and the field of a price without which nobody expects it."""


def _seconds_in(run: Run, sites: Sites, profiles: Mapping[str, Profile]) -> dict[str, float]:
    """Return the seconds of each call in a run, as far as it says; a cached result counts as if it had been computed.

    A step of a run belongs to the call of its own name, else to the first one that calls an operation of its kind.
    """
    by_site = by_key((site_of(ran), ran) for ran in run.steps)
    steps = {label: by_site.pop(label) for label in sites if label in by_site}
    others = [(label, site.step) for label, site in sites.items() if label not in steps]
    steps |= {label: by_site.pop(step.name) for label, step in others if step.name in by_site}
    by_type = by_key((ran.type, ran) for own in by_site.values() for ran in own)
    kinds = ((label, getattr(step.call, "name", "")) for label, step in others if label not in steps)
    steps |= {label: by_type.pop(kind) for label, kind in kinds if kind in by_type}
    times = {label: [_seconds(ran, profiles[label].seconds) for ran in own] for label, own in steps.items()}
    return {label: sum(map(float, filter(None, own))) for label, own in times.items() if None not in own}


def _seconds(step: StepRun, usual: float | None) -> float | None:
    """Return how long the pods of a step ran, failed attempts included; None where that is not known."""
    if step.fate in ("skipped", "loaded"):
        return 0.0 if step.fate == "skipped" else usual
    tries = [attempt.seconds for attempt in step.tries]
    return step.seconds if not tries or None in tries else sum(filter(None, tries))


def _ranges(
    hours: Mapping[str, Amounts], runs: Sequence[Mapping[str, float]], sides: Sequence[Mapping[str, Amounts]]
) -> dict[str, Range]:
    """Return the range of each amount of a run, over the calls of which it is known on both sides.

    Args:
        hours: what an hour of each call costs.
        runs: the seconds of each call, run by run.
        sides: what an hour costs before and after the optimizers.
    """
    ranges: dict[str, Range] = {}
    for name in Amounts.__struct_fields__:
        same = [label for label in hours if None not in [getattr(side[label], name) for side in sides]]
        rates = {label: getattr(hours[label], name) / HOUR for label in same}
        if rates:
            ranges[name] = spread([sum(rate * run[label] for label, rate in rates.items()) for run in runs])
    return ranges


def _names(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - NAMED:,} more" if len(labels) > NAMED else ""
    return ", ".join(labels[:NAMED]) + more
