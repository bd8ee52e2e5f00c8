"""Costs of runs from past runs: which of their steps count, with how much time, and what is said of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from conversions import plugins
from couler_plugins import lift
from couler_plugins.caching.profiles import profiles_of
from couler_plugins.costs.estimate import Range
from couler_plugins.costs.meter import CostMeter, RunCost
from couler_plugins.driver.context import RunContext
from couler_plugins.hookspecs import Profile
from couler_plugins.inputs.sources import Text
from couler_plugins.ir import SettableStep, Workflow, with_settings
from couler_plugins.options.prices import Price
from couler_plugins.plan import Plan
from couler_plugins.runs import Attempt, Run, StepRun
from couler_plugins.runs.usage import ContainerUse

GIB = 2**30
HOUR = 3600.0
TEXT = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: nightly}
spec:
  entrypoint: main
  templates:
    - name: main
      steps:
        - [{name: load, template: load}]
        - [{name: train, template: train, withItems: [1, 2]}]
    - {name: load, container: {image: a, resources: {requests: {cpu: 1, memory: 1Gi}}}}
    - {name: train, nodeSelector: {pool: big}, container: {image: a, resources: {requests: {cpu: 2, memory: 4Gi}}}}
"""
PRICES = (
    Price(pool="big", node_selector=("pool=b*",), core_hour=1.0, gib_hour=1.0),
    Price(core_hour=0.5, gib_hour=0.0),
)


def step(name: str, hours: float | None = 1.0, **more: Any) -> StepRun:
    fields: dict[str, Any] = {"type": name.partition("(")[0], "spec": name, "key": name, **more}
    return StepRun(step=name, seconds=None if hours is None else hours * HOUR, **fields)


def run(*steps: StepRun, **more: Any) -> Run:
    return Run(family="nightly", steps=steps, **more)


class Context(RunContext):
    """Runs and profiles of these alone."""

    def __init__(self, runs: Sequence[Run], profiles: Mapping[str, Profile] | None = None) -> None:
        super().__init__(plugins())
        self._given_runs = runs
        self._given_profiles = profiles

    def runs(self, workflow: Workflow) -> Sequence[Run]:
        return self._given_runs

    def profile(self, workflow: Workflow, step: str) -> Profile:
        profiles = profiles_of(workflow, self._given_runs) if self._given_profiles is None else self._given_profiles
        return profiles.get(step, Profile())


def plan_of(*texts: str) -> Plan:
    return lift([Text(text, f"{number}.yaml") for number, text in enumerate(texts)], plugins=plugins())


def cost(*runs: Run, plan: Plan | None = None, prices: tuple[Price, ...] = (), **more: Any) -> RunCost:
    plan = plan or plan_of(TEXT)
    meter = CostMeter(prices)
    assert meter.run(plan, Context(runs, **more)) is plan
    found = meter.cost(plan.originals[0])
    assert found is not None
    return found


def core_hours(*runs: Run) -> float:
    """Of one run: that of `load` counts once an hour, and that of `train` twice."""
    return cost(*runs).before["core_hours"].median


def test_a_run_is_what_its_steps_take() -> None:
    found = cost(run(step("load"), step("train(0:1)", 2.0), step("train(1:2)", 3.0)), prices=PRICES)
    assert found.before["core_hours"] == Range(11.0, 11.0, 11.0)
    assert found.before["gib_hours"] == Range(21.0, 21.0, 21.0)
    assert found.before["money"] == Range(30.5, 30.5, 30.5)
    assert found.after is None
    assert [(one.step, one.pool, one.seconds / HOUR) for one in found.steps] == [
        ("main/train", "big", 5.0),
        ("main/load", "default", 1.0),
    ]
    assert (found.path, found.workflow, found.runs, found.notes) == ("0.yaml", "nightly", 1, ())


def test_the_range_is_that_of_single_runs() -> None:
    found = cost(*(run(step("load", 1.0 + number), step("train(0:1)", 0.0)) for number in range(11)))
    assert found.before["core_hours"] == Range(2.0, 6.0, 10.0)


