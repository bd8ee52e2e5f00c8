"""The rules of a CRD (`x-kubernetes-validations`), written in the Common Expression Language (CEL)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from couler_plugins.documents import Path
from couler_plugins.engine_kit.crd.fields import Problem, Rule, Schema, fields, places, shown
from couler_plugins.errors import restating

if TYPE_CHECKING:
    from cel import Program

# Values as the rules of a CRD see them.

_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_SPECIAL = re.compile(r"__|[./-]")
_RESERVED = {
    *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for", "function", "if", "import"),
    *("let", "loop", "package", "namespace", "return"),
}


def cel_value(value: Any, schema: Schema | None) -> Any:
    """The value with its fields named as rules name them; only fields of the schema can be seen, and no nulls."""
    if schema is None:
        return value
    if isinstance(value, list):
        return [cel_value(item, schema.items) for item in value]
    if isinstance(value, dict):
        return _mapping(value, schema)
    if schema.type == "number" and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if schema.format in ("date", "date-time", "datetime") and isinstance(value, str):
        return _time(value)
    return value


def _mapping(value: dict[str, Any], schema: Schema) -> dict[str, Any]:
    declared = fields(schema)
    if declared:
        present = [(name, inner) for name, inner in declared.items() if value.get(name) is not None]
        return {_escaped(name): cel_value(value[name], inner) for name, inner in present}
    inner = schema.additional_properties
    return {key: cel_value(item, inner if isinstance(inner, Schema) else None) for key, item in value.items()}


def _escaped(name: str) -> str:
    if name in _RESERVED:
        return f"__{name}__"
    return _SPECIAL.sub(lambda found: _ESCAPES[found[0]], name)


def _time(text: str) -> Any:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:  # what is wrong with it is the structural check's to say
        return text
    return time if time.tzinfo else time.replace(tzinfo=UTC)


_TRANSITION = re.compile(r"\boldSelf\b")
_FIELD = re.compile(r"""\.([^.\[]+) | \[['"]([^'"]+)['"]\]""", re.VERBOSE)
_REFUSED = (ArithmeticError, LookupError)
"""What goes wrong in an API server as well: a key that is not there, a division by zero."""

_FAILURES = (*_REFUSED, RuntimeError, TypeError, ValueError)
"""All that the library raises; the others are functions that it does not know, and expressions that it cannot read."""

_LONGEST = 120
"""How much of a rule a hint shows."""


def broken_rules(schema: Schema, data: Any) -> Iterator[Problem]:
    """Every rule that does not hold, and a note for each that cannot be worked out here.

    Rules about a change (`oldSelf`) are left out: there is no earlier object.
    """
    for path, rule_schema, value in places(schema, data):
        rules = [rule for rule in rule_schema.rules if not _TRANSITION.search(rule.rule)]
        if rules and value is not None:
            context = {"self": cel_value(value, rule_schema)}
            for rule in rules:
                yield from _broken(rule, path, context)


def _broken(rule: Rule, path: Path, context: dict[str, Any]) -> Iterator[Problem]:
    try:
        holds = _compiled(rule.rule).execute(context)
    except _FAILURES as error:
        yield _failed(rule, path, error)
        return
    if holds is not True:
        place = (*path, *(name or quoted for name, quoted in _FIELD.findall(rule.field_path)))
        yield Problem(place, "rule", _message(rule, context), f"the rule is {_shortened(rule.rule)}")


def _failed(rule: Rule, path: Path, error: Exception) -> Problem:
    reason = _shortened(" ".join(str(error).split()))
    if isinstance(error, _REFUSED):
        message = f"a rule fails for this value: {type(error).__name__}: {reason}"
        return Problem(path, "failed-rule", message, f"the rule is {_shortened(rule.rule)}")
    message = f"this rule was not checked: {_shortened(rule.message or rule.rule)} ({reason})"
    return Problem(path, "unchecked-rule", message, "a cluster can: kubectl apply --dry-run=server", "note")


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _message(rule: Rule, context: dict[str, Any]) -> str:
    if rule.message_expression:
        try:
            text = _compiled(rule.message_expression).execute(context)
        except _FAILURES:  # as the API server does, the plain message stands in for it
            text = None
        if isinstance(text, str) and text.strip():
            return text
    return rule.message or f"a rule of the schema does not hold for {shown(context['self'])}"


@cache
def _compiled(expression: str) -> Program:
    compile_expression: Callable[[str], Program] = _library()
    return compile_expression(expression)


def _library() -> Callable[[str], Program]:
    with restating(
        ImportError,
        "the rules of these schemas need the package common-expression-language, which is not installed",
        reason=False,
        extra="lint",
    ):
        from cel import compile as compile_expression
    return compile_expression
