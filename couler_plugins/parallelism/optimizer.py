"""The `split` optimizer: workflows that are too big for their engine become parts that it runs one by one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from couler_plugins.errors import CoulerError
from couler_plugins.hookspecs import Context
from couler_plugins.options.fields import Size
from couler_plugins.plan import Plan


@dataclass(frozen=True)
class Split:
    """Split a workflow that is too big for its engine, and run the parts as parallel as before.

    Attributes:
        partitioner: how the graph is cut, with its options (`couler plugins` lists the partitioners); what suits the
            engine unless given.
        into: `graphs` of the same workflow, `workflows` of their own, or `auto`: graphs where only the number of steps
            in one is too large, else workflows.
        keep_original: whether the text of a workflow that becomes several is kept beside them, for `couler rollback`.
        max_bytes: what a part may take of its engine's storage; the engine's own limit unless given.
        max_steps: how many steps a part may have; the engine's own limit unless given.
        max_pods: how many pods a part may start; without limit unless given.
    """

    name: ClassVar[str] = "split"

    partitioner: str | None = None
    into: Literal["auto", "graphs", "workflows"] = "auto"
    keep_original: bool = True
    max_bytes: Size | None = None
    max_steps: int | None = None
    max_pods: int | None = None

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """The plan with every workflow split that is over the budget, and how that was done."""
        from couler_plugins.parallelism.application import Limits, Splitter

        limits = Limits(self.max_bytes, self.max_steps, self.max_pods)
        named = None if self.partitioner is None else ctx.partitioner(self.partitioner)
        for workflow in plan.workflows:
            facet = ctx.adapter(workflow.engine).splitting(workflow, plan)
            if facet is not None:
                ctx.progress(f"measuring {workflow.label}")
                partitioner = named or ctx.partitioner(facet.partitioner)
                splitter = Splitter(partitioner, limits, self.into, self.keep_original, ctx)
                # What an earlier call has left of a workflow is no part: it may have all that its engine takes.
                try:
                    plan = splitter.split(plan, workflow, facet, rank=int(facet.coordinates))
                except CoulerError as error:
                    if workflow.source is not None:
                        error.file = error.file or plan.bundle.file_of(int(workflow.source[0])).name
                    raise
        return plan
