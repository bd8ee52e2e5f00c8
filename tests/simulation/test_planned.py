"""The tasks that a workflow would run."""

from __future__ import annotations

import pytest

from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs import Profile
from couler_plugins.ir import Axis, Call, Graph, Loop, Native, Need, Operation, Step, Workflow
from couler_plugins.simulation.planned import GUESS, planned
from couler_plugins.simulation.split_run import run_whole

EACH = Loop(axes=(Axis(name="item", values=Native.of([1, 2, 3])),))


def workflow(*graphs: Graph, daemon: bool = False) -> Workflow:
    operations = (Operation(name="op", kind="container"), Operation(name="server", kind="container", daemon=daemon))
    entry = Step(name=graphs[0].name, call=Call(name=graphs[0].name))
    return Workflow(name="w", engine="toy", kind="Toy", entry=entry, graphs=graphs, operations=operations)


def step(name: str, after: str = "", call: str = "op", loop: Loop | None = None) -> Step:
    return Step(name=name, call=Call(name=call), needs=Need(step=after) if after else None, loop=loop)


def test_steps_wait_as_they_do() -> None:
    known = {"main/a": Profile(seconds=5.0), "main/b": Profile(seconds=7.0)}
    main = Graph(name="main", steps=(step("a"), step("b", "a"), step("c")))
    tasks = planned(workflow(main), lambda name: known.get(name, Profile()))
    assert {name: took for name, took in zip(tasks.steps, tasks.seconds, strict=True) if name} == {
        "a": 5.0,
        "b": 7.0,
        "c": 6.0,  # the median of those that are known
    }
    assert (tasks.call_sites, tasks.unknown, tasks.guess, tasks.work) == (3, 1, 6.0, 18.0)
    assert run_whole(tasks, None).makespan == 12
    assert run_whole(tasks, 1).makespan == 18


def test_where_nothing_is_known() -> None:
    tasks = planned(workflow(Graph(name="main", steps=(step("a"), step("b", "a")))), lambda _: Profile())
    assert (tasks.unknown, tasks.guess, tasks.work) == (2, GUESS, 2 * GUESS)


def test_steps_of_a_graph_belong_to_the_step_that_calls_it() -> None:
    main = Graph(name="main", steps=(step("first"), step("inner", "first", "sub")))
    tasks = planned(
        workflow(main, Graph(name="sub", steps=(step("x"), step("y", "x")))), lambda _: Profile(seconds=1.0)
    )
    assert [name for name, took in zip(tasks.steps, tasks.seconds, strict=True) if took] == ["first", "inner", "inner"]
    assert set(tasks.steps) == {"", "first", "inner"}
    assert run_whole(tasks, 1).makespan == 3  # junctions hold no worker


@pytest.mark.parametrize(("instances", "runs", "endless"), [(4.0, 4, 0), (None, 1, 1)])
def test_a_loop_has_a_task_for_each_item(instances: float | None, runs: int, endless: int) -> None:
    main = Graph(name="main", steps=(step("each", loop=EACH), step("last", "each")))
    known = {"main/each": Profile(seconds=10.0, instances=instances), "main/last": Profile(seconds=1.0)}
    tasks = planned(workflow(main), known.__getitem__)
    assert tasks.seconds.count(10.0) == runs
    assert tasks.endless == endless
    assert run_whole(tasks, None).makespan == 11
    assert run_whole(tasks, 1).makespan == 10 * runs + 1


def test_a_daemon_takes_no_time_of_those_behind_it() -> None:
    main = Graph(name="main", steps=(step("serve", call="server"), step("ask", "serve")))
    tasks = planned(workflow(main, daemon=True), lambda _: Profile(seconds=5.0))
    assert run_whole(tasks, 1).makespan == 5


def test_a_loop_over_a_graph_is_refused() -> None:
    main = Graph(name="main", steps=(step("inner", call="sub", loop=EACH),))
    with pytest.raises(Unsupported, match="runs in a loop"):
        planned(workflow(main, Graph(name="sub", steps=(step("x"),))), lambda _: Profile())
