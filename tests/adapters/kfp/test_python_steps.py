"""Functions of Python are lightweight components of KFP, and compute there what they compute elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.here import run_here
from adapters.subjects import KFP
from couler_plugins.engine_kit.legalize.python.functions import operation_of
from couler_plugins.engine_kit.legalize.python.runtime import typed_value
from couler_plugins.engine_kit.legalize.python.source import function_from_text
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Template
from engine_kit.legalize.python_steps import constant, gave, kinds_of, plan_of, step, workflow_of
from engine_kit.legalize.python_workflows import (
    COMPUTED,
    ENDING,
    ITEM,
    LIST,
    LITERAL_LOOPS,
    LOOPS,
    LOSS,
    MIXED,
    NUMBERS,
    NUMERIC,
    SQUARE,
    TEXT,
    by_name,
)

pytest.importorskip("kfp", reason="needs kfp")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
)  # of kfp, its local runner and its libraries
CASES = {**COMPUTED, **NUMERIC, **LITERAL_LOOPS, **LOOPS}


def lowered(workflow: Any) -> Any:
    (document,) = KFP.adapter.lower(plan_of(workflow, KFP.adapter), KFP.adapter.options()).added
    return document


@pytest.mark.parametrize("name", by_name(CASES, quick=("passed", "gathered", "compared")))
def test_values(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed = CASES[name]
    found = run_here(lowered(computed.workflow), tmp_path, monkeypatch)
    kinds = kinds_of(computed.workflow)
    assert found["well"]

    def value(key: str) -> Any:
        kind = kinds[key].partition(":")[0]
        return typed_value(kind, found[key], key) if key in found else None

    assert {key: value(key) for key in computed.given} == computed.given


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        (step("s", "text", each=gave("numbers"), text=Template(parts=("no ", ITEM))), "makes a text of an item"),
        (step("s", "text", text=Template(parts=("no ", gave("loss")))), "makes a text of a float"),
        (step("s", "text", text=gave("loss")), "makes a text of a float"),
        (step("s", "text", text=Template(parts=(gave("numbers"), "!"))), "makes a text of a list"),
    ],
)
def test_texts_that_kfp_writes_in_its_own_way_are_refused(made: Any, reason: str) -> None:
    steps = [step("numbers", "numbers", n=2), step("loss", "loss", epochs=1)]
    with pytest.raises(Unsupported, match=reason) as caught:
        lowered(workflow_of([NUMBERS, LOSS, TEXT], *steps, made))
    assert (caught.value.step, caught.value.hint) == ("s", "do that in the function")


def test_what_runs_at_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_here(lowered(ENDING), tmp_path, monkeypatch) == {"at-the-end": "it: over"}


@pytest.mark.parametrize(
    ("sources", "steps"),
    [
        ([SQUARE], [step("s", "square", x=2**53 + 1)]),
        ([SQUARE], [step("s", "square", x=ITEM, each=constant([1, 2**60]))]),
        ([LIST], [step("s", "listed", values=[[2**54]])]),
        (["def f(x: int = 9007199254740993) -> None: pass\n"], [step("s", "f")]),
    ],
)
def test_numbers_that_kfp_rounds_are_refused(sources: Any, steps: Any) -> None:
    with pytest.raises(Unsupported, match="which KFP rounds") as caught:
        lowered(workflow_of(sources, *steps))
    assert (caught.value.feature, caught.value.hint) == ("Step.arguments", "pass it as a text")


def test_numbers_that_kfp_would_round_are_not_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workflow = workflow_of(["def f() -> list:\n    return [2**53 + 1]\n"], step("s", "f"))
    assert run_here(lowered(workflow), tmp_path, monkeypatch) == {}


def test_a_component_is_written_as_the_sdk_does() -> None:
    spec = lowered(workflow_of([SQUARE], step("s", "square", x=3)))
    (executor,) = spec["deploymentSpec"]["executors"].values()
    container = executor["container"]
    assert container["args"] == ["--executor_input", "{{$}}", "--function_to_execute", "square"]
    assert [item if len(item) < 4 else "…" for item in container["command"]] == ["sh", "-c", "…", "sh", "-ec", "…", "…"]
    assert spec["components"]["comp-square"]["inputDefinitions"] == {
        "parameters": {"x": {"parameterType": "NUMBER_INTEGER"}}
    }
    assert spec["components"]["comp-square"]["outputDefinitions"] == {
        "parameters": {"Output": {"parameterType": "NUMBER_INTEGER"}}
    }


def test_packages_are_installed_and_quoted() -> None:
    function = function_from_text("def f() -> None: pass\n", packages=["pandas>=2; echo", "numpy"])
    spec = lowered(workflow_of([], step("s", "f"), others=[operation_of(function, "f")]))
    (executor,) = spec["deploymentSpec"]["executors"].values()
    assert "'pandas>=2; echo' numpy && " in executor["container"]["command"][2]


def test_functions_between_containers() -> None:
    from google.protobuf import json_format
    from kfp.pipeline_spec import pipeline_spec_pb2

    spec = lowered(MIXED)
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    tasks = spec["components"]["comp-main"]["dag"]["tasks"]
    count = {"taskOutputParameter": {"producerTask": "count", "outputParameterKey": "count"}}
    assert tasks["numbers"]["inputs"]["parameters"]["n"] == count
    numbers = {"taskOutputParameter": {"producerTask": "numbers", "outputParameterKey": "Output"}}
    assert tasks["plain"]["inputs"]["parameters"]["text"] == numbers
