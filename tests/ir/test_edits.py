"""Batches of replacements, renaming, cloning and redirecting, each with what it refuses."""

from __future__ import annotations

import pytest

from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    ANY_STEP,
    AnyOf,
    Axis,
    Call,
    Container,
    Directive,
    Dynamic,
    Expression,
    FirstOf,
    Graph,
    Handler,
    Literal,
    Loop,
    Native,
    Need,
    Operation,
    Output,
    Reference,
    Region,
    Retry,
    Step,
    Template,
    Workflow,
    call_sites,
    callables,
    clone_callable,
    clone_step,
    fresh_name,
    map_steps,
    needed,
    redirect_calls,
    references,
    remove_callables,
    rename_callable,
    rename_steps,
    replace,
    replace_callables,
    replace_steps,
    verify,
    with_directive,
)
from ir.small import (
    diamond,
    given,
    graph,
    graph_of,
    inline,
    operation,
    out,
    passing,
    step,
    steps_of,
    workflow,
)


def everywhere() -> Workflow:
    """A graph in which the step `a` is named wherever a step can be named."""
    a = out("a")
    values = passing(
        x=Template(parts=("t", a, Expression(language="e", parts=(a,)))),
        y=FirstOf(values=(a, Native(parts=("[", a, "]")))),
    )
    reader = step(
        "reader",
        call="use",
        needs=AnyOf(needs=(Need(step="a"), Need(step="a", outcomes=("failed",)))),
        arguments=values,
        condition=Reference(to="status", step="a", name="status"),
        loop=Loop(axes=(Axis(name="i", values=a),), limit=a, includes=(Native(parts=(a,)),)),
        retry=Retry(limit=a),
        timeout=a,
        handlers=(Handler(step=step("h", call="use", arguments=passing(x=a)), condition=a),),
        native_extra=Native(parts=(a,)),
    )
    own = graph(
        step("a"),
        reader,
        step("b", call="inside"),
        outputs=(Output(name="z", value=a),),
        targets=("a", "reader", "b"),
        finalizers=("b",),
        regions=(Region(name="r", steps=("a", "b"), loop=Loop(axes=(Axis(name="i", values=a),))),),
        parallelism=a,
    )
    staged = graph(step("a"), step("b", call="use", arguments=passing(x=a)), name="h", stages=(("a",), ("b",)))
    return workflow(own, staged, operations=(operation(), operation("use", "x"), inline("inside", a, given("p"))))


def test_a_renamed_step_is_renamed_wherever_it_is_named() -> None:
    before = everywhere()
    after = rename_steps(before, "g", {"a": "A"})
    assert graph_of(after, "h") is graph_of(before, "h")
    touched = (graph_of(after), callables(after)["inside"])
    assert not [item for item in references(touched) if item.step == "a"]
    assert len([item for item in references(touched) if item.step == "A"]) == 17
    assert {need.step for item in graph_of(after).steps for need in needed(item.needs)} == {"A"}
    new = graph_of(after)
    assert (new.targets, new.finalizers, new.regions[0].steps) == (("A", "reader", "b"), ("b",), ("A", "b"))
    assert rename_steps(after, "g", {"A": "a"}) == before
    assert graph_of(rename_steps(before, "h", {"a": "A"}), "h").stages == (("A",), ("b",))


def test_references_lose_their_native_spelling_only_where_they_change() -> None:
    before = diamond()
    after = rename_steps(before, "g", {"b": "B"})
    assert next(references(steps_of(after)["B"])).native == "{{a.y}}"
    assert next(references(rename_steps(before, "g", {"a": "A"}).graphs[0].steps)).native == ""


def test_steps_that_a_renaming_does_not_touch_keep_their_identity() -> None:
    before = diamond()
    after = rename_steps(before, "g", {"b": "B"})
    assert steps_of(after)["a"] is steps_of(before)["a"]
    assert steps_of(after)["c"] is steps_of(before)["c"]
    assert callables(after)["op"] is callables(before)["op"]


def test_names_can_be_swapped() -> None:
    after = rename_steps(diamond(), "g", {"b": "c", "c": "b"})
    assert [item.name for item in after.graphs[0].steps] == ["a", "c", "b", "d"]
    assert [item.step for item in references(steps_of(after)["d"])] == ["c"]
    assert verify(after) == []


