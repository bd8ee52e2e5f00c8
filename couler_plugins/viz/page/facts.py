"""What there is to say about a step, as pairs of a label and a text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from couler_plugins.ir import AllOf, AnyOf, Call, Graph, Need, Needs, Not, Operation, Step
from couler_plugins.viz.diagrams.labels import describe, describe_call, describe_loop, outcomes
from couler_plugins.viz.page.markup import clean

LONGEST = 400

ByName = Mapping[str, Graph | Operation]


def step_facts(step: Step, by_name: ByName) -> list[tuple[str, str]]:
    """All that a reader can want to know, each text cut where it is long."""
    return [(clean(label), _cut(text)) for label, text in _facts(step, by_name) if text]


def image_name(step: Step, by_name: ByName) -> str:
    """The image that a step runs, without registry and folders."""
    return _image(step, by_name).rsplit("/", 1)[-1]


def _facts(step: Step, by_name: ByName) -> Iterator[tuple[str, str]]:
    callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
    yield "calls" if isinstance(callee, Graph) else "runs", describe_call(step.call)
    yield "image", _image(step, by_name)
    yield "waits for", _needs(step.needs)
    yield "only if", describe(step.condition)
    if step.loop is not None:
        yield "once for each", describe_loop(step.loop)
    if step.retry is not None:
        yield "retries", describe(step.retry.limit) or "without limit"
    yield "timeout", describe(step.timeout)
    yield "tolerates", ", ".join(step.tolerates)
    yield from (
        ("at its end" if handler.event == "exit" else "on an event", describe_call(handler.step.call))
        for handler in step.handlers
    )
    yield from (
        (directive.kind, ", ".join(f"{name}={value}" for name, value in directive.options) or "yes")
        for directive in step.directives
    )
    yield from ((f"↳ {argument.name}", describe(argument.value) or "(empty)") for argument in step.arguments)


def _image(step: Step, by_name: ByName) -> str:
    callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
    containers = callee.containers if isinstance(callee, Operation) else ()
    return next((describe(container.image) for container in containers if container.role == "main"), "")


def _needs(needs: Needs | None) -> str:
    match needs:
        case None:
            return ""
        case Need():
            after = outcomes(needs)
            return f"{needs.step} ({after})" if after else needs.step
        case AllOf():
            return " and ".join(_grouped(need) for need in needs.needs)
        case AnyOf():
            return " or ".join(_grouped(need) for need in needs.needs)
        case Not():
            return f"not {_grouped(needs.need)}"


def _grouped(needs: Needs) -> str:
    return f"({_needs(needs)})" if isinstance(needs, AllOf | AnyOf) else _needs(needs)


def _cut(text: str) -> str:
    return clean(text if len(text) <= LONGEST else f"{text[:LONGEST]}… ({len(text):,} characters)")
