"""Rules of Tekton's for calls: what they pass, what has to hold, how they end, and what others read of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_plugins.engine_kit.legalize import rules
from couler_plugins.engine_kit.legalize.conditions import SUCCEEDED, Membership, is_outcome, memberships
from couler_plugins.engine_kit.legalize.legality import Rule
from couler_plugins.engine_kit.legalize.tables import StepSite
from couler_plugins.ir import Expression, Graph, Literal, Operation, Reference, Step, Template, Value, references
from couler_tekton.variables import Scope

FAILURES = {"Failed", "Error"}
"""All that Argo says of a run that has ended, and has not succeeded."""
MAX_ITEMS = 256


def has_variable(value: object) -> bool:
    """Return whether Tekton would replace something in the texts of a value."""
    return any(
        isinstance(part, Reference) for text in rules.texts(value) if "$(" in text for part in Scope().parts(text)
    )


def _tests(site: StepSite) -> tuple[Membership, ...]:
    return memberships(site.step.condition) or ()


def _values(subject: StepSite | Graph) -> Iterator[Value]:
    """Yield what Tekton has to write as texts: of a graph its outputs, of a call what it passes and compares."""
    if isinstance(subject, Graph):
        yield from filter(None, (output.value for output in subject.outputs if output.kind == "parameter"))
        return
    passed = {item.name for item in subject.step.arguments}
    yield from (item.value for item in subject.step.arguments if item.kind == "parameter")
    yield from filter(None, (rules.usual(port) for port in _inputs(subject) if port.name not in passed))
    for test in _tests(subject):
        yield from () if is_outcome(test.value) else (test.value,)
        yield from (Literal(value=text) for text in test.among)


def _inputs(site: StepSite) -> tuple[Any, ...]:
    return site.callee.inputs if site.callee is not None else ()


def _parts(subject: StepSite | Graph) -> Iterator[Any]:
    for value in _values(subject):
        yield from value.parts if isinstance(value, Template) else (value,)


def _read(subject: StepSite | Graph) -> list[Reference]:
    """Return the references to what Tekton does not know, or not by itself."""
    return [
        part
        for part in _parts(subject)
        if isinstance(part, Reference)
        and part.to not in ("parameter", "item")
        and (part.to, part.kind) not in (("input", "parameter"), ("output", "parameter"), ("output", "result"))
    ]


def _of_operation(site: StepSite, *fields_set: str) -> bool:
    """Return whether a call of an operation, or the operation, has all of these fields."""
    return isinstance(site.callee, Operation) and all(
        getattr(site.step, name) or getattr(site.callee, name, None) for name in fields_set
    )


VALUES = (
    Rule(
        "Step.arguments",
        "passes more than a text",
        lambda subject: any(not isinstance(value, (Literal, Reference, Template)) for value in _values(subject)),
    ),
    Rule(
        "Step.arguments",
        "has an expression, which Tekton cannot evaluate",
        lambda subject: any(
            isinstance(part, Expression)
            for value in _values(subject)
            if isinstance(value, Template)
            for part in value.parts
        ),
    ),
    Rule(
        "Step.arguments",
        "reads {}, a part of a value or of the run, which Tekton cannot",
        lambda subject: [
            rules.shown(part)
            for part in _parts(subject)
            if isinstance(part, Reference) and part.path and part.to != "item"
        ],
    ),
    Rule(
        "Step.arguments",
        "reads {}, which Tekton does not have like this",
        lambda subject: [f"{part.name or part.to} ({part.to})" for part in _read(subject) if not part.path],
    ),
    Rule(
        "Step.arguments",
        "has a text that Tekton would take for one of its variables",
        lambda subject: any(map(has_variable, _values(subject))),
    ),
)
OF_GRAPHS = tuple(
    Rule(
        f"Step.{field}",
        f"calls the graph {{!r}}, and has a {field}",
        lambda site, field=field: (
            site.callee.name
            if isinstance(site.callee, Graph)
            and getattr(site.step, field)
            and (field != "loop" or rules.constant_items(site.step.loop) is None)
            else ""
        ),  # type: ignore[misc]
        rules.WHOLE,
    )
    for field in ("loop", "retry", "timeout", "tolerates")
)
ENDS = (
    Rule(
        "Operation.timeout",
        "has a timeout beside further attempts",
        lambda site: _of_operation(site, "retry", "timeout"),
    ),
    Rule("Step.tolerates", "may fail, and is retried", lambda site: site.step.tolerates and rules.retry_of(site)),
    Rule(
        "Step.timeout",
        "has a timeout that is only known at run time",
        lambda site: _of_operation(site, "timeout") and rules.is_unknown(site.step.timeout or site.callee.timeout),
        "give it as a constant",
    ),
)
LOOPS = (
    Rule(
        "Loop.limit",
        "limits how many items are worked on at a time",
        lambda site: site.step.loop and site.step.loop.limit,
    ),
    Rule(
        "Step.loop",
        "loops over a list that is only known at run time",
        lambda site: (
            site.step.loop
            and site.step.loop.combine == "rows"
            and isinstance(site.callee, Operation)
            and rules.constant_items(site.step.loop) is None
        ),
    ),
    Rule(
        "Step.loop",
        "loops over {} items",
        lambda site: [
            len(items)
            for items in [rules.constant_items(site.step.loop)]
            if items is not None and not 0 < len(items) <= MAX_ITEMS
        ],
    ),
    Rule(
        "Step.loop",
        "passes an item to a graph as {!r}",
        lambda site: [
            argument.name
            for argument in site.step.arguments
            if isinstance(site.callee, Graph) and not site.step.loop and _reads_item(argument.value)
        ],
    ),
    Rule(
        "Step.loop",
        "loops, and the outputs of all its runs are read together",
        lambda site: site.step.loop and site.outputs_read,
    ),
)
CONDITIONS = (
    Rule(
        "Step.condition",
        "has a condition that is more than comparisons of texts",
        lambda site: memberships(site.step.condition) is None,
    ),
    Rule(
        "Step.condition",
        "decides for each item of its loop",
        lambda site: decides_by_item(site.step) and rules.constant_items(site.step.loop) is None,
    ),
    Rule(
        "Step.condition",
        "asks in which way the run failed",
        lambda site: any(
            is_outcome(test.value) and set(test.among) not in ({SUCCEEDED}, FAILURES) for test in _tests(site)
        ),
        f"ask whether it is {SUCCEEDED}",
    ),
)


def _reads_item(value: Value) -> bool:
    return any(item.to == "item" for item in references(value))


def decides_by_item(step: Step) -> bool:
    """Return whether the condition of a call asks for the item of its loop."""
    return step.loop is not None and any(test.value.to == "item" for test in memberships(step.condition) or ())


def _without_command(site: StepSite) -> bool:
    """Return whether a command that is not known is to print what is read."""
    printed = any(item.kind == "result" for item in site.outputs_read)
    return (
        printed
        and isinstance(site.callee, Operation)
        and not all(item.command for item in site.callee.containers if item.role == "main")
    )


CALLS = (
    *OF_GRAPHS,
    Rule(
        "Port.value",
        "gets no value for {!r}",
        lambda site: rules.missing(site, lambda port: rules.usual(port) is None),
        "pass one",
    ),
    *VALUES,
    *CONDITIONS,
    *LOOPS,
    *ENDS,
    Rule("Output.value", "has no output parameter {!r}", rules.absent_outputs),
    Rule("Container.command", "has outputs, and no command", _without_command),
)
