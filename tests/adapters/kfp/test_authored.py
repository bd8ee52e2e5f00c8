"""A workflow that is written once gives the same on Airflow and on KFP: both really run it here."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

import couler_plugins.authoring as couler
from adapters.airflow.generated.corpus import loaded
from adapters.airflow.running import run
from adapters.kfp.argo_runs import ArgoRun
from adapters.kfp.here import run_here
from couler_plugins.authoring import AuthoredWorkflow, bigger, equal, workflow
from couler_plugins.engine_kit.legalize.python.runtime import typed_value

pytest.importorskip("kfp", reason="needs kfp")
pytestmark = [
    pytest.mark.airflow,
    pytest.mark.slow,  # both engines, and a process for each step of one
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]
GIVEN = {
    "numbers": [1, 2, 3, 4],
    "square": [1, 4, 9, 16],
    "total": 30,
    "big": "me: 30",
    "odd": 'a "b"\n{{c}} $(d): 30',
}
"""What the steps give; `small` is skipped."""


def numbers(n: int) -> list[int]:
    return list(range(1, n + 1))


def square(x: int, power: int = 2) -> int:
    return int(x**power)


def total(values: list[int]) -> int:
    return sum(values)


def report(total: int, who: str = "me") -> str:
    return f"{who}: {total}"


def written() -> AuthoredWorkflow:
    with workflow("once") as found:
        listed = couler.run_script(source=numbers, args=[4], step_name="numbers")
        squares = couler.map(lambda x: couler.run_script(source=square, args=[x], step_name="square"), listed)
        summed = couler.run_script(source=total, args=[squares], step_name="total")
        couler.run_script(source=report, args={"total": summed, "who": 'a "b"\n{{c}} $(d)'}, step_name="odd")
        couler.when(
            bigger(summed, 10), lambda: couler.run_script(source=report, args={"total": summed}, step_name="big")
        )
        couler.when(
            equal(summed, "3"), lambda: couler.run_script(source=report, args={"total": summed}, step_name="small")
        )
    return found


def test_airflow_and_kfp_give_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on_kfp = run_here(yaml.safe_load(written().to("kfp")), tmp_path, monkeypatch)
    on_kfp["odd"] = typed_value("text", on_kfp["odd"], "odd")
    assert {name: on_kfp.get(name) for name in (*GIVEN, "small", "well")} == {**GIVEN, "small": None, "well": True}
    outcome = run(loaded(written().to("airflow")))
    assert (outcome.state, outcome.states["small", -1]) == ("success", "skipped")

    def value(name: str) -> Any:
        keys = sorted(key for key in outcome.xcoms if key[0] == name and key[2] == "return_value")
        found = [ast.literal_eval(outcome.xcoms[key]) for key in keys]
        return found if name == "square" else found[0]

    assert {name: value(name) for name in GIVEN} == GIVEN


def test_argo_gives_it_too(tmp_path: Path) -> None:
    ran = ArgoRun(yaml.safe_load(written().to("argo")), tmp_path)
    assert (ran.state, ran.states["small"]) == ("Succeeded", "Skipped")
    assert (ran.outputs["total"]["parameters.result"], ran.outputs["big"]["parameters.result"]) == ("30", "me: 30")
