"""What is worth keeping under a capacity is chosen by what past runs say, and unknown figures stay unknown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from caching.toy import Toy, artifact, flow, main
from couler_plugins.caching.analysis import Analysis
from couler_plugins.caching.choice import Limit, choose
from couler_plugins.caching.profiles import profiles_of
from couler_plugins.caching.verdicts import Verdict
from couler_plugins.driver.context import RunContext
from couler_plugins.hookspecs import CachePolicy, Profile
from couler_plugins.ir import Axis, Graph, Literal, Loop, Native, Step, Workflow, replace
from couler_plugins.options.fields import Size
from couler_plugins.plugins import Plugins
from couler_plugins.runs import Candidate, History, Run, StepRun
from ir.small import graph, step


@dataclass(frozen=True)
class Worth(CachePolicy):
    """Keeps what takes longest for its size, and remembers what it was asked."""

    name: ClassVar[str] = "worth"
    asked: list[tuple[list[Candidate], History]] = field(default_factory=list, metadata={"option": False})

    def keep(self, candidates: Sequence[Candidate], capacity: int | None, history: History) -> set[str]:
        self.asked.append((list(candidates), history))
        kept: set[str] = set()
        free = capacity or 0
        for one in sorted(candidates, key=lambda one: -(one.seconds or 0) / max(one.bytes, 1)):
            if one.bytes <= free:
                kept.add(one.key)
                free -= one.bytes
        return kept


class Past(RunContext):
    """A context with these past runs, and their profiles."""

    def __init__(self, runs: Sequence[Run]) -> None:
        super().__init__(Plugins([]))
        self._past = runs

    def runs(self, workflow: Workflow) -> Sequence[Run]:
        return self._past

    def profile(self, workflow: Workflow, step: str) -> Profile:
        return profiles_of(workflow, self._past).get(step, Profile())


def run(**steps: tuple[float | None, int | None]) -> Run:
    """A run of steps of the graph `g`, each with its seconds and bytes."""
    return Run(
        family="w",
        steps=tuple(
            StepRun(step=f"g/{name}", type="op", spec=name, key=name, seconds=seconds, bytes=size)
            for name, (seconds, size) in steps.items()
        ),
    )


def chosen(workflow: Workflow, capacity: int, *runs: Run, policy: Worth | None = None) -> dict[str, Verdict]:
    toy = Toy()
    verdicts = Analysis(workflow, toy).verdicts
    limit = Limit(Size(capacity), policy or Worth())
    found = choose(workflow, verdicts, toy, Past(runs), limit)
    assert list(found) == list(verdicts)
    return {"/".join(place): verdict for place, verdict in found.items()}


def rules(found: dict[str, Verdict]) -> dict[str, str]:
    return {place: verdict.objection.rule if verdict.objection else "" for place, verdict in found.items()}


def test_what_is_not_worth_its_bytes_is_not_cached_and_the_figures_say_why() -> None:
    workflow = main(step("a"), step("b"), step("c"))
    found = chosen(workflow, 100, run(a=(50.0, 60), b=(100.0, 50), c=(1.0, 50)))
    assert rules(found) == {"g/a": "capacity", "g/b": "", "g/c": ""}
    objection = found["g/a"].objection
    assert objection is not None
    assert objection.against == "storage"
    assert objection.reason == "worth does not keep it in 100: it takes 50 s and makes 60 bytes in a run"
    assert found["g/b"].choice == "worth keeps it in 100"


def test_a_step_of_unknown_size_takes_no_part() -> None:
    policy = Worth()
    found = chosen(main(step("a"), step("b")), 10, run(a=(50.0, None), b=(None, 50)), policy=policy)
    assert rules(found) == {"g/a": "", "g/b": "capacity"}
    assert "not known" in found["g/a"].choice
    ((candidates, _),) = policy.asked
    assert [(one.step, one.seconds, one.bytes) for one in candidates] == [("g/b", None, 50)]


def test_without_history_everything_stays_cached() -> None:
    assert rules(chosen(main(step("a"), step("b")), 1)) == {"g/a": "", "g/b": ""}


def test_the_policy_sees_past_runs_and_the_planned_one_with_its_edges() -> None:
    workflow = main(step("a"), step("b", "a", call="eat", arguments=(artifact("a", "a"),)))
    policy = Worth()
    past = run(a=(1.0, 1), b=(2.0, 2))
    chosen(workflow, 100, past, policy=policy)
    ((candidates, history),) = policy.asked
    assert history.runs[0] == past
    planned = history.runs[1]
    assert [(ran.step, ran.parents, ran.spec) for ran in planned.steps] == [("g/a", (), "a"), ("g/b", (0,), "b")]
    assert planned.at > past.at
    assert candidates[1].parents == (candidates[0].key,)


def test_a_loop_counts_all_its_items_and_one_of_unknown_length_as_many_as_past_runs_had() -> None:
    items = Loop(axes=(Axis(name="item", values=Native.of([1, 2, 3])),))
    workflow = main(
        replace(step("a"), loop=items), replace(step("b"), loop=Loop(axes=(Axis(name="i", values=Literal(value="x")),)))
    )
    policy = Worth()
    past = Run(
        family="w",
        steps=tuple(
            StepRun(step=f"g/{name}(0:1)", site=f"g/{name}", type="op", spec="s", key=name, seconds=2.0, bytes=10)
            for name in ("a", "b")
        ),
    )
    chosen(workflow, 100, past, policy=policy)
    ((candidates, _),) = policy.asked
    assert [(one.step, one.seconds, one.bytes) for one in candidates] == [("g/a", 6.0, 30), ("g/b", 2.0, 10)]


def test_a_step_after_a_graph_depends_on_the_ends_of_what_is_in_it() -> None:
    inner = Graph(name="inner", steps=(step("x"), step("y", "x")))
    workflow = flow(graph(step("s", call="inner"), step("b", "s")), inner)
    policy = Worth()
    chosen(workflow, 100, run(b=(1.0, 1)), policy=policy)
    ((_, history),) = policy.asked
    steps = history.runs[-1].steps
    parents = {ran.step: [steps[parent].step for parent in ran.parents] for ran in steps}
    assert parents == {"inner/x": [], "inner/y": ["inner/x"], "g/s": ["inner/y"], "g/b": ["g/s"]}


def test_a_step_of_a_graph_that_is_called_twice_counts_twice() -> None:
    inner = Graph(name="inner", steps=(step("x"),))
    workflow = flow(graph(step("s", call="inner"), step("t", call="inner")), inner)
    policy = Worth()
    chosen(
        workflow,
        100,
        Run(family="w", steps=(StepRun(step="inner/x", type="op", spec="x", key="x", seconds=2.0, bytes=10),)),
        policy=policy,
    )
    ((candidates, _),) = policy.asked
    assert [(one.step, one.seconds, one.bytes) for one in candidates] == [("inner/x", 4.0, 20)]


def test_a_workflow_of_one_operation_is_chosen_from_as_well() -> None:
    entry = step("main", call="op")
    workflow = replace(main(), graphs=(), entry=entry)
    past = Run(family="w", steps=(StepRun(step="op", type="op", spec="x", key="x", seconds=2.0, bytes=10),))
    assert rules(chosen(workflow, 5, past)) == {"/main": "capacity"}
    assert rules(chosen(workflow, 10, past)) == {"/main": ""}


def test_an_item_of_a_loop_belongs_to_the_step_that_loops() -> None:
    items = Loop(axes=(Axis(name="item", values=Native.of([1, 2])),))
    policy = Worth()
    past = Run(family="w", steps=(StepRun(step="g/a(0:1)", type="x", spec="x", key="x", seconds=2.0, bytes=10),))
    chosen(main(replace(step("a"), loop=items)), 100, past, policy=policy)
    ((candidates, _),) = policy.asked
    assert [(one.step, one.bytes) for one in candidates] == [("g/a", 20)]


def test_recursion_is_no_trouble() -> None:
    workflow = flow(graph(step("a"), step("again", "a", call="g")))
    assert rules(chosen(workflow, 100, run(a=(1.0, 1))))["g/a"] == "recursion"


def test_a_choice_made_again_is_the_same() -> None:
    steps: list[Step] = [step(f"s{number}") for number in range(20)]
    past = run(**{f"s{number}": (float(number % 7), 10 + number) for number in range(20)})
    assert rules(chosen(main(*steps), 100, past)) == rules(chosen(main(*steps), 100, past))
