"""Which calls may be cached, over graphs without an engine."""

from __future__ import annotations

from typing import Any
from typing import Literal as OneOf

import pytest

from caching.toy import TOY, Toy, artifact, main, rules, verdicts
from couler_plugins.caching.analysis import Analysis
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.ir import (
    AnyOf,
    Argument,
    Call,
    Dynamic,
    External,
    Graph,
    Handler,
    Literal,
    Native,
    Need,
    Not,
    Operation,
    Port,
    Reference,
    Step,
    Workflow,
    replace,
)
from ir.small import out, passing, step


def test_a_chain_of_pure_steps() -> None:
    found = verdicts(main(step("a"), step("b", "a"), step("c", "b")), TOY)
    assert all(verdict.objection is None for verdict in found.values())
    assert [len(verdict.lineages) for verdict in found.values()] == [0, 1, 1]
    assert len({verdict.lineages for verdict in found.values()}) == 3


def test_poison_by_order_and_what_cuts_it() -> None:
    assert rules(main(step("a", call="bad"), step("b", "a")), TOY)["g/b"] == "unknown-producer"
    assert rules(main(step("a", call="bad"), step("b", "a"), step("c", "b")), TOY)["g/c"] == "unknown-producer"
    cut = step("b", "a", call="use", arguments=passing(x=out("a")))
    assert rules(main(step("a", call="bad"), cut), TOY)["g/b"] == ""
    before = main(step("z", call="bad"), step("a", "z", call="bad"), cut)
    assert rules(before, TOY)["g/b"] == "unknown-producer"
    assert rules(main(step("z"), step("a", "z", call="bad"), cut), TOY)["g/b"] == ""


def test_artifacts() -> None:
    eat = step("b", "a", call="eat", arguments=(artifact("a", "a"),))
    assert rules(main(step("a"), eat), TOY)["g/b"] == ""
    assert rules(main(step("a", call="bad"), eat), TOY)["g/b"] == "unknown-producer"
    fixed, moving = (Argument(name="a", kind="artifact", value=Native.of({kind: "x"})) for kind in ("fixed", "s3"))
    assert rules(main(step("b", call="eat", arguments=(fixed,))), TOY)["g/b"] == ""
    assert rules(main(step("b", call="eat", arguments=(moving,))), TOY)["g/b"] == "unversioned-input"


def by_content(workflow: Workflow, toy: Toy) -> dict[str, str]:
    """The rule against each call where wrappers see what is in artifacts."""
    found = Analysis(workflow, toy, by_content=True).verdicts
    return {"/".join(place): "" if item.objection is None else item.objection.rule for place, item in found.items()}


COVERS = Toy(impure=["bad"], covers=["eat"])


def test_contents_of_artifacts_cut() -> None:
    a, bad = step("a"), step("a", call="bad")
    eat = step("b", "a", call="eat", arguments=(artifact("a", "a"),))
    assert by_content(main(bad, eat), COVERS)["g/b"] == ""
    assert by_content(main(bad, eat), TOY)["g/b"] == "unknown-producer"  # its wrapper cannot see them
    assert rules(main(bad, eat), COVERS)["g/b"] == "unknown-producer"
    assert by_content(main(bad, eat, step("c", "b")), COVERS)["g/c"] == "unknown-producer"
    assert by_content(main(a, eat, step("c", "b")), COVERS)["g/c"] == ""
    order = step("b", "a", "o", call="eat", arguments=(artifact("a", "a"),))
    assert by_content(main(bad, step("o", call="bad"), order), COVERS)["g/b"] == "unknown-producer"
    assert by_content(main(bad, step("o"), order), COVERS)["g/b"] == ""


def test_contents_change_nothing_of_what_has_a_lineage() -> None:
    eat = step("b", "a", call="eat", arguments=(artifact("a", "a"),))
    flow = main(step("a"), eat, step("c", "b"))
    plain, other = (Analysis(flow, COVERS, by_content=covers).verdicts for covers in (False, True))
    assert plain == other


def test_contents_at_a_place() -> None:
    moving = Argument(name="a", kind="artifact", value=Native.of({"s3": "x"}))
    flow = main(step("b", call="eat", arguments=(moving,)), step("c", "b"))
    assert by_content(flow, COVERS) == {"g/b": "", "g/c": "unknown-producer"}


@pytest.mark.parametrize("port", ["a", "x"])
def test_contents_that_go_into_a_graph(port: str) -> None:
    """An artifact and a parameter of the same name are two things."""
    value = Reference(to="input", kind="parameter", name="x")
    inner = {
        "a": step("e", call="eat", arguments=(artifact("a", "", port),)),
        "x": step("e", call="use", arguments=passing(x=value)),
    }
    graph = Graph(name="inner", inputs=(Port(name=port, kind="artifact"), Port(name="x")), steps=(inner[port],))
    given = (artifact(port, "a"), *passing(x=Literal(value="1")))
    calls = main(step("a", call="bad"), step("b", "a", call="inner", arguments=given))
    found = by_content(replace(calls, graphs=(*calls.graphs, graph)), COVERS)
    assert found["inner/e"] == ("" if port == "a" else "unknown-producer")


