"""What keeps a workflow from becoming workflows of its own parts, whatever stays together.

Its graphs may still be cut into graphs.
Sources: Argo's docs on synchronization, artifact garbage collection, suspending and `globalName`; `WorkflowSpec` in
`pkg/apis/workflow/v1alpha1`.
"""

from __future__ import annotations

from collections.abc import Iterator

from couler_argo.metadata import annotations_of
from couler_argo.spelling import write_native
from couler_argo.split.bonds import claims_of, mounts
from couler_argo.split.call_graph import calls_elsewhere, reached
from couler_argo.split.part_spec import SPLIT, account_of, spec_of
from couler_argo.split.parts import RUN_ID
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Graph, Operation, Workflow, callables, references

__all__ = ["refuse_undetachable"]

LIMITS = {
    "parallelism": "it limits how many of its pods run at a time, which its parts could not keep together",
    "synchronization": "it holds a lock for as long as it runs, which its parts would wait for",
}
"""Fields of a spec that hold for all pods of a run together, and why the workflow cannot become several."""
HINT = "into=graphs helps if it only has too many tasks; otherwise split it by hand"


def refuse_undetachable(workflow: Workflow, entry: Graph) -> None:
    """Refuses a workflow whose parts could not do together what it does.

    Raises:
        Unsupported: the message says why.
    """
    for reason in (*_of_spec(workflow), *_of_entry(entry), *_of_content(workflow, entry)):
        message = f"{workflow.label} cannot be split into workflows: {reason}"
        raise Unsupported(message, engine="argo", step=entry.name, hint=HINT)


def _of_spec(workflow: Workflow) -> Iterator[str]:
    spec = spec_of(workflow)
    yield from (reason for field, reason in LIMITS.items() if field in spec)
    if workflow.library:
        yield "others may call its templates"
    if not workflow.name and not workflow.prefix:
        yield "it has no name, and its parts are named after it: give it one"
    if SPLIT not in annotations_of(workflow) and any(port.name == RUN_ID for port in workflow.parameters):
        yield f"it has a parameter {RUN_ID!r} of its own, which would name the runs of its parts: rename it"
    if (spec.get("artifactGC") or {}).get("strategy") == "OnWorkflowCompletion":
        yield "its artifacts are deleted when a workflow completes, while other parts still read them"
    if "{{" in account_of(workflow):
        yield "its service account is only known at run time, and has to be allowed to start parts"


def _of_entry(entry: Graph) -> Iterator[str]:
    if any(output.kind == "artifact" for output in entry.outputs):
        yield f"{entry.name!r} hands out an artifact, which only its key could leave a part by"
    if any(port.kind == "artifact" for port in entry.inputs):
        yield f"{entry.name!r} is passed an artifact, which a part could not be passed"
    if entry.retry is not None:
        yield f"{entry.name!r} is retried as a whole, which would find the parts that have failed"


def _of_content(workflow: Workflow, entry: Graph) -> Iterator[str]:
    """What templates do that another workflow would do otherwise."""
    by_name = callables(workflow)
    handlers = [handler.step for handler in workflow.handlers]
    handling = [by_name[name] for name in sorted(reached(by_name, handlers))]
    read = list(references((tuple(handlers), tuple(handling))))
    if any(reference.to == "global" for reference in read):
        yield "a handler reads its global outputs, which would be those of a part"
    if any(reference.to == "run" and reference.path[:1] == ("failures",) for reference in read):
        yield "a handler reads which tasks have failed, and would be told of parts"
    if handlers and "templateDefaults" in spec_of(workflow):
        yield "it has both handlers and templateDefaults, which would hold for what runs the parts as well"
    if (claims := claims_of(workflow)) and (
        calls_elsewhere(by_name, handlers) or any(claims.intersection(mounts(item)) for item in handling)
    ):
        yield "a handler uses a volume claim, of which each part would have its own"
    for item in (by_name[name] for name in sorted(reached(by_name, entry.steps))):
        if any(output.exported is not None for output in item.outputs):
            yield f"{item.name!r} makes a global output, which would be one of a part"
        if isinstance(item, Operation) and item.kind == "suspend" and not _ends_by_itself(item):
            yield f"{item.name!r} waits for someone to resume the workflow, who would not find it there"
    declared = {port.name for port in workflow.parameters}
    for reference in references((workflow.graphs, workflow.operations)):
        if reference.to == "run" and reference.name == "workflow" and not reference.path:
            yield "all that is known of its run is read at once"
        whole = reference.to == "run" and reference.name == "workflow" and reference.path[:1] == ("parameters",)
        if whole or (reference.to == "parameter" and reference.name == "json" and "json" not in declared):
            yield "all its parameters are read at once"


def _ends_by_itself(item: Operation) -> bool:
    """Whether a suspension has a duration."""
    data = write_native(item.native_extra) if item.native_extra is not None else {}
    return bool((data.get("suspend") or {}).get("duration"))
