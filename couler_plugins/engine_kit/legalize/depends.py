"""Argo's `depends` expressions and `dependencies` lists.

Source: docs/enhanced-depends-logic.md and `workflow/common/ancestry.go`: a bare name A stands for
`(A.Succeeded || A.Skipped || A.Daemoned)`, with A.Failed and A.Errored added where A has `continueOn`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from couler_plugins.errors import InvalidInput
from couler_plugins.ir import AllOf, AnyOf, Need, Needs, Not, conjuncts

NAME = re.compile(r"[A-Za-z0-9_][-\w]*")
TOKEN = re.compile(rf"\s*(?:(&&|\|\||!|\(|\))|({NAME.pattern})(?:\.([A-Za-z]+))?)")
OUTCOMES = {
    "Succeeded": "succeeded",
    "Failed": "failed",
    "Errored": "errored",
    "Skipped": "skipped",
    "Omitted": "omitted",
    "Daemoned": "daemoned",
    "AnySucceeded": "any-succeeded",
    "AllFailed": "all-failed",
}
SPELLINGS = {outcome: spelling for spelling, outcome in OUTCOMES.items()}
MAX_NESTING = 100

BareOutcomes = Callable[[str], tuple[str, ...]]
"""Gives what a bare name of a task accepts."""


def bare_outcomes(tolerates: Sequence[str]) -> tuple[str, ...]:
    """What a bare name accepts, for a task that tolerates these outcomes of its own."""
    return tuple(sorted({"succeeded", "skipped", "daemoned", *tolerates}))


def parse_depends(text: str, bare: BareOutcomes) -> Needs | None:
    """Takes a `depends` expression apart; None for an empty one.

    Raises:
        InvalidInput: it does not follow Argo's grammar.
    """
    names = text.split(" && ")
    if all(map(NAME.fullmatch, names)):  # most are no more than that
        needs = tuple(Need(step=name, outcomes=bare(name)) for name in names)
        return needs[0] if len(needs) == 1 else AllOf(needs=needs)
    return _Parser(text, bare).parse() if text.strip() else None


class _Parser:
    """Recursive descent over `||`, `&&`, `!` and brackets, in this order of strength."""

    def __init__(self, text: str, bare: BareOutcomes) -> None:
        self._text = text
        self._bare = bare
        self._tokens: list[tuple[str, str, str]] = []
        self._depth = 0
        end = 0
        while text[end:].strip():
            token = TOKEN.match(text, end)
            if not token:
                raise self._error(f"cannot read {text[end:].strip()[:20]!r}")
            self._tokens.append((token[1] or "", token[2] or "", token[3] or ""))
            end = token.end()
        self._tokens.reverse()

    def parse(self) -> Needs:
        needs = self._any()
        if self._tokens:
            raise self._error("an operator is missing")
        return needs

    def _error(self, reason: str) -> InvalidInput:
        shown = self._text if len(self._text) < 80 else f"{self._text[:77]}…"
        return InvalidInput(f"depends {shown!r}: {reason}", hint="names, &&, ||, ! and brackets make up a depends")

    def _accept(self, operator: str) -> bool:
        if self._tokens and self._tokens[-1][0] == operator:
            self._tokens.pop()
            return True
        return False

    def _any(self) -> Needs:
        parts = [self._all()]
        while self._accept("||"):
            parts.append(self._all())
        return _any_of(parts)

    def _all(self) -> Needs:
        parts = [self._single()]
        while self._accept("&&"):
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else AllOf(needs=tuple(x for part in parts for x in conjuncts(part)))

    def _single(self) -> Needs:
        self._depth += 1
        if self._depth > MAX_NESTING:
            raise self._error("nested too deeply")
        if not self._tokens:
            raise self._error("it ends too early")
        if self._accept("!"):
            needs: Needs = Not(need=self._single())
        elif self._accept("("):
            needs = self._any()
            if not self._accept(")"):
                raise self._error("a bracket is not closed")
        else:
            _, name, outcome = self._tokens.pop()
            if not name:
                raise self._error("a name is missing")
            if outcome and outcome not in OUTCOMES:
                raise self._error(f"{outcome!r} is no outcome (one of {', '.join(OUTCOMES)})")
            needs = Need(step=name, outcomes=(OUTCOMES[outcome],) if outcome else self._bare(name))
        self._depth -= 1
        return needs


def _any_of(parts: list[Needs]) -> Needs:
    """The disjunction; outcomes of one and the same step become one need."""
    parts = [inner for part in parts for inner in (part.needs if isinstance(part, AnyOf) else (part,))]
    if len(parts) == 1:
        return parts[0]
    needs = [part for part in parts if isinstance(part, Need)]
    if len(needs) == len(parts) and len({need.step for need in needs}) == 1:
        return Need(step=needs[0].step, outcomes=tuple(sorted({name for need in needs for name in need.outcomes})))
    return AnyOf(needs=tuple(parts))


def is_bare(needs: Needs | None, bare: BareOutcomes) -> bool:
    """Whether a list of names (`dependencies`) says the same."""
    return all(isinstance(part, Need) and part.outcomes == bare(part.step) for part in conjuncts(needs))


def write_depends(needs: Needs, bare: BareOutcomes, nested: bool = False) -> str:
    """The expression as Argo spells it."""
    match needs:
        case Need():
            usual = bare(needs.step)
            if set(usual) <= set(needs.outcomes):
                names = [needs.step]
                others = [outcome for outcome in needs.outcomes if outcome not in usual]
            else:
                names, others = [], list(needs.outcomes)
            names += [f"{needs.step}.{SPELLINGS[outcome]}" for outcome in others]
            text = " || ".join(names)
            return f"({text})" if nested and len(names) > 1 else text
        case Not():
            return f"!{write_depends(needs.need, bare, nested=True)}"
    operator = " && " if isinstance(needs, AllOf) else " || "
    text = operator.join(write_depends(part, bare, nested=True) for part in needs.needs)
    return f"({text})" if nested else text
