"""The plugins of one call, registered; one that fails is reported and stops nothing else."""

from __future__ import annotations

import dataclasses
import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import pluggy

from couler_plugins.contract import (
    adapter_problem,
    hook_problems,
    one_line,
    optimizer_problem,
    partitioner_problem,
    policy_problem,
    step_problem,
    store_problem,
    tuner_problem,
)
from couler_plugins.errors import PluginFailure
from couler_plugins.hookspecs import HOOKSPECS, PROJECT
from couler_plugins.options import closest
from couler_plugins.registry import PluginRecord, Registry, Reply

if TYPE_CHECKING:
    from couler_plugins.documents import Document
    from couler_plugins.hookspecs import (
        Adapter,
        ArtifactStore,
        CachePolicy,
        CatalogueStep,
        Optimizer,
        Partitioner,
        Tuner,
    )

__all__ = ["PluginRecord", "Plugins", "Reply"]

log = logging.getLogger(__name__)


class Plugins:
    """The plugins of one call. Nothing here is global: two of these know nothing of each other.

    Attributes:
        records: all plugins that were found, by name.
    """

    def __init__(self, candidates: Iterable[tuple[PluginRecord, Callable[[], object]]], *, trace: bool = False) -> None:
        self._manager = pluggy.PluginManager(PROJECT)
        for module in HOOKSPECS:
            self._manager.add_hookspecs(module)
        if trace:
            from couler_plugins.tracing import trace_hooks

            trace_hooks(self._manager)
        self._optimizers: Registry[type[Optimizer]] = Registry("optimizer")
        self._adapters: Registry[Adapter] = Registry("adapter")
        self._policies: Registry[type[CachePolicy]] = Registry("cache policy")
        self._partitioners: Registry[type[Partitioner]] = Registry("partitioner")
        self._stores: Registry[type[ArtifactStore]] = Registry("artifact store")
        self._tuners: Registry[type[Tuner]] = Registry("tuner")
        self._steps: Registry[CatalogueStep] = Registry("ready-made step")
        registries = (
            self._optimizers,
            self._adapters,
            self._policies,
            self._partitioners,
            self._stores,
            self._tuners,
            self._steps,
        )
        found = [self._register(record, load) for record, load in candidates]
        for registry in registries:
            found = [registry.with_clashes(record) for record in found]
        self.records = tuple(found)

    @property
    def failed(self) -> tuple[PluginRecord, ...]:
        """The plugins with errors."""
        return tuple(record for record in self.records if record.errors)

    @property
    def optimizers(self) -> Mapping[str, type[Optimizer]]:
        """The optimizer classes that can be used, by name."""
        return self._optimizers.usable()

    @property
    def adapters(self) -> Mapping[str, Adapter]:
        """The adapters that can be used, by engine."""
        return self._adapters.usable()

    @property
    def policies(self) -> Mapping[str, type[CachePolicy]]:
        """The classes of cache policies that can be used, by name."""
        return self._policies.usable()

    @property
    def partitioners(self) -> Mapping[str, type[Partitioner]]:
        """The classes of partitioners that can be used, by name."""
        return self._partitioners.usable()

    @property
    def stores(self) -> Mapping[str, type[ArtifactStore]]:
        """The classes of artifact stores that can be used, by URL scheme."""
        return self._stores.usable()

    @property
    def tuners(self) -> Mapping[str, type[Tuner]]:
        """The classes of tuners that can be used, by name."""
        return self._tuners.usable()

    @property
    def steps(self) -> Mapping[str, CatalogueStep]:
        """The ready-made steps that can be used, by name."""
        return self._steps.usable()

    def claimed_by(self, document: Document) -> list[str]:
        """The engines whose adapters understand a document, those that cannot be used because of a clash included.

        Raises:
            PluginFailure: an adapter raised an exception.
        """
        engines: dict[str, None] = {}
        for engine, adapter in self._adapters.entries():
            try:
                if adapter.claims(document):
                    engines[engine] = None
            except (Exception, SystemExit) as error:
                log.info("the traceback of the adapter %s:", engine, exc_info=error)
                raise PluginFailure(f"the adapter {engine!r} failed in claims(): {one_line(error)}") from error
        return list(engines)

    def optimizer(self, name: str) -> type[Optimizer]:
        """The optimizer class of that name.

        Raises:
            InvalidInput: there is none.
            PluginFailure: two plugins have one.
        """
        return self._optimizers.get(name, bool(self.failed))

    def adapter(self, engine: str) -> Adapter:
        """The adapter of that engine.

        Raises:
            InvalidInput: there is none.
            PluginFailure: two plugins have one.
        """
        return self._adapters.get(engine, bool(self.failed))

    def policy(self, name: str) -> type[CachePolicy]:
        """The class of cache policies of that name.

        Raises:
            InvalidInput: there is none.
            PluginFailure: two plugins have one.
        """
        return self._policies.get(name, bool(self.failed))

    def partitioner(self, name: str) -> type[Partitioner]:
        """The class of partitioners of that name.

        Raises:
            InvalidInput: there is none.
            PluginFailure: two plugins have one.
        """
        return self._partitioners.get(name, bool(self.failed))

    def tuner(self, name: str) -> type[Tuner]:
        """The class of tuners of that name.

        Raises:
            InvalidInput: there is none.
            PluginFailure: two plugins have one.
        """
        return self._tuners.get(name, bool(self.failed))

    def step(self, name: str) -> CatalogueStep:
        """The ready-made step of that name.

        Raises:
            InvalidInput: there is none.
            PluginFailure: two plugins have one.
        """
        return self._steps.get(name, bool(self.failed))

    def store(self, scheme: str) -> type[ArtifactStore]:
        """The class of artifact stores that serves a URL scheme; the one for all schemes where none serves just this.

        Raises:
            InvalidInput: there is none.
            PluginFailure: two plugins have one.
        """
        known = dict(self._stores.entries())
        return self._stores.get(scheme if scheme in known or "*" not in known else "*", bool(self.failed))

    def call(self, hook: str, **arguments: Any) -> Iterator[Reply]:
        """Calls a hook, one plugin after the other by name, so that the failure of one is not the others'."""
        for name in sorted({method.plugin_name for method in getattr(self._manager.hook, hook).get_hookimpls()}):
            yield self._call_one(name, hook, arguments)

    def _call_one(self, name: str, hook: str, arguments: Mapping[str, Any]) -> Reply:
        others = [plugin for other, plugin in self._manager.list_name_plugin() if other != name]
        try:
            results = self._manager.subset_hook_caller(hook, others)(**arguments)
        except (Exception, SystemExit) as error:
            log.info("the traceback of %s in the plugin %s:", hook, name, exc_info=error)
            return Reply(name, None, error)
        return Reply(name, results[0] if results else None, None)

    def _register(self, record: PluginRecord, load: Callable[[], object]) -> PluginRecord:
        if not record.enabled or record.errors:
            return record
        errors: list[str] = []
        try:
            plugin = load()
            hooks = self._hooks_of(plugin, record.name)
        except (Exception, SystemExit) as error:  # a plugin may call exit
            log.info("the traceback of the plugin %s:", record.name, exc_info=error)
            reason = str(error) if isinstance(error, PluginFailure) else one_line(error)
            return dataclasses.replace(record, errors=(f"cannot be loaded: {reason}",))
        errors += hook_problems(plugin)
        if not hooks and not errors:
            errors.append("it implements no hook")
        optimizers = self._gather(record, hooks, "couler_optimizers", optimizer_problem, errors)
        adapters = self._gather(record, hooks, "couler_adapters", adapter_problem, errors)
        policies = self._gather(record, hooks, "couler_cache_policies", policy_problem, errors)
        partitioners = self._gather(record, hooks, "couler_partitioners", partitioner_problem, errors)
        stores = self._gather(record, hooks, "couler_artifact_stores", store_problem, errors)
        tuners = self._gather(record, hooks, "couler_tuners", tuner_problem, errors)
        steps = self._gather(record, hooks, "couler_steps", step_problem, errors)
        return dataclasses.replace(
            record,
            hooks=hooks,
            optimizers=tuple(self._optimizers.add(cls.name, cls, record) for cls in optimizers),
            adapters=tuple(self._adapters.add(adapter.engine, adapter, record) for adapter in adapters),
            policies=tuple(self._policies.add(cls.name, cls, record) for cls in policies),
            partitioners=tuple(self._partitioners.add(cls.name, cls, record) for cls in partitioners),
            stores=tuple(self._stores.add(scheme, cls, record) for cls in stores for scheme in cls.schemes),
            tuners=tuple(self._tuners.add(cls.name, cls, record) for cls in tuners),
            steps=tuple(self._steps.add(step.name, step, record) for step in steps),
            errors=tuple(errors),
        )

    def _hooks_of(self, plugin: object, name: str) -> tuple[str, ...]:
        """Registers a plugin and returns the hooks that it implements; on failure it is not registered."""
        if inspect.isclass(plugin):
            raise PluginFailure("its entry point names a class: name a module, or an instance")
        try:
            self._manager.register(plugin, name)
            callers = self._manager.get_hookcallers(plugin) or []
            for caller in callers:
                self._check_hook(caller, plugin)
        except BaseException:
            if self._manager.is_registered(plugin):
                self._manager.unregister(plugin)
            raise
        return tuple(sorted(caller.name for caller in callers))

    def _check_hook(self, caller: pluggy.HookCaller, plugin: object) -> None:
        implementation = next(method for method in caller.get_hookimpls() if method.plugin is plugin)
        if not caller.has_spec() and not implementation.optionalhook:
            known = [name for name in vars(self._manager.hook) if getattr(self._manager.hook, name).has_spec()]
            raise PluginFailure(
                " ".join(filter(None, (f"there is no hook {caller.name}", closest(caller.name, known))))
            )
        if implementation.wrapper or implementation.hookwrapper:
            raise PluginFailure(f"{caller.name} is a hook wrapper: plugins cannot change what others give")

    def _gather(
        self,
        record: PluginRecord,
        hooks: tuple[str, ...],
        hook: str,
        check: Callable[[object], str | None],
        errors: list[str],
    ) -> list[Any]:
        """The usable part of what the plugin returns from a hook that gives a list; the rest goes to the errors."""
        if hook not in hooks:
            return []
        reply = self._call_one(record.name, hook, {})
        if reply.error is not None:
            errors.append(f"{hook}() raised {one_line(reply.error)}")
            return []
        if not isinstance(reply.result, (list, tuple)):
            errors.append(f"{hook}() returned {type(reply.result).__name__}, not a list")
            return []
        problems = [check(thing) for thing in reply.result]
        errors.extend(f"{hook}(): {problem}" for problem in problems if problem is not None)
        return [thing for thing, problem in zip(reply.result, problems, strict=True) if problem is None]
