"""Workflows that run steps: parts are runs of groups, or pieces of wide ones, and groups stay barriers."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from adapters.argo.crd import violations
from adapters.argo.split.chains import Chain
from adapters.argo.split.test_split import STORED, differences, loaded, split
from couler_plugins.api import lift, lint, optimize
from couler_plugins.cli.group import couler
from couler_plugins.errors import CoulerError
from oracles.argo_oracle import Oracle, build
from support import examples


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


def stepped(widths: list[int], seed: int = 0) -> Any:
    """Groups of these widths, whose steps read parameters and artifacts of earlier ones."""
    chance = random.Random(seed)
    chain = Chain()
    groups: list[list[Any]] = []
    before: list[str] = []
    for width in widths:
        first = len(before)
        groups.append([_step(first + number, before[-20:], chance) for number in range(width)])
        before += [step["name"] for step in groups[-1]]
    chain.spec["templates"][0] = {"name": "main", "steps": groups}
    return chain.data


def _step(number: int, before: list[str], chance: random.Random) -> Any:
    read = chance.sample(before, min(len(before), chance.randrange(3)))
    texts = [str(number), *(f"{{{{steps.{name}.outputs.parameters.o}}}}" for name in read), "{{workflow.name}}"]
    arguments: dict[str, Any] = {"parameters": [{"name": "x", "value": " ".join(texts[: chance.randint(2, 4)])}]}
    if before and chance.random() < 0.3:
        source = f"{{{{steps.{chance.choice(before)}.outputs.artifacts.a}}}}"
        arguments["artifacts"] = [{"name": "d", "from": source}]
    return {"name": f"s{number}", "template": "kind-0", "arguments": arguments}


def groups_of(documents: list[Any]) -> list[list[str]]:
    """The groups of the parent."""
    (parent,) = [document for document in documents if document["kind"] == "Workflow"]
    return [[step["name"] for step in group] for group in parent["spec"]["templates"][0]["steps"]]


@pytest.mark.parametrize(
    ("widths", "steps", "wanted"),
    [
        ([1, 1, 1], 2, [["part-1"], ["part-2"]]),
        ([4], 2, [["part-1", "part-2"]]),
        ([1, 5, 1, 1], 2, [["part-1"], ["part-2", "part-3", "part-4"], ["part-5"]]),
        ([2, 1, 1, 2], 3, [["part-1"], ["part-2"]]),
        ([3, 1, 3], 3, [["part-1"], ["part-2"], ["part-3"]]),
    ],
)
def test_parts_are_runs_of_groups_and_pieces_of_wide_ones(
    widths: list[int], steps: int, wanted: Any, tmp_path: Path
) -> None:
    data = stepped(widths)
    after = split(data, tmp_path, into="workflows", max_steps=steps)
    assert groups_of(after) == wanted
    assert differences(data, after) == []
    assert [violation for document in after for violation in violations(document)] == []
    assert lint(copy.deepcopy(after)).findings == ()


@settings(max_examples=examples(25), deadline=None, phases=[Phase.generate])
@given(st.lists(st.integers(1, 5), min_size=1, max_size=7), st.integers(1, 6), st.integers(0, 99))
def test_whatever_the_groups(
    tmp_path_factory: pytest.TempPathFactory, widths: list[int], steps: int, seed: int
) -> None:
    data = stepped(widths, seed)
    after = split(data, tmp_path_factory.mktemp("any"), max_steps=steps, into="workflows")
    assert differences(data, after) == []


@pytest.mark.parametrize("widths", [[4], [3, 1, 2], [1, 3, 2]])
def test_parts_as_graphs_of_the_same_workflow(widths: list[int], tmp_path: Path) -> None:
    data = stepped(widths)
    (after,) = split(data, tmp_path, max_steps=3)
    assert differences(data, [after]) == []
    graphs = [item["steps"] for item in after["spec"]["templates"] if "steps" in item]
    assert max(sum(map(len, groups)) for groups in graphs) <= 3


@pytest.mark.slow
def test_bytes_count_and_the_number_of_steps_does_not(tmp_path: Path) -> None:
    data = stepped([1, 400, 1, 30, 300])
    assert split(data, tmp_path) == [data]
    after = split(data, tmp_path, max_bytes="90kB")
    assert len(after) > 2
    assert differences(data, after) == []


@pytest.mark.slow
def test_a_parent_of_many_parts_is_split_again_and_then_stays(tmp_path: Path) -> None:
    data = stepped([1] * 420)
    after = split(data, tmp_path, into="workflows", max_steps=2)
    assert len(groups_of(after)) < 10
    assert differences(data, after) == []
    again = list(optimize(copy.deepcopy(after), "split{into=workflows,max-steps=2}", plugins=loaded()).documents)
    assert again == after


def test_parts_and_links_are_found_again() -> None:
    done = optimize([stepped([2, 2, 5, 1])], "split{into=workflows,max-steps=3}", plugins=loaded())
    again = lift(list(done.documents))
    assert again.parts == done.parts
    assert again.links


def test_what_a_step_that_may_be_skipped_makes_stays_with_who_reads_it(tmp_path: Path) -> None:
    data = stepped([1, 1, 1, 1])
    for group in data["spec"]["templates"][0]["steps"]:
        group[0]["arguments"] = {"parameters": [{"name": "x", "value": group[0]["name"]}]}
    groups = data["spec"]["templates"][0]["steps"]
    groups[1][0]["when"] = "1 == 2"
    groups[2][0]["when"] = "{{steps.s1.status}} == Skipped"
    inside = [
        document["spec"]["templates"][1]["steps"]
        for document in split(data, tmp_path, into="workflows", max_steps=2)[1:]
    ]
    assert [[step["name"] for group in groups for step in group] for groups in inside] == [["s0"], ["s1", "s2"], ["s3"]]


def test_groups_that_cannot_be_cut_apart_and_are_too_large(tmp_path: Path) -> None:
    data = stepped([1, 2, 2, 1])
    groups = data["spec"]["templates"][0]["steps"]
    groups[2][0]["arguments"] = {"parameters": [{"name": "x", "value": "{{steps.s1.status}}"}]}
    with pytest.raises(CoulerError, match=r"the groups 2 to 3 have to stay in one part \(the status of 's1' is read\)"):
        split(data, tmp_path, into="workflows", max_steps=3)
    assert len(split(data, tmp_path, into="workflows", max_steps=4)) == 4


def test_who_uses_a_daemon_stays_with_it(tmp_path: Path) -> None:
    data = stepped([1, 1, 1])
    server = {"name": "server", "daemon": True, "container": {"image": "i"}}
    data["spec"]["templates"].append(server)
    data["spec"]["templates"][0]["steps"][1][0] = {"name": "s1", "template": "server"}
    data["spec"]["templates"][0]["steps"][2][0]["arguments"] = {"parameters": [{"name": "x", "value": "2"}]}
    after = split(data, tmp_path, into="workflows", max_steps=2)
    inside = [document["spec"]["templates"][1]["steps"] for document in after if document["kind"] == "WorkflowTemplate"]
    assert [[step["name"] for group in groups for step in group] for groups in inside] == [["s0"], ["s1", "s2"]]


def test_the_critical_path_is_told() -> None:
    (decision, *_) = optimize([stepped([1, 5, 1])], "split{into=workflows,max-steps=2}", plugins=loaded()).decisions
    figures = dict(decision.figures)
    assert figures["critical path seconds before"] == 3 * 60
    assert figures["critical path seconds after"] == 3 * (60 + 10)
    assert figures["critical path seconds at least"] == 3 * 60 + 10


def test_a_run_of_the_parts_takes_what_was_reckoned(tmp_path: Path) -> None:
    file = tmp_path / "workflow.json"
    file.write_text(json.dumps(stepped([2, 1, 1, 5, 1])))
    pipeline = "split{into=workflows,max-steps=3}"
    asked = CliRunner().invoke(couler, ["simulate", "-p", pipeline, "--format", "json", str(file)])
    assert asked.exit_code == 0, asked.output
    (told,) = json.loads(asked.stdout)["workflows"]
    figures = dict(optimize(file, pipeline, plugins=loaded()).decisions[0].figures)
    assert told["after"]["critical_path"] == figures["critical path seconds after"]


def test_the_stored_documents_are_all_there_is(tmp_path: Path) -> None:
    after = split(stepped([2, 2]), tmp_path, into="workflows", max_steps=2)
    assert {document["kind"] for document in after} == set(STORED)


@pytest.mark.oracle
def test_argo_accepts_it(oracle: Oracle, tmp_path: Path) -> None:
    calls = [split(stepped(widths), tmp_path, into="workflows", max_steps=3) for widths in ([1, 5, 2], [2] * 6, [7])]
    for verdicts in oracle.judge(calls):
        assert [verdict.complaint for verdict in verdicts if not verdict.accepted] == []
