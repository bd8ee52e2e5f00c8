"""Lineages: what they cover, what they do not, and in which order their values are handed over."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from caching.toy import artifact
from couler_plugins.caching.verdicts import MAX_LEAVES, Lineage, Producer, lineage_of_call, lineage_of_producers
from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Expression,
    Literal,
    Loop,
    Native,
    Reference,
    Step,
    Template,
    replace,
)

P, Q = (Reference(to="parameter", kind="parameter", name=name) for name in "pq")


def call(*arguments: Argument, name: str = "s", **more: Any) -> Step:
    return replace(Step(name=name, call=Call(name="op"), arguments=arguments), **more)


def passing(**values: Any) -> tuple[Argument, ...]:
    made = {name: value if not isinstance(value, str) else Literal(value=value) for name, value in values.items()}
    return tuple(Argument(name=name, value=value) for name, value in made.items())


def made(step: Step, *producers: Producer, spec: str = "v1:00", reads: tuple[Reference, ...] = ()) -> Lineage:
    found = lineage_of_call(spec, step, reads, producers)
    assert found is not None
    return found


def text(*parts: Any) -> Template:
    return Template(parts=parts)


def test_a_constant_is_hashed_and_a_value_is_handed_over() -> None:
    assert made(call(*passing(x="1"))).leaves == ()
    assert made(call(*passing(x=P))).leaves == (P,)
    assert made(call(*passing(x=P))).values == (Literal(value=made(call(*passing(x=P))).digest), P)
    assert made(call(*passing(x=text("a", P)))).leaves == (P,)
    assert made(call(*passing(x=P, y=P))).leaves == (P,)
    assert made(call(*passing(x=P, y=Q))).leaves == (P, Q)


def test_names_spellings_and_order_do_not_count() -> None:
    step = call(*passing(x="1", y=P))
    assert made(replace(step, name="another", arguments=tuple(reversed(step.arguments)))) == made(step)
    assert made(call(*passing(x="1", y=replace(P, native="{{ p }}")))) == made(step)
    assert made(replace(step, source=(0, "x"))) == made(step)


def test_everything_else_counts() -> None:
    """No two of these have the same lineage, whatever values are handed over."""
    a, b = Lineage("a" * 64), Lineage("b" * 64)
    value, other = Lineage("c" * 64, (P,)), Lineage("c" * 64, (Q,))
    items = Loop(axes=(Axis(name="item", values=Native.of([1, 2])),))
    calls: list[tuple[Step, tuple[Producer, ...]]] = [
        (call(), ()),
        (call(*passing(x="1")), ()),
        (call(*passing(x="2")), ()),
        (call(*passing(y="1")), ()),
        (call(*passing(x="1", y="")), ()),
        (call(*passing(x=P)), ()),
        (call(*passing(x=text(P))), ()),
        (call(*passing(x=text("a", P))), ()),
        (call(*passing(x=text(P, "a"))), ()),
        (call(*passing(x=text(P, P))), ()),
        (call(*passing(x=text(P, Q))), ()),
        (call(*passing(x=text(P, Q, P))), ()),
        (call(*passing(x=P, y=Q)), ()),
        (call(*passing(x=P, y=P)), ()),
        (call(*passing(x=text(Expression(language="expr", parts=(P, " + 1"))))), ()),
        (call(*passing(x=text(Expression(language="expr", parts=(P, " + 2"))))), ()),
        (call(*passing(x=Reference(to="item"))), ()),
        (call(*passing(x=Reference(to="item", name="a"))), ()),
        (call(*passing(x=Reference(to="item")), loop=items), ()),
        (call(*passing(x="1"), loop=items), ()),
        (call(*passing(x="1"), loop=Loop(axes=(Axis(name="item", values=Native.of([2, 1])),))), ()),
        (call(*passing(x="1"), loop=Loop(combine="sequence", axes=(Axis(name="item", values=Native.of([1, 2])),))), ()),
        (call(*passing(x="1"), loop=Loop(axes=(Axis(name="item", values=P),))), ()),
        (call(), (Producer("", a),)),
        (call(), (Producer("", b),)),
        (call(), (Producer("", a), Producer("", b))),
        (call(artifact("i", "s")), (Producer("i:o", a),)),
        (call(artifact("i", "s")), (Producer("i:o2", a),)),
        (call(artifact("j", "s")), (Producer("j:o", a),)),
        (call(artifact("i", "s"), artifact("j", "t")), (Producer("i:o", a), Producer("j:o", b))),
        (call(artifact("i", "s"), artifact("j", "t")), (Producer("i:o", b), Producer("j:o", a))),
        (call(artifact("i", "s"), artifact("j", "t")), (Producer("i:o", a), Producer("j:o", a))),
        (call(), (Producer("", value),)),
        (call(*passing(x=P)), (Producer("", value),)),
        (call(*passing(x=P)), (Producer("", other),)),
        (call(), (Producer("", value), Producer("i:o", other))),
    ]
    found = [made(step, *producers) for step, producers in calls]
    same = [pair for pair in itertools.combinations(range(len(found)), 2) if len({found[n].digest for n in pair}) == 1]
    assert not same, [calls[number] for pair in same for number in pair]
    assert made(call(), spec="v1:01").digest != found[0].digest
    assert made(call(), reads=(P,)).digest != found[0].digest


def test_equal_digests_need_equal_values() -> None:
    """A digest fixes the order of the values: exchanging two parameters exchanges the values beside it."""
    one, other = made(call(*passing(x=P, y=Q))), made(call(*passing(x=Q, y=P)))
    assert one.digest == other.digest
    assert one.leaves == (P, Q)
    assert other.leaves == (Q, P)


def test_producers_are_a_set() -> None:
    a, b = Producer("", Lineage("a", (P,))), Producer("", Lineage("b", (Q, P)))
    assert lineage_of_producers([a, b]) == lineage_of_producers([b, a, a])
    assert lineage_of_producers([a]) != lineage_of_producers([b])
    found = lineage_of_producers([a, b])
    assert found is not None
    assert found.leaves == (P, Q)


@pytest.mark.parametrize("count", [MAX_LEAVES, MAX_LEAVES + 1])
def test_too_many_values(count: int) -> None:
    leaves = [Reference(to="parameter", kind="parameter", name=f"p{number}") for number in range(count)]
    producers = [Producer("", Lineage(str(number), (leaf,))) for number, leaf in enumerate(leaves)]
    step = call(*(Argument(name=leaf.name, value=leaf) for leaf in leaves))
    assert (lineage_of_producers(producers) is None) is (count > MAX_LEAVES)
    assert (lineage_of_call("v1:00", step, (), ()) is None) is (count > MAX_LEAVES)


def test_what_we_add_ourselves_is_left_out() -> None:
    step = call(*passing(x="1"))
    ours = Argument(name="couler-lineage", value=Literal(value="something"))
    more = Argument(name="couler-lineage-1", value=P)
    assert made(replace(step, arguments=(*step.arguments, ours, more))) == made(step)
