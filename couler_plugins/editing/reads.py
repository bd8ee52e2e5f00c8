"""Steps wait for what they read from, as their engine wants it written."""

from __future__ import annotations

from couler_plugins.driver.rewrite import Session
from couler_plugins.editing.native import native_needs
from couler_plugins.editing.scope import Scope
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir import GraphView, Step, all_of, conjuncts, needed, references, replace


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
