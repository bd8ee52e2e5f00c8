"""Equality, hashes, walks and rebuilding."""

from __future__ import annotations

import itertools
import operator

import msgspec
import pytest

from couler_plugins.ir import (
    Directive,
    Expression,
    Literal,
    Native,
    Node,
    Reference,
    Template,
    map_references,
    nodes,
    rebuild,
    references,
    replace,
    without_origin,
)
from ir.small import diamond, given, out, passing, step


def test_equal_means_equal_by_meaning() -> None:
    read, written = out("a", native="{{a.y}}"), out("a", native="{{ a.y }}")
    assert read == written
    assert not operator.ne(read, written), "a Struct's own `!=` compares identities"
    assert hash(read) == hash(written)
    assert step("a", source=(0, "spec")) == step("a", source=(1, "x"))
    assert step("a") != step("b")
    assert step("a") != "a"
    assert len({read, written, out("b")}) == 2


@pytest.mark.parametrize(("one", "other"), [*itertools.combinations([1, True, 1.0, "1", None, 0, False, ""], 2)])
def test_literals_are_equal_only_with_their_type(one: object, other: object) -> None:
    first, second = Literal(value=one), Literal(value=other)  # type: ignore[arg-type]
    assert first != second
    assert not operator.eq(first, second)
    options = Directive(kind="x", options=(("n", one),)), Directive(kind="x", options=(("n", other),))  # type: ignore[arg-type]
    assert options[0] != options[1]
    assert len({first, second}) == len(set(options)) == 2
    assert Template(parts=(Expression(language="x", parts=()),)) != Expression(language="x", parts=())


def test_equal_directives_are_equal() -> None:
    assert Directive(kind="x", options=(("n", 1),)) == Directive(kind="x", options=(("n", 1),))
    assert Directive(kind="x") != Directive(kind="y")
    assert Directive(kind="x") != "x"


def test_nodes_are_frozen() -> None:
    with pytest.raises(AttributeError):
        step("a").name = "b"  # type: ignore[misc]


def test_every_reference_is_found_in_order() -> None:
    inner = Template(parts=("a", out("1"), Expression(language="x", parts=(out("2"), Template(parts=(out("3"),))))))
    assert [item.step for item in references((inner, Native(parts=("[", out("4"), "]"))))] == ["1", "2", "3", "4"]
    assert [type(node).__name__ for node in nodes(inner)][:3] == ["Template", "Reference", "Expression"]


def test_every_field_that_can_hold_a_node_is_walked() -> None:
    """Puts a reference into each field of every kind of node whose type mentions a node, and finds it again."""
    kinds, pending = list[type[Node]](), [Node]
    while pending:
        kinds.append(pending.pop())
        pending.extend(kinds[-1].__subclasses__())
    walked = set()
    for kind in kinds:
        fields = {field.name: str(field.type) for field in msgspec.structs.fields(kind)}
        if kind.__module__.startswith("couler_plugins.ir"):
            for name in [name for name, text in fields.items() if "couler_plugins.ir." in text]:
                node = kind(
                    **{
                        key: ""
                        for key, field in zip(fields, msgspec.structs.fields(kind), strict=True)
                        if field.required
                    }
                )
                filled = replace(node, **{name: (("key", out("there")),) if "tuple" in fields[name] else out("there")})
                assert [item.step for item in references(filled)] == ["there"], (kind, name)
                walked.add((kind.__name__, name))
    wanted = {("Step", "handlers"), ("Container", "limits"), ("Loop", "includes"), ("Port", "origin"), ("Not", "need")}
    assert wanted <= walked


def test_rebuilding_keeps_what_does_not_change() -> None:
    workflow = diamond()
    assert rebuild(workflow, lambda node: node) is workflow
    assert map_references(workflow, lambda reference: reference) is workflow
    changed = map_references(workflow, lambda item: replace(item, step="B") if item.step == "b" else item)
    old, new = workflow.graphs[0].steps, changed.graphs[0].steps
    assert [one is other for one, other in zip(old, new, strict=True)] == [True, True, True, False]
    assert changed.operations is workflow.operations


def test_rebuilding_goes_from_the_leaves_up() -> None:
    seen: list[str] = []

    def note(node: Node) -> Node:
        seen.append(type(node).__name__)
        return node

    rebuild(step("a", arguments=passing(x=given("p"))), note)
    assert seen == ["Call", "Reference", "Argument", "Step"]


def test_without_origin_there_is_no_trace_left() -> None:
    origin = step("a", arguments=passing(x=given("p", native="$(params.p)")), source=(0, "tasks", 3))
    bare = without_origin(origin)
    assert bare == origin
    assert bare.source is None
    assert all(not item.native for item in references(bare))
    assert without_origin(bare) is bare


def test_native_structures() -> None:
    assert Native.of({"a": [1, None]}).data == {"a": [1, None]}
    with pytest.raises(ValueError, match="references"):
        _ = Native(parts=("[", Reference(to="run", name="x"), "]")).data
