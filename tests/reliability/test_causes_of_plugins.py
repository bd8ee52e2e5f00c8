"""Rows of plugins go before the built-in ones; one that breaks its contract, or has the name of another, is refused."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from couler_plugins.cli.group import couler
from couler_plugins.driver.context import RunContext
from couler_plugins.errors import PluginFailure
from couler_plugins.plugins import load_plugins
from couler_plugins.reliability.classification import causes_of
from couler_plugins.reliability.table import CAUSES
from pluginbox import PluginBox

PLUGIN = """
from couler_plugins import hookimpl
from couler_plugins.hookspecs import Cause

def row(name, **more):
    return Cause(**{{"name": name, "cause_class": "throttled", "message": "busy", "source": "s", **more}})

@hookimpl
def couler_causes():
    return [{rows}]
"""


def add(box: PluginBox, name: str, rows: str) -> None:
    box.add(name, PLUGIN.format(rows=rows))


def test_the_built_in_rows_are_there_without_plugins() -> None:
    assert causes_of(load_plugins()) == list(CAUSES)


def test_rows_of_plugins_keep_their_order_and_go_first(plugin_box: PluginBox) -> None:
    plugin_box.declare("built-in", "couler_plugins.optimizers")
    add(plugin_box, "zoo", "row('z-two'), row('z-one')")
    add(plugin_box, "acme", "row('a-one')")
    causes = RunContext(plugin_box.load()).causes()
    assert [cause.name for cause in causes[:4]] == ["a-one", "z-two", "z-one", CAUSES[0].name]
    assert len(causes) == len(CAUSES) + 3


def test_a_broken_row_is_refused_by_name_and_the_others_stay(
    plugin_box: PluginBox, caplog: pytest.LogCaptureFixture
) -> None:
    add(plugin_box, "acme", "row('fine'), row('broken', message='(')")
    plugins = plugin_box.load()
    assert [cause.name for cause in causes_of(plugins)] == ["fine"]
    problem = "couler_causes(): the cause 'broken': its message '(' is no regular expression"
    assert problem in caplog.text
    (record,) = plugins.failed
    assert record.errors[0].startswith(problem)


def test_two_rows_of_one_name_are_refused(plugin_box: PluginBox) -> None:
    plugin_box.declare("built-in", "couler_plugins.optimizers")
    add(plugin_box, "acme", "row('pod-deleted')")
    with pytest.raises(PluginFailure, match=r"2 plugins have a cause of failures 'pod-deleted': acme .* and built-in"):
        causes_of(plugin_box.load())


def test_plugins_says_how_many_rows_there_are(plugin_box: PluginBox) -> None:
    add(plugin_box, "acme", "row('one'), row('two')")
    assert "  hooks: couler_causes\n  causes of failures: 2\n" in CliRunner().invoke(couler, ["plugins"]).stdout
    report = json.loads(CliRunner().invoke(couler, ["plugins", "--format", "json"]).stdout)
    assert [plugin["causes"] for plugin in report["plugins"]] == [["one", "two"]]
