"""Workflows as clusters and compilers write them: with fields that say what was, and nothing of what is to be run."""

from __future__ import annotations

import pytest

from couler_plugins import api
from couler_plugins.inputs.sources import Text

WRITTEN = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  name: hello
spec:
  entrypoint: main
  templates:
  - name: main
    container: {image: busybox, command: [echo, hello]}
"""
RECORDED = "  uid: 5f1e\n  generation: 3\n  managedFields: [{manager: argo}]\n"
EXPORTED = {
    "by a compiler": WRITTEN.replace("  name: hello\n", "  name: hello\n  creationTimestamp: null\n")
    + "status: {finishedAt: null, startedAt: null}\n",
    "of a cluster": WRITTEN.replace("  name: hello\n", f"  name: hello\n{RECORDED}")
    + "status: {phase: Succeeded, nodes: {hello: {phase: Succeeded}}}\n",
}


@pytest.mark.parametrize("engine", ["airflow", "kfp", "tekton"])
@pytest.mark.parametrize("case", EXPORTED)
def test_records_are_not_converted(engine: str, case: str) -> None:
    assert api.convert(Text(EXPORTED[case]), engine).text == api.convert(Text(WRITTEN), engine).text


@pytest.mark.parametrize("case", EXPORTED)
def test_argo_keeps_them(case: str) -> None:
    assert api.optimize(Text(EXPORTED[case]), "dedupe").text == EXPORTED[case]
