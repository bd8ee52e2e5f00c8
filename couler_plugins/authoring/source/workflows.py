"""A whole workflow as a file of Python."""

from __future__ import annotations

from collections.abc import Iterable

from couler_plugins.authoring.quoting import shown
from couler_plugins.authoring.source.catalogue import Catalogue, checked_steps
from couler_plugins.authoring.source.conditions import asked_of
from couler_plugins.authoring.source.graphs import WHOLE, Graphs
from couler_plugins.authoring.source.settings import settings_of
from couler_plugins.authoring.source.texts import behind, call, constant, identifier, refused, written
from couler_plugins.authoring.source.variables import Around
from couler_plugins.engine_kit.legalize.python.functions import function_of
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.ir import Call, Graph, Reference, Step, Workflow, callables, replace

__all__ = ["to_python"]

NOTHING = Step(name="", call=Call(name=""))
IMPORT = "import couler_plugins.authoring as couler"


def to_python(workflow: Workflow, steps: Iterable[CatalogueStep] = ()) -> str:
    """A workflow as Python of the unified interface; running that gives an equal workflow, called `workflow`.

    What other means have written in other names comes out as a workflow that does the same.

    Args:
        workflow: a portable one.
        steps: ready-made steps, which are called by their names.

    Raises:
        Unsupported: it has something that the interface has no words for.
        InvalidInput: it is none.
    """
    if not isinstance(workflow, Workflow):
        raise InvalidInput(f"{shown(workflow)} is no workflow of the IR", hint="give it: to_python(wf.ir)")
    entries = checked_steps(steps)
    by_name = callables(workflow)
    entry = by_name.get(getattr(workflow.entry.call, "name", "")) if workflow.entry is not None else None
    if not isinstance(entry, Graph):
        raise refused(workflow.label, "does not begin with a graph")
    _check_whole(workflow, entry)
    functions, sources = _functions(workflow)
    settings, first = settings_of(workflow)
    graphs = Graphs(workflow, functions, Catalogue(entries))
    graphs.block(entry, entry.steps, Around())
    _handlers(workflow, graphs)
    head = call("couler.workflow", {"name": constant(workflow.name), **settings})(0)
    block = "\n".join([f"with {head} as workflow:", *(f"    {line}" for line in first), *graphs.lines])
    return "\n\n\n".join([IMPORT, *sources, f"{block}\n"])


def _check_whole(workflow: Workflow, entry: Graph) -> None:
    """Refuses what a block has no words for: it would be gone."""
    for name in ("prefix", "namespace", "library"):
        if getattr(workflow, name):
            raise refused(workflow.label, f"has a {name}")
    if not workflow.name:
        raise refused(workflow.label, "has no name")
    if workflow.entry is not None and replace(workflow.entry, name="", call=Call(name=""), source=None) != NOTHING:
        raise refused(workflow.label, "begins with a call that says more than what it calls")
    for name in (*WHOLE[1:], "fail_fast", "parallelism"):
        if getattr(entry, name) is not None and getattr(entry, name) != ():
            raise refused(entry.name, f"has {name} as a whole")


def _functions(workflow: Workflow) -> tuple[dict[str, str], list[str]]:
    """The names of functions by operation, and their definitions in an order in which each has its name."""
    names: dict[str, str] = {}
    existing: dict[str, str] = {}
    sources: list[str] = []
    for operation in workflow.operations:
        function = function_of(operation)
        if function is None:
            continue
        if function.source in existing:
            names[operation.name] = existing[function.source]
            continue
        name = identifier(function.name, existing.values())
        renamed = f"\n\n\n{name} = {function.name}" if name != function.name else ""
        sources.append(f"{function.source.rstrip()}{renamed}")
        names[operation.name] = existing[function.source] = name
    return names, sources


def _handlers(workflow: Workflow, graphs: Graphs) -> None:
    """What runs at the end, by how it ended."""
    by_name = callables(workflow)
    for handler in workflow.handlers:
        if handler.event != "exit" or handler.condition is not None:
            raise refused(handler.step.name, "runs on an event")
        callee = by_name.get(getattr(handler.step.call, "name", ""))
        steps = (
            callee.steps if isinstance(callee, Graph) else (replace(handler.step, name=handler.step.name or "exit"),)
        )
        for step in steps:
            _handler(step, graphs)


def _handler(step: Step, graphs: Graphs) -> None:
    status = ""
    for comparison in asked_of(step.condition, step.name):
        if comparison.left != Reference(to="run", name="workflow", path=("status",)) or status:
            raise refused(step.name, "runs at the end, on a condition of its own")
        status = str(comparison.right)
    if step.needs is not None:
        raise refused(step.name, "runs at the end, behind others")
    shown = behind("lambda: ", graphs.single(replace(step, condition=None)))
    ended = f"couler.WFStatus.{status or 'Always'}"
    graphs.lines.append(f"    {written('couler.set_exit_handler(', [ended, shown], ')')(4)}")
