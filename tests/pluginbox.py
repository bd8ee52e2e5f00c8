"""Plugins for one test: modules with made-up distributions on `sys.path`; no other plugin is loaded."""

from __future__ import annotations

import importlib
import os
import sys
from itertools import count
from pathlib import Path
from textwrap import dedent

import pytest

from couler_plugins.options.config import Config
from couler_plugins.plugins import PluginRecord, Plugins, load_plugins

__all__ = ["PluginBox"]

_numbers = count()


class PluginBox:
    """Distributions in a folder of their own, which is also the current folder.

    Args:
        folder: an empty folder.
        monkeypatch: undoes what this changes.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.site = folder / "site"
        self.site.mkdir()
        self._monkeypatch = monkeypatch
        self._names: list[str] = []
        monkeypatch.syspath_prepend(self.site)
        monkeypatch.chdir(folder)
        for name in ("PIPELINE", "TO", "MAX_BYTES", "DISABLE_PLUGINS", "TRACE_HOOKS", "COLOR", "LOG_LEVEL"):
            monkeypatch.delenv(f"COULER_{name}", raising=False)
        monkeypatch.delenv("NO_COLOR", raising=False)
        monkeypatch.setenv("COULER_LOAD_PLUGINS", "")

    def add(self, name: str, source: str, *, distribution: str | None = None, version: str = "1.0") -> str:
        """Installs a plugin with this source; returns its module's name."""
        module = f"box_{name.replace('-', '_')}_{next(_numbers)}"
        (self.site / f"{module}.py").write_text(dedent(source))
        self.declare(name, module, distribution=distribution, version=version)
        return module

    def declare(self, name: str, value: str, *, distribution: str | None = None, version: str = "1.0") -> None:
        """Installs an entry point for something that can be imported already."""
        distribution = distribution or f"{name}-plugin"
        info = self.site / f"{distribution.replace('-', '_')}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n")
        points = info / "entry_points.txt"
        lines = points.read_text() if points.exists() else "[couler_plugins]\n"
        points.write_text(f"{lines}{name} = {value}\n")
        importlib.invalidate_caches()
        touched = next(_numbers)  # as after an installation; two of them may be within one tick of the clock
        os.utime(self.site, ns=(touched, touched))
        self._names.append(name)
        self._monkeypatch.setenv("COULER_LOAD_PLUGINS", ",".join(self._names))

    def add_toy(self) -> None:
        """Installs the toy engines and the optimizer `hurry`."""
        self.declare("toy", "toy_plugin")

    def load(self, *, trace: bool = False, disable: tuple[str, ...] = ()) -> Plugins:
        """Loads what was added."""
        return load_plugins(Config(load_plugins=tuple(self._names), trace_hooks=trace, disable_plugins=disable))

    def records(self, *, disable: tuple[str, ...] = ()) -> tuple[PluginRecord, ...]:
        """What is known of the plugins that were added (those of the environment are not loaded, but known as well)."""
        return tuple(record for record in self.load(disable=disable).records if record.name in self._names)

    def forget(self) -> None:
        """Lets go of the modules that were imported from here."""
        for name in [name for name in sys.modules if name.startswith("box_")]:
            del sys.modules[name]