@pytest.mark.parametrize(
    "needs",
    [
        AnyOf(needs=(Need(step="a", outcomes=("succeeded",)), Need(step="z", outcomes=("succeeded",)))),
        Not(need=Need(step="a", outcomes=("failed",))),
        Need(step="a", outcomes=("failed", "succeeded")),
        Need(step="a", outcomes=("failed",)),
        Need(step="a", outcomes=("omitted", "succeeded")),
    ],
)
def test_who_does_not_know_how_the_step_before_went(needs: object) -> None:
    doubtful = replace(step("b"), needs=needs)
    found = rules(main(step("a"), step("z"), doubtful, step("c", "b", call="use", arguments=passing(x=out("b")))), TOY)
    assert found["g/a"] == ""
    assert found["g/b"] == "uncertain-producer"
    assert found["g/c"] == "uncertain-producer"  # a value cuts off what b made, not how a went


@pytest.mark.parametrize(
    "more",
    [
        {"condition": Literal(value="x")},
        {"tolerates": ("failed",)},
        {"handlers": (Handler(step=Step(name="exit", call=Call(name="bad"))),)},
    ],
)
def test_who_may_leave_nothing_or_something_else(more: dict[str, Any]) -> None:
    found = rules(main(replace(step("a"), **more), step("b", "a")), TOY)
    assert found["g/a"] == ""
    assert found["g/b"] == "uncertain-producer"


@pytest.mark.parametrize(
    ("reference", "rule"),
    [
        (Reference(to="run", name="workflow", path=("uid",)), "run-context"),
        (Reference(to="status", step="a", name="exitCode"), "run-context"),
        (Reference(to="global", kind="parameter", name="g"), "global-output"),
        (Reference(to="secret", name="s"), "secret"),
        (Reference(to="workspace", name="w"), "unknown-reference"),
        (Reference(to="unknown", name="?"), "unknown-reference"),
        (Reference(to="output", kind="parameter", step="*", name="y"), "unknown-reference"),
        (Reference(to="parameter", kind="parameter", name="p"), ""),
    ],
)
def test_arguments_that_no_key_covers(reference: Reference, rule: str) -> None:
    given_step = step("b", "a", call="use", arguments=passing(x=reference))
    parameters = (Port(name="p"),)
    assert rules(main(step("a"), given_step, parameters=parameters), TOY)["g/b"] == rule


def test_external_and_dynamic_calls() -> None:
    far = Step(name="a", call=External(workflow="w", name="t"))
    assert rules(main(far, step("b", "a")), TOY) == {"g/b": "unknown-producer"}
    anything = Step(name="a", call=Dynamic(target=Native.of({})))
    assert rules(main(anything, step("b"), step("c")), TOY) == {"g/b": "dynamic", "g/c": "dynamic"}


def test_a_step_that_frames_others() -> None:
    assert rules(main(replace(step("a"), role="setup"), step("b", "a")), TOY)["g/a"] == "role"


def test_reuse_and_storage() -> None:
    """What only cannot be kept has a key, and so have its followers."""
    cases: tuple[tuple[OneOf["reuse", "storage"], str], ...] = (("storage", ""), ("reuse", "unknown-producer"))
    for against, rule in cases:
        toy = Toy(objections={"op": Objection("because", "so", against)})
        found = rules(main(step("a"), step("b", "a", call="use", arguments=passing(x=Literal(value="1")))), toy)
        assert found == {"g/a": "because", "g/b": rule}


@pytest.mark.parametrize(
    ("said", "own", "next_rule"),
    [
        ("always", "always", "unknown-producer"),
        ("never", "never", "unknown-producer"),
        ("ttl=1h", "", "unknown-producer"),
    ],
)
def test_new_generations(said: str, own: str, next_rule: str) -> None:
    toy = Toy(said={"op": said})
    found = rules(main(step("a"), step("b", "a", call="use", arguments=passing(x=Literal(value="1")))), toy)
    assert found == {"g/a": own, "g/b": next_rule}


def test_assuming() -> None:
    assert rules(main(step("a", call="bad")), TOY)["g/a"] == "not-declared"
    assert rules(main(step("a", call="bad")), TOY, assume_pure=True)["g/a"] == ""


def test_what_runs_for_its_effect() -> None:
    quiet = Operation(name="op", kind="container")
    flow_ = replace(main(step("a")), operations=(quiet,))
    assert rules(flow_, TOY)["g/a"] == "no-outputs"


@pytest.mark.slow
def test_long_chains_are_linear() -> None:
    """20,000 steps in a row, with and without keys."""
    steps = [step("s0"), *(step(f"s{n}", f"s{n - 1}") for n in range(1, 20_000))]
    assert set(rules(main(*steps), TOY).values()) == {""}
    poisoned = [step("s0", call="bad"), *steps[1:]]
    assert sum(rule == "unknown-producer" for rule in rules(main(*poisoned), TOY).values()) == 19_999


def test_values_of_a_long_chain_are_too_many() -> None:
    steps = [step("s0", call="bad")]
    steps += [step(f"s{n}", f"s{n - 1}", call="use", arguments=passing(x=out(f"s{n - 1}"))) for n in range(1, 100)]
    found = rules(main(*steps), TOY)
    assert [found[f"g/s{n}"] for n in (1, 2, 30)] == ["", "", ""]
    assert found["g/s99"] != ""


def test_the_many_before_one() -> None:
    steps = [step(f"s{n}") for n in range(2_000)]
    found = verdicts(main(*steps, step("z", *(one.name for one in steps))), TOY)["g/z"]
    assert found.objection is None
    assert len(found.lineages) == 1  # they are all the same call
