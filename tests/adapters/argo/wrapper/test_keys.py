"""`couler cache key` prints the key that Argo makes of the expression in a manifest, for the same values."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from adapters.argo.caching.small import made, workflow
from adapters.argo.caching.values import Value, key_of
from couler_plugins.cli.group import couler

TASKS = """
- {name: a, template: load}
- {name: b, template: use, depends: a, arguments: {artifacts: [{name: t, from: "{{tasks.a.outputs.artifacts.o}}"}]}}
"""
TEMPLATE = """
- name: use
  metadata: {annotations: {couler.io/cache: pure}}
  inputs: {parameters: [{name: zeta, default: "z"}, {name: alpha, default: "a"}], artifacts: [{name: t, path: /t}]}
  outputs: {artifacts: [{name: o, path: /o}]}
  container: {image: i, command: [use], args: ["{{workflow.parameters.rate}}", "{{workflow.parameters.area}}"]}
"""


@pytest.mark.parametrize("odd", ["plain", "", "a,b", 'quo"te', "<&>", "ü\u2028", "x=y", "--spec"])
def test_it_is_the_same(odd: str) -> None:
    document = workflow(
        TASKS, TEMPLATE, "arguments: {parameters: [{name: rate, value: '1'}, {name: area, value: '2'}]}"
    )
    annotations = {"couler.io/cache": "pure", "couler.io/cache-version": "1", "couler.io/max-output-bytes": "9"}
    load = next(item for item in document["spec"]["templates"] if item["name"] == "load")
    load["metadata"] = {"annotations": annotations}
    found = made(document)
    template = found.template("use")
    spec = json.loads(found.documents[0]["metadata"]["annotations"]["couler.io/key-spec"])["use"]
    inputs = {"zeta": odd, "alpha": "1", "couler-lineage": found.lineage("b")[0]}
    run = {"workflow.parameters.rate": "0.1", "workflow.parameters.area": odd, "workflow.namespace": "ml"}
    run["workflow.serviceAccountName"] = "sa"
    expected = key_of(template, inputs, {name: Value(text) for name, text in run.items()})
    values = [f"{name}={text}" for name, text in {**run, **inputs}.items()]
    printed = CliRunner().invoke(couler, ["cache", "key", "--spec", spec, "--", *values], catch_exceptions=False)
    assert printed.stdout.strip() == expected
