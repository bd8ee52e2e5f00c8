"""Workflows of Argo in terms that other engines have: containers, texts, files, and what waits for what."""

from __future__ import annotations

from couler_argo.documents import without_records
from couler_argo.portable.bodies import with_container
from couler_argo.portable.details import with_common_words
from couler_argo.portable.legality import OF_ARGO
from couler_argo.portable.libraries import gathered
from couler_argo.portable.loops import with_items
from couler_argo.portable.texts import with_plain_texts
from couler_plugins.engine_kit.legalize.legality import raise_all
from couler_plugins.engine_kit.legalize.native_fields import without_nulls
from couler_plugins.engine_kit.legalize.notes import Notes
from couler_plugins.engine_kit.legalize.passes import of_targets
from couler_plugins.ir import (
    Bundle,
    Literal,
    Native,
    Output,
    Workflow,
    callables,
    callee_of,
    calls_by_callee,
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
    notes = Notes("argo", workflow.label)
    workflow = without_nulls(gathered(workflow, bundle))
    workflow = replace(workflow, library="", graphs=tuple(map(of_targets, workflow.graphs)))
    workflow = with_plain_texts(workflow)
    raise_all(OF_ARGO.refusals(workflow))
    workflow = with_common_words(with_items(without_records(workflow)), notes)
    passed = {
        name: {item.name for site in sites for item in site.step.arguments if item.kind == "artifact"}
        for name, sites in calls_by_callee(workflow).items()
    }
    operations = (with_container(item, notes.note, passed.get(item.name, ())) for item in workflow.operations)
    plain = (replace(item, outputs=tuple(map(_with_path, item.outputs))) for item in operations)
    return replace(workflow, operations=tuple(plain)), tuple(notes.decisions)


def _runs(workflow: Workflow) -> bool:
    """Return whether a library can run as it is: its entry gets all that it takes."""
    callee = callee_of(workflow.entry, callables(workflow)) if workflow.entry is not None else None
    own = {(port.kind, port.name) for port in workflow.parameters if not port.required}
    return workflow.entry is not None and all(
        not port.required or (port.kind, port.name) in own for port in (callee.inputs if callee is not None else ())
    )


def _with_path(output: Output) -> Output:
    """Return an output parameter with its file as its path, where that is all that is said of it."""
    if output.kind != "parameter" or not isinstance(output.value, Native) or any(references(output.value)):
        return output
    data = output.value.data
    if not isinstance(data, dict) or data.keys() != {"path"} or not isinstance(data["path"], str):
        return output
    return replace(output, value=None, path=Literal(value=data["path"]))
