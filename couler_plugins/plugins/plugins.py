"""The plugins of one call, registered; one that fails is reported and stops nothing else."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from msgspec.structs import replace

from couler_plugins.documents import Document
from couler_plugins.errors import REPORT, InvalidInput, PluginFailure, one_line
from couler_plugins.hookspecs import Adapter
from couler_plugins.options.fields import build
from couler_plugins.options.grammar import parse_items
from couler_plugins.plugins.checks import hook_problems
from couler_plugins.plugins.hooks import Hooks
from couler_plugins.plugins.registry import ADAPTERS, OPTIMIZERS, POINTS, ExtensionPoint, PluginRecord, Registry, Reply

T = TypeVar("T")
log = logging.getLogger(__name__)


class Plugins:
    """The plugins of one call. Nothing here is global: two of these know nothing of each other.

    Attributes:
        loaded: all plugins that were found, by name, with what is known of them so far: what is wrong with their
            optimizers and adapters, and with all else that was used already.
    """

    def __init__(self, candidates: Iterable[tuple[PluginRecord, Callable[[], object]]], *, trace: bool = False) -> None:
        self._hooks = Hooks(trace=trace)
        self._registries: dict[ExtensionPoint[Any], Registry[Any]] = {}
        self.loaded = tuple(self._register(record, load) for record, load in candidates)
        self._gather(OPTIMIZERS)  # every call looks at these two kinds; others are often large, and not used
        self._gather(ADAPTERS)

    @property
    def records(self) -> tuple[PluginRecord, ...]:
        """All plugins that were found, by name, with all that they provide and all that is wrong with them."""
        for point in POINTS:
            self._gather(point)
        return self.loaded

    @property
    def failed(self) -> tuple[PluginRecord, ...]:
        """The plugins with errors."""
        return tuple(record for record in self.records if record.errors)

    @property
    def adapters(self) -> Mapping[str, Adapter]:
        """The adapters that can be used, by engine."""
        return self.all(ADAPTERS)

    def adapter(self, engine: str) -> Adapter:
        """The adapter of that engine; see `get`."""
        return self.get(ADAPTERS, engine)

    def all(self, point: ExtensionPoint[T]) -> Mapping[str, T]:
        """What can be used of one kind, by name."""
        return self._used(point).usable()

    def get(self, point: ExtensionPoint[T], name: str) -> T:
        """The one of that kind and name.

        Raises:
            InvalidInput: there is none.
            PluginFailure: two plugins have one.
        """
        thing: T = self._used(point).get(name, lambda: bool(self.failed))
        return thing

    def parse(self, point: ExtensionPoint[type[T]], text: str) -> T:
        """The one of that kind that a text names, built with its options, such as `ttl{rho=0.2}`.

        Raises:
            InvalidInput: it names none, or several, or no plugin provides it, or it has no such option.
            PluginFailure: two plugins provide it.
        """
        items = parse_items(text, f"the {point.noun}")
        if len(items) != 1:
            hint = f"name one of {', '.join(self.all(point))}"
            raise InvalidInput(f"{text!r} does not name one {point.noun}", hint=hint)
        return build(self.get(point, items[0].name), items[0].options, f"the {point.noun} {items[0].name!r}")

    def claimed_by(self, document: Document) -> list[str]:
        """The engines whose adapters understand a document, those that cannot be used because of a clash included.

        Raises:
            PluginFailure: an adapter raised an exception.
        """
        engines: dict[str, None] = {}
        for engine, adapter in self._registries[ADAPTERS].entries():
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

    def call(self, hook: str, **arguments: Any) -> Iterator[Reply]:
        """Calls a hook, one plugin after the other by name, so that the failure of one is not the others'."""
        return self._hooks.call(hook, **arguments)

    def _set_aside(self, engine: str, error: PluginFailure) -> None:
        """Go on without an adapter that cannot be imported."""
        log.warning("%s; its files are left alone", error.message)
        self._registries[ADAPTERS].remove(engine)
        self.loaded = tuple(
            replace(record, errors=(*record.errors, error.message))
            if engine in record.provides.get(ADAPTERS.key, ())
            else record
            for record in self.loaded
        )

    def _used(self, point: ExtensionPoint[T]) -> Registry[T]:
        """Return what there is of one kind; warn of what is wrong with it when it is used first."""
        before = self.loaded
        registry = self._gather(point)
        for old, new in zip(before, self.loaded, strict=True):
            if errors := new.errors[len(old.errors) :]:
                log.warning("the plugin %s is not wholly usable: %s", new.name, "; ".join(errors))
        return registry

    def _gather(self, point: ExtensionPoint[T]) -> Registry[T]:
        """Return what there is of one kind; plugins are asked for it once."""
        if point not in self._registries:
            registry = self._registries[point] = Registry(point.noun)
            records = [self._with_things(record, point) for record in self.loaded]
            self.loaded = tuple(map(registry.with_clashes, records))
        return self._registries[point]

    def _with_things(self, record: PluginRecord, point: ExtensionPoint[T]) -> PluginRecord:
        """Register what a plugin provides of one kind, and return its record with that."""
        if point.hook not in record.hooks:
            return record
        errors = list(record.errors)
        things = self._hooks.gather(record.name, point.hook, point.check, errors)
        names = tuple(
            self._registries[point].add(name, thing, record) for thing in things for name in point.names(thing)
        )
        provides = {**record.provides, point.key: names} if names else record.provides
        return replace(record, provides=provides, errors=tuple(errors))

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
            return replace(record, errors=(f"cannot be loaded: {reason}",))
        errors += hook_problems(plugin)
        if not hooks and not errors:
            errors.append("it implements no hook")
        return replace(record, hooks=hooks, errors=tuple(errors))
