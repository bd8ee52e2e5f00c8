"""Every workflow of Argo's corpus through the generator: carried, and then loaded by Airflow, or refused by name."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest

from adapters.airflow.generated.argo_runs import Leaf, ManifestRun
from adapters.airflow.generated.corpus import Written, corpus, loaded
from adapters.airflow.generated.dag_runs import GeneratedRun
from adapters.airflow.generated.worlds import outcome_of
from couler_airflow.capabilities_generated import GENERATED
from couler_plugins.errors import Unsupported
from support import ROOT, at_least, sampled

FEATURES = {capability.feature for capability in GENERATED} | {"Expression", "Reference"}
"""What is refused of fields by the table, and what Argo's own texts may read, which no field is."""
every = pytest.mark.parametrize("written", sampled(pytest.param(item, id=item.name) for item in corpus()))
carried = pytest.mark.parametrize(
    "written", sampled(pytest.param(item, id=item.name) for item in corpus() if item.source)
)
CARRIED = at_least(9, 65)
"""So many, at least: what is refused today may be carried tomorrow, but not the other way round."""


def test_so_many_are_carried() -> None:
    assert sum(bool(item.source) for item in corpus()) >= CARRIED


@every
def test_each_is_carried_or_refused_by_name(written: Written) -> None:
    if written.source:
        compile(written.source, written.name, "exec")
        return
    error = written.error
    assert isinstance(error, Unsupported)
    assert error.feature in FEATURES
    assert error.hint
    assert error.engine in ("airflow", "argo")  # which lacks it, or alone has it
    assert error.step or error.feature == "Workflow.library"


@carried
def test_nothing_but_what_we_chose_is_code(written: Written) -> None:
    for node in ast.walk(ast.parse(written.source)):
        if isinstance(node, ast.ImportFrom):
            assert node.module in MODULES
        if isinstance(node, ast.Call):
            assert ast.unparse(node.func).split("(")[0].split(".")[0] in CALLED, ast.unparse(node.func)


MODULES = {
    "airflow.providers.cncf.kubernetes.operators.pod",
    "airflow.providers.standard.operators.bash",
    "airflow.providers.standard.operators.empty",
    "airflow.providers.standard.operators.hitl",
    "airflow.sdk",
    "airflow.sdk.exceptions",
    "airflow.timetables.trigger",
    "collections.abc",
    "datetime",
    "json",
    "kubernetes.client",
    "urllib.error",
    "urllib.request",
    "typing",
}
CALLED = {
    *("Number", "at", "each", "filled", "isinstance", "json", "number", "written", "''"),
    *(
        "ApprovalOperator",
        "wanted",
        "url",
        "Request",
        "answer",
        "body",
        "collected",
        "counted",
        "dict",
        "error",
        "found",
        "hasattr",
    ),
    *("all_hold", "int", "len", "name", "node", "parsed", "range", "request", "str", "urlopen", "value", "texts"),
    *("AirflowSkipException", "BashOperator", "CronTriggerTimetable", "DAG", "EmptyOperator", "KubernetesPodOperator"),
    *("MultipleCronTriggerTimetable", "Param", "TaskGroup", "ValueError", "all", "any", "bool", "compared", "float"),
    *("k8s", "literal", "only_if", "re", "read", "render", "text", "timedelta", "zip"),
}


@pytest.mark.airflow
@carried
def test_airflow_loads_and_serializes_it(written: Written) -> None:
    from airflow.serialization.serialized_objects import DagSerialization

    dag = loaded(written.source)
    data = str(DagSerialization.to_dict(dag))
    assert " object at 0x" not in data  # it would be another version of the DAG each time it is read
    assert dag.task_dict


BEYOND = re.compile(
    r'"(containerSet|resource|http|suspend|configMapKeyRef|podSpecPatch)"|workflow[.]outputs|artifacts[.][a-z-]+[.]path'
)
"""What the judge does not know: other kinds of steps, and values from outside."""


def runs_alike(written: Written, dag: Any, seed: int) -> tuple[Counter[Leaf], bool]:
    try:
        manifest = ManifestRun(written.document, lambda leaf: outcome_of(leaf, seed), written.others)
    except KeyError as missing:
        if "'item." in str(missing) or ".outputs." in str(missing):
            return Counter(), True  # an item without that key, a loop that ran for none, or what a failed pod wrote
        raise
    generated = GeneratedRun(dag, lambda leaf: outcome_of(leaf, seed))
    assert Counter(generated.started) == Counter(manifest.started), seed
    assert generated.well is manifest.well, (seed, generated.states)
    return Counter(manifest.started), manifest.well


@pytest.mark.airflow
@carried
def test_it_means_the_same(written: Written) -> None:
    """The same pods are started with the same commands, and the run ends alike, whatever the pods do."""
    if BEYOND.search(json.dumps(written.document)):
        pytest.skip("it has more than the judge knows")
    dag = loaded(written.source)
    for seed in range(12):
        runs_alike(written, dag, seed)


PROGRAM = """
from adapters.airflow.generated.corpus import corpus

print([(item.name, item.source, str(item.error)) for item in corpus()])
"""


@pytest.mark.slow
def test_the_same_text_whatever_the_hash_seed() -> None:
    path = os.pathsep.join(map(str, (ROOT, *(ROOT / "adapters").iterdir(), ROOT / "tests")))
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        for seed in ("0", "4711")
    ]
    outputs = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert outputs[0] == outputs[1] != b""
