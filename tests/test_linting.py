"""Linting from Python: `couler_plugins.lint`."""

from __future__ import annotations

from couler_plugins import Linted, Text, lint
from couler_plugins.driver.linting import lint_inputs
from engine_kit.crd.small import crd, custom
from linting_plugin import LINTING_PLUGIN
from pluginbox import PluginBox


def test_what_the_adapters_find(plugin_box: PluginBox) -> None:
    plugin_box.add("strict", LINTING_PLUGIN)
    linted = lint(Text("kind: Strict\nsteps: [{name: a}]\n", "a.yaml"))
    assert isinstance(linted, Linted)
    assert (linted.failed, linted.documents, linted.errors) == (True, 1, ())
    assert [(item.file, item.line, item.code) for item in linted.findings] == [("a.yaml", 2, "no-command")]


def test_what_the_schemas_find(plugin_box: PluginBox) -> None:
    schema = crd({"a": {"type": "string"}})
    for schemas in (schema, [schema]):
        linted = lint([custom({"a": "x"}), custom({"a": 1})], schemas=schemas)
        assert [item.path for item in linted.findings] == [("spec", "a")]
        assert linted.documents == 2


def test_a_file_that_cannot_be_read_is_among_the_errors(plugin_box: PluginBox) -> None:
    linted = lint([Text("a: [", "a.yaml"), custom({"b": 1})], schemas=crd({}))
    assert [error.file for error in linted.errors] == ["a.yaml"]
    assert [item.code for item in linted.findings] == ["unknown-field"]


def test_nothing_is_found_in_nothing(plugin_box: PluginBox) -> None:
    from couler_plugins.driver.session import session
    from couler_plugins.options.config import Config

    assert lint_inputs([], session(Config(load_plugins=()))).findings == ()
    assert lint([], schemas=crd({})).findings == ()


def test_what_an_adapter_and_a_schema_find_is_said_once() -> None:
    any_object = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = crd({"entrypoint": {"type": "string"}, "templates": {"type": "array", "items": any_object}})
    schema["metadata"]["name"] = "workflows.argoproj.io"
    schema["spec"] |= {"group": "argoproj.io", "names": {"kind": "Workflow", "plural": "workflows"}}
    schema["spec"]["versions"][0]["name"] = "v1alpha1"
    schema["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["required"] = ["status"]
    template = {"name": "main", "suspend": {}}
    spec = {"entrypoint": "main", "entrypont": "main", "templates": [template]}
    workflow = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "a"}, "spec": spec}
    found = lint(workflow, schemas=schema).findings
    assert sorted((item.code, item.path) for item in found) == [
        ("required", ()),
        ("unknown-field", ("spec", "entrypont")),
    ]
