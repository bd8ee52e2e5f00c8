"""The plugins of one call, registered; one that fails is reported and stops nothing else."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from couler_plugins.contract import (
    adapter_problem,
    hook_problems,
    optimizer_problem,
    partitioner_problem,
    policy_problem,
    step_problem,
    store_problem,
    tuner_problem,
)
from couler_plugins.errors import REPORT, PluginFailure, one_line
from couler_plugins.hooks import Hooks
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
        self._hooks = Hooks(trace=trace)
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
            except PluginFailure as error:
                self._set_aside(engine, error)
            except (Exception, SystemExit) as error:
                log.info("the traceback of the adapter %s:", engine, exc_info=error)
                message = f"internal error: the adapter {engine!r} failed in claims(): {one_line(error)}"
                raise PluginFailure(message, file=document.file, engine=engine, hint=REPORT) from error
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
        return self._hooks.call(hook, **arguments)

    def _set_aside(self, engine: str, error: PluginFailure) -> None:
        """Go on without an adapter that cannot be imported."""
        log.warning("%s; its files are left alone", error.message)
        self._adapters.remove(engine)
        self.records = tuple(
            dataclasses.replace(record, errors=(*record.errors, error.message)) if engine in record.adapters else record
            for record in self.records
        )

    def _register(self, record: PluginRecord, load: Callable[[], object]) -> PluginRecord:
        if not record.enabled or record.errors:
            return record
        errors: list[str] = []
        try:
            plugin = load()
            hooks = self._hooks.register(plugin, record.name)
        except (Exception, SystemExit) as error:  # a plugin may call exit
            log.info("the traceback of the plugin %s:", record.name, exc_info=error)
            reason = str(error) if isinstance(error, PluginFailure) else one_line(error)
            return dataclasses.replace(record, errors=(f"cannot be loaded: {reason}",))
        errors += hook_problems(plugin)
        if not hooks and not errors:
            errors.append("it implements no hook")

        def given(hook: str, check: Callable[[object], str | None]) -> list[Any]:
            return self._hooks.gather(record.name, hook, check, errors) if hook in hooks else []

        optimizers = given("couler_optimizers", optimizer_problem)
        adapters = given("couler_adapters", adapter_problem)
        policies = given("couler_cache_policies", policy_problem)
        partitioners = given("couler_partitioners", partitioner_problem)
        stores = given("couler_artifact_stores", store_problem)
        tuners = given("couler_tuners", tuner_problem)
        steps = given("couler_steps", step_problem)
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
