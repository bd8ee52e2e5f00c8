"""The `cache` optimizer: steps that were declared pure are not computed again where their key is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from couler_plugins.errors import Unsupported
from couler_plugins.options import Size

if TYPE_CHECKING:
    from couler_plugins.caching.wrapping import Wrapper
    from couler_plugins.hookspecs import Context
    from couler_plugins.plan import Plan

__all__ = ["Cache"]


@dataclass(frozen=True)
class Cache:
    """Reuse results of steps that their owner declared pure, under keys that cover all that they depend on.

    Attributes:
        assume_pure: treat steps of which their owner says nothing as declared pure; the rules that forbid caching hold
            all the same.
        capacity: bytes that the cache may hold: what is not worth keeping then, by past runs, is not cached.
        policy: who chooses what is worth keeping (`couler plugins` lists the policies).
        via: `memoize` for the engine's own cache alone; `wrapper` to wrap the commands whose results that cannot keep.
        store: the URL of the artifact cache, for wrappers.
        image: the image that wrappers take `couler` from.
        namespace: the part of the store that is meant.
        secret: the engine's secret with what gives access to the store.
        timeout: how many seconds the store may take before a command, and after it.
        cpu: what each of a wrapper's containers requests, and gets at most; `none` to say nothing of it.
        memory: the same of memory.
        security: whether these containers ask for what Pod Security `restricted` wants, or for nothing (`inherit`).
    """

    name: ClassVar[str] = "cache"

    assume_pure: bool = False
    capacity: Size | None = None
    policy: str = "scr"
    via: Literal["memoize", "wrapper"] = "memoize"
    store: str = ""
    image: str = ""
    namespace: str = "default"
    secret: str = ""
    timeout: int = 600
    cpu: str = "250m"
    memory: str = "512Mi"
    security: Literal["restricted", "inherit"] = "restricted"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Asks the engine to cache what may be cached, and says of every other step which rule forbids it."""
        from couler_plugins.caching.application import apply
        from couler_plugins.caching.choice import Limit
        from couler_plugins.caching.circles import circular
        from couler_plugins.caching.decisions import part_decision
        from couler_plugins.caching.workers import ask_workers

        wrapper = self._wrapper()
        circles = circular(plan.workflows)
        # A policy that nobody knows is a mistake without a capacity as well.
        policy = ctx.policy(self.policy) if self.capacity is not None or self.policy != Cache.policy else None
        limit = Limit(self.capacity, policy) if self.capacity is not None and policy is not None else None
        for workflow in plan.workflows:
            ctx.progress(f"looking for what may be cached in {workflow.label}")
            workers = getattr(ctx.adapter(workflow.engine), "worker_caching", None)  # a facet, as the one below
            asked = workers(workflow, plan.bundle) if workers is not None else None
            if asked is not None:
                self._refuse_for_workers(workflow.engine)
                new, decisions = ask_workers(workflow, asked, ctx, assume_pure=self.assume_pure)
                plan = plan.with_workflow(workflow, new, *decisions)
                continue
            offered = getattr(ctx.adapter(workflow.engine), "caching", None)  # a facet, which an adapter may lack
            facet = offered(workflow) if offered is not None else None
            if facet is not None and facet.part_of:
                plan = plan.with_workflow(workflow, workflow, part_decision(workflow, facet.part_of))
            elif facet is not None:
                inside = id(workflow) in circles
                new, decisions = apply(
                    workflow,
                    facet,
                    ctx,
                    assume_pure=self.assume_pure,
                    circular=inside,
                    limit=limit,
                    wrapper=wrapper,
                )
                plan = plan.with_workflow(workflow, new, *decisions)
        return plan

    def _refuse_for_workers(self, engine: str) -> None:
        """Raises `Unsupported` for what workers that look results up are told by their engine's own settings."""
        given = {"capacity": self.capacity is not None, "via": self.via != "memoize", "store": bool(self.store)}
        for name, is_given in given.items():
            if is_given:
                raise Unsupported(
                    f"{name} is no matter of a workflow there: the workers of {engine} share one store",
                    engine=engine,
                    feature=f"cache{{{name}}}",
                    hint=f"say it in the settings of {engine}",
                )

    def _wrapper(self) -> Wrapper | None:
        from couler_plugins.caching.wrapping import Wrapper

        if self.via != "wrapper":
            return None
        names = Wrapper.__struct_fields__
        return Wrapper(**{name: getattr(self, name) for name in names})
