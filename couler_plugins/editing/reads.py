"""What steps read: their inputs, and that they wait for whom they read from, as their engine wants it written."""

from __future__ import annotations

from couler_plugins.driver.rewrite import Session
from couler_plugins.editing.actions import PassInput
from couler_plugins.editing.native import native_loop, native_needs
from couler_plugins.editing.scope import Scope
from couler_plugins.errors import InvalidInput, Unsupported, closest
from couler_plugins.ir import (
    Argument,
    GraphView,
    PortKind,
    Reference,
    Step,
    Value,
    Workflow,
    all_of,
    conjuncts,
    needed,
    references,
    replace,
    replace_steps,
)


def behind_reads(scope: Scope, old: Step, new: Step, session: Session) -> Step:
    """Return a step that waits for all that it reads from, if its engine does not see that by itself.

    Args:
        scope: the graph.
        old: the step as the graph has it.
        new: the step with other references.
        session: has the adapters.

    Raises:
        InvalidInput: it would wait for itself.
        Unsupported: in a graph of stages, it runs before a step that it reads from has ended.
    """
    before = {reference.step for reference in references(old)}
    names = {reference.step: None for reference in references(new)}
    read = [name for name in names if name in scope.steps and name not in before]
    view = GraphView(scope.graph, scope.by_name)
    for name in read:
        if name == old.name or name in view.descendants(old.name):
            raise InvalidInput(f"{old.name!r} would wait for itself", hint=f"{name!r} runs after it: read from others")
    if scope.graph.stages is not None:
        number = {name: place for place, stage in enumerate(scope.graph.stages) for name in stage}
        for name in read:
            if number.get(name, -1) >= number.get(old.name, len(number)):
                hint = f"draw an arrow from {name!r} to {old.name!r} first"
                raise Unsupported(
                    f"{name!r} does not end before {old.name!r} starts", feature="Graph.stages", hint=hint
                )
        return new
    missing = [name for name in read if name not in _waits(scope, new)]
    if not missing or not native_needs(scope.workflow.engine, session).for_reads:
        return new
    return replace(new, needs=all_of([*conjuncts(new.needs), *(scope.need(name, session) for name in missing)]))


def _waits(scope: Scope, step: Step) -> set[str]:
    """The steps that a step waits for by what it needs, and what these need."""
    seen: set[str] = set()
    pending = [step]
    while pending:
        for need in needed(pending.pop().needs):
            if need.step not in seen and need.step in scope.steps:
                seen.add(need.step)
                pending.append(scope.steps[need.step])
    return seen


def pass_input(scope: Scope, action: PassInput, session: Session) -> Workflow:
    """Pass a constant or a reference to an input of a step; or nothing.

    Raises:
        InvalidInput: what the step runs has no such input.
    """
    step, name = scope.step(action.step), action.input.name
    declared = scope.ports(step)
    ports = {**(declared or {}), **{item.name: item.kind for item in step.arguments}}
    if declared is not None and name not in ports:
        hint = closest(name, ports) or f"it takes {', '.join(ports) or 'nothing'}"
        raise InvalidInput(f"what {step.name!r} runs has no input {name!r}", hint=hint)
    value = scope.value(action.input)
    if isinstance(value, Reference) and value.to == "item":
        value = _item(scope, step, name, session)
    is_file = isinstance(value, Reference) and value.kind == "artifact"
    kind: PortKind = "artifact" if is_file else ports.get(name, "parameter")
    new = None if value is None else Argument(name=name, value=value, kind=kind)
    arguments = [item for item in (new if item.name == name else item for item in step.arguments) if item is not None]
    if new is not None and new not in arguments:
        arguments.append(new)
    ordered = sorted(arguments, key=lambda item: item.kind == "artifact")  # parameters stand before artifacts
    changed = behind_reads(scope, step, replace(step, arguments=tuple(ordered)), session)
    return replace_steps(scope.workflow, {(scope.graph.name, step.name): changed})


def _item(scope: Scope, step: Step, name: str, session: Session) -> Value:
    """The item of a step's loop, for an input."""
    if step.loop is None:
        raise InvalidInput(f"{step.name!r} runs once, and has no item", hint="say what it runs for each of first")
    inputs = {item.name: item.value for item in step.arguments if any(one.to == "item" for one in references(item))}
    if name in inputs or not native_loop(scope.workflow.engine, session).by_input:
        return inputs.get(name, Reference(to="item"))
    what = f"{', '.join(inputs)} takes the item of {step.name!r}, and no other input can"
    raise Unsupported(what, feature="Loop.axes", hint="change the loop in the file")