def test_the_newest_runs_that_came_to_their_end_count() -> None:
    old = [run(step("load", 100.0), step("train", 0.0))] * 5
    new = [run(step("load", 1.0), step("train", 0.0))] * 20
    broken = run(step("load", 50.0), whole=False)
    found = cost(*old, *new, broken)
    assert (found.runs, found.before["core_hours"]) == (20, Range(1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((step("load"), step("train", 1.0)), 3.0),
        ((step("load"), step("train", 1.0, site="main/train")), 3.0),
        ((step("load"), step("anything", 1.0, type="train")), 3.0),
        ((step("load"), step("train", 1.0, fate="failed")), 3.0),
    ],
)
def test_a_step_of_a_run_belongs_to_a_call(steps: tuple[StepRun, ...], expected: float) -> None:
    other = run(step("load"), step("train", 1.0))
    assert core_hours(run(*steps), other) == expected


def test_each_step_of_a_run_counts_once() -> None:
    text = TEXT.replace(
        "{name: train, template: train, withItems: [1, 2]}", "{name: b, template: load}, {name: c, template: load}"
    )
    found = cost(run(step("load"), step("x", 1.0, type="load"), step("y", 1.0, type="load")), plan=plan_of(text))
    assert found.before["core_hours"].median == 3.0


def test_failed_attempts_cost_as_well() -> None:
    tries = (Attempt(start=0.0, end=HOUR, succeeded=False), Attempt(start=HOUR, end=2 * HOUR, succeeded=True))
    assert core_hours(run(step("load", 1.0, tries=tries, attempts=2), step("train", 0.0))) == 2.0
    half = (Attempt(start=0.0, end=None), Attempt(start=HOUR, end=2 * HOUR))
    assert core_hours(run(step("load", 1.0, tries=half, attempts=2), step("train", 0.0))) == 1.0


def test_a_hit_of_a_cache_counts_as_if_it_had_been_computed() -> None:
    usual = run(step("load"), step("train(0:1)"), step("train(1:2)"))
    hit = run(step("load"), step("train(0:1)", 0.01, fate="loaded"), step("train(1:2)", None, fate="loaded"))
    assert cost(usual, hit, usual).before["core_hours"] == Range(5.0, 5.0, 5.0)


def test_a_step_that_was_skipped_costs_nothing_and_one_that_is_new_its_median() -> None:
    usual = run(step("load"), step("train"))
    assert cost(usual, usual, run(step("load"), step("train", None, fate="skipped"))).before["core_hours"].low < 3.0
    assert cost(usual, usual, run(step("load"))).before["core_hours"] == Range(3.0, 3.0, 3.0)
    assert cost(usual, usual, run(step("load"), step("train", None))).before["core_hours"] == Range(3.0, 3.0, 3.0)


def test_profiles_alone_make_a_point() -> None:
    found = cost(profiles={"main/load": Profile(seconds=HOUR), "main/train": Profile(seconds=HOUR, instances=4.0)})
    assert (found.runs, found.before["core_hours"]) == (0, Range(9.0, 9.0, 9.0))


def test_a_workflow_that_nobody_knows_has_no_cost() -> None:
    meter = CostMeter()
    plan = plan_of(TEXT)
    meter.run(plan, Context([run(step("other"))]))
    assert meter.cost(plan.originals[0]) is None
    assert meter.cost(None) is None


def test_what_is_not_known_is_named_and_not_zero() -> None:
    text = TEXT.replace("{cpu: 1, memory: 1Gi}", "{memory: 1Gi}").replace(
        "{name: load, template: load}", "{name: load, template: load}, {name: new, template: load}"
    )
    found = cost(run(step("load"), step("train")), plan=plan_of(text), prices=PRICES[:1])
    assert found.before["core_hours"].median == 2.0
    assert found.before["gib_hours"].median == 5.0
    assert found.before["money"].median == 6.0
    assert found.notes == (
        "1 of 3 steps has no history: not in the total (main/new)",
        "1 of 3 steps has neither a request nor a known use of cores: not in the core-hours (main/load)",
        "1 of 3 steps has no price: not in the money (main/load)",
    )
    carbon = (Price(node=("elsewhere",), grams_per_kwh=1.0),)
    found = cost(run(step("load"), step("train")), prices=carbon)
    assert found.notes == ("2 of 2 steps have no known carbon: not in the CO2e (main/load, main/train)",)
    assert "grams" not in found.before


