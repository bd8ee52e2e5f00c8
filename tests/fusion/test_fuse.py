"""What `fuse` does to workflows of an engine that can run anything in one pod, and what it leaves alone by name."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput
from couler_plugins.fusion.optimizer import Fuse
from couler_plugins.hookspecs.fusing import Refusal
from couler_plugins.ir import (
    ANY_STEP,
    Call,
    Container,
    Directive,
    External,
    Handler,
    Home,
    Homes,
    Literal,
    Native,
    Operation,
    Output,
    Reference,
    Retry,
    Step,
    Workflow,
    replace,
)
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Plan
from fusion.toy_pods import Asked, Pods, annotated, fused, row, seconds
from ir.small import graph, graph_of, operation, out, passing, step, steps_of, workflow

READING = passing(x=out("a"))
RETRY = Retry(limit=Literal(value=2))


def chain(*names: str, **more: Any) -> Workflow:
    """Steps one after another."""
    pairs = zip(names, ("", *names), strict=False)
    return workflow(graph(*(step(name, *filter(None, [before])) for name, before in pairs)), **more)


def names(plan: Plan) -> list[str]:
    return [name for own in plan.workflows[0].graphs for name in steps_of(plan.workflows[0], own.name)]


def reasons(plan: Plan) -> dict[str, str]:
    return {item.subject: item.reason for item in plan.decisions if not item.action}


def test_a_chain_becomes_one_step_that_others_read_and_wait_for() -> None:
    whole = workflow(
        graph(
            step("a"),
            step("b", "a", call="use", arguments=READING),
            step("c", "b", call="use", arguments=passing(x=out("b"))),
            step("d", "c", call="use", arguments=READING),
            step("e", "c", call="use", arguments=passing(x=out("c"))),
        )
    )
    plan = fused(whole, Asked(seconds={"g/a": 1, "g/b": 1, "g/c": 1}))
    after = plan.workflows[0]
    assert names(plan) == ["a-to-c", "d", "e"]
    assert steps_of(after)["d"].arguments == passing(x=out("a-to-c"))
    assert steps_of(after)["e"].arguments == passing(x=out("a-to-c", "c-y"))
    (decision,) = plan.decisions
    assert decision.subject == "g/a-to-c"
    assert decision.action == "run a, b, c in one pod, as a row of containers"
    assert "logs: a in container 0, b in container 1, c in container 2" in decision.reason
    assert decision.affects == ("g/a", "g/b", "g/c", "a-to-c")
    assert dict(decision.figures) == {
        "pods saved": 2,
        "seconds saved with the assumed overhead of a pod": 16.0,
        "reservation ratio": 1.0,
    }


def test_nothing_changes_where_nothing_is_a_chain() -> None:
    whole = workflow(graph(step("a"), step("b", "a"), step("c", "a"), step("d", "b", "c")))
    plan = fused(whole)
    assert plan.workflows == (whole,)
    assert plan.decisions == ()


def test_a_chain_is_cut_where_one_link_is_refused() -> None:
    whole = chain("a", "b", "c", "d")
    plan = fused(whole, Asked(Pods(links={"c": Refusal("image", "it has another image than 'b'", remedy="pin it")})))
    assert names(plan) == ["a-to-b", "c-to-d"]
    assert reasons(plan) == {
        "g/c": "it does not share a pod with the step before it: it has another image than 'b' (pin it)",
    }


def test_an_engine_that_cannot_run_a_whole_chain_runs_what_it_can() -> None:
    plan = fused(chain("a", "b", "c"), Asked(Pods(most=2)))
    assert names(plan) == ["a-to-b", "c"]
    assert "a pod has at most 2 parts" in reasons(plan)["g/c"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"daemon": True}, "keeps running"),
        ({"memoized": Native.of({})}, "caches it by itself"),
        ({"locks": Native.of({})}, "a lock"),
        ({"metrics": Native.of({})}, "metrics of its own"),
        ({"directives": (Directive(kind="cache"),)}, "a cache"),
        ({"kind": "gate"}, "it is a gate"),
        ({"outputs": (Output(name="y", exported=Literal(value="y")),)}, "the whole run sees an output"),
        ({"retry": RETRY}, "'a' would run again although it has succeeded"),
        ({"timeout": seconds(60)}, "'a' would have no timeout of its own"),
        ({"retry": Retry(limit=Reference(to="parameter", name="n"))}, "only known when it runs"),
        (
            {"containers": (Container(requests=(("gpu", Literal(value="1")),)),)},
            "different gpu, which would be held all the time",
        ),
    ],
)
def test_what_an_operation_says_keeps_it_apart(change: dict[str, Any], reason: str) -> None:
    operations = (replace(operation("own"), **change), operation())
    whole = workflow(graph(step("a", call="own"), step("b", "a")), operations=operations)
    plan = fused(whole)
    assert plan.workflows == (whole,)
    assert reason in reasons(plan)["g/b"]


def test_what_a_step_says_keeps_it_apart() -> None:
    whole = chain("a", "b")
    first, second = whole.graphs[0].steps
    for change, reason in (
        ({"condition": Literal(value=True)}, "on a condition"),
        ({"handlers": (Handler(step=step("h")),)}, "on its events"),
        ({"role": "setup"}, "it frames other steps"),
        ({"call": Call(name="inner")}, "it calls the graph 'inner'"),
        (
            {"call": External(workflow="lib", name="op")},
            "it calls 'op' of 'lib', which no file here has, or several have",
        ),
    ):
        odd = replace(
            whole, graphs=(graph(replace(first, **change), second), graph(step("x"), step("y"), name="inner"))
        )
        assert fused(odd).workflows == (odd,)
        assert reason in reasons(fused(odd))["g/b"]


class Labelled(Pods):
    """Keeps labels and annotations in what else is said of a step."""

    def homes(self) -> Homes:
        def get(name: str) -> Home:
            return Home(at="step", get=lambda node: tuple(json.loads(node.native_extra.parts[0])[name].items()))

        return {**super().homes(), "labels": get("labels"), "annotations": get("annotations")}


def test_pods_that_differ_are_not_shared() -> None:
    def whole(**second: Any) -> Workflow:
        first = {"labels": {"team": "x"}, "annotations": {"couler.io/cache": "never"}}
        said = (first, {"labels": {"team": "x"}, "annotations": {}} | second)
        pair = chain("a", "b").graphs[0].steps
        steps = [replace(one, native_extra=Native.of(extra)) for one, extra in zip(pair, said, strict=True)]
        return workflow(graph(*steps))

    plan = Plan(bundle=Bundle.of(()), originals=(), workflows=(whole(),), homes=Labelled().homes())
    asked: Any = Asked(Labelled())
    assert names(Fuse().run(plan, asked)) == ["a-to-b"]
    for second, setting in (({"labels": {}}, "labels"), ({"annotations": {"mesh": "on"}}, "annotations")):
        after = Fuse().run(dataclasses.replace(plan, workflows=(whole(**second),)), asked)
        assert f"its pod does not have the same {setting} as that of 'a' (the same for both)" in reasons(after)["g/b"]


def test_pods_of_operations_in_libraries_are_compared_as_well() -> None:
    class Selective(Pods):
        def homes(self) -> Homes:
            return {
                **super().homes(),
                "priority": Home(at="operation", get=lambda node: node.native_extra and Literal(value=1)),
            }

    own = replace(operation(), native_extra=Native.of({}))
    library = Workflow(name="lib", engine="none", kind="test", library="namespace", operations=(own,))
    whole = workflow(graph(Step(name="a", call=External(workflow="lib", name="op")), step("b", "a")))
    asked: Any = Asked(Selective())
    plan = Plan(bundle=Bundle.of(()), originals=(), workflows=(whole, library), homes=asked.pods.homes())
    assert "its pod does not have the same priority" in reasons(Fuse().run(plan, asked))["g/b"]


def test_an_operation_of_a_library_of_the_plan_is_fused() -> None:
    calls = External(workflow="lib", name="op")
    library = Workflow(name="lib", engine="none", kind="test", library="namespace", operations=(operation(),))
    whole = workflow(graph(Step(name="a", call=calls), step("b", "a")))
    plan = Plan(bundle=Bundle.of(()), originals=(whole, library), workflows=(whole, library), homes=Pods().homes())
    after = Fuse().run(plan, Asked())  # type: ignore[arg-type]  # a context for one pass
    assert list(steps_of(after.workflows[0])) == ["a-to-b"]
    assert after.workflows[1] == library


def test_what_a_caller_forbids_holds_in_what_it_calls() -> None:
    inner = graph(step("a"), step("b", "a"), name="inner")
    library = Workflow(
        name="lib", engine="none", kind="test", library="namespace", graphs=(inner,), operations=(operation(),)
    )
    caller = workflow(graph(Step(name="all", call=External(workflow="lib", name="inner"))))
    plan = Plan(bundle=Bundle.of(()), originals=(), workflows=(caller, library), homes=Pods().homes())
    free: Any = Asked()
    assert [one.name for one in Fuse().run(plan, free).workflows[1].graphs[0].steps] == ["a-to-b"]
    bound: Any = Asked(said=[row("all", fuse="never")])
    after = Fuse().run(plan, bound)
    assert after.workflows == plan.workflows
    assert "a caller keeps it as it is" in reasons(after)["inner/b"]


IDEMPOTENT = [row("a", idempotent=True), row("b", idempotent=True)]


def test_retries_are_merged_where_all_that_would_run_again_may() -> None:
    operations = (operation("own", retry=Retry(limit=Literal(value=1))), operation(retry=RETRY))
    whole = workflow(graph(step("a", call="own"), step("b", "a")), operations=operations)
    assert "'a' would run again although it has succeeded" in reasons(fused(whole))["g/b"]
    assert "'b'" not in reasons(fused(whole))["g/b"].partition("'a': ")[2]
    plan = fused(whole, Asked(said=IDEMPOTENT[:1]))
    assert plan.workflows[0].operations[-1].retry is None
    assert steps_of(plan.workflows[0])["a-to-b"].retry == RETRY
    assert names(fused(whole, Asked(guard=IDEMPOTENT[:1]))) == ["a-to-b"]
    no = fused(whole, Asked(said=[row("a", idempotent=False)], guard=IDEMPOTENT))
    assert names(no) == ["a", "b"]
    other = replace(operations[0], retry=Retry(limit=Literal(value=1), condition=Literal(value="x")))
    plan = fused(replace(whole, operations=(other, operations[1])), Asked(said=IDEMPOTENT))
    assert "after different failures" in reasons(plan)["g/b"]
    own = replace(RETRY, condition=Reference(to="input", kind="parameter", name="x"))
    reading = workflow(
        graph(step("a", call="use", arguments=passing(x=Literal(value=1))), step("b", "a")),
        operations=(operation("use", "x", retry=own), operation()),
    )
    plan = fused(reading, Asked(said=IDEMPOTENT))
    assert "depends on its own inputs" in reasons(plan)["g/b"]


def test_timeouts_are_summed_by_word_or_kept_by_the_engine() -> None:
    operations = (operation("own", timeout=seconds(60)), operation(timeout=Literal(value="2m")))
    whole = workflow(graph(step("a", call="own"), step("b", "a")), operations=operations)
    assert "say allow" in reasons(fused(whole))["g/b"]
    for asked, options in (
        (Asked(said=[row("a", allow="timeout"), row("b", allow=["timeout"])]), Fuse()),
        (Asked(), Fuse(allow=("timeout",))),
    ):
        plan = fused(whole, asked, options)
        assert steps_of(plan.workflows[0])["a-to-b"].timeout == seconds(180)
    plan = fused(whole, Asked(Pods(keeps_timeouts=True)))
    assert steps_of(plan.workflows[0])["a-to-b"].timeout is None
    plan = fused(replace(whole, operations=(operations[0], operation())), options=Fuse(allow=("timeout",)))
    assert steps_of(plan.workflows[0])["a-to-b"].timeout is None


def test_words_of_adapters_are_lifted_by_annotations() -> None:
    refusal = Refusal("files", "it would find files of 'a'", "files")
    for words in ({"fuse_allow": "files"}, {"fuse_allow.b": "timeout, files"}, {"fuse_allow.g.b": "files"}):
        whole = chain("a", "b", operations=(annotated(operation(), **words),))
        assert names(fused(whole, Asked(Pods(links={"b": refusal})))) == ["a-to-b"]
    whole = chain("a", "b", operations=(annotated(operation(), **{"fuse_allow.a": "files"}),))
    assert "say allow = \"files\" of 'b'" in reasons(fused(whole, Asked(Pods(links={"b": refusal}))))["g/b"]


def test_an_annotation_that_may_mean_several_steps_allows_nothing() -> None:
    refusal = Refusal("files", "it would find files of 'a'", "files")
    asked = Asked(Pods(links={"b": refusal}))
    two = [graph(step("a"), step("b", "a"), name=name) for name in ("g", "h")]
    for words, pairs in (({"fuse_allow.b": "files"}, 0), ({"fuse_allow.g.b": "files"}, 1)):
        plan = fused(workflow(*two, operations=(annotated(operation(), **words),)), asked)
        assert names(plan).count("a-to-b") == pairs
    plan = fused(workflow(*two, operations=(annotated(operation(), **{"fuse.b": "never"}),)))
    assert "a-to-b" not in names(plan)


@pytest.mark.parametrize(
    ("annotations", "reason"),
    [
        ({"fuse": "never"}, "its annotation couler.io/fuse says so"),
        ({"fuse.b": "never"}, "its annotation couler.io/fuse.b says so"),
        ({"fuse": "always"}, "write never"),
        ({"fuse.c": "never"}, "names no step, or several"),
        ({"fuse_allow": "speed"}, "the words are timeout, files"),
    ],
)
def test_what_annotations_forbid(annotations: dict[str, str], reason: str) -> None:
    whole = chain("a", "b", operations=(annotated(operation(), **annotations),))
    plan = fused(whole)
    assert plan.workflows == (whole,)
    assert reason in reasons(plan)["g/b"]


def test_rows_forbid_as_well_and_odd_ones_are_errors() -> None:
    plan = fused(chain("a", "b"), Asked(said=[row("b", fuse="never")]))
    assert names(plan) == ["a", "b"]
    assert "couler.toml:3 says so" in reasons(plan)["g/b"]
    for content, problem in (
        ({}, "it says nothing"),
        ({"fuse": "always"}, "write never"),
        ({"allow": "speed"}, "the words are timeout, files"),
        ({"retries": 3}, "guard.declare"),
    ):
        with pytest.raises(InvalidInput, match=problem):
            fused(chain("a", "b"), Asked(said=[row("b", **content)]))
    with pytest.raises(InvalidInput, match="not only wildcards"):
        fused(chain("a", "b"), Asked(said=[row("*", idempotent=True)]))


def sized(name: str, cpu: str) -> Operation:
    return operation(name, containers=(Container(requests=(("cpu", Literal(value=cpu)),)),))


def test_a_chain_that_would_reserve_too_much_is_cut() -> None:
    whole = workflow(
        graph(step("a", call="small"), step("b", "a", call="large")),
        operations=(sized("small", "1"), sized("large", "8")),
    )
    assert names(fused(whole, Asked(seconds={"g/a": 100, "g/b": 100}))) == ["a-to-b"]
    plan = fused(whole, Asked(seconds={"g/a": 1000, "g/b": 10}))
    assert names(plan) == ["a", "b"]
    assert "7.1 times as much CPU or memory as now (option max-reserved=8)" in reasons(plan)["g/b"]
    assert names(fused(whole, Asked(seconds={"g/a": 1000, "g/b": 10}), Fuse(max_reserved=8))) == ["a-to-b"]


def test_a_chain_that_holds_back_others_is_not_fused() -> None:
    """With two places, r2 starts beside r1 once a and q have ended; a pod of a and b would keep its place instead."""
    steps = [step("q"), step("r1", "q"), step("r2", "q"), step("z", "r1", "r2"), step("a"), step("b", "a")]
    times = {"g/q": 1.0, "g/r1": 10.0, "g/r2": 10.0, "g/z": 10.0, "g/a": 1.0, "g/b": 10.0}
    asked, options = Asked(seconds=times), Fuse(overhead=0.1)
    assert names(fused(workflow(graph(*steps)), asked, options)) == ["q", "r1", "r2", "z", "a-to-b"]
    for plan in (
        fused(workflow(graph(*steps, parallelism=Literal(value=2))), asked, options),
        fused(workflow(graph(*steps)), asked, Fuse(overhead=0.1, workers=2)),
    ):
        assert names(plan) == ["q", "r1", "r2", "z", "a", "b"]
        assert "with at most 2 pods at a time, others would end later" in reasons(plan)["g/b"]
    free = fused(workflow(graph(*steps, parallelism=Literal(value=3))), asked, options)
    assert names(free) == ["q", "r1", "r2", "z", "a-to-b"]


def test_a_pod_has_at_most_so_many_steps() -> None:
    plan = fused(chain(*"abcde"), options=Fuse(max_steps=2))
    assert names(plan) == ["a-to-b", "c-to-d", "e"]
    assert "2 steps share a pod already (option max-steps)" in reasons(plan)["g/c"]


def test_a_graph_that_chooses_a_step_when_it_runs_stays_as_it_is() -> None:
    whole = chain("a", "b")
    value = Reference(to="output", step=ANY_STEP, kind="parameter", name="y")
    whole = replace(whole, graphs=(replace(whole.graphs[0], outputs=(Output(name="z", value=value),)),))
    plan = fused(whole)
    assert plan.workflows == (whole,)
    assert "chooses a step at run time" in reasons(plan)["g/b"]


def test_the_original_is_kept_beside_it() -> None:
    whole = replace(chain("a", "b"), source=(0,))
    bundle = Bundle.of([read("kind: Toy\n", "folder/w.yaml")])
    assert fused(whole, bundle=bundle).side == ({"file": "w.yaml", "text": "kind: Toy\n"},)
    assert fused(whole, options=Fuse(keep_original=False), bundle=bundle).side == ()


def test_stages_of_one_step_each_are_a_chain() -> None:
    whole = workflow(graph(step("a"), step("b"), step("c"), step("d"), stages=(("a",), ("b",), ("c", "d"))))
    plan = fused(whole)
    assert graph_of(plan.workflows[0]).stages == (("a-to-b",), ("c", "d"))


@pytest.mark.parametrize(
    "options", [{"overhead": -1}, {"max_reserved": 0.5}, {"workers": 0}, {"max_steps": 1}, {"allow": ("speed",)}]
)
def test_odd_options_are_errors(options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"has to be|cannot be"):
        Fuse(**options)
