"""Steps that come and go, and the arrows between them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from couler_plugins.driver.rewrite import Session
from couler_plugins.editing.actions import AddStep, Connect, DeleteStep, Disconnect, Input
from couler_plugins.editing.native import native_needs, native_step
from couler_plugins.editing.parameters import with_parameters, without_uncalled, without_unread
from couler_plugins.editing.scope import Scope
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.generation.types import converted
from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.hookspecs.steps import InputType
from couler_plugins.ir import (
    Call,
    Graph,
    GraphView,
    Literal,
    Need,
    Needs,
    Operation,
    Reference,
    Step,
    Template,
    Value,
    Workflow,
    all_of,
    conjuncts,
    fresh_name,
    needed,
    references,
    replace,
    replace_callables,
    replace_steps,
)
from couler_plugins.plugins import STEPS

NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")


def checked_name(scope: Scope, name: str) -> str:
    """Return a name that a step can have.

    Raises:
        InvalidInput: it is taken, or no engine takes it.
    """
    if not NAME.fullmatch(name) or len(name) > 63:
        raise InvalidInput(f"{name!r} is no name of a step", hint="use up to 63 letters, digits and hyphens")
    if name in scope.steps:
        raise InvalidInput(f"{name!r} is taken", hint="choose another name")
    return name


def add_step(scope: Scope, action: AddStep, session: Session) -> Workflow:
    """Add a ready-made step.

    Raises:
        InvalidInput: there is no such entry in the catalogue, or an input is missing or of another type.
    """
    entry: CatalogueStep = session.plugins.get(STEPS, action.use)
    types = {item.name: item.type for item in entry.inputs}
    built = entry.build({item.name: _argument(scope, item, types) for item in action.inputs})
    name = checked_name(scope, action.step)
    native = native_step(built, scope.workflow.engine, session)
    operation = _same(scope, native.operation)
    if operation is None:
        operation = replace(native.operation, name=fresh_name(native.operation.name, scope.by_name))
    read = [item.source.partition(".")[0] for item in action.inputs if item.source]
    waits = list(dict.fromkeys([*(step for step in read if step in scope.steps), *map(scope.checked, action.needs)]))
    graph = scope.graph
    step = replace(native.step, name=name, call=Call(name=operation.name))
    if graph.stages is None:
        implied = read if read and not native_needs(scope.workflow.engine, session).for_reads else ()
        needs: list[Needs] = [scope.need(item, session) for item in waits if item not in implied]
        step = replace(step, needs=all_of(needs))
    stages = graph.stages if graph.stages is None else _staged(graph.stages, name, waits)
    new = replace(graph, steps=(*graph.steps, step), stages=stages, targets=_with_target(graph, name))
    added = () if operation.name in scope.by_name else (operation,)
    workflow = replace_callables(scope.workflow, {graph.name: new}, added)
    return with_parameters(workflow, graph.name, native.parameters, of_workflow=native.of_workflow)


def delete_step(scope: Scope, action: DeleteStep, session: Session) -> Workflow:
    """Remove a step; those that waited for it wait for what it waited for.

    Raises:
        InvalidInput: another step or the graph's results read from it, or it is the only one.
    """
    step, graph = scope.step(action.step), scope.graph
    others = [item for item in graph.steps if item is not step]
    if not others:
        raise InvalidInput(f"{step.name!r} is the only step of {graph.name!r}", hint="a graph needs one step")
    readers = [name for name, reads in GraphView(graph, scope.by_name).reads.items() if step.name in reads]
    rest = replace(graph, steps=())
    if any(reference.step == step.name for reference in references(rest)):
        readers.append(f"the results of {graph.name}")
    if readers:
        verb = "reads" if len(readers) == 1 else "read"
        what = f"{', '.join(readers)} {verb} from {step.name!r}"
        raise InvalidInput(what, hint="change what reads from it first")
    inherited = list(conjuncts(step.needs))
    changed = replace(
        graph,
        steps=tuple(_without_need(item, step.name, inherited) for item in others),
        stages=graph.stages and tuple(filter(None, (_without(stage, step.name) for stage in graph.stages))),
        finalizers=_without(graph.finalizers, step.name),
        targets=tuple(name for name in graph.targets if name != step.name),
        regions=tuple(replace(region, steps=_without(region.steps, step.name)) for region in graph.regions),
    )
    if graph.targets and not changed.targets:
        raise InvalidInput(f"{step.name!r} is what {graph.name!r} is run for", hint="name another target in the file")
    workflow = without_uncalled(replace_callables(scope.workflow, {graph.name: changed}), scope.workflow)
    return without_unread(workflow, graph.name, step)


def connect(scope: Scope, action: Connect, session: Session) -> Workflow:
    """Make a step wait for another; in a graph of stages, move it behind the stage of the other.

    Raises:
        InvalidInput: it would wait for itself, or it waits already.
    """
    source, target, graph = scope.step(action.source), scope.step(action.target), scope.graph
    view = GraphView(graph, scope.by_name)
    if source is target or source.name in view.descendants(target.name):
        raise InvalidInput(f"{target.name!r} would wait for itself", hint="draw the arrow the other way round")
    if target.name in graph.finalizers:
        raise InvalidInput(f"{target.name!r} runs when all others have ended", hint="there is nothing to do")
    if graph.stages is not None:
        return _move_behind(scope, source, target)
    if any(need.step == source.name for need in needed(target.needs)):
        raise InvalidInput(f"{target.name!r} waits for {source.name!r} already", hint="there is nothing to do")
    needs = all_of([*conjuncts(target.needs), scope.need(source.name, session)])
    return replace_steps(scope.workflow, {(graph.name, target.name): replace(target, needs=needs)})


def disconnect(scope: Scope, action: Disconnect, session: Session) -> Workflow:
    """Make a step wait for another no longer.

    Raises:
        InvalidInput: it reads from it, or does not wait for it by itself.
        Unsupported: in a graph of stages, other steps would wait for something else, too.
    """
    source, target, graph = scope.step(action.source), scope.step(action.target), scope.graph
    if source.name in GraphView(graph, scope.by_name).reads.get(target.name, ()):
        hint = "pass something else to its inputs first"
        raise InvalidInput(f"{target.name!r} reads from {source.name!r}", hint=hint)
    if graph.stages is not None:
        return _move_beside(scope, source, target)
    parts = conjuncts(target.needs)
    others = [part for part in parts if not (isinstance(part, Need) and part.step == source.name)]
    if len(others) == len(parts):
        what = f"{target.name!r} does not wait for {source.name!r} alone"
        raise InvalidInput(what, hint="its condition on other steps names it: change that in the file")
    return replace_steps(scope.workflow, {(graph.name, target.name): replace(target, needs=all_of(others))})


def _argument(scope: Scope, item: Input, types: Mapping[str, InputType]) -> object:
    value: Value | None = scope.value(item)
    if not isinstance(value, Literal):
        return value
    try:
        return converted(item.value, types[item.name]) if item.name in types else item.value
    except ValueError:
        raise InvalidInput(f"the input {item.name!r} takes {types[item.name]}, not {item.value!r}") from None


def _same(scope: Scope, operation: Operation) -> Operation | None:
    """The operation of the workflow that is this one already, under any name."""
    own = (item for item in scope.workflow.operations if not item.inline)
    return next((item for item in own if replace(operation, name=item.name) == item), None)


def _with_target(graph: Graph, name: str) -> tuple[str | Reference | Template, ...]:
    return graph.targets if not graph.targets or not graph.wants_all else (*graph.targets, name)


def _staged(stages: tuple[tuple[str, ...], ...], name: str, waits: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The stages with a step in the first one behind all that it waits for; in one of its own where there is none."""
    wanted = {*waits}
    behind = max((number for number, stage in enumerate(stages, 1) if wanted & {*stage}), default=len(stages))
    if behind == len(stages):
        return (*stages, (name,))
    return (*stages[:behind], (*stages[behind], name), *stages[behind + 1 :])


