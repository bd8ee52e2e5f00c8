"""Functions of Python compute on Argo what they compute elsewhere: their scripts are really run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.kfp.argo_runs import ArgoRun
from adapters.subjects import ARGO
from couler_plugins.errors import InvalidInput, Unsupported
from engine_kit.legalize.python_argo import values_in
from engine_kit.legalize.python_steps import constant, gave, plan_of, step, workflow_of
from engine_kit.legalize.python_workflows import (
    COMPUTED,
    ITEM,
    LITERAL_LOOPS,
    LOOPS,
    MIXED,
    NUMERIC,
    READS,
    SQUARE,
    by_name,
)

CASES = {**COMPUTED, **NUMERIC, **LITERAL_LOOPS, **LOOPS}


def lowered(workflow: Any) -> Any:
    (document,) = ARGO.adapter.lower(plan_of(workflow, ARGO.adapter), ARGO.adapter.options()).added
    return document


@pytest.mark.parametrize("name", by_name(CASES))
def test_values(name: str, tmp_path: Path) -> None:
    computed = CASES[name]
    run = ArgoRun(lowered(computed.workflow), tmp_path)
    problems = [file.read_text() for file in tmp_path.rglob("stderr")]
    assert (run.state, problems) == ("Succeeded", [])
    assert values_in(run, computed) == computed.given


def test_constants_of_another_kind_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"passes '2\.5' as 'x', which takes a value of the kind int"):
        lowered(workflow_of([SQUARE], step("square", "square", x=2.5)))


def test_functions_between_containers(tmp_path: Path) -> None:
    run = ArgoRun(lowered(MIXED), tmp_path)
    assert run.outputs["plain"]["parameters.said"] == "[1,2,3]"
    assert run.outputs["text"]["parameters.result"] == "[1,2,3]: $(date) & {{x}}"
    assert run.outputs["again"]["parameters.said"] == 'None: it is "so"'


def test_what_all_runs_gave_is_not_handed_to_containers() -> None:
    squares = step("squares", "square", x=ITEM, each=constant([1, 2]))
    with pytest.raises(Unsupported, match="arrives as a list of texts") as caught:
        lowered(workflow_of([SQUARE], squares, step("read", "reads", text=gave("squares")), others=[READS]))
    assert (caught.value.step, caught.value.feature) == ("read", "Step.loop")
