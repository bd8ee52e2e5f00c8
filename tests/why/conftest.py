from __future__ import annotations

from pathlib import Path

import pytest

from cli.conftest import Couler, couler_command
from pluginbox import PluginBox

__all__ = ["RECORDED", "couler_command", "why"]

RECORDED = Path(__file__).parent / "recorded"
ENGINES = ("couler_airflow", "couler_argo", "couler_kfp", "couler_tekton")


@pytest.fixture
def why(couler_command: Couler, plugin_box: PluginBox) -> Couler:
    """Runs `couler why` with the four engines and the table of causes."""
    for name in ENGINES:
        plugin_box.declare(name, f"{name}.plugin")
    plugin_box.declare("caches", "couler_plugins.caching.plugin")  # reads histories
    plugin_box.declare("built-in", "couler_plugins.optimizers")
    return lambda *arguments, **options: couler_command("why", *arguments, **options)
