from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.simulations import CHAIN, trace
from cli.splitting import CHAINS, write_workflow
from couler_plugins.cli.group import couler
from pluginbox import PluginBox

Couler = Callable[..., Result]


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, of which git knows nothing yet."""
    folder = tmp_path / "repository"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def couler_command(plugin_box: PluginBox) -> Couler:
    """Runs `couler` with the toy engines, in an empty current folder; stdin is empty unless given."""
    plugin_box.add_toy()

    def run(*arguments: str, stdin: str | bytes = b"") -> Result:
        return CliRunner().invoke(couler, arguments, input=stdin, catch_exceptions=False)

    return run


@pytest.fixture
def simulate(couler_command: Couler, plugin_box: PluginBox) -> Couler:
    """Runs `couler simulate` where there is a trace, `trace.json`."""
    plugin_box.declare("caches", "couler_plugins.caching.plugin")
    plugin_box.declare("baselines", "benchmarks.baselines.plugin")
    Path("trace.json").write_text(trace("churn", CHAIN, train=7200.0, clean=1800.0))
    return lambda *arguments, **options: couler_command("simulate", *arguments, **options)


@pytest.fixture
def split_command(couler_command: Couler, plugin_box: PluginBox) -> Couler:
    """Runs `couler` with Argo and the optimizer `split`, where there is a workflow, `big.json`."""
    plugin_box.declare("engine", "couler_argo.plugin")
    plugin_box.declare("caches", "couler_plugins.caching.plugin")
    plugin_box.declare("splitting", "couler_plugins.parallelism.plugin")
    write_workflow(Path("big.json"), CHAINS)
    return couler_command
