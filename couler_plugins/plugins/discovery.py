"""Finds the plugins that are installed, and says which of them are wanted."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from couler_plugins.hookspecs import PROJECT
from couler_plugins.options.config import Config, load_config
from couler_plugins.options.fields import closest
from couler_plugins.plugins.plugins import Plugins
from couler_plugins.plugins.registry import PluginRecord

__all__ = ["load_plugins"]


def load_plugins(config: Config | None = None, more: Mapping[str, object] | None = None) -> Plugins:
    """Loads the plugins installed in this environment (entry-point group `couler_plugins`).

    Args:
        config: says which are wanted (default: the settings of this process and folder).
        more: plugins that are not installed, by name: modules, or objects with the hooks.

    Raises:
        InvalidInput: a settings file cannot be read. A plugin that fails raises nothing: see `Plugins.records`.
    """
    config = config or load_config()
    folders = tuple((folder, _changed(folder)) for folder in map(os.path.abspath, sys.path))
    pairs = [(_wanted(record, config), point.load) for record, point in _installed(folders)]
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
    names = {name for record, _ in pairs for name in (record.name, _normal(record.distribution))}
    for name in config.load_plugins or ():
        if name not in names and _normal(name) not in names:
            text = " ".join(filter(None, (f"{name!r} is to be loaded, but not installed", closest(name, names))))
            missing = PluginRecord(name=name, module="", errors=(text,))
            candidates.append((missing, lambda: None))
    for name, plugin in (more or {}).items():
        record = PluginRecord(name=name, module=getattr(plugin, "__name__", ""))
        candidates.append((record, functools.partial(_itself, plugin)))
    return Plugins(candidates, trace=config.trace_hooks)


@functools.lru_cache(maxsize=2)
def _installed(folders: tuple[tuple[str, int], ...]) -> list[tuple[PluginRecord, importlib.metadata.EntryPoint]]:
    """All plugins by distribution and name. Hundreds of distributions are looked through: 15 ms.

    Args:
        folders: those on `sys.path`, and when distributions were last put into them or taken away.
    """
    installed = []
    for point in importlib.metadata.entry_points(group=PROJECT):
        distribution, version = (point.dist.name, point.dist.version) if point.dist else ("", "")
        record = PluginRecord(name=point.name, module=point.value, distribution=distribution, version=version)
        installed.append((record, point))
    return sorted(installed, key=lambda pair: pair[0].owner)


def _itself(plugin: object) -> object:
    return plugin


def _changed(folder: str) -> int:
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0


def _wanted(record: PluginRecord, config: Config) -> PluginRecord:
    names = {record.name, _normal(record.distribution)}

    def listed(wanted: tuple[str, ...]) -> bool:
        return any(name in names or _normal(name) in names for name in wanted)

    enabled = not listed(config.disable_plugins) and (config.load_plugins is None or listed(config.load_plugins))
    return dataclasses.replace(record, enabled=enabled)


def _normal(distribution: str) -> str:
    """A distribution's name as package indexes compare it."""
    return distribution.lower().replace("_", "-").replace(".", "-")
