"""Rules that engines of containers share: parameters are texts, outputs are files, and steps wait for success."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any

from couler_plugins.engine_kit.legalize.legality import Rule
from couler_plugins.engine_kit.legalize.native_fields import computed, fields_of, names_in
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.engine_kit.legalize.tables import StepSite, faults
from couler_plugins.ir import (
    Expression,
    Literal,
    Loop,
    Native,
    Need,
    Operation,
    Port,
    Reference,
    Retry,
    Template,
    Value,
    conjuncts,
    nodes,
    references,
)

KINDS = ("container", "script")
WHOLE = "say it of the steps in it"
WHOLE_PARTS = {
    **{part: part for part in ("retry", "timeout", "memoized", "locks", "metrics", "finalizers", "regions", "targets")},
    "native_extra": "fields of its engine",
}
"""What graphs may have in place of their steps, and what people call it."""


def of_containers(*rules: Rule) -> tuple[Rule, ...]:
    """Return rules that only count for operations that run a command of their own."""

    def limited(rule: Rule) -> Rule:
        return rule._replace(fault=lambda operation: faults(rule, operation) if operation.kind in KINDS else [])

    return tuple(map(limited, rules))


def retry_rule(
    field: str, reason: str, fits: Function[[Value], bool] = lambda value: False, hint: str = "leave it out"
) -> Rule:
    """Return a rule for a field of retries, wherever these are set: it is absent, or fits."""

    def fault(site: StepSite) -> bool:
        value = getattr(retry_of(site), field, None)
        return value is not None and not fits(value)

    return Rule(f"Retry.{field}", reason, fault, hint)


def is_whole(value: Value) -> bool:
    """Return whether a value is a whole number that is known beforehand."""
    return isinstance(value, Literal) and type(value.value) is int


def _has_usual_policy(rest: Value) -> bool:
    fields = fields_of(rest if isinstance(rest, Native) else None)
    return not fields.keys() - {"retryPolicy"} and fields.get("retryPolicy") in (None, "Always", "OnFailure")


def artifacts(items: Iterable[Any]) -> list[str]:
    """Return the names of those ports, outputs or arguments that are artifacts."""
    return [item.name for item in items if item.kind == "artifact"]


def parameters(items: Iterable[Any], breaks: Function[[Any], object]) -> list[str]:
    """Return the names of those ports or outputs that are parameters and break a rule."""
    return [item.name for item in items if item.kind == "parameter" and breaks(item)]


def is_unknown(value: Value | None) -> bool:
    """Return whether a value is there, and is no constant."""
    return value is not None and not isinstance(value, Literal)


def texts(value: object) -> Iterator[str]:
    """Yield the texts in a value that are no expressions."""
    for node in nodes(value):
        match node:
            case Literal(value=str(text)):
                yield text
            case Template(parts=parts) | Native(parts=parts):
                yield from (part for part in parts if isinstance(part, str))


def shown(reference: Reference) -> str:
    """Return a reference as people are told of it."""
    return ".".join(filter(None, (reference.name, *reference.path))) or reference.to


def usual(port: Port) -> Value | None:
    """Return what an input is where nothing is passed."""
    return port.value if port.value is not None else port.default


def missing(site: StepSite, needs: Function[[Port], bool]) -> list[str]:
    """Return the inputs of a callee that need a value and get none."""
    passed = {argument.name for argument in site.step.arguments}
    ports = site.callee.inputs if site.callee is not None else ()
    return [name for name in parameters(ports, needs) if name not in passed]


def retry_of(site: StepSite) -> Retry | None:
    """Return how often an operation is tried again where it is called."""
    return site.step.retry or site.callee.retry if isinstance(site.callee, Operation) else None


def absent_outputs(site: StepSite) -> list[str]:
    """Return what is read of a call that is no output parameter of its callee, and not what that prints."""
    outputs = site.callee.outputs if site.callee is not None else ()
    fits = {("parameter", output.name) for output in outputs}  # artifacts among them break a rule of their own
    if isinstance(site.callee, Operation):
        fits.add(("result", "result"))
    return [item.name for item in site.outputs_read if (item.kind, item.name) not in fits and item.kind != "artifact"]


def constant_items(loop: Loop | None) -> list[Any] | None:
    """Return the items of a loop over one list that stands in the workflow; None where it loops otherwise."""
    axes = loop.axes if loop is not None else ()
    values = axes[0].values if len(axes) == 1 else None
    is_constant = isinstance(values, Native) and not any(references(values))
    return values.data if is_constant and isinstance(values.data, list) else None  # type: ignore[union-attr]


def _unknown_limit(site: StepSite) -> bool:
    retry = retry_of(site)
    limit = retry.limit.value if retry is not None and isinstance(retry.limit, Literal) else None
    return retry is not None and (limit is None or not str(limit).isdigit())


def _foreign_reads(operation: Operation) -> list[str]:
    read = (
        item for item in references(operation.containers) if item.to != "input" or item.kind != "parameter" or item.path
    )
    return list(dict.fromkeys(map(shown, read)))


WORKFLOW = (
    Rule("Workflow.entry", "is a library: nothing in it runs by itself", lambda workflow: workflow.entry is None),
    Rule(
        "Workflow.native_extra",
        "has {}, of which only the run knows what it is",
        lambda workflow: computed(workflow.native_extra),
    ),
)
GRAPH = (
    *(Rule(f"Graph.{part}", f"has {WHOLE_PARTS[part]} as a whole") for part in WHOLE_PARTS if part != "native_extra"),
    Rule("Graph.native_extra", "has {} as a whole", lambda graph: sorted(fields_of(graph.native_extra))),
    Rule(
        "Graph.parallelism", "limits how many of its steps run at a time", hint="leave that to a quota of the namespace"
    ),
)
PORTS = (
    Rule("Port.kind", "takes the artifact {!r}", lambda callee: artifacts(callee.inputs)),
    *(
        Rule(
            f"Port.{field}",
            f"takes {{!r}} {reason}",
            lambda callee, says=attrgetter(field): parameters(callee.inputs, says),  # type: ignore[misc]
            "pass it as a text",
        )
        for field, reason in {"origin": "from elsewhere", "path": "as a file", "optional": "where it is given"}.items()
    ),
)
OPERATION = (
    Rule(
        "Operation.kind",
        "is a {}, which {engine} cannot run",
        lambda operation: "" if operation.kind in KINDS or function_of(operation) else operation.kind,
    ),
    Rule("Operation.memoized", "is memoized"),
    Rule("Operation.locks", "takes mutexes or semaphores"),
    Rule("Operation.metrics", "reports metrics"),
    Rule("Operation.daemon", "keeps running beside the steps after it"),
    Rule("Operation.directives", "has an annotation for caching or tuning"),
    Rule(
        "Container.image",
        "runs a command outside of a container, without an image",
        lambda operation: any(item.image is None for item in operation.containers),
    ),
    Rule("Output.kind", "gives the artifact {!r}", lambda operation: artifacts(operation.outputs)),
    Rule(
        "Output.exported",
        "has the global output {!r}",
        lambda operation: parameters(operation.outputs, attrgetter("exported")),
    ),
    Rule(
        "Output.exported",
        "has the global artifact {!r}",
        lambda operation: artifacts(item for item in operation.outputs if item.exported is not None),
    ),
    Rule(
        "Output.native_extra",
        "has fields other than name and path at {!r}",
        lambda operation: parameters(operation.outputs, attrgetter("native_extra")),
    ),
    Rule(
        "Output.default",
        "has a default of {!r} that is no constant",
        lambda operation: parameters(operation.outputs, lambda output: is_unknown(output.default)),
    ),
    Rule(
        "Step.arguments",
        "has an expression, which {engine} cannot evaluate",
        lambda operation: any(isinstance(node, Expression) for node in nodes(operation.containers)),
    ),
    Rule("Step.arguments", "reads {}, which {engine} does not have like this", _foreign_reads),
    *of_containers(
        Rule(
            "Output.value",
            "reads its output {!r} from something other than a file",
            lambda operation: parameters(operation.outputs, lambda output: not isinstance(output.path, Literal)),
        )
    ),
)
SITE = (
    Rule("Step.call", "calls what is not in this workflow", lambda site: site.callee is None),
    Rule("Step.handlers", "has hooks, or an exit handler of its own"),
    Rule("Step.directives", "has an annotation for caching or tuning"),
    Rule(
        "Step.native_extra",
        "has {}, which means nothing outside of its engine",
        lambda site: names_in(site.step.native_extra),
    ),
    Rule("Step.role", "is a {}", lambda site: site.step.role if site.step.role != "normal" else ""),
    Rule(
        "Step.needs",
        "has a dependency with OR or NOT",
        lambda site: any(not isinstance(part, Need) for part in conjuncts(site.step.needs)),
    ),
    Rule(
        "Loop.includes",
        "loops over more items than those of its list",
        lambda site: site.step.loop and site.step.loop.includes,
        "list them all",
    ),
    Rule(
        "Loop.combine",
        "counts, or loops over several lists",
        lambda site: site.step.loop and (site.step.loop.combine != "rows" or len(site.step.loop.axes) != 1),
    ),
    Rule("Port.kind", "hands the artifact {!r} on", lambda site: artifacts(site.step.arguments)),
    Rule("Retry.limit", "is retried without a limit, or up to one that is only known at run time", _unknown_limit),
    retry_rule("condition", "is retried after some failures only", hint="leave the limit of attempts"),
    retry_rule(
        "native_extra",
        "is retried for some reasons, or for some time only",
        _has_usual_policy,
        "leave the limit of attempts",
    ),
)