def test_the_node_of_the_newest_attempt_says_the_pool() -> None:
    nodes = [Attempt(start=0.0, end=HOUR, node=name) for name in ("small-1", "gpu-7")]
    prices = (Price(pool="gpu", node=("gpu-*",), core_hour=9.0, gib_hour=0.0), *PRICES)
    runs = [run(step("load", tries=(node,)), step("train", tries=(nodes[0],))) for node in nodes]
    pools = {one.step: one.pool for one in cost(*runs, prices=prices).steps}
    assert pools == {"main/load": "gpu", "main/train": "big"}


def smaller(seen: SettableStep) -> SettableStep:
    return with_settings(seen, requests={"cpu": "1", "memory": "1Gi"}) if "train" in seen.name else seen


def test_what_a_change_saves() -> None:
    plan = plan_of(TEXT).map_steps("smaller", smaller, action="set", reason="so")
    found = cost(run(step("load"), step("train", 2.0)), plan=plan, prices=PRICES)
    assert found.before["money"] == Range(12.5, 12.5, 12.5)
    assert found.after is not None
    assert found.after["money"] == Range(4.5, 4.5, 4.5)


def test_a_request_below_the_use_saves_no_more_than_there_is() -> None:
    plan = plan_of(TEXT).map_steps("smaller", smaller, action="set", reason="so")
    use = ContainerUse(container="main", cpu=0.5, memory=3 * GIB)
    tries = (Attempt(start=0.0, end=HOUR, containers=(use,)),)
    found = cost(run(step("load"), step("train", 1.0, tries=tries)), plan=plan)
    assert found.after is not None
    assert found.after["core_hours"].median == 2.0
    assert found.after["gib_hours"].median == 4.0  # 1 and 3, not 1 and 1


def test_a_request_of_what_was_not_known_is_no_rise() -> None:
    plan = plan_of(TEXT.replace("cpu: 2, memory", "memory")).map_steps("smaller", smaller, action="set", reason="so")
    found = cost(run(step("load"), step("train", 1.0)), plan=plan)
    assert found.after is not None
    assert (found.before["core_hours"].median, found.after["core_hours"].median) == (1.0, 1.0)
    assert (found.before["gib_hours"].median, found.after["gib_hours"].median) == (5.0, 2.0)
    train = next(one for one in found.steps if one.step == "main/train")
    assert (train.before.core_hours, train.after.core_hours) == (None, 1.0)


def test_a_change_of_a_library_shows_at_its_callers() -> None:
    caller = TEXT.replace(
        "{name: train, template: train, withItems: [1, 2]}", "{name: train, templateRef: {name: lib, template: train}}"
    )
    library = TEXT.replace("kind: Workflow", "kind: WorkflowTemplate").replace("nightly", "lib")
    plan = plan_of(caller, library).map_steps("smaller", smaller, action="set", reason="so")
    found = cost(run(step("load"), step("train", 1.0)), plan=plan)
    assert found.before["core_hours"].median == 3.0
    assert found.after is not None
    assert found.after["core_hours"].median == 2.0


def test_steps_that_move_are_not_compared() -> None:
    """Else a split, which moves all of them, would save everything."""
    plan = plan_of(
        TEXT.replace("steps:", "dag: {tasks: [")
        .replace("- [{name: load, template: load}]", "{name: load, template: load},")
        .replace("- [{name: train, template: train, withItems: [1, 2]}]", "{name: train, template: train}]}")
    )
    moved = plan.move_steps("mover", plan.workflows[0], "main", ["train"], "part", reason="so")
    found = cost(run(step("load"), step("train", 1.0)), plan=moved)
    assert found.after is None
    assert found.notes == (
        "steps that move or go are not compared (main/train)",
        "steps that the optimizers add have no history: not in the total (part/train)",
    )


def test_notes_name_a_few_steps() -> None:
    tasks = "".join(f", {{name: new{number}, template: load}}" for number in range(8))
    text = TEXT.replace("[{name: load, template: load}]", f"[{{name: load, template: load}}{tasks}]")
    [note] = cost(run(step("load"), step("train")), plan=plan_of(text)).notes
    assert note.startswith("8 of 10 steps have no history: not in the total (main/new0, ")
    assert note.endswith("main/new5 and 2 more)")
