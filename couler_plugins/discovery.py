"""Finds the plugins that are installed, and says which of them are wanted."""

from __future__ import annotations

import dataclasses
import importlib.metadata

from couler_plugins.config import Config, load_config
from couler_plugins.hookspecs import PROJECT
from couler_plugins.options import closest
from couler_plugins.plugins import Plugins
from couler_plugins.registry import PluginRecord

__all__ = ["load_plugins"]


def load_plugins(config: Config | None = None) -> Plugins:
    """Loads the plugins installed in this environment (entry-point group `couler_plugins`).

    Args:
        config: says which are wanted (default: the settings of this process and folder).

    Raises:
        InvalidInput: a settings file cannot be read. A plugin that fails raises nothing: see `Plugins.records`.
    """
    config = config or load_config()
    points = importlib.metadata.entry_points(group=PROJECT)
    pairs = sorted(((_record(point, config), point.load) for point in points), key=lambda pair: pair[0].owner)
    by_name: dict[str, list[PluginRecord]] = {}
    for record, _ in pairs:
        by_name.setdefault(record.name, []).append(record)

    def with_clash(record: PluginRecord) -> PluginRecord:
        rivals = [rival for rival in by_name[record.name] if rival.enabled]
        if not record.enabled or len(rivals) < 2:
            return record
        owners = " and ".join(rival.owner for rival in rivals)
        return dataclasses.replace(record, errors=(f"{len(rivals)} plugins are called {record.name!r}: {owners}",))

    candidates = [(with_clash(record), load) for record, load in pairs]
    known = {name for record, _ in pairs for name in (record.name, _normal(record.distribution))}
    for name in config.load_plugins or ():
        if name not in known and _normal(name) not in known:
            text = " ".join(filter(None, (f"{name!r} is to be loaded, but not installed", closest(name, known))))
            missing = PluginRecord(name=name, module="", errors=(text,))
            candidates.append((missing, lambda: None))
    return Plugins(candidates, trace=config.trace_hooks)


def _record(point: importlib.metadata.EntryPoint, config: Config) -> PluginRecord:
    distribution = point.dist.name if point.dist else ""
    names = {point.name, _normal(distribution)}

    def listed(wanted: tuple[str, ...]) -> bool:
        return any(name in names or _normal(name) in names for name in wanted)

    enabled = not listed(config.disable_plugins) and (config.load_plugins is None or listed(config.load_plugins))
    version = point.dist.version if point.dist else ""
    return PluginRecord(
        name=point.name, module=point.value, distribution=distribution, version=version, enabled=enabled
    )


def _normal(distribution: str) -> str:
    """A distribution's name as package indexes compare it."""
    return distribution.lower().replace("_", "-").replace(".", "-")
