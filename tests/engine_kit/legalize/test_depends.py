"""Argo's `depends`: precedence, spelling and errors."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.engine_kit.legalize.depends import OUTCOMES, bare_outcomes, is_bare, parse_depends, write_depends
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import AllOf, AnyOf, Need, Needs, Not

BARE = bare_outcomes(())


def bare(name: str) -> tuple[str, ...]:
    return bare_outcomes(("failed",)) if name == "T" else BARE


def need(name: str, *outcomes: str) -> Need:
    return Need(step=name, outcomes=outcomes or bare(name))


CASES: dict[str, tuple[Needs, str]] = {
    "A": (need("A"), "A"),
    " A && B ": (AllOf(needs=(need("A"), need("B"))), "A && B"),
    "A&&(B&&C)": (AllOf(needs=(need("A"), need("B"), need("C"))), "A && B && C"),
    "A || B && C": (AnyOf(needs=(need("A"), AllOf(needs=(need("B"), need("C"))))), "A || (B && C)"),
    "(A || B) && C": (AllOf(needs=(AnyOf(needs=(need("A"), need("B"))), need("C"))), "(A || B) && C"),
    "!A && B": (AllOf(needs=(Not(need=need("A")), need("B"))), "!A && B"),
    "!(A && B)": (Not(need=AllOf(needs=(need("A"), need("B")))), "!(A && B)"),
    "!!A": (Not(need=Not(need=need("A"))), "!!A"),
    "A.Failed": (need("A", "failed"), "A.Failed"),
    "A.Succeeded || A.Failed": (need("A", "failed", "succeeded"), "A.Failed || A.Succeeded"),
    "A.Succeeded || A.Skipped || A.Daemoned": (need("A"), "A"),
    "A || A.Failed": (need("A", "daemoned", "failed", "skipped", "succeeded"), "A || A.Failed"),
    "!(A.Failed || A.Errored)": (Not(need=need("A", "errored", "failed")), "!(A.Errored || A.Failed)"),
    "A.AnySucceeded && B.AllFailed": (
        AllOf(needs=(need("A", "any-succeeded"), need("B", "all-failed"))),
        "A.AnySucceeded && B.AllFailed",
    ),
    "T": (need("T"), "T"),
    "T.Succeeded": (need("T", "succeeded"), "T.Succeeded"),
    "a-b.Omitted || a_b": (AnyOf(needs=(need("a-b", "omitted"), need("a_b"))), "a-b.Omitted || a_b"),
    "((((A))))": (need("A"), "A"),
}


@pytest.mark.parametrize("text", CASES)
def test_depends(text: str) -> None:
    needs, spelling = CASES[text]
    assert parse_depends(text, bare) == needs
    assert write_depends(needs, bare) == spelling
    assert parse_depends(spelling, bare) == needs


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_nothing(text: str) -> None:
    assert parse_depends(text, bare) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("A &&", "too early"),
        ("&& A", "name is missing"),
        ("A B", "operator is missing"),
        ("(A", "not closed"),
        ("A)", "operator is missing"),
        ("()", "name is missing"),
        ("A & B", "cannot read"),
        ("A.suceeded", "no outcome"),
        ("A.", "cannot read"),
        ("!", "too early"),
        ("A.Failed.Errored", "cannot read"),
        ("(" * 101 + "A" + ")" * 101, "too deeply"),
        ("!" * 200_000 + "A", "too deeply"),
    ],
)
def test_errors(text: str, reason: str) -> None:
    with pytest.raises(InvalidInput, match=reason) as error:
        parse_depends(text, bare)
    assert error.value.hint
    assert len(str(error.value)) < 300


def test_long_chains_are_no_matter() -> None:
    text = " && ".join(f"t{number}" for number in range(20_000))
    needs = parse_depends(text, bare)
    assert write_depends(needs, bare) == text if needs else False


def test_what_a_list_of_names_can_say() -> None:
    assert is_bare(None, bare)
    assert is_bare(parse_depends("A && T", bare), bare)
    for text in ("A || B", "A.Failed", "!A", "T.Succeeded"):
        assert not is_bare(parse_depends(text, bare), bare)


ATOM = st.builds(
    lambda name, outcome: name + outcome,
    st.sampled_from("ABT"),
    st.sampled_from(("", *(f".{word}" for word in OUTCOMES))),
)
EXPRESSION = st.recursive(
    ATOM,
    lambda inner: st.one_of(
        st.builds("!({})".format, inner),
        st.builds("({} && {})".format, inner, inner),
        st.builds("{} || {}".format, inner, inner),
    ),
    max_leaves=10,
)


@given(EXPRESSION)
def test_written_and_read_again(text: str) -> None:
    needs = parse_depends(text, bare)
    assert needs is not None
    assert parse_depends(write_depends(needs, bare), bare) == needs
