"""Workflows that are split compute what they computed before, each step once, in an order that was possible before."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from adapters.argo.crd import violations
from adapters.argo.split.generating import layered, workflow
from adapters.argo.split.runs import run
from adapters.argo.split.texts import Broken
from couler_plugins.api import lint, optimize
from couler_plugins.options.config import load_config
from couler_plugins.plugins import Plugins, load_plugins
from oracles.argo_oracle import Oracle, build

STORED = ("Workflow", "WorkflowTemplate")


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


@cache
def loaded() -> Plugins:
    """The plugins, loaded once for many calls."""
    return load_plugins(load_config())


def split(data: Any, tmp_path: Path, **options: Any) -> list[Any]:
    """The documents that splitting makes of a workflow; permissions left out."""
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(data))
    texts = ",".join(f"{name.replace('_', '-')}={value}" for name, value in options.items())
    result = optimize(file, f"split{{{texts}}}" if texts else "split", plugins=loaded())
    return [document for document in result.documents if document["kind"] in STORED]


def differences(before: Any, after: list[Any]) -> list[str]:
    """How what runs differs between a workflow and its parts; empty where it does not."""
    try:
        old, new = run([before]), run(after)
    except Broken as error:
        return [str(error)]
    found = []
    if old.leaves.keys() != new.leaves.keys():
        found.append("other things run, or they run with other inputs")
    elif early := [leaf for leaf, ran in old.leaves.items() if not ran.before <= new.leaves[leaf].before]:
        found.append(f"{len(early)} steps may start before what they depended on has ended")
    return found


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[Any]]:
    data = workflow(layered(2_000, 20))
    return data, split(data, tmp_path_factory.mktemp("large"), max_bytes="250kB")


@pytest.mark.slow
def test_two_thousand_tasks_compute_what_they_computed(large: tuple[Any, list[Any]]) -> None:
    before, after = large
    assert len(after) > 10
    assert differences(before, after) == []


@pytest.mark.slow
def test_what_is_made_passes_lint_and_the_crds(large: tuple[Any, list[Any]], tmp_path: Path) -> None:
    _, after = large
    for document in after:
        assert not violations(document), document["metadata"]
        (tmp_path / f"{document['metadata']['name']}.json").write_text(json.dumps(document))
    assert lint(tmp_path).findings == ()


@pytest.mark.oracle
def test_argo_accepts_it(large: tuple[Any, list[Any]], oracle: Oracle) -> None:
    _, after = large
    (verdicts,) = oracle.judge([after])
    assert [verdict.error for verdict in verdicts if not verdict.accepted] == []


@pytest.mark.slow
def test_every_part_is_within_the_limits(large: tuple[Any, list[Any]]) -> None:
    _, after = large
    for document in after:
        graphs = [template["dag"]["tasks"] for template in document["spec"]["templates"] if "dag" in template]
        assert len(json.dumps(document, separators=(",", ":"))) <= 250_000
        assert max(map(len, graphs)) <= 200
        assert len(document["spec"]["templates"]) <= 200


@pytest.mark.slow
def test_a_run_that_starts_again_adopts_what_is_done(large: tuple[Any, list[Any]]) -> None:
    _, after = large
    cluster = run(after, "uid-1")
    done = len(cluster.leaves)
    assert len(run(after, "uid-1", cluster).leaves) == done
    assert len(run(after, "uid-2", cluster, couler_run="uid-1").leaves) == done
    assert len(run(after, "uid-3", cluster).leaves) == 2 * done


def test_a_part_that_changed_is_not_adopted(tmp_path: Path) -> None:
    data = workflow([[], [0], [1], [2]])
    cluster = run(split(data, tmp_path, into="workflows", max_steps=2), "uid-1")
    edited = copy.deepcopy(data)
    for template in edited["spec"]["templates"][1:]:
        template["container"]["image"] = "other"
    again = split(edited, tmp_path, into="workflows", max_steps=2)
    before = len(cluster.leaves)
    assert run(again, "uid-1", cluster).leaves.keys() >= run(again, "uid-9").leaves.keys()
    assert len(cluster.leaves) > before


graphs = st.integers(3, 14).flatmap(
    lambda size: st.tuples(
        *(
            st.sets(st.integers(0, number - 1), max_size=3).map(sorted) if number else st.just([])
            for number in range(size)
        )
    )
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, phases=[Phase.generate])
@given(graphs, st.integers(2, 5), st.integers(0, 99))
def test_whatever_the_graph(tmp_path_factory: pytest.TempPathFactory, parents: Any, steps: int, seed: int) -> None:
    data = workflow(parents, seed)
    after = split(data, tmp_path_factory.mktemp("any"), max_steps=steps, into=["auto", "workflows"][seed % 2])
    assert differences(data, after) == []


# The judge itself.

Edit = Callable[[list[Any]], None]


def runner(documents: list[Any], number: int) -> Any:
    (parent,) = [document for document in documents if document["kind"] == "Workflow"]
    return next(item for item in parent["spec"]["templates"] if item["name"] == f"run-part-{number}")


def main_of(documents: list[Any]) -> Any:
    (parent,) = [document for document in documents if document["kind"] == "Workflow"]
    return parent["spec"]["templates"][0]["dag"]["tasks"]


def library(documents: list[Any], number: int) -> Any:
    return next(document for document in documents if document["metadata"]["name"] == f"big-part-{number}")["spec"]


def replaced(holder: Any, key: Any, old: str, new: str) -> None:
    assert old in holder[key]
    holder[key] = holder[key].replace(old, new, 1)


def again(documents: list[Any], number: int) -> None:
    (parent,) = [document for document in documents if document["kind"] == "Workflow"]
    second = copy.deepcopy(runner(documents, number))
    second["name"] = "again"
    replaced(second["resource"], "manifest", f'name: "part-{number}', 'name: "again')
    parent["spec"]["templates"].append(second)
    main_of(documents).append({**copy.deepcopy(main_of(documents)[number - 1]), "name": "x", "template": "again"})


BROKEN: dict[str, Edit] = {
    "a part is missing": lambda found: found.remove(next(d for d in found if d["metadata"]["name"] == "big-part-2")),
    "a part is not started": lambda found: main_of(found).pop(),
    "a part starts too early": lambda found: main_of(found)[2].pop("depends"),
    "a part runs twice": lambda found: again(found, 1),
    "an output is not handed out": lambda found: library(found, 1)["templates"][1].pop("outputs"),
    "an output has no global name": lambda found: library(found, 1)["templates"][1]["outputs"]["parameters"][0].pop(
        "globalName"
    ),
    "an output is that of the workflow itself": lambda found: library(found, 1).update(entrypoint="part-1"),
    "an output is another one": lambda found: replaced(
        library(found, 1)["templates"][1]["outputs"]["parameters"][0]["valueFrom"], "parameter", "tasks.t", "tasks.u"
    ),
    "another value is passed": lambda found: main_of(found)[1]["arguments"]["parameters"][0].update(value="7"),
    "a value is not passed": lambda found: main_of(found)[1]["arguments"]["parameters"].pop(0),
    "a value is not handed on": lambda found: replaced(
        runner(found, 2)["resource"], "manifest", "- name: t", "- name: u"
    ),
    "a part is not waited for": lambda found: runner(found, 1)["resource"].pop("successCondition"),
    "a step is lost": lambda found: library(found, 3)["templates"][1]["dag"]["tasks"].pop(),
    "a step has another template": lambda found: library(found, 3)["templates"][1]["dag"]["tasks"][-1].update(
        template="kind-x"
    ),
    "an order within a part is lost": lambda found: library(found, 1)["templates"][1]["dag"]["tasks"][1].pop("depends"),
    "names are too long": lambda found: replaced(
        runner(found, 1)["resource"], "manifest", 'name: "part-1', 'name: "' + "p" * 60
    ),
}


@pytest.fixture(scope="module")
def chained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, list[Any]]:
    """A chain whose steps read from those before, and what it is split into."""
    data = workflow([[], [0], [0, 1], [1, 2], [3], [3, 4], [5], [6], [7]], 3)
    for task in data["spec"]["templates"][0]["dag"]["tasks"]:
        task["arguments"]["parameters"][0]["value"] += "".join(
            f" {{{{tasks.{name}.outputs.parameters.o}}}}" for name in task.get("depends", "").split(" && ") if name
        )
    after = split(data, tmp_path_factory.mktemp("chained"), into="workflows", max_steps=3)
    assert differences(data, after) == []
    return data, after


@pytest.mark.parametrize("way", BROKEN)
def test_the_judge_sees_what_is_broken(way: str, chained: tuple[Any, list[Any]]) -> None:
    data, after = copy.deepcopy(chained)
    BROKEN[way](after)
    assert differences(data, after) != []
