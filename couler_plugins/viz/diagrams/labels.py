"""What is written on nodes and edges."""

from __future__ import annotations

from collections.abc import Iterator

from couler_plugins.ir import (
    Call,
    Callee,
    Expression,
    External,
    FirstOf,
    Literal,
    Loop,
    Native,
    Need,
    Reference,
    Step,
    Template,
    Value,
    references,
)

LONGEST = 60
NORMAL_OUTCOMES = frozenset({"succeeded", "skipped", "daemoned"})
"""What an edge without a label stands for: the steps before have done what they should."""

ENDS = frozenset({"failed", "omitted", "skipped", "succeeded"})


def shortened(text: str) -> str:
    """The text on one line, cut where it is long."""
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"


def describe(value: Value | None) -> str:
    """A value, for people."""
    match value:
        case None:
            return ""
        case Literal():
            return value.value if isinstance(value.value, str) else str(value.value).lower()
        case Reference():
            return _reference(value)
        case FirstOf():
            return " or ".join(map(describe, value.values))
        case Template() | Native():
            return "".join(part if isinstance(part, str) else f"{{{describe(part)}}}" for part in value.parts)
        case Expression():
            return "".join(part if isinstance(part, str) else describe(part) for part in value.parts)


def step_lines(step: Step) -> Iterator[str]:
    """What a node says of a step: its name, what it calls where that is called otherwise, when and how often."""
    yield step.name or "exit handler"
    called = describe_call(step.call)
    if not (isinstance(step.call, Call) and called == step.name):
        yield f"runs {called}"
    if step.condition is not None:
        yield f"if {describe(step.condition)}"
    if step.loop is not None:
        yield f"for each {describe_loop(step.loop)}"


def describe_call(call: Callee) -> str:
    """What a step calls, for people."""
    match call:
        case Call(name=name):
            return name
        case External(workflow=library, name=name):
            return f"{library}/{name}"
        case _:
            return "what is decided at run time"


def outcomes(need: Need) -> str:
    """The label of an edge; empty for the usual case."""
    if "succeeded" in need.outcomes and NORMAL_OUTCOMES.issuperset(need.outcomes):
        return ""
    return "however it ends" if ENDS.issubset(need.outcomes) else " or ".join(need.outcomes)


def describe_loop(loop: Loop) -> str:
    """What a loop goes over, for people; follows "for each"."""
    axes = {"rows": " and ", "product": " × ", "zip": " with ", "sequence": " and "}[loop.combine].join(
        f"{axis.name or 'item'} {_items(axis.values)}" for axis in loop.axes
    )
    included = f"of {len(loop.includes)} combinations" if loop.includes else ""
    return " and ".join(filter(None, (axes, included))) or "item"


def _items(values: Value) -> str:
    """The items of a loop; of a long list that is known, how many there are."""
    text = describe(values)
    if len(text) <= LONGEST or not isinstance(values, Native) or any(references(values)):
        return f"in {text}"
    items = values.data
    return f"of {len(items)}" if isinstance(items, list) else f"in {text}"


def _reference(reference: Reference) -> str:
    owner = {"input": "inputs", "parameter": "parameters", "item": "item", "output": "outputs", "status": ""}
    first = reference.step or owner.get(reference.to, reference.to)
    return ".".join(part for part in (first, reference.name, *reference.path) if part)
