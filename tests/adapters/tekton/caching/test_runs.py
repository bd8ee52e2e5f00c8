"""Cached tasks are run in what stands for their pods; that finds what is wrong in tasks that are broken by hand."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from adapters.tekton.caching.comparing import CASES, GIVEN, Site, differences
from adapters.tekton.caching.pod import in_processes
from adapters.tekton.caching.tasks import BASE, spec_of

Task = dict[str, Any]


def test_a_cached_task_does_what_it_does_without(tmp_path: Path) -> None:
    task, cached = spec_of(BASE)
    assert not list(differences(task, cached, Site(tmp_path)))


@pytest.mark.slow
def test_the_same_with_the_real_command(tmp_path: Path) -> None:
    task, cached = spec_of(BASE)
    assert not list(differences(task, cached, Site(tmp_path, in_processes), CASES[:1]))


def without_when(task: Task) -> None:
    del task["steps"][2]["when"]


def whens_turned_around(task: Task) -> None:
    for step in task["steps"][1:]:
        for item in step["when"]:
            item["operator"] = "in"


def when_in_place_of_the_owners(task: Task) -> None:
    task["steps"][3]["when"] = task["steps"][3]["when"][1:]


def without_a_value(task: Task) -> None:
    task["steps"][0]["args"].remove(".rate=$(params.rate)")


def without_a_key_of_an_object(task: Task) -> None:
    task["steps"][0]["args"].remove(".of.z=$(params.of.z)")


def without_ends_of_lists(task: Task) -> None:
    words = task["steps"][0]["args"]
    end = next(word for word in words if word.startswith("--end="))
    kept = [word for word in words if word not in (end, "--lists=2", end.removeprefix("--end="))]
    task["steps"][0]["args"] = kept


def without_a_file(task: Task) -> None:
    task["steps"][0]["args"] = [word for word in task["steps"][0]["args"] if not word.startswith("--file")]


def without_a_result(task: Task) -> None:
    for step in (task["steps"][0], task["steps"][-1]):
        step["args"] = [word for word in step["args"] if not word.startswith("--output=result-score")]


def another_folder_is_kept(task: Task) -> None:
    for step in (task["steps"][0], task["steps"][-1]):
        step["args"] = [word.replace("path)/model", "path)/other") for word in step["args"]]


def kept_before_it_is_made(task: Task) -> None:
    task["steps"].insert(1, task["steps"].pop())


def a_step_without_its_number(task: Task) -> None:
    del task["steps"][1]["name"]


def strict_and_not_tolerated(task: Task) -> None:
    step = task["steps"][0]
    step["command"] = ["couler", "cache", "restore"]
    step["args"] = ["--strict", "--index=none", "--store=$(workspaces.couler-cache.path)/store", "k", "x=/nowhere"]
    del step["onError"]


def a_key_of_its_own(task: Task) -> None:
    task["steps"][-1]["args"][-1] = "--key=always-this"


def results_that_are_too_long(task: Task) -> None:
    task["steps"] += [{"name": f"more-{number}", "image": "busybox", "script": ":"} for number in range(60)]


def reading_a_result_of_a_step_that_was_skipped(task: Task) -> None:
    """Tekton cannot fill in its env then, and leaves its condition as it stands: which is what forbids this."""
    task["steps"][2]["script"] += "\nprintf 1 > $(step.results.x.path)"
    task["steps"][2]["results"] = [{"name": "x"}]
    task["steps"][5]["env"] = [{"name": "A", "value": "$(steps.model.results.x)"}]


BROKEN: tuple[Callable[[Task], None], ...] = (
    without_when,
    whens_turned_around,
    when_in_place_of_the_owners,
    without_a_value,
    without_a_key_of_an_object,
    without_ends_of_lists,
    without_a_file,
    without_a_result,
    another_folder_is_kept,
    kept_before_it_is_made,
    a_step_without_its_number,
    strict_and_not_tolerated,
    a_key_of_its_own,
    results_that_are_too_long,
    reading_a_result_of_a_step_that_was_skipped,
)


@pytest.mark.parametrize("break_it", BROKEN, ids=lambda function: function.__name__)
def test_what_is_broken_by_hand_is_found(break_it: Callable[[Task], None], tmp_path: Path) -> None:
    task, cached = spec_of(BASE)
    broken = copy.deepcopy(cached)
    break_it(broken)
    assert broken != cached
    assert next(differences(task, broken, Site(tmp_path)), "")


def test_what_came_after_a_step_that_failed_is_not_kept(tmp_path: Path) -> None:
    task, cached = spec_of(BASE)
    site, params = Site(tmp_path), {**GIVEN, "mode": "broken"}
    for _ in range(2):
        ended, _ = site.run(cached, params)
        assert ended == ended.__class__(True, site.run(task, params)[0].results, ended.ran, ended.said)
        assert ended.results["state"] == "0 1"
        assert "one of its steps has failed" in ended.said


def test_a_task_that_fails_is_not_kept(tmp_path: Path) -> None:
    task, cached = spec_of(BASE.replace("script: printf slow", "script: exit 3; printf slow"))
    site, params = Site(tmp_path), {**GIVEN, "mode": "slow"}
    for _ in range(2):
        ended, _ = site.run(cached, params)
        assert not ended.succeeded
        assert ended.ran == ["couler-restore", *site.run(task, params)[0].ran]


@pytest.mark.parametrize("value", ["a$b", "a$$b", "$(HOME)"])
def test_what_kubernetes_may_have_changed_has_no_key(value: str, tmp_path: Path) -> None:
    _, cached = spec_of(BASE)
    site = Site(tmp_path)
    for _ in range(2):
        ended, _ = site.run(cached, {**GIVEN, "of": {"x": value, "z": ""}})
        assert "has a $ in it" in ended.said
        assert "model" in ended.ran


def test_an_item_that_is_the_end_of_a_list_has_no_key(tmp_path: Path) -> None:
    _, cached = spec_of(BASE)
    end = next(word for word in cached["steps"][0]["args"] if word.startswith("--end=")).removeprefix("--end=")
    ended, _ = Site(tmp_path).run(cached, {**GIVEN, "first": [end], "second": []})
    assert "the text that ends a list" in ended.said


def test_what_is_at_the_place_of_an_output_is_not_replaced(tmp_path: Path) -> None:
    task, cached = spec_of(BASE)
    stale = {
        "image": "busybox",
        "script": "mkdir -p $(workspaces.out.path)/model; echo old > $(workspaces.out.path)/model/old",
    }
    task["steps"].insert(0, {**stale, "name": "before"})
    cached["steps"].insert(0, {**stale, "name": "before"})
    site = Site(tmp_path)
    site.run(spec_of(BASE)[1], GIVEN)
    ended, left = site.run(cached, GIVEN)
    assert left == site.run(task, GIVEN)[1]
    assert "there is something at the place of its output" in ended.said
