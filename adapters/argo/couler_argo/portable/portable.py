"""Workflows of Argo in terms that other engines have: containers, texts, files, and what waits for what."""

from __future__ import annotations

from couler_argo.documents import without_records
from couler_argo.portable.bodies import with_container
from couler_argo.portable.details import Notes, with_common_words
from couler_argo.portable.legality import OF_ARGO
from couler_argo.portable.libraries import gathered
from couler_argo.portable.loops import with_items
from couler_argo.portable.texts import with_plain_texts
from couler_plugins.engine_kit.legalize.legality import raise_all
from couler_plugins.engine_kit.legalize.native_fields import without_nulls
from couler_plugins.ir import (
    Bundle,
    Graph,
    Literal,
    Native,
    Operation,
    Output,
    Workflow,
    callables,
    callee_of,
    calls_by_callee,
    needed,
    references,
    replace,
)
from couler_plugins.plan import Decision


def portable(workflow: Workflow, bundle: Bundle) -> tuple[Workflow | None, tuple[Decision, ...]]:
    """Return a workflow of Argo for other engines, and what is not quite the same; None for what others refer to.

    Raises:
        Unsupported: it calls what is not in these files; or it loops over items that Argo passes on otherwise than
            they stand there: `Item.String` takes the quotes off an item's JSON, and leaves what was escaped in it as
            it is. Or it reads all parameters at once.
    """
    if workflow.library and not _runs(workflow):
        return None, ()
    notes = Notes(workflow.label)
    workflow = without_nulls(gathered(workflow, bundle))
    workflow = replace(workflow, library="", graphs=tuple(map(_wanted, workflow.graphs)))
    workflow = with_plain_texts(workflow)
    raise_all(OF_ARGO.refusals(workflow))
    workflow = with_common_words(with_items(without_records(workflow)), notes)
    passed = {
        name: {item.name for site in sites for item in site.step.arguments if item.kind == "artifact"}
        for name, sites in calls_by_callee(workflow).items()
    }
    operations = (
        _with_paths(with_container(item, notes.add, passed.get(item.name, ()))) for item in workflow.operations
    )
    return replace(workflow, operations=tuple(operations)), tuple(notes.decisions)


def _runs(workflow: Workflow) -> bool:
    """Return whether a library can run as it is: its entry gets all that it takes."""
    callee = callee_of(workflow.entry, callables(workflow)) if workflow.entry is not None else None
    own = {(port.kind, port.name) for port in workflow.parameters if not port.required}
    return workflow.entry is not None and all(
        not port.required or (port.kind, port.name) in own for port in (callee.inputs if callee is not None else ())
    )


def _wanted(graph: Graph) -> Graph:
    """Return a graph with those steps only that its target needs."""
    if not graph.targets or not all(isinstance(name, str) for name in graph.targets):
        return graph
    steps = {step.name: step for step in graph.steps}
    pending = [str(name) for name in graph.targets]
    wanted: set[str] = set()
    while pending:
        name = pending.pop()
        if name in steps and name not in wanted:
            wanted.add(name)
            pending += [need.step for need in needed(steps[name].needs)]
    return replace(graph, targets=(), steps=tuple(step for step in graph.steps if step.name in wanted))


def _with_paths(operation: Operation) -> Operation:
    """The operation with the files of its output parameters as their paths, where that is all that is said of them."""
    return replace(operation, outputs=tuple(map(_with_path, operation.outputs)))


def _with_path(output: Output) -> Output:
    if output.kind != "parameter" or not isinstance(output.value, Native) or any(references(output.value)):
        return output
    data = output.value.data
    if not isinstance(data, dict) or data.keys() != {"path"} or not isinstance(data["path"], str):
        return output
    return replace(output, value=None, path=Literal(value=data["path"]))
