"""Runs and profiles from what KFP tells of tasks: what each was, took, and came after."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import yaml

from couler_kfp.plugin import couler_runs
from couler_plugins import lift
from couler_plugins.caching.profiles import profiles_of
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput
from couler_plugins.runs import Lookup, Run, StepRun
from couler_plugins.runs.run import belongs
from kfp_history import PIPELINE, node, run, task


def runs(data: Any) -> list[Run]:
    (found,) = read(json.dumps(data), "runs.json").documents
    return couler_runs(found)


def steps(*entries: Any, **more: Any) -> dict[str, StepRun]:
    (found,) = runs(run(*entries, **more))
    return {ran.step: ran for ran in found.steps}


def known(*entries: Any) -> dict[str, StepRun]:
    return steps(*entries, pipeline_spec=PIPELINE)


def test_a_task_took_what_its_executor_took_without_its_driver() -> None:
    (found,) = runs(
        run(node("train-xyz", 0, 500), node("root-driver", 0, 3), node("root", 3, 500), task("load", 20, 80))
    )
    (ran,) = found.steps
    assert (ran.step, ran.seconds, ran.fate, ran.attempts, ran.bytes) == ("load", 60.0, "computed", 1, None)
    assert (found.family, found.whole, found.at) == ("a run", True, 1767226200.0)


@pytest.mark.parametrize(
    ("state", "fate", "seconds"),
    [
        ("SUCCEEDED", "computed", 60.0),
        ("FAILED", "failed", None),
        ("SKIPPED", "skipped", 0.0),
        ("RUNNING", "pending", None),
        ("CANCELED", "pending", None),
        ("A STATE OF TOMORROW", "pending", None),
    ],
)
def test_what_became_of_a_task(state: str, fate: str, seconds: float | None) -> None:
    ran = steps(task("load", 20, 80, state))["load"]
    assert (ran.fate, ran.seconds, ran.artifact) == (fate, seconds, fate != "skipped")


def test_a_cached_task_is_no_skipped_one() -> None:
    cached = [node("load-driver", 10, 20), node("load", 20, 20), node("executor", 20, 20, "SKIPPED")]
    skipped = [node("fit-driver", 20, 30), node("fit", 30, 30, "SKIPPED")]
    found = steps(cached, skipped)
    assert [(found[name].fate, found[name].seconds) for name in ("load", "fit")] == [("loaded", None), ("skipped", 0.0)]


def test_a_task_that_is_quick_is_not_cached_for_another_whose_executor_was_skipped() -> None:
    cached = [node("load-driver", 10, 20), node("load", 20, 20), node("executor", 20, 20, "SKIPPED")]
    assert steps(cached, task("fit", 40, 41))["fit"].fate == "computed"
    assert steps(cached, task("fit", 20, 40))["fit"].fate == "computed"


def test_where_ids_say_whose_an_executor_is_times_do_not_count() -> None:
    def linked(name: str, state: str) -> list[Any]:
        return [
            node(f"{name}-driver", 0, 20),
            node(name, 20, 20, child_tasks=[{"pod_name": f"pod-{name}"}]),
            node("executor", 20, 20, state, pod_name=f"pod-{name}"),
        ]

    found = steps(linked("load", "SKIPPED"), linked("fit", "SUCCEEDED"))
    assert (found["load"].fate, found["fit"].fate) == ("loaded", "computed")


def test_attempts_are_counted_and_the_last_one_is_what_it_takes() -> None:
    ran = steps(task("fit", 20, 100, "SUCCEEDED", (20, 50), (60, 100)))["fit"]
    assert (ran.attempts, ran.seconds, ran.fate) == (2, 40.0, "computed")


def test_attempts_that_may_be_of_two_tasks_are_of_none() -> None:
    found = steps(task("fit", 20, 100, "SUCCEEDED", (20, 50), (60, 100)), task("load", 10, 110))
    assert (found["fit"].attempts, found["load"].attempts) == (1, 1)


def test_times_that_were_never_set_are_not_known() -> None:
    found = steps(node("a-driver", 0, 1), node("a", None, None), node("b-driver", 0, 1), node("b", 5, None))
    assert [ran.seconds for ran in found.values()] == [None, None]
    early = node("c", 5, 9, start_time="0001-01-01T00:00:00Z")
    assert steps(node("c-driver", 0, 1), early)["c"].seconds is None
    backwards = node("d", 9, 5)
    assert steps(node("d-driver", 0, 1), backwards)["d"].seconds is None
    bare = {"display_name": "e", "state": "SUCCEEDED"}
    assert steps(node("e-driver", 0, 1), bare)["e"].seconds is None


LOOP = [
    node("for-loop-1", 80, 300),
    node("iteration-driver", 80, 90),
    *(node(f"for-loop-1-iterations({n}:{n})", 90, 300) for n in range(2)),
    *(node("iteration-item-driver", 90, 95) for _ in range(2)),
    *(node("iteration-item", 95, 300) for _ in range(2)),
]


def test_iterations_are_of_one_call_and_groups_are_no_steps() -> None:
    found = known(task("load", 20, 80), LOOP, task("fit", 100, 150), task("fit", 110, 210), task("load-2", 220, 230))
    assert [(name, ran.site, ran.seconds, ran.type) for name, ran in found.items()] == [
        ("root/load", "root/load", 60.0, "comp-load"),
        ("comp-for-loop-1/fit(0)", "comp-for-loop-1/fit", 50.0, "comp-fit"),
        ("comp-for-loop-1/fit(1)", "comp-for-loop-1/fit", 100.0, "comp-fit"),
        ("comp-for-loop-1/load-2", "comp-for-loop-1/load-2", 10.0, "comp-load"),
    ]
    assert [ran.parents for ran in found.values()] == [(), (0,), (0,), (1, 2)]


def test_without_the_pipeline_names_tell_what_a_group_is() -> None:
    assert set(steps(task("load", 20, 80), LOOP, node("for-loop-1-driver", 0, 1))) == {"load"}


def test_profiles_are_those_of_the_lifted_pipeline(tmp_path: Any) -> None:
    file = tmp_path / "train.yaml"
    file.write_text(yaml.safe_dump(PIPELINE))
    (workflow,) = lift(file).workflows
    past = [
        run(task("load", 20, 80), LOOP, task("fit", 100, 150), task("fit", 110, 210), pipeline_spec=PIPELINE),
        run(
            node("load-driver", 0, 20),
            node("load", 20, 20),
            node("executor", 20, 20, "SKIPPED"),
            pipeline_spec=PIPELINE,
        ),
        run(task("load", 20, 60, "FAILED"), pipeline_spec=PIPELINE, state="FAILED"),
    ]
    found = runs({"runs": past, "total_size": 3})
    assert all(belongs(item, workflow) for item in found)
    assert [item.whole for item in found] == [True, True, False]
    profiles = profiles_of(workflow, found)
    assert (profiles["root/load"].seconds, profiles["root/load"].success_rate) == (60.0, 0.5)
    assert (profiles["comp-for-loop-1/fit"].seconds, profiles["comp-for-loop-1/fit"].instances) == (75.0, 2)


def test_a_backend_that_gives_each_task_its_parent_needs_no_names() -> None:
    def entry(name: str, parent: str, kind: str, state: str = "SUCCEEDED", **more: Any) -> dict[str, Any]:
        times = {"start_time": "2026-01-01T00:00:10Z", "end_time": "2026-01-01T00:00:40Z"}
        return {
            "task_id": f"{parent}.{name}",
            "name": name,
            "parent_task_id": parent,
            "type": kind,
            "status": state,
            **times,
            **more,
        }

    root = {"task_id": "root", "name": "root", "type": "ROOT", "status": "SUCCEEDED"}
    entries = [root, entry("load", "root", "RUNTIME", "CACHED"), entry("for-loop-1", "root", "LOOP")]
    for index in range(2):
        entries.append(entry(str(index), "root.for-loop-1", "LOOP_ITERATION", iteration_index=index))
        entries.append(entry("fit", f"root.for-loop-1.{index}", "RUNTIME"))
    entries.append(entry("condition-2", "root", "CONDITION", "SKIPPED"))
    found = known(*entries)
    assert {name: ran.fate for name, ran in found.items()} == {
        "root/load": "loaded",
        "comp-for-loop-1/fit(0)": "computed",
        "comp-for-loop-1/fit(1)": "computed",
    }
    assert set(steps(*entries)) == {"load", "for-loop-1/fit(0)", "for-loop-1/fit(1)"}


def pipeline(**caching: dict[str, Any]) -> dict[str, Any]:
    """The pipeline with options of its tasks."""
    changed: dict[str, Any] = copy.deepcopy(PIPELINE)
    for name, options in caching.items():
        changed["root"]["dag"]["tasks"][name]["cachingOptions"] = options
    return changed


@pytest.mark.parametrize(
    ("options", "state", "hit"),
    [
        ({"enableCache": True}, "SUCCEEDED", False),
        ({"enableCache": True}, "FAILED", False),
        ({"enableCache": True}, "SKIPPED", None),
        ({"enableCache": False}, "SUCCEEDED", None),
        ({}, "SUCCEEDED", None),
    ],
)
def test_a_task_is_looked_up_unless_the_pipeline_forbids_that(
    options: dict[str, Any], state: str, hit: bool | None
) -> None:
    found = steps(task("load", 20, 80, state), pipeline_spec=pipeline(load=options))["root/load"]
    assert (None if found.lookup is None else found.lookup.hit) == hit


def test_where_nobody_knows_the_pipeline_each_task_was_looked_up() -> None:
    cached = [node("load-driver", 10, 20), node("load", 20, 20), node("executor", 20, 20, "SKIPPED")]
    assert steps(cached)["load"].lookup == Lookup(hit=True)
    assert steps(task("load", 20, 80))["load"].lookup == Lookup(hit=False, seconds=60.0)


def test_a_circle_of_parents_ends() -> None:
    one = {"task_id": "a", "name": "a", "parent_task_id": "b", "state": "SUCCEEDED"}
    other = {"task_id": "b", "name": "b", "parent_task_id": "a", "state": "SUCCEEDED"}
    leaf = {"task_id": "c", "name": "c", "parent_task_id": "a", "state": "SUCCEEDED"}
    assert len(steps(one, other, leaf)) == 1


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ({"schema": "couler.kfp-runs/v9", "runs": []}, "only couler.kfp-runs/v1 is known"),
        (run({"display_name": 3}), "this is not a history of KFP"),
        (run({"display_name": "a", "start_time": "yesterday"}), "this is not a history of KFP"),
        (
            run(task("load", 20, 80), pipeline_spec=json.loads(json.dumps(PIPELINE).replace('["fit"]', '["load-2"]'))),
            "circle",
        ),
    ],
)
def test_what_is_no_history_is_refused(data: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        runs(data)


@pytest.mark.parametrize(
    "data", [[], {"runs": []}, {"runs": [{"a": 1}]}, PIPELINE, {"schema": "couler.airflow-runs/v1"}, 3]
)
def test_documents_of_others_are_left_to_them(data: Any) -> None:
    assert runs(data) == []


def test_a_run_that_has_no_tasks_yet_is_none() -> None:
    assert runs(run(state="PENDING")) == []


def layers(spec: Any) -> dict[str, str]:
    (found,) = runs(run(task("load", 20, 80), pipeline_spec=spec))
    return found.layers


@pytest.mark.parametrize(
    ("place", "content", "owner"),
    [
        (("deploymentSpec", "executors", "exec-load", "container", "resources"), {"cpuRequest": 1.0}, "rightsize"),
        (("root", "dag", "tasks", "load", "retryPolicy"), {"maxRetryCount": 2}, "guard"),
        (("root", "dag", "tasks", "load", "cachingOptions"), {"enableCache": True}, "cache"),
        (("deploymentSpec", "executors", "exec-load", "container", "image"), "other", "workflow"),
    ],
)
def test_layers_tell_whose_setting_of_a_pipeline_differs(place: tuple[str, ...], content: Any, owner: str) -> None:
    spec = copy.deepcopy(PIPELINE)
    thing = spec
    for name in place[:-1]:
        thing = thing[name]
    thing[place[-1]] = content
    before, after = layers(PIPELINE), layers(spec)
    assert before
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} == {owner}


@pytest.mark.parametrize("spec", [{}, {"root": 3}, "pipeline", None])
def test_what_is_no_pipeline_has_no_layers(spec: Any) -> None:
    assert layers(spec) == {}
