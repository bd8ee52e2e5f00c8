"""Keys of results that are clear before a run, for whoever looks into a store: no optimizer reads one by itself."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

from couler_plugins.hookspecs import Context
from couler_plugins.ir import call_sites
from couler_plugins.plan import Plan


@dataclass(frozen=True)
class ResultKeys:
    """Note the keys of steps that depend on constants alone; change nothing, and say nothing.

    Attributes:
        assume_pure: whether a step of which nothing is said counts as declared pure.
    """

    name: ClassVar[str] = "result-keys"

    assume_pure: bool = False

    @cached_property
    def keys(self) -> dict[tuple[str, str], str]:
        """Those that were noted, by the label of the workflow and the step as decisions name it."""
        return {}

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Return the plan as it is. It has to come before optimizers that change workflows."""
        caches = {engine: ctx.adapter(engine).cache(plan) for engine in {item.engine for item in plan.workflows}}
        for workflow in plan.workflows:
            cache = caches[workflow.engine](workflow)
            keys = {} if cache is None else cache.result_keys(assume_pure=self.assume_pure)
            sites = {
                ("" if site.graph is None else site.graph.name, site.step.name): site for site in call_sites(workflow)
            }
            for place, key in keys.items():
                self.keys[workflow.label, sites[place].label if place in sites else "/".join(filter(None, place))] = key
        return plan
