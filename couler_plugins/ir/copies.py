"""What call sites ask for and only the callee can carry out: in the callee itself, or in private copies of it."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Hashable
from typing import TypeVar

from couler_plugins.errors import Unsupported
from couler_plugins.ir.edits import fresh_name, map_steps, replace_callables
from couler_plugins.ir.values import replace
from couler_plugins.ir.walk import call_sites, callables, inline_callees
from couler_plugins.ir.workflow import Call, Graph, Operation, Step, Workflow

R = TypeVar("R", bound=Hashable)
Template = Graph | Operation


def carry_out(
    workflow: Workflow,
    request: Function[[Step], R],
    apply: Function[[Template, R], Template],
    *,
    suffix: Function[[R], str],
    bare: Function[[Step], Step],
    own: Function[[Template], R | None] = lambda item: None,
    feature: str = "Step.call",
) -> tuple[Workflow, dict[tuple[str, R], str]]:
    """Return `workflow` with every request of a call site carried out in what it calls.

    A callee's own request, and that of the first of its call sites if all have some, is carried out in the callee
    itself. For others, and where other workflows can call the callee, a call site gets a private copy of it.

    Args:
        workflow: the workflow.
        request: what a call site asks for; something false where it asks for nothing.
        apply: the callee, under the name that it is to have, with a request carried out.
        suffix: what the name of a copy ends with.
        bare: a call site without its request.
        own: what a callee asks for itself, for the call sites that ask for nothing.
        feature: what errors call it.

    Returns:
        The workflow, and the name of the callee that carries each request out, by the callee's old name and request.

    Raises:
        Unsupported: what a call site calls is in another workflow, or cannot be copied.
    """
    requests: dict[str, dict[R, None]] = {}
    for _, step in call_sites(workflow):
        settings = request(step)
        if isinstance(step.call, Call):
            requests.setdefault(step.call.name, {})[settings] = None
        elif settings:
            raise _refusal(workflow, step.name, "what it calls is in another workflow", feature)
    by_name = callables(workflow)
    names = set(by_name)
    changed: dict[str, Template] = {}
    added: list[Template] = []
    places: dict[tuple[str, R], str] = {}
    for name, item in by_name.items():
        wanted = requests.get(name, {})
        first = own(item)
        if not first and wanted and all(wanted) and (item.inline or not workflow.library):
            first = next(iter(wanted))
        if first:
            changed[name] = apply(item, first)
            places[name, first] = name
        for settings in wanted:
            if not settings or settings == first:
                continue
            if any(inline_callees(step, by_name) for step in getattr(item, "steps", ())):
                reason = "a private copy is needed, but something in it is written inline"
                raise _refusal(workflow, name, reason, feature)
            copy = places[name, settings] = fresh_name(f"{name}-{suffix(settings)}", names)
            names.add(copy)
            added.append(apply(replace(item, name=copy), settings))
    if not places:
        return workflow, {}

    def redirected(step: Step) -> Step:
        wanted = request(step)
        if not wanted or not isinstance(step.call, Call):
            return step
        place = places.get((step.call.name, wanted), step.call.name)
        return replace(bare(step), call=step.call if place == step.call.name else Call(name=place))

    return map_steps(replace_callables(workflow, changed, added), redirected), places


def _refusal(workflow: Workflow, name: str, reason: str, feature: str) -> Unsupported:
    step, hint = f"{workflow.label}: {name}", "leave this call as it is"
    return Unsupported(f"{name!r}: {reason}", engine=workflow.engine, step=step, feature=feature, hint=hint)
