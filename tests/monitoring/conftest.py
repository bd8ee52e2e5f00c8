from __future__ import annotations

import pytest
from click.testing import CliRunner

from cli.conftest import Couler
from couler_plugins.cli.group import couler
from pluginbox import PluginBox


@pytest.fixture
def couler_command(plugin_box: PluginBox) -> Couler:
    """Runs `couler` with Argo, the small optimizers and caches, in an empty current folder."""
    plugin_box.declare("engine", "couler_argo.plugin")
    plugin_box.declare("caches", "couler_plugins.caching.plugin")
    plugin_box.declare("small", "couler_plugins.optimizers")
    return lambda *arguments, stdin=b"": CliRunner().invoke(couler, arguments, input=stdin, catch_exceptions=False)
