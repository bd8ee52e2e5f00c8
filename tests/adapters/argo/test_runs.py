"""The steps of runs read from the status of Workflows: what each is, took and made, and what it came after."""

from __future__ import annotations

import pytest

from adapters.argo.statuses import TEMPLATES, node, parents, run, steps, workflow
from couler_argo.history import run_of
from couler_plugins.errors import InvalidInput


def test_a_step_has_its_time_its_type_and_the_steps_before_it() -> None:
    found = run({"a": node("Pod", "a", "b"), "b": node("Pod", "b")})
    assert (found.family, found.at) == ("wf", 1767229200.0)
    assert [(ran.step, ran.type, ran.seconds, ran.fate, ran.parents) for ran in found.steps] == [
        ("main/a", "work", 180.0, "computed", ()),
        ("main/b", "work", 180.0, "computed", (0,)),
    ]


def test_sizes_are_known_of_parameters_and_unknown_with_artifacts() -> None:
    told = {"parameters": [{"name": "x", "value": "12345"}], "result": "ok"}
    made = {"artifacts": [{"name": "o", "s3": {"key": "k"}}], **told}
    found = steps({"a": node("Pod", "a", "b", outputs=told), "b": node("Pod", "b", outputs=made)})
    assert found["main/a"].bytes == 7
    assert found["main/b"].bytes is None


def test_a_hit_took_no_time_and_its_key_is_the_one_argo_used() -> None:
    memo = {"hit": True, "key": "abc", "cacheName": "couler-cache-wf-00"}
    found = steps({"a": node("Pod", "a", memoizationStatus=memo)})
    assert (found["main/a"].fate, found["main/a"].key, found["main/a"].seconds) == ("loaded", "abc", None)
    missed = steps({"a": node("Pod", "a", memoizationStatus={**memo, "hit": False})})
    assert (missed["main/a"].fate, missed["main/a"].key, missed["main/a"].seconds) == ("computed", "abc", 180.0)


def test_a_retried_step_is_one_step_and_its_last_attempt_is_what_it_took() -> None:
    found = steps(
        {
            "a": node("Retry", "a", "a0", "a1", startedAt="2026-01-01T00:00:00Z"),
            "a0": node("Pod", "a(0)", phase="Failed"),
            "a1": node("Pod", "a(1)", "b", startedAt="2026-01-01T00:03:30Z"),
            "b": node("Pod", "b"),
        }
    )
    assert set(found) == {"main/a", "main/b"}
    assert (found["main/a"].attempts, found["main/a"].seconds) == (2, 30.0)
    assert found["main/b"].parents == (0,)


def test_a_graph_that_is_retried_as_a_whole_is_no_step() -> None:
    nodes = {
        "r": node("Retry", "r", "d"),
        "d": node("DAG", "r(0)", "x", templateName="inner"),
        "x": node("Pod", "x", boundaryID="d"),
    }
    assert parents(nodes) == {"main/r/inner/x": []}
    assert run(nodes).steps[0].site == "inner/x"


def test_a_graph_that_is_called_twice_has_steps_of_two_names_and_one_site() -> None:
    nodes = {
        "a": node("DAG", "a", "x", "b", templateName="inner"),
        "x": node("Pod", "x(0:red)", boundaryID="a"),
        "b": node("DAG", "b", "y", templateName="inner"),
        "y": node("Pod", "x(0:red)", boundaryID="b"),
    }
    found = run(nodes).steps
    assert {ran.step for ran in found} == {"main/a/inner/x(0:red)", "main/b/inner/x(0:red)"}
    assert {ran.site for ran in found} == {"inner/x"}


@pytest.mark.parametrize(
    ("phase", "fate"),
    [("Failed", "failed"), ("Error", "failed"), ("Omitted", "skipped"), ("Running", "pending"), ("Pending", "pending")],
)
def test_what_became_of_a_step(phase: str, fate: str) -> None:
    found = steps({"a": node("Pod", "a", phase=phase)})["main/a"]
    assert (found.fate, found.seconds, found.bytes) == (fate, *((0.0, 0) if fate == "skipped" else (None, None)))


