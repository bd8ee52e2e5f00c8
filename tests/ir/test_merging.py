"""Chains that become one step: on random graphs, judged by an interpreter that knows no edit, and by example."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    AnyOf,
    Axis,
    Dynamic,
    Graph,
    GraphView,
    Handler,
    Literal,
    Loop,
    Native,
    Need,
    Output,
    Reference,
    Region,
    Step,
    Workflow,
    from_json,
    replace,
    to_json,
    verify,
)
from couler_plugins.ir.merging import Merge, Surroundings, merge_steps
from ir.chains import chains_of, merged, unrolled
from ir.small import graph, graph_of, inline, operation, out, passing, step, steps_of, workflow
from ir.strategies import workflows
from ir.test_properties import differences
from support import examples

slow = settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much])


@st.composite
def chained(draw: st.DrawFn) -> Workflow:
    """A random workflow, in which more steps than elsewhere wait for nothing but the one before them."""
    whole = draw(workflows(odd=draw(st.booleans()), plain=draw(st.booleans())))
    graphs = []
    for own in whole.graphs:
        order = GraphView(own, {item.name: item for item in whole.operations if item.inline}).order()
        before = dict(zip(order[1:], order, strict=False))
        chosen = draw(st.sets(st.sampled_from(order))) if own.stages is None and not own.finalizers else set()
        needs = {name: Need(step=before[name]) for name in chosen if name in before}
        graphs.append(
            replace(own, steps=tuple(replace(one, needs=needs.get(one.name, one.needs)) for one in own.steps))
        )
    return replace(whole, graphs=tuple(graphs))


def check(whole: Workflow, counts: Counter[int] | None = None) -> None:
    for own in whole.graphs:
        chains = [chain for chain in chains_of(whole, own) if len(chain) > 1]
        if not chains:
            continue
        try:
            after = merged(whole, own, chains)
        except Unsupported:
            continue
        if counts is not None:
            counts.update(map(len, chains))
        assert verify(after) == []
        assert from_json(to_json(after)) == after
        assert differences(whole, unrolled(whole, own, chains, after), own.fail_fast is not False) == []


@settings(slow, max_examples=examples(75))
@given(chained())
def test_merged_chains_compute_the_same(whole: Workflow) -> None:
    check(whole)


@pytest.mark.slow
def test_chains_are_not_all_refused() -> None:
    counts: Counter[int] = Counter()

    @settings(slow, max_examples=400, phases=[Phase.generate])
    @given(chained())
    def collect(whole: Workflow) -> None:
        check(whole, counts)

    collect()
    assert counts[2] >= 20, counts
    assert max(counts) > 2, counts


@settings(slow, max_examples=examples(100))
@given(chained())
def test_links_are_those_of_the_transitive_reduction(whole: Workflow) -> None:
    for own in whole.graphs:
        view = GraphView(own, {item.name: item for item in whole.operations if item.inline})
        names = [one.name for one in own.steps if one.name not in own.finalizers]
        if own.stages is not None:
            continue
        below = {name: view.descendants(name) & set(names) for name in names}
        edges = {
            (one, two)
            for one in names
            for two in below[one]
            if not any(two in below[between] for between in below[one])
        }
        starts, ends = Counter(one for one, _ in edges), Counter(two for _, two in edges)
        assert set(view.links()) == {(one, two) for one, two in edges if starts[one] == ends[two] == 1}


def pod(*names: str, **more: Any) -> Merge:
    outputs = {(name, "parameter", "y"): ("parameter", f"{name}-y") for name in names}
    own = operation("pod", outputs=tuple(Output(name=f"{name}-y") for name in names), **more)
    return Merge(names, step("chain", call="pod"), own, outputs)


def test_what_others_read_and_wait_for_follows() -> None:
    whole = workflow(
        graph(
            step("before"),
            step("a", "before"),
            step("b", "a", call="use", arguments=passing(x=out("a"))),
            step("c", "a", "b", call="use", arguments=passing(x=out("b", native="{{b.y}}"))),
            step("d", "c", call="use", arguments=passing(x=out("a"))),
            outputs=(Output(name="z", value=out("b")),),
            regions=(Region(name="r", steps=("a", "b")),),
            targets=("d", "b"),
        )
    )
    after = merge_steps(whole, "g", [pod("a", "b")])
    assert list(steps_of(after)) == ["before", "chain", "c", "d"]
    assert steps_of(after)["chain"].needs == Need(step="before")
    assert steps_of(after)["c"].needs == Need(step="chain")
    assert steps_of(after)["c"].arguments == passing(x=out("chain", "b-y"))
    assert steps_of(after)["d"].arguments == passing(x=out("chain", "a-y"))
    own = graph_of(after)
    assert own.outputs == (Output(name="z", value=out("chain", "b-y")),)
    assert own.regions == (Region(name="r", steps=("chain",)),)
    assert own.targets == ("d", "chain")
    assert [item.name for item in after.operations] == ["op", "use", "pod"]


def test_stages_and_operations_that_nothing_calls() -> None:
    steps = (step("a"), step("b", call="use", arguments=passing(x=out("a"))), step("c", call="last"))
    operations = (operation(), operation("use", "x"), operation("last"))
    whole = workflow(graph(*steps, stages=(("a",), ("b",), ("c",))), operations=operations)
    after = merge_steps(whole, "g", [pod("a", "b")])
    assert graph_of(after).stages == (("chain",), ("c",))
    assert [item.name for item in after.operations] == ["last", "pod"]
    library = merge_steps(replace(whole, library="namespace"), "g", [pod("a", "b")])
    assert [item.name for item in library.operations] == ["op", "use", "last", "pod"]
    other = Step(name="other", call=Dynamic(target=Native(parts=("{}",))))
    chosen = replace(whole, handlers=(Handler(step=other),))
    assert [item.name for item in merge_steps(chosen, "g", [pod("a", "b")]).operations] == ["op", "use", "last", "pod"]


def test_what_is_written_inside_of_others_follows() -> None:
    steps = (step("a"), step("b", "a"), step("c", "b", call="own"))
    whole = workflow(graph(*steps), operations=(operation(), inline("own", out("a"))))
    after = merge_steps(whole, "g", [pod("a", "b")])
    own = next(item for item in after.operations if item.name == "own")
    assert own.containers[0].args == (out("chain", "a-y"),)


LOOP = Loop(axes=(Axis(name="x", values=Native.of([1, 2])),))
NO, YES = Literal(value=False), Literal(value=True)


@pytest.mark.parametrize(
    ("steps", "more", "rule"),
    [
        ([step("a"), step("b", "a", condition=YES)], {}, "condition"),
        ([step("a", loop=LOOP), step("b", "a")], {}, "loop"),
        ([step("a", tolerates=("failed",)), step("b", "a")], {}, "tolerates"),
        ([step("a", handlers=(Handler(step=step("on exit")),)), step("b", "a")], {}, "handlers"),
        ([step("a", role="setup"), step("b", "a")], {}, "role"),
        ([step("a"), step("b", "a"), step("c", "b", outcomes=("failed",))], {}, "outcome"),
        ([step("a"), step("b", "a"), step("c", "b", condition=Reference(to="status", step="b"))], {}, "status"),
        ([step("a"), step("b", "a", outcomes=("failed", "succeeded"))], {}, "needs outcome"),
        (
            [step("x", condition=YES), step("a", "x", outcomes=("skipped", "succeeded")), step("b", "a", "x")],
            {},
            "needs",
        ),
        ([step("a"), step("b", "a"), step("c")], {"targets": ("a", "c")}, "target"),
        ([step("a"), step("b", "a")], {"regions": (Region(name="r", steps=("a",)),)}, "region"),
        (
            [step("a"), step("b", "a"), step("c", call="use", arguments=passing(x=out("a")))],
            {"finalizers": ("c",)},
            "finalizer",
        ),
        (
            [
                step("x"),
                step("a"),
                step("b", "a"),
                step("c", "b"),
                step("d", needs=AnyOf(needs=(Need(step="c"), Need(step="a"), Need(step="x")))),
            ],
            {},
            "order",
        ),
    ],
)
def test_what_would_mean_something_else_is_refused(steps: list[Step], more: dict[str, Any], rule: str) -> None:
    own = graph(*steps, **more)
    scope = Surroundings(GraphView(own))
    assert scope.links["a"] == "b"
    obstacles = [*scope.around("a"), *scope.around("b"), *scope.between(["a", "b"])]
    assert {item.rule for item in obstacles} == set(rule.split())
    with pytest.raises(Unsupported, match="cannot become one step"):
        merge_steps(workflow(own), "g", [pod("a", "b")])


def test_steps_that_are_no_chain_are_refused() -> None:
    whole = workflow(graph(step("a"), step("b", "a"), step("c", "a")))
    with pytest.raises(Unsupported, match="do not run one after the other"):
        merge_steps(whole, "g", [pod("a", "b")])
    reading = workflow(graph(step("a"), step("b", "a"), outputs=(Output(name="z", value=out("a", "z")),)))
    with pytest.raises(Unsupported, match="the z of 'a' would be lost"):
        merge_steps(reading, "g", [pod("a", "b")])


def test_the_judge_notices_a_chain_that_goes_on_after_a_failure() -> None:
    whole = workflow(graph(step("a"), step("b", "a", call="use", arguments=passing(x=Literal(value=1)))))
    own = whole.graphs[0]
    right = unrolled(whole, own, [["a", "b"]], merged(whole, own, [["a", "b"]]))
    assert differences(whole, right) == []

    def careless(item: Graph) -> Graph:
        return replace(item, steps=tuple(replace(one, needs=None) for one in item.steps))

    wrong = replace(right, graphs=tuple(careless(item) if item.name == "pod 0" else item for item in right.graphs))
    assert differences(whole, wrong)


def test_links_of_a_large_graph_take_no_quadratic_time() -> None:
    steps = [
        step(f"{kind}{number}", *([f"a{number}"] if kind == "b" else [])) for number in range(3000) for kind in "ab"
    ]
    assert len(Surroundings(GraphView(graph(*steps))).links) == 3000
