"""Finds the plugins that are installed and the optimizers out of files, and says which of them are wanted."""

from __future__ import annotations

import functools
import inspect
import logging
import os
import pkgutil
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec.structs import replace

from couler_plugins.documents.mappings import by_key
from couler_plugins.errors import InvalidInput, PluginFailure, closest, one_line
from couler_plugins.hookspecs import PROJECT
from couler_plugins.options.config import Config, load_config
from couler_plugins.plugins.checks import optimizer_problem
from couler_plugins.plugins.plugins import Plugins
from couler_plugins.plugins.registry import PluginRecord


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
    pairs = [(_wanted(record, config), load) for record, load in _installed(folders)]
    by_name = by_key((record.name, record) for record, _ in pairs)

    def with_clash(record: PluginRecord) -> PluginRecord:
        rivals = [rival for rival in by_name[record.name] if rival.enabled]
        if not record.enabled or len(rivals) < 2:
            return record
        owners = " and ".join(rival.owner for rival in rivals)
        return replace(record, errors=(f"{len(rivals)} plugins are called {record.name!r}: {owners}",))

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
def _installed(folders: tuple[tuple[str, int], ...]) -> list[tuple[PluginRecord, Callable[[], object]]]:
    """All plugins by distribution and name, out of hundreds of distributions.

    `importlib.metadata` finds the same, but its import alone is a tenth of what a short command takes. So only
    archives, such as wheels and zip files, are left to it.

    Args:
        folders: those on `sys.path`, and when distributions were last put into them or taken away.
    """
    installed: list[tuple[PluginRecord, Callable[[], object]]] = []
    for info in _distributions(folder for folder, _ in folders):
        points = dict(_entry_points(_text(f"{info}/entry_points.txt")))
        if points:
            header = _text(f"{info}/METADATA") or _text(f"{info}/PKG-INFO")
            fields = dict(re.findall(r"^(Name|Version): *(.*)$", header, re.MULTILINE)[::-1])  # the first counts
            for name, value in points.items():
                record = PluginRecord(
                    name=name,
                    module=value,
                    distribution=fields.get("Name", ""),
                    version=fields.get("Version", ""),
                )
                module, _, names = value.partition("[")[0].replace(" ", "").partition(":")
                installed.append((record, functools.partial(pkgutil.resolve_name, f"{module}:{names}")))
    if archives := [folder for folder, _ in folders if Path(folder).is_file()]:
        from importlib.metadata import distributions

        for archived in distributions(path=archives):
            for point in archived.entry_points.select(group=PROJECT):
                record = PluginRecord(
                    name=point.name, module=point.value, distribution=archived.name, version=archived.version
                )
                installed.append((record, point.load))
    return sorted(installed, key=lambda pair: pair[0].owner)


def _distributions(folders: Iterator[str]) -> Iterator[str]:
    """The folders with the metadata of all distributions; of two with one name, the first on the path."""
    met: set[str] = set()
    for folder in folders:
        try:
            entries = [entry.name for entry in os.scandir(folder)]
        except OSError:
            continue
        for entry in entries:
            if entry.endswith((".dist-info", ".egg-info")):
                name = _normal(entry.rpartition(".")[0].partition("-")[0])
                if name not in met:
                    met.add(name)
                    yield f"{folder}/{entry}"


def _entry_points(text: str) -> Iterator[tuple[str, str]]:
    """The names and values of our group in an `entry_points.txt`."""
    section = ""
    for line in map(str.strip, text.splitlines() if PROJECT in text else ()):
        if line.startswith("["):
            section = line
        elif section == f"[{PROJECT}]" and "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def _text(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


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
    return replace(record, enabled=enabled)


def _normal(distribution: str) -> str:
    """A distribution's name as package indexes compare it."""
    return distribution.lower().replace("_", "-").replace(".", "-")


log = logging.getLogger(__name__)

OPTIMIZER = "an optimizer is a frozen dataclass with a kebab-case `name` and a method run(plan, ctx)"


def optimizer_in_file(place: str) -> Any:
    """Return the optimizer class that a text such as `./my_pass.py:MyPass` names; this runs the file.

    Raises:
        InvalidInput: there is no such file or class, or it is no optimizer.
        PluginFailure: the file fails.
    """
    file, _, name = place.rpartition(":")
    path = Path(file)
    if not path.is_file():
        raise InvalidInput("there is no such file", file=file, hint="give its path from the current folder")
    module = _run_file(path)
    cls = vars(module).get(name)
    if cls is None:
        hint = closest(name, [key for key, value in vars(module).items() if optimizer_problem(value) is None])
        raise InvalidInput(f"there is no class {name!r} in it", file=file, hint=hint or OPTIMIZER)
    if problem := optimizer_problem(cls):
        own = inspect.isclass(cls) and cls.__module__ == module.__name__
        line = inspect.getsourcelines(cls)[1] if own else None
        raise InvalidInput(f"this is no optimizer: {problem}", file=file, line=line, hint=OPTIMIZER)
    return cls


def _run_file(path: Path) -> ModuleType:
    """Run a file as a module; what it was compiled to is not kept beside it."""
    module = ModuleType(str(path.resolve()))  # so that no two files share a name
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses look there
    try:
        exec(compile(path.read_bytes(), path, "exec"), vars(module))  # noqa: S102  # it is what was asked for
    except (Exception, SystemExit) as error:
        log.info("the traceback of %s:", path, exc_info=error)
        hint = "mend the file; what it imports has to be installed"
        raise PluginFailure(f"it cannot be loaded: {one_line(error)}", file=str(path), hint=hint) from error
    return module
