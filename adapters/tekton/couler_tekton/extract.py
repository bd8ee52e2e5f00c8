"""Specs that are written where they are called become Tasks and Pipelines, and what is the same becomes one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.hookspecs import Context
from couler_plugins.plan import Plan


@dataclass(frozen=True)
class Extract:
    """Make Tasks and Pipelines of specs that are embedded in Pipelines and runs, and refer to those.

    A PipelineRun holds what is embedded in it twice, once more in its status, and etcd takes a mebibyte and a half at
    most; a reference takes a few bytes. The names of the new objects end with a hash of what they hold, so that a run
    never finds another version than its own. Left alone is what only works in its place: a spec that reads parameters,
    workspaces or results around it. So is what rows of the settings name, which would not find it any more: `declare`
    in front of it writes them into the specs.
    """

    name: ClassVar[str] = "extract"
    before: ClassVar[tuple[str, ...]] = ("cache",)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Replaces embedded specs by references, and adds what they refer to."""
        from couler_tekton.extracted import extract_specs

        return extract_specs(plan, ctx)
