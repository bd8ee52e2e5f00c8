"""Ends of steps and graphs: how steps may fail without their graph, and what keeps steps from leaving it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from couler_plugins.errors import Unsupported
from couler_plugins.ir.graph import GraphView
from couler_plugins.ir.needs import AnyOf, Need, Needs, conjuncts
from couler_plugins.ir.walk import references
from couler_plugins.ir.workflow import Call, Graph, Operation, Step, Workflow

EMPTY = "empty"
"""The end of a loop without items: skipped, for those that wait for it; its outputs are taken as there."""

Ends = Mapping[str, frozenset[str]]


def quiet_ends(view: GraphView, place: Callable[[str], str] = lambda name: "") -> Ends:
    """The outcomes, besides success, with which each step may end while its graph does not fail.

    Args:
        view: the graph.
        place: where each step is; what a step needs from elsewhere is taken as met.
    """
    steps = {step.name: step for step in view.graph.steps}
    ends: dict[str, dict[str, frozenset[str]]] = {}
    for name in view.order():
        here = ends.setdefault(place(name), {})
        here[name] = with_omitted(by_itself(steps[name]), conjuncts(steps[name].needs), view.reads[name], here)
    return {name: found for here in ends.values() for name, found in here.items()}


def by_itself(step: Step) -> frozenset[str]:
    """How a step may end other than well if what it waits for is there."""
    outcomes = set(step.tolerates)
    if step.condition is not None:
        outcomes.add("skipped")
    if step.loop is not None and any(references(step.loop)):
        outcomes.add(EMPTY)
    return frozenset(outcomes)


def with_omitted(outcomes: frozenset[str], needs: Iterable[Needs], reads: Iterable[str], ends: Ends) -> frozenset[str]:
    """`outcomes`, and `omitted` where a step with these needs may wait in vain; what is not in `ends` ends well."""
    parts = tuple(needs)
    sure = strictly_needed(parts)
    unread = any(ends.get(read, frozenset()) - {EMPTY} for read in reads if read not in sure)
    return outcomes | {"omitted"} if unread or any(may_be_unmet(need, ends) for need in parts) else outcomes


def may_be_unmet(needs: Needs, ends: Ends) -> bool:
    """Whether `needs` may not hold although nothing failed; what is not in `ends` ends well."""
    match needs:
        case Need():
            accepted = {*needs.outcomes, EMPTY} if "skipped" in needs.outcomes else set(needs.outcomes)
            return "succeeded" not in accepted or not accepted.issuperset(ends.get(needs.step, ()))
        case AnyOf():
            return all(may_be_unmet(need, ends) for need in needs.needs)
        case _:  # a negation, or a conjunction inside a disjunction
            return True


def strictly_needed(parts: Iterable[Needs]) -> set[str]:
    """The steps that have succeeded wherever all of these hold."""
    return {need.step for need in parts if isinstance(need, Need) and need.outcomes == ("succeeded",)}


HINT = "leave these steps where they are, or do without that"
Inline = Mapping[str, tuple[Graph | Operation, ...]]
"""What is written inside each step, by its name."""


def refuse_steps(workflow: Workflow, graph: Graph, steps: Iterable[Step], inline: Inline) -> None:
    """Raises `Unsupported` where these steps cannot leave their graph, whoever goes with them."""
    moved = list(steps)
    names = {step.name for step in moved}
    reasons = {
        f"{graph.name!r} asks for some of its steps only": not graph.wants_all,
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