def test_two_steps_cannot_share_a_name() -> None:
    with pytest.raises(Unsupported, match="share a name"):
        rename_steps(diamond(), "g", {"a": "b"})
    with pytest.raises(ValueError, match="no step 'z'"):
        rename_steps(diamond(), "g", {"z": "y"})


@pytest.mark.parametrize(
    "chooser",
    [
        graph(step("a"), step("b", "a", condition=Reference(to="output", step=ANY_STEP, name="y"))),
        graph(step("a"), outputs=(Output(name="o", value=Reference(to="status", step=ANY_STEP)),)),
        graph(step("a"), targets=(Reference(to="input", name="x"),)),
        graph(step("a"), step("b", call="inside")),
    ],
)
def test_a_step_that_is_chosen_at_run_time_cannot_be_renamed(chooser: Graph) -> None:
    inside = inline("inside", Reference(to="output", step=ANY_STEP, name="y"))
    whole = workflow(chooser, operations=(operation(), inside))
    with pytest.raises(Unsupported, match="at run time"):
        rename_steps(whole, "g", {"a": "A"})


def test_a_graph_inside_must_not_have_a_step_of_the_old_or_the_new_name() -> None:
    inner = graph(step("i"), step("j", call="in"), name="inner", inline=True)
    whole = workflow(graph(step("a"), step("b", call="inner")), inner, operations=(operation(), inline("in", out("a"))))
    assert [item.step for item in references(callables(rename_steps(whole, "g", {"a": "A"}))["in"])] == ["A"]
    with pytest.raises(Unsupported, match="both have a step 'i'"):
        rename_steps(whole, "g", {"a": "i"})
    with pytest.raises(Unsupported, match="both have a step 'i'"):
        rename_steps(rename_steps(whole, "inner", {"j": "k"}), "g", {"b": "i"})


def test_replacing_steps_is_one_batch() -> None:
    before = diamond()
    cached = {("g", name): with_directive(item, Directive(kind="cache")) for name, item in steps_of(before).items()}
    after = replace_steps(before, {key: item for key, item in cached.items() if key[1] in ("a", "d")})
    assert [bool(item.directives) for item in after.graphs[0].steps] == [True, False, False, True]
    assert steps_of(after)["b"] is steps_of(before)["b"]
    assert replace_steps(before, {}) == before
    with pytest.raises(ValueError, match="use rename_steps"):
        replace_steps(before, {("g", "a"): step("z")})
    for key in (("g", "z"), ("h", "a")):
        with pytest.raises(ValueError, match="there is no step"):
            replace_steps(before, {key: step(key[1])})


def test_a_directive_takes_the_place_of_one_of_its_kind() -> None:
    one = with_directive(with_directive(step("a"), Directive(kind="tune")), Directive(kind="cache"))
    assert [item.kind for item in one.directives] == ["cache", "tune"]
    two = with_directive(one, Directive(kind="tune", options=(("n", 1),)))
    assert [item.options for item in two.directives] == [(), (("n", 1),)]


def test_callables_are_replaced_added_and_removed() -> None:
    before = diamond()
    assert replace_callables(before, {}) == before
    after = replace_callables(before, {"use": operation("other")}, [graph(step("x"), name="h"), operation("last")])
    assert list(callables(after)) == ["g", "h", "op", "other", "last"]
    assert list(callables(remove_callables(after, ["h", "other"]))) == ["g", "op", "last"]
    kind_changed = replace_callables(before, {"use": graph(step("x"), name="use")})
    assert [type(item) for item in callables(kind_changed).values()] == [Graph, Graph, Operation]


def test_a_renamed_callable_is_called_by_its_new_name_everywhere() -> None:
    handler = Handler(step=step("h"))
    before = workflow(graph(step("a", handlers=(handler,)), step("b")), entry=step("e"), handlers=(handler,))
    after = rename_callable(before, "op", "new")
    assert {site.step.call for site in call_sites(after)} == {Call(name="new")}
    assert len(list(call_sites(after))) == 5
    assert rename_callable(after, "new", "op") == before
    assert rename_callable(diamond(), "g", "G").entry == Step(name="entry", call=Call(name="G"))


