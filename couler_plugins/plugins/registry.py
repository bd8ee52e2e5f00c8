"""What is known of each plugin, and the named things (optimizers, adapters, policies, …) that plugins give."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
from msgspec.structs import replace

from couler_plugins.errors import InvalidInput, PluginFailure
from couler_plugins.options.fields import closest

T = TypeVar("T")


class PluginRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One plugin, as `couler plugins` shows it.

    Attributes:
        name: its entry point's name.
        module: its entry point's value.
        distribution, version: what installed it; empty where that is not known.
        enabled: False where the settings keep it from being loaded.
        hooks: the hooks that it implements.
        provides: the names of what it provides, by the key of the extension point (`optimizers`, `adapters`, …).
        errors: what is wrong with it, one or two lines each.
    """

    name: str
    module: str
    distribution: str = ""
    version: str = ""
    enabled: bool = True
    hooks: tuple[str, ...] = ()
    provides: Mapping[str, tuple[str, ...]] = msgspec.field(default_factory=dict)
    errors: tuple[str, ...] = ()

    @property
    def owner(self) -> str:
        """Who it is, for errors: `name (distribution version, module)`."""
        origin = " ".join(part for part in (self.distribution, self.version) if part)
        return f"{self.name} ({', '.join(part for part in (origin, self.module) if part)})"


class Reply(NamedTuple):
    """What one plugin answered to a hook call: a result, or the exception that it raised."""

    plugin: str
    result: Any
    error: BaseException | None


class Registry(Generic[T]):
    """Named things of plugins; a name that two plugins claim can be listed, and is refused when used."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._entries: dict[str, list[tuple[T, PluginRecord]]] = {}

    def add(self, name: str, thing: T, owner: PluginRecord) -> str:
        self._entries.setdefault(name, []).append((thing, owner))
        return name

    def remove(self, name: str) -> None:
        self._entries.pop(name, None)

    def entries(self) -> list[tuple[str, T]]:
        return [(name, thing) for name, entries in sorted(self._entries.items()) for thing, _ in entries]

    def usable(self) -> dict[str, T]:
        return {name: entries[0][0] for name, entries in sorted(self._entries.items()) if len(entries) == 1}

    def get(self, name: str, some_failed: Callable[[], bool]) -> T:
        entries = self._entries.get(name, [])
        if len(entries) > 1:
            raise PluginFailure(self._clash(name), hint="disable one of them with disable-plugins")
        if not entries:
            names = self.usable()
            hints = [closest(name, names), f"there is {', '.join(names)}" if names else "no plugin provides any"]
            hints += ["(`couler plugins` shows some that could not be loaded)"] if some_failed() else []
            raise InvalidInput(f"there is no {self._what} {name!r}", hint=" ".join(filter(None, hints)))
        return entries[0][0]

    def with_clashes(self, record: PluginRecord) -> PluginRecord:
        """The record, with an error for each name that another plugin claims as well."""
        clashes = [
            self._clash(name)
            for name, entries in sorted(self._entries.items())
            if len(entries) > 1 and any(owner.name == record.name for _, owner in entries)
        ]
        return replace(record, errors=(*record.errors, *clashes)) if clashes else record

    def _clash(self, name: str) -> str:
        owners = " and ".join(owner.owner for _, owner in self._entries[name])
        article = "an" if self._what[0] in "aeiou" else "a"
        return f"{len(self._entries[name])} plugins have {article} {self._what} {name!r}: {owners}"
