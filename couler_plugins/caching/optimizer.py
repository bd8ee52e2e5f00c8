"""The `cache` optimizer: steps that were declared pure are not computed again where their key is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from couler_plugins.caching.epochs import Epoch
from couler_plugins.errors import Unsupported
from couler_plugins.options import Size

if TYPE_CHECKING:
    from couler_plugins.caching.wrapping import Wrapper
    from couler_plugins.hookspecs import Context
    from couler_plugins.hookspecs.caching import Objection
    from couler_plugins.plan import Decision, Plan

__all__ = ["Cache"]


@dataclass(frozen=True)
class Cache:
    """Reuse results of steps that their owner declared pure, under keys that cover all that they depend on.

    Attributes:
        assume_pure: treat steps of which their owner says nothing as declared pure; the rules that forbid caching hold
            all the same.
        capacity: bytes that the cache may hold: what is not worth keeping then, by past runs, is not cached.
        policy: who chooses what is worth keeping (`couler plugins` lists the policies).
        via: `memoize` for the engine's own cache alone; `wrapper` to wrap commands; `both` to wrap those whose results
            the engine's own cache cannot keep; `auto` for the engine's own cache where it needs no rights beyond those
            that a stock install of the engine has.
        store: the URL of the artifact cache, for wrappers.
        image: the image that wrappers take `couler` from.
        namespace: the part of the store that is meant.
        secret: the engine's secret with what gives access to the store.
        timeout: how many seconds the store may take before a command, and after it.
        cpu: what each of a wrapper's containers requests, and gets at most; `none` to say nothing of it.
        memory: the same of memory.
        security: whether these containers ask for what Pod Security `restricted` wants, or for nothing (`inherit`).
        epoch: now, as a date or in seconds since 1970, for results that are good for a time, where the engine does not
            count it.
        min_seconds: what takes less is not cached, where the engine makes its keys by itself.
        known: a file with results that are known: steps that made them are taken out, where the engine can import them.
    """

    name: ClassVar[str] = "cache"

    assume_pure: bool = False
    capacity: Size | None = None
    policy: str = "scr"
    via: Literal["auto", "memoize", "wrapper", "both"] = "auto"
    store: str = ""
    image: str = ""
    namespace: str = "default"
    secret: str = ""
    timeout: int = 600
    cpu: str = "250m"
    memory: str = "512Mi"
    security: Literal["restricted", "inherit"] = "restricted"
    epoch: Epoch | None = None
    min_seconds: float = 1.0
    known: str = ""

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Asks the engine to cache what may be cached, and says of every other step which rule forbids it."""
        from couler_plugins.caching.application import apply
        from couler_plugins.caching.choice import Limit
        from couler_plugins.caching.circles import circular
        from couler_plugins.caching.decisions import part_decision
        from couler_plugins.caching.fingerprints import apply_switches
        from couler_plugins.caching.in_pods import apply_in_pods, copy_decision
        from couler_plugins.caching.known import read_known
        from couler_plugins.caching.other_calls import with_other_calls
        from couler_plugins.caching.switches import Terms
        from couler_plugins.caching.workers import ask_workers

        wrapper = self._wrapper()
        circles = circular(plan.workflows)
        # A policy that nobody knows is a mistake without a capacity as well.
        policy = ctx.policy(self.policy) if self.capacity is not None or self.policy != Cache.policy else None
        limit = Limit(self.capacity, policy) if self.capacity is not None and policy is not None else None
        known = read_known(self.known) if self.known else {}
        engines = dict.fromkeys(workflow.engine for workflow in plan.workflows)
        pod_facets = {engine: ctx.adapter(engine).pod_caching(plan) for engine in engines}
        before = plan.workflows
        outside: dict[int, dict[str, Decision]] = {}
        parts: dict[int, Objection] = {}
        for workflow in before:
            ctx.progress(f"looking for what may be cached in {workflow.label}")
            adapter = ctx.adapter(workflow.engine)
            inside = id(workflow) in circles
            if (asked := adapter.worker_caching(workflow, plan.bundle)) is not None:
                self._refuse_for(workflow.engine, "the workers share one store", "say it in the settings of the engine")
                new, decisions = ask_workers(workflow, asked, ctx, assume_pure=self.assume_pure)
                plan = plan.with_workflow(workflow, new, *decisions)
                continue
            switches = adapter.fingerprint_caching(workflow)
            pod_facet = pod_facets[workflow.engine]
            pods = pod_facet(workflow) if pod_facet is not None else None
            facet = adapter.caching(workflow)
            if whole := next((one.part_of for one in (switches, pods, facet) if one is not None), ""):
                parts[id(workflow)], decision = part_decision(workflow, whole)
                new, decisions = workflow, [decision]
            elif switches is not None:
                self._refuse_for(workflow.engine, "the engine keeps what runs make", "leave it out")
                terms = Terms(
                    assume_pure=self.assume_pure,
                    circular=inside,
                    epoch=self.epoch,
                    min_seconds=self.min_seconds,
                    known=known,
                )
                new, decisions = apply_switches(workflow, switches, ctx, terms)
            elif pods is not None:
                self._refuse_for(workflow.engine, "its pods share one store", "see couler cache evict", ("capacity",))
                new, made, decisions = apply_in_pods(workflow, pods, ctx, wrapper, assume_pure=self.assume_pure)
                for copy in made:
                    plan = plan.with_added(copy, copy_decision(copy))
            elif facet is None:
                continue
            else:
                self._refuse_workspace(workflow.engine)
                new, decisions, outside[id(workflow)] = apply(
                    workflow,
                    facet,
                    ctx,
                    assume_pure=self.assume_pure,
                    circular=inside,
                    limit=limit,
                    wrapper=wrapper,
                    memoizes=self.via in ("memoize", "both") or (self.via == "auto" and facet.needs_rights is None),
                )
            plan = plan.with_workflow(workflow, new, *decisions)
        return with_other_calls(plan, before, outside, parts, ctx)

    def _refuse_for(
        self, engine: str, why: str, hint: str, names: tuple[str, ...] = ("capacity", "via", "store")
    ) -> None:
        """Raises `Unsupported` for what is no matter of a workflow of this engine."""
        given = {"capacity": self.capacity is not None, "via": self._wraps, "store": bool(self.store)}
        for name in names:
            if given[name]:
                raise Unsupported(
                    f"{name} is no matter of a workflow there: {why}",
                    engine=engine,
                    feature=f"cache{{{name}}}",
                    hint=hint,
                )

    def _refuse_workspace(self, engine: str) -> None:
        """Raises `Unsupported` for a store that no pod of an engine without workspaces finds."""
        from couler_plugins.caching.wrapping import WORKSPACE

        if self.store.startswith(WORKSPACE):
            message = f"pods have no workspaces there, and find no store at {self.store!r:.80}"
            raise Unsupported(message, engine=engine, feature="cache{store}", hint="store=s3://bucket/cache")

    @property
    def _wraps(self) -> bool:
        return self.via in ("wrapper", "both")

    def _wrapper(self) -> Wrapper | None:
        from couler_plugins.caching.wrapping import Wrapper

        if not self._wraps:
            return None
        names = Wrapper.__struct_fields__
        return Wrapper(**{name: getattr(self, name) for name in names})
