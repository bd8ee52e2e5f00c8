"""Rules of KFP's for calls: what they pass, wait for and loop over, and what others read of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_kfp.generating.conditions import Test, question_of, tests_of
from couler_kfp.generating.outcomes import LAST, may_skip
from couler_kfp.generating.runs import FACTS
from couler_plugins.engine_kit.legalize import rules
from couler_plugins.engine_kit.legalize.legality import Rule
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.engine_kit.legalize.tables import FINE, StepSite, waits
from couler_plugins.ir import Argument, Graph, Literal, Native, Operation, Reference, Template, Value, references

BRACES = "has two opening braces in a text, which KFP takes for a placeholder"


def _is_function(callee: object) -> bool:
    return isinstance(callee, Operation) and function_of(callee) is not None


def _accepted(site: StepSite) -> Iterator[Argument]:
    names = {port.name for port in site.callee.inputs} if site.callee is not None else ()
    return (item for item in site.step.arguments if item.kind == "parameter" and item.name in names)


def _is_text(value: Value, site: StepSite) -> bool:
    """Return whether a value is made of texts and references, or a constant for what knows its type."""
    if isinstance(value, Template):
        return all(isinstance(part, (str, Reference)) for part in value.parts)
    is_typed = isinstance(site.callee, Graph) or _is_function(site.callee)
    return isinstance(value, (Literal, Reference)) or (isinstance(value, Native) and is_typed)


def _tests(site: StepSite) -> tuple[Test, ...]:
    return tuple(tests_of(question_of(site.step.condition)))


def _foreign_reads(site: StepSite) -> list[str]:
    values = [
        *(item.value for item in _accepted(site) if _is_text(item.value, site)),
        *(test.value for test in _tests(site)),
    ]
    if site.step.loop is not None:
        values += [axis.values for axis in site.step.loop.axes if isinstance(axis.values, Reference)]
    return [f"{rules.shown(item)} ({item.to})" for item in references(tuple(values)) if not _is_readable(item, site)]


def _is_readable(reference: Reference, site: StepSite) -> bool:
    match reference:
        case Reference(to="item") | Reference(to="input", kind="parameter", path=()):
            return True
        case Reference(to="output", path=()):
            return reference.step in site.steps
        case Reference(to="run", path=()):
            return reference.name in FACTS.values()
    return False


def _is_unknown_list(site: StepSite) -> bool:
    loop = site.step.loop
    if loop is None or loop.combine != "rows" or len(loop.axes) != 1:
        return False
    return not isinstance(loop.axes[0].values, Reference) and not rules.constant_items(loop)


def _texts_in_loop(site: StepSite) -> list[Any]:
    """Return the items of a loop that become texts, or mappings of texts."""
    return [] if _is_function(site.callee) else rules.constant_items(site.step.loop) or []


def _reads_otherwise(site: StepSite) -> bool:
    """Return whether a call reads an item as a whole that is a mapping, or a key of one that is a text."""
    kinds = {isinstance(item, dict) for item in _texts_in_loop(site)}
    read = {bool(item.name or item.path) for item in references(site.step.arguments) if item.to == "item"}
    return len(kinds) == 1 and bool(read - kinds)


def _given(site: StepSite) -> list[Argument]:
    names = {port.name for port in site.callee.inputs if port.kind == "artifact"} if site.callee is not None else set()
    return [item for item in site.step.arguments if item.kind == "artifact" and item.name in names]


def _made_otherwise(site: StepSite) -> list[str]:
    """Return the artifacts that a call passes, and that are no output of a step, and no input of its graph."""
    return [item.name for item in _given(site) if not _is_artifact(item.value, site)]


def _is_artifact(value: Value, site: StepSite) -> bool:
    match value:
        case Reference(to="input", kind="artifact", path=()):
            return True
        case Reference(to="output", kind="artifact", path=()):
            return value.step in site.steps
    return False


def _absent_artifacts(site: StepSite) -> list[str]:
    made = {item.name for item in site.callee.outputs if item.kind == "artifact"} if site.callee is not None else set()
    return [item.name for item in site.outputs_read if item.kind == "artifact" and item.name not in made]


def _missing_artifacts(site: StepSite) -> list[str]:
    passed = {item.name for item in _given(site)}
    ports = site.callee.inputs if site.callee is not None else ()
    return [port.name for port in ports if port.kind == "artifact" and not port.origin and port.name not in passed]


CALLS = (
    Rule(
        "Step.directives",
        "has an annotation for caching or tuning",
        lambda site: site.step.directives not in ((), LAST),
    ),
    Rule("Argument.value", "passes the artifact {!r}, which no step makes", _made_otherwise, "let a step make it"),
    Rule("Output.value", "has no output artifact {!r}", _absent_artifacts),
    Rule("Port.value", "gets no artifact for {!r}", _missing_artifacts, "pass one"),
    Rule("Step.timeout", "has a timeout, which only a platform of KFP knows"),
    Rule("Step.tolerates", "may fail without failing the rest"),
    Rule(
        "Step.retry",
        "retries the graph {!r}",
        lambda site: site.callee.name if isinstance(site.callee, Graph) and site.step.retry else "",
        "retry the steps in it",
    ),
    rules.retry_rule("delay", "waits before further attempts, and not for whole seconds", rules.is_whole, "round it"),
    rules.retry_rule("factor", "waits longer each time, by a factor that is not whole", rules.is_whole, "round it"),
    rules.retry_rule("max_delay", "has a longest delay between attempts"),
    Rule(
        "Step.needs",
        "starts after a failure of {!r}",
        lambda site: [
            name
            for name, outcomes in site.waits.items()
            if site.step.directives != LAST
            and not site.steps[name].tolerates
            and ("succeeded" not in outcomes or outcomes - FINE - {"omitted"})
        ],
    ),
    Rule(
        "Step.needs",
        "starts also where {!r} was skipped, which KFP does not",
        lambda site: [
            name
            for name, outcomes in site.waits.items()
            if site.steps[name].condition is not None
            and "skipped" in outcomes
            and site.graph is not None
            and not may_skip(site.graph, site.steps[name], waits(site.graph))
        ],
    ),
    Rule(
        "Port.value",
        "gets no value for {!r}",
        lambda site: rules.missing(site, lambda port: port.required),
        "pass one",
    ),
    Rule(
        "Step.arguments",
        "passes {!r}, which is more than a text",
        lambda site: [item.name for item in _accepted(site) if not _is_text(item.value, site)],
    ),
    Rule("Step.arguments", "reads {}, which KFP does not have like this", _foreign_reads),
    Rule(
        "Step.condition",
        "has a condition that is more than comparisons of texts and numbers",
        lambda site: question_of(site.step.condition) is None,
    ),
    Rule("Step.loop", "loops over a list that is only known at run time, or over nothing", _is_unknown_list),
    Rule(
        "Step.loop",
        "loops over texts and mappings",
        lambda site: len({isinstance(item, dict) for item in _texts_in_loop(site)}) > 1,
    ),
    Rule("Step.loop", "reads an item as a whole that is a mapping, or a key of a text", _reads_otherwise),
    Rule("Step.arguments", BRACES, lambda site: "{{" in str(_texts_in_loop(site))),
    Rule(
        "Loop.limit",
        "has a limit that is only known at run time",
        lambda site: (
            site.step.loop and site.step.loop.limit and not str(getattr(site.step.loop.limit, "value", "")).isdigit()
        ),
        "give it as a constant",
    ),
    Rule(
        "Step.loop",
        "loops, and the outputs of all its runs are read together",
        lambda site: site.step.loop and site.outputs_read and not _is_function(site.callee),
    ),
    Rule("Output.value", "has no output parameter {!r} that a task of it gives", rules.absent_outputs),
    Rule(
        "Step.condition",
        "has a condition, and its outputs are read",
        lambda site: site.step.condition is not None and site.outputs_read,
    ),
)
