from __future__ import annotations

import pytest

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import Profile
from couler_plugins.ir import AllOf, Axis, Call, Graph, Literal, Loop, Need, Operation, Step, Workflow, replace
from couler_plugins.simulation.planned import run_of_workflow


def step(name: str, call: str, *after: str) -> Step:
    needs = AllOf(needs=tuple(Need(step=one) for one in after)) if after else None
    return Step(name=name, call=Call(name=call), needs=needs)


WORKFLOW = Workflow(
    name="w",
    engine="toy",
    kind="Toy",
    entry=step("w", "main"),
    graphs=(
        Graph(
            name="main", steps=(step("get", "op"), step("train", "inner", "get"), step("use", "other", "get", "train"))
        ),
        Graph(name="inner", steps=(step("a", "op"), step("b", "op"), step("c", "op", "a"))),
    ),
    operations=(Operation(name="op", kind="container"), Operation(name="other", kind="container")),
)


def test_steps_of_inner_graphs_have_their_own_profiles_and_parents() -> None:
    asked: list[str] = []

    def profile(name: str) -> Profile:
        asked.append(name)
        return Profile(seconds=float(len(name)), output_bytes=10, memory=5)

    run = run_of_workflow(WORKFLOW, profile)
    assert sorted(asked) == ["inner/a", "inner/b", "inner/c", "main/get", "main/use"]
    found = {ran.step: ran for ran in run.steps}
    above = {ran.step: sorted(run.steps[parent].step for parent in ran.parents) for ran in run.steps}
    assert above == {
        "get": [],
        "train/a": ["get"],
        "train/b": ["get"],
        "train/c": ["train/a"],
        "use": ["get", "train/b", "train/c"],
    }
    assert (found["use"].type, found["use"].seconds, found["use"].bytes, found["use"].memory) == ("other", 8.0, 10, 5)
    assert len({ran.key for ran in run.steps}) == 5


def test_an_operation_alone() -> None:
    workflow = Workflow(
        name="w",
        engine="toy",
        kind="Toy",
        entry=step("w", "op"),
        operations=(Operation(name="op", kind="container"),),
    )
    (ran,) = run_of_workflow(workflow, lambda name: Profile(seconds=3.0) if name == "op" else Profile()).steps
    assert (ran.step, ran.seconds, ran.bytes, ran.parents) == ("w", 3.0, None, ())


def test_nothing_is_known() -> None:
    with pytest.raises(InvalidInput, match="the times of the steps of w are not known") as caught:
        run_of_workflow(WORKFLOW, lambda _: Profile())
    assert "--history" in (caught.value.hint or "")


def test_a_loop_counts_as_many_items_as_past_runs_had() -> None:
    loop = Loop(axes=(Axis(name="item", values=Literal(value="x")),))
    each = replace(step("a", "op"), loop=loop)
    workflow = Workflow(
        name="", prefix="w-", engine="toy", kind="Toy", entry=step("w", "main"),
        graphs=(Graph(name="main", steps=(each, step("b", "op"))),),
        operations=(Operation(name="op", kind="container"),),
    )  # fmt: skip
    run = run_of_workflow(workflow, lambda _: Profile(seconds=2.0, output_bytes=10, instances=3.0))
    assert run.family == "w"
    assert [(ran.step, ran.seconds, ran.bytes) for ran in run.steps] == [("a", 6.0, 30), ("b", 2.0, 10)]
    run = run_of_workflow(workflow, lambda _: Profile(seconds=2.0, output_bytes=10))
    assert [(ran.seconds, ran.bytes) for ran in run.steps] == [(None, None), (2.0, 10)]


def test_a_daemon_takes_no_time_and_makes_nothing() -> None:
    database = replace(WORKFLOW.operations[0], daemon=True)
    run = run_of_workflow(
        replace(WORKFLOW, operations=(database, WORKFLOW.operations[1])), lambda _: Profile(seconds=9)
    )
    assert [(ran.seconds, ran.bytes) for ran in run.steps if not ran.artifact] == [(0.0, 0)] * 4
    assert [ran.step for ran in run.steps if ran.artifact] == ["use"]
