"""Boolean expressions over the outcomes of steps."""

from __future__ import annotations

from couler_plugins.ir import AllOf, AnyOf, Need, Needs, Not, all_of, conjuncts, map_needs, needed

A, B, C = Need(step="a"), Need(step="b"), Need(step="c", outcomes=("failed",))


def test_needed_lists_every_need_in_order() -> None:
    expression = AllOf(needs=(A, AnyOf(needs=(B, Not(need=C))), A))
    assert list(needed(expression)) == [A, B, C, A]
    assert list(needed(None)) == []


def test_a_conjunction_is_cut_as_far_as_it_goes() -> None:
    either = AnyOf(needs=(AllOf(needs=(A, B)), C))
    assert conjuncts(AllOf(needs=(A, AllOf(needs=(B, either))))) == (A, B, either)
    assert conjuncts(A) == (A,)
    assert conjuncts(None) == ()


def test_all_of_is_as_simple_as_it_can_be() -> None:
    assert all_of([]) is None
    assert all_of([A, A]) == A
    assert all_of([A, B, A]) == AllOf(needs=(A, B))
    assert conjuncts(all_of([A, C])) == (A, C)


def test_mapping_keeps_what_does_not_change() -> None:
    expression: Needs = AllOf(needs=(A, Not(need=AnyOf(needs=(B, C)))))
    assert map_needs(expression, lambda need: need) is expression
    renamed = map_needs(expression, lambda need: Need(step="z") if need.step == "b" else need)
    assert [need.step for need in needed(renamed)] == ["a", "z", "c"]
    assert isinstance(renamed, AllOf)
    assert renamed.needs[0] is A
    assert map_needs(A, lambda need: AnyOf(needs=(need, B))) == AnyOf(needs=(A, B))
