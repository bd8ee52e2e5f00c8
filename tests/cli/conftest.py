from __future__ import annotations

from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from couler_plugins.cli.group import couler
from pluginbox import PluginBox

Couler = Callable[..., Result]


@pytest.fixture
def couler_command(plugin_box: PluginBox) -> Couler:
    """Runs `couler` with the toy engines, in an empty current folder; stdin is empty unless given."""
    plugin_box.add_toy()

    def run(*arguments: str, stdin: str | bytes = b"") -> Result:
        return CliRunner().invoke(couler, arguments, input=stdin, catch_exceptions=False)

    return run