def test_steps_in_groups_come_after_all_of_the_group_before() -> None:
    nodes = {
        "g0": node("StepGroup", "[0]", "a", "b"),
        "a": node("Pod", "a", "g1"),
        "b": node("Pod", "b", "g1"),
        "g1": node("StepGroup", "[1]", "c", "d"),
        "c": node("Pod", "c"),
        "d": node("Pod", "d"),
    }
    assert parents(nodes) == {
        "main/a": [],
        "main/b": [],
        "main/c": ["main/a", "main/b"],
        "main/d": ["main/a", "main/b"],
    }


def test_a_circle_is_refused() -> None:
    with pytest.raises(InvalidInput, match="comes after itself"):
        run({"a": node("Pod", "a", "b"), "b": node("Pod", "b", "a")})


def test_ten_thousand_steps_in_a_chain() -> None:
    chain = {f"n{number}": node("Pod", f"s{number}", f"n{number + 1}") for number in range(10_000)}
    found = run(chain)
    assert len(found.steps) == 10_000
    assert found.steps[-1].parents == (9_998,)


def test_a_hit_of_a_retried_step_has_no_attempt_and_is_a_step() -> None:
    memo = {"hit": True, "key": "abc"}
    found = steps({"a": node("Retry", "a", "b", memoizationStatus=memo), "b": node("Pod", "b")})
    assert (found["main/a"].fate, found["main/a"].key) == ("loaded", "abc")
    assert found["main/b"].parents == (0,)


def test_a_miss_of_a_retried_step_has_its_key_on_the_retry() -> None:
    memo = {"hit": False, "key": "abc"}
    found = steps({"a": node("Retry", "a", "a0", memoizationStatus=memo), "a0": node("Pod", "a(0)")})
    assert (found["main/a"].fate, found["main/a"].key, found["main/a"].seconds) == ("computed", "abc", 180.0)


def test_a_hook_of_a_retried_step_is_no_attempt() -> None:
    flags = {"nodeFlag": {"retried": True}}
    found = steps(
        {
            "a": node("Retry", "a", "a0", "h"),
            "a0": node("Pod", "a(0)", **flags),
            "h": node("Pod", "a.onExit", startedAt="2026-01-01T00:03:50Z", nodeFlag={"hooked": True}),
        }
    )
    assert (found["main/a"].attempts, found["main/a"].seconds) == (1, 180.0)
    assert found["main/a.onExit"].parents == (0,)


def test_waiting_and_serving_take_no_time_and_make_nothing() -> None:
    document = workflow(
        {
            "a": node("Suspend", "a", "b", "c"),
            "b": node("Pod", "b", "c", daemoned=True),
            "c": node("Pod", "c", "d", templateName="database"),  # as Argo leaves it once it has ended the daemon
            "d": node("Pod", "d", phase="Skipped"),
        }
    )
    document["spec"] = {"templates": [*TEMPLATES, {"name": "database", "daemon": True, "container": {}}]}
    found = run_of(document)
    assert found is not None
    assert [(ran.seconds, ran.bytes, ran.artifact) for ran in found.steps] == [(0.0, 0, False)] * 4
    assert run({"a": node("Pod", "a")}).steps[0].artifact


def test_a_large_group_after_a_large_group_is_joined_by_one_step() -> None:
    """Each of 2,000 would have 2,000 parents else."""
    first = [f"a{number}" for number in range(2000)]
    second = [f"b{number}" for number in range(2000)]
    nodes = {"g0": node("StepGroup", "[0]", *first)}
    nodes |= {name: node("Pod", name, "g1") for name in first}
    nodes |= {"g1": node("StepGroup", "[1]", *second), **{name: node("Pod", name) for name in second}}
    found = run(nodes)
    assert sum(len(ran.parents) for ran in found.steps) == 4000
    (join,) = [ran for ran in found.steps if ran.step == "main/[1]"]
    assert (join.seconds, join.bytes, join.fate, join.artifact) == (0.0, 0, "computed", False)
