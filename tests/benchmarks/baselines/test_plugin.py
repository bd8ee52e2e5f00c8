"""The baselines are a plugin like anybody's."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path
from zipfile import ZipFile

from benchmarks.baselines import BASELINES, POLICIES
from couler_plugins.caching.policies import POLICIES as BUILT_IN
from couler_plugins.plugins import registry
from pluginbox import PluginBox
from support import ROOT

FOLDER = ROOT / "benchmarks" / "baselines"


def test_the_plugin_offers_them_beside_the_built_in_ones(plugin_box: PluginBox) -> None:
    ((name, module),) = tomllib.loads((FOLDER / "pyproject.toml").read_text())["project"]["entry-points"][
        "couler_plugins"
    ].items()
    plugin_box.declare("caches", "couler_plugins.caching.plugin")
    plugin_box.declare("splitting", "couler_plugins.parallelism.plugin")
    plugin_box.declare(name, module)
    plugins = plugin_box.load()
    assert not plugins.failed
    assert set(plugins.all(registry.POLICIES).values()) == set(POLICIES) == {*BUILT_IN, *BASELINES}
    assert list(plugins.all(registry.PARTITIONERS)) == ["bandpack", "critical-path", "levels", "paper"]


def test_its_wheel_holds_all_of_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=FOLDER, check=True, capture_output=True)
    [path] = tmp_path.glob("*.whl")
    with ZipFile(path) as archive:
        modules = {name for name in archive.namelist() if name.endswith(".py")}
    assert modules == {f"benchmarks/baselines/{path.name}" for path in FOLDER.glob("*.py")}