def _move_behind(scope: Scope, source: Step, target: Step) -> Workflow:
    """Put a step into a stage of its own behind the one that it is in with another: no other waits for less."""
    stages = scope.graph.stages or ()
    number = {name: place for place, stage in enumerate(stages) for name in stage}
    place = number[source.name]
    if place < number[target.name]:
        raise InvalidInput(f"{target.name!r} waits for {source.name!r} already", hint="its group runs later")
    if place > number[target.name]:
        raise InvalidInput(f"{target.name!r} runs before {source.name!r}", hint="move the groups in the file")
    before = _without(stages[place], target.name)
    return _with_stages(scope, (*stages[:place], before, (target.name,), *stages[place + 1 :]))


def _move_beside(scope: Scope, source: Step, target: Step) -> Workflow:
    """Make one stage of two with one step each; else other steps would wait for more, or this one for less."""
    stages = scope.graph.stages or ()
    number = {name: place for place, stage in enumerate(stages) for name in stage}
    place = number[source.name]
    if place >= number[target.name]:
        raise InvalidInput(f"{target.name!r} does not wait for {source.name!r}", hint="there is nothing to do")
    if place + 1 != number[target.name] or len(stages[place]) > 1 or len(stages[place + 1]) > 1:
        what = (
            f"the steps of {scope.graph.name!r} run in groups, one after another: others would start earlier or later"
        )
        raise Unsupported(what, feature="Graph.stages", hint="move the step into another group in the file")
    return _with_stages(scope, (*stages[:place], (source.name, target.name), *stages[place + 2 :]))


def _with_stages(scope: Scope, stages: tuple[tuple[str, ...], ...]) -> Workflow:
    order = {name: place for place, name in enumerate(name for stage in stages for name in stage)}
    steps = tuple(sorted(scope.graph.steps, key=lambda step: order[step.name]))
    return replace_callables(scope.workflow, {scope.graph.name: replace(scope.graph, stages=stages, steps=steps)})


def _without(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    return tuple(item for item in names if item != name)


def _without_need(step: Step, name: str, inherited: list[Needs]) -> Step:
    if all(need.step != name for need in needed(step.needs)):
        return step
    parts = conjuncts(step.needs)
    simple = [part for part in parts if isinstance(part, Need) and part.step == name]
    if any(need.step == name for part in parts if part not in simple for need in needed(part)):
        what = f"{step.name!r} waits for how {name!r} or another step ends"
        raise InvalidInput(what, hint="change what it waits for in the file first")
    own: list[Needs] = [part for part in parts if part not in simple]
    return replace(step, needs=all_of([*own, *inherited]))
