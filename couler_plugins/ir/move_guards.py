"""What a graph does for its steps as a whole, so that they cannot leave it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from couler_plugins.errors import Unsupported
from couler_plugins.ir.walk import references
from couler_plugins.ir.workflow import Call, Graph, Operation, Step, Workflow

__all__ = ["Inline", "is_daemon", "refuse_steps"]


HINT = "leave these steps where they are, or do without that"
Inline = Mapping[str, tuple[Graph | Operation, ...]]
"""What is written inside each step, by its name."""


def refuse_steps(workflow: Workflow, graph: Graph, steps: Iterable[Step], inline: Inline) -> None:
    """Raises `Unsupported` where these steps cannot leave their graph, whoever goes with them."""
    moved = list(steps)
    names = {step.name for step in moved}
    reasons = {
        f"{graph.name!r} asks for some of its steps only": bool(graph.targets),
        f"{graph.name!r} limits how many of its steps run at a time": graph.parallelism is not None,
        f"{graph.name!r} takes a lock": graph.locks is not None,
        "a setup or teardown step frames others": any(step.role != "normal" for step in moved),
        "a finalizer runs after all steps of its graph": not names.isdisjoint(graph.finalizers),
        "a region would be cut": any(not names.isdisjoint(region.steps) for region in graph.regions),
    }
    for reason, holds in reasons.items():
        if holds:
            raise Unsupported(reason, engine=workflow.engine, step=graph.name, hint=HINT)
    optional = {(port.name, kind) for port in graph.inputs if port.optional for kind in ("", port.kind)}
    for reference in references(tuple((step, inline[step.name]) for step in moved)):
        if reference.to == "input" and not reference.name:
            raise Unsupported(
                "a moved step reads all inputs of its graph at once",
                engine=workflow.engine,
                step=graph.name,
                hint="let it read the inputs one by one",
            )
        if reference.to == "input" and (reference.name, reference.kind) in optional:
            raise Unsupported(
                f"the input {reference.name!r} is optional, and cannot be passed on where it is empty",
                engine=workflow.engine,
                step=graph.name,
                hint="give the input a default",
            )


def is_daemon(step: Step, by_name: Mapping[str, Graph | Operation]) -> bool:
    """Whether what a step calls keeps running beside the steps after it, until their graph ends."""
    return isinstance(step.call, Call) and getattr(by_name.get(step.call.name), "daemon", False)
