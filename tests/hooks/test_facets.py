"""Facets: what an adapter can do, by methods of its own or by functions that are imported on first use."""

from __future__ import annotations

import inspect
import logging
import os
import re
import subprocess
import sys
from importlib import import_module
from operator import attrgetter

import pytest

from couler_plugins.api import Text, lint, optimize
from couler_plugins.errors import InvalidInput, PluginFailure
from couler_plugins.hookspecs import FACETS, Adapter
from couler_plugins.options.config import Config
from couler_plugins.plugins import load_plugins
from pluginbox import PluginBox

INSTALLED = load_plugins(Config()).adapters
FUNCTIONS = [(adapter.engine, name, place) for adapter in INSTALLED.values() for name, place in adapter.facets.items()]

ENGINE = """
    from couler_plugins.hookspecs import Adapter, hookimpl
    from couler_plugins.plan import Lowered, Plan

    def claims(document):
        return isinstance(document.data, dict) and document.data.get("kind") == "Acme"

    def lift(bundle, refuse):
        return Plan(bundle=bundle, originals=(), workflows=())

    def lower(plan, options):
        return Lowered(bundle=plan.bundle, decisions=plan.decisions)

    class Acme(Adapter):
        engine = "acme"
        facets = {{"claims": __name__ + ":claims", "lift": __name__ + ":lift", "lower": __name__ + ":lower", {more}}}
        {body}

    @hookimpl
    def couler_adapters():
        return [Acme()]
"""


def add_engine(box: PluginBox, more: str = "", body: str = "") -> None:
    box.add("acme", ENGINE.format(more=more, body=body))


@pytest.mark.parametrize(("engine", "name", "place"), FUNCTIONS)
def test_a_function_behind_a_facet_takes_its_arguments(engine: str, name: str, place: str) -> None:
    module, _, attribute = place.partition(":")
    function = attrgetter(attribute)(import_module(module))
    _, *parameters = inspect.signature(FACETS[name].method).parameters
    inspect.signature(function).bind(*parameters)


def test_importing_what_is_behind_facets_imports_no_engine() -> None:
    modules = sorted({place.partition(":")[0] for _, _, place in FUNCTIONS})
    engines = ("airflow", "hera", "kfp", "kubernetes", "optuna")
    code = f"import sys, {', '.join(modules)}\nprint([name for name in {engines} if name in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_every_facet_says_what_it_is_for_and_what_happens_without() -> None:
    for name, facet in FACETS.items():
        assert facet.signature.startswith(f"{name}(")
        assert facet.purpose.endswith(".")
        assert facet.without
    assert FACETS["splitting"].signature == "splitting(workflow: Workflow, plan: Plan) -> Splitting | None"


def test_functions_do_what_methods_do(plugin_box: PluginBox) -> None:
    add_engine(plugin_box)
    adapter = plugin_box.load().adapter("acme")
    assert adapter.offers("lift")
    assert not adapter.offers("lint")
    assert list(adapter.lint(adapter.load([]))) == []
    result = optimize(Text("kind: Acme\n", "a.yaml"), "", plugins=plugin_box.load())
    assert result.files[0].text == "kind: Acme\n"


def test_a_method_goes_before_a_function(plugin_box: PluginBox) -> None:
    body = 'def originals(self, bundle): return {"mine": ""}'
    add_engine(plugin_box, more='"originals": "not_there:originals"', body=body)
    assert plugin_box.load().adapter("acme").originals(Adapter.load(INSTALLED["argo"], [])) == {"mine": ""}


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ('"spliting": "a:b"', r"there is no facet 'spliting': did you mean 'splitting'\? there is claims, load, lift"),
        ('"lint": "couler_argo.lint.lint"', "its facet 'lint' is 'couler_argo.lint.lint', and no place such as"),
    ],
)
def test_a_wrong_facet_is_an_error_of_its_plugin(plugin_box: PluginBox, more: str, expected: str) -> None:
    add_engine(plugin_box, more=more)
    plugin_box.add_toy()
    plugins = plugin_box.load()
    (record,) = plugins.failed
    assert record.name == "acme"
    assert re.search(expected, record.errors[0])
    with pytest.raises(InvalidInput, match="there is no adapter 'acme'"):
        plugins.adapter("acme")
    assert set(plugins.adapters) == {"toy", "tin"}


def test_what_derives_from_no_adapter_is_told_what_to_derive_from(plugin_box: PluginBox) -> None:
    source = """
        from couler_plugins.hookspecs import hookimpl
        class Engine:
            engine = "x"
            claims = load = lift = lower = dump = footprint = print
        @hookimpl
        def couler_adapters(): return [Engine()]
    """
    plugin_box.add("engine", source)
    (record,) = plugin_box.load().failed
    assert "derive its class from couler_plugins.hookspecs.Adapter" in record.errors[0]


@pytest.mark.parametrize("place", ["not_there:lint", "json:not_there"])
def test_a_facet_that_cannot_be_imported_is_the_fault_of_its_plugin(plugin_box: PluginBox, place: str) -> None:
    add_engine(plugin_box, more=f'"lint": "{place}"')
    plugins = plugin_box.load()
    assert not plugins.failed
    with pytest.raises(PluginFailure, match=f"the adapter 'acme' has no lint: {place} cannot be imported: .*not_there"):
        lint(Text("kind: Acme\n", "a.yaml"), plugins=plugins)
    assert optimize(Text("kind: Acme\n", "a.yaml"), "", plugins=plugins).files[0].text == "kind: Acme\n"


def test_an_adapter_that_cannot_say_what_it_claims_stops_no_other(
    plugin_box: PluginBox, caplog: pytest.LogCaptureFixture
) -> None:
    add_engine(plugin_box, more='"claims": "not_there:claims"')
    plugin_box.add_toy()
    plugins = plugin_box.load()
    text = "kind: Toy\nsteps:\n- {name: a, run: x}\n"
    with caplog.at_level(logging.WARNING):
        result = optimize(Text(text, "a.yaml"), "hurry", plugins=plugins)
    assert "timeout: 60" in result.text
    assert "the adapter 'acme' has no claims: not_there:claims cannot be imported" in caplog.text
    assert [record.name for record in plugins.failed] == ["acme"]
    assert set(plugins.adapters) == {"toy", "tin"}