def test_a_callable_that_others_may_call_by_its_name_is_not_renamed() -> None:
    with pytest.raises(Unsupported, match="is taken"):
        rename_callable(diamond(), "op", "use")
    with pytest.raises(Unsupported, match="from outside"):
        rename_callable(replace(diamond(), library="namespace"), "op", "new")
    chosen = Step(name="b", call=Dynamic(target=Native(parts=('"', given("p"), '"'))))
    with pytest.raises(Unsupported, match="at run time"):
        rename_callable(workflow(graph(step("a"), chosen)), "op", "new")
    foreign = Step(name="b", call=Dynamic(target=Native.of({"resolver": "git"})))
    assert "new" in callables(rename_callable(workflow(graph(step("a"), foreign)), "op", "new"))


def test_redirected_calls_call_something_else() -> None:
    after = redirect_calls(diamond(), {"op": "use"})
    assert {item.call for item in after.graphs[0].steps} == {Call(name="use")}
    assert callables(after).keys() == callables(diamond()).keys()
    same = diamond()
    assert redirect_calls(same, {"nobody": "use"}).graphs[0] is same.graphs[0]


def test_mapping_steps_reaches_every_call_site() -> None:
    names: list[str] = []

    def note(item: Step) -> Step:
        names.append(item.name)
        return item

    handler = Handler(step=step("h"))
    before = workflow(graph(step("a", handlers=(handler,))), handlers=(Handler(step=step("exit")),))
    assert map_steps(before, note) == before
    assert names == ["entry", "exit", "h", "a"]


def test_a_cloned_callable_is_called_by_nobody_yet() -> None:
    after = clone_callable(diamond(), "op", "op-2")
    assert callables(after)["op-2"] == replace(callables(after)["op"], name="op-2")
    assert after.graphs == diamond().graphs
    assert verify(clone_callable(diamond(), "g", "g-2")) == []
    with pytest.raises(Unsupported, match="is taken"):
        clone_callable(diamond(), "op", "use")
    whole = workflow(graph(step("a", call="in")), operations=(inline("in"),))
    for name in ("in", "g"):
        with pytest.raises(Unsupported, match="inline"):
            clone_callable(whole, name, "new")


def test_a_cloned_step_stands_beside_the_first() -> None:
    handler = Handler(step=step("h", call="use", arguments=passing(x=out("b"))))
    before = workflow(
        graph(
            step("a"),
            step("b", "a", handlers=(handler,)),
            step("c", "b"),
            finalizers=("c",),
            targets=("b",),
            regions=(Region(name="r", steps=("b",)),),
        )
    )
    after = clone_step(before, "g", "b", "b-2")
    new = graph_of(after)
    assert [item.name for item in new.steps] == ["a", "b", "b-2", "c"]
    assert (new.targets, new.regions[0].steps) == (("b", "b-2"), ("b", "b-2"))
    assert [item.step for item in references(steps_of(after)["b-2"])] == ["b-2"]
    assert [need.step for need in needed(steps_of(after)["c"].needs)] == ["b"]
    assert verify(after) == []
    staged = diamond(stages=(("a",), ("b", "c"), ("d",)))
    assert graph_of(clone_step(staged, "g", "c", "C")).stages == (("a",), ("b", "c", "C"), ("d",))
    with pytest.raises(Unsupported, match="is taken"):
        clone_step(before, "g", "b", "a")
    inner = graph(step("i"), name="in", inline=True)
    with pytest.raises(Unsupported, match="inline"):
        clone_step(workflow(graph(step("a", call="in")), inner, operations=(operation(),)), "g", "a", "b")


def test_a_fresh_name_is_the_first_that_is_free() -> None:
    assert fresh_name("a", []) == "a"
    assert fresh_name("a", ["a", "a-2"]) == "a-3"


def test_what_an_operation_reads_from_its_own_inputs_is_left_alone() -> None:
    body = Container(image=Literal(value="i"), args=(given("a"), Reference(to="output", name="a", kind="parameter")))
    whole = workflow(graph(step("a", call="in")), operations=(operation("in", inline=True, containers=(body,)),))
    assert callables(rename_steps(whole, "g", {"a": "A"}))["in"] == callables(whole)["in"]


def test_a_copy_of_a_step_has_its_own_copy_of_what_is_written_inside_it() -> None:
    body = Operation(name="main/say", kind="container", inline=True)
    graph = Graph(name="main", steps=(Step(name="say", call=Call(name="main/say")),))
    cloned = clone_step(Workflow(engine="toy", kind="Toy", graphs=(graph,), operations=(body,)), "main", "say", "again")
    assert [step.call for step in cloned.graphs[0].steps] == [Call(name="main/say"), Call(name="main/again")]
    assert cloned.operations == (body, replace(body, name="main/again"))
