"""The pipeline itself: what it starts with, and runs at its end, and what it does not say of a workflow."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from couler_kfp.generating.legality import STORES
from couler_kfp.generating.runs import with_placeholders
from couler_kfp.tasks import COMPLETED
from couler_plugins.engine_kit.legalize.native_fields import HOUSEKEEPING, fields_of
from couler_plugins.engine_kit.legalize.schedules import schedule_text
from couler_plugins.ir import (
    Graph,
    Native,
    Need,
    Output,
    Reference,
    Step,
    Workflow,
    callables,
    fresh_name,
    map_references,
    references,
    replace,
)
from couler_plugins.plan import Decision


def is_computed(output: Output) -> bool:
    """Return whether an output of a graph is more than one of a task in it."""
    plain = output.exported is None and output.default is None and isinstance(output.value, Reference)
    return not (plain and output.value.step)  # type: ignore[union-attr]


def root_of(workflow: Workflow, facts: dict[str, str]) -> tuple[Graph, ...]:
    """Return the pipeline itself: it calls what the workflow starts with, and what runs at its end.

    Args:
        workflow: the workflow.
        facts: of the run, by the parameters that are read in their place.
    """
    if workflow.entry is None:
        return ()

    def inside(step: Step, name: str) -> Step:
        return map_references(
            replace(with_placeholders(step, facts), name=name),
            lambda item: replace(item, to="input") if item.to == "parameter" else item,
        )

    callee = callables(workflow).get(getattr(workflow.entry.call, "name", ""))
    first = inside(workflow.entry, callee.name if callee is not None else "main")
    last = [
        inside(handler.step, fresh_name(handler.step.name or "exit", {first.name})) for handler in workflow.handlers
    ]
    outputs = () if callee is None or last else callee.outputs
    return (
        Graph(
            name="",
            inputs=tuple(replace(port, native_extra=None) for port in workflow.parameters),
            outputs=tuple(
                Output(
                    name=item.name,
                    kind=item.kind,
                    value=Reference(to="output", kind=item.kind, step=first.name, name=item.name),
                )
                for item in outputs
            ),
            steps=(first, *last),
        ),
    )


def finishing(root: Graph, workflow: Workflow) -> Graph:
    """Return the pipeline, its handler waiting for the end of the rest."""
    if not workflow.handlers:
        return root
    first, last = root.steps
    return replace(root, steps=(first, replace(last, needs=Need(step=first.name, outcomes=COMPLETED))))


def _mounts(extra: Native | None) -> list[dict[str, Any]]:
    return [item for item in fields_of(extra).get("volumeMounts") or () if isinstance(item, dict)]


def losses(workflow: Workflow, whole: Workflow) -> Iterator[Decision]:
    """Yield what a pipeline does not say, and does not have to."""

    def note(subject: str, reason: str, **loss: Any) -> Decision:
        what = Decision(optimizer="kfp", workflow=workflow.label, subject=subject, action="left out", reason=reason)
        return msgspec.structs.replace(what, **loss)

    rest = fields_of(workflow.native_extra)
    if workflow.namespace:
        yield note("", f"the run decides on its namespace, and not {workflow.namespace}")
    if rest.get("metadata"):
        yield note("", "a pipeline has no labels and no annotations", loss="detail")
    for key in HOUSEKEEPING:
        if key in rest.get("spec", {}):
            yield note("", f"it has {key}, which cannot be written for KFP", loss="detail")
    if workflow.kind == "CronWorkflow":
        spec = rest.get("spec", {})
        yield note("", f"it starts by a schedule ({schedule_text(spec)}): make a recurring run of it", loss="detail")
        for key in sorted(spec.keys() - {"schedule", "schedules", "timezone", "workflowSpec", *HOUSEKEEPING}):
            yield note("", f"its schedule has {key}: say so in the recurring run, where KFP has it", loss="detail")
    for graph in workflow.graphs:
        if graph.fail_fast is False:
            yield note(graph.name, "KFP decides what starts once a step failed, and not failFast", loss="detail")
    for claim in rest.get("spec", {}).get("volumeClaimTemplates") or ():
        if not (claim.get("spec") or {}).get("storageClassName"):
            reason = "its claim is of the class standard, which KFP takes where none is named"
            yield note("", reason, loss="detail")
    if "artifactRepositoryRef" in rest.get("spec", {}):
        yield note("", "its artifacts are kept where the pipeline root is", loss="run")
    for operation in whole.operations:
        for output in operation.outputs:
            fields = fields_of(output.native_extra) if output.kind == "artifact" else {}
            for store in sorted(STORES & fields.keys()):
                reason = f"its artifact {output.name!r} is kept where the pipeline root is, and not in {store}"
                yield note(operation.name, reason, loss="run" if set(fields[store] or {}) - {"key"} else "detail")
    for operation in workflow.operations:
        for mount in (item for box in operation.containers for item in _mounts(box.native_extra)):
            if mount.get("readOnly"):
                yield note(operation.name, f"{mount['mountPath']} has readOnly, which KFP lacks", loss="detail")
    names = {port.name for port in whole.parameters}
    names |= {item.name for item in references((workflow.graphs, workflow.operations)) if item.to == "parameter"}
    for port in workflow.parameters:
        if port.name not in names:
            yield note(port.name, "no step reads it, so that its ConfigMap is not looked for", loss="detail")
        if port.native_extra is not None:
            yield note(port.name, "a pipeline says no more of a parameter than its type")
    for graph in whole.graphs:
        for output in filter(is_computed, graph.outputs):
            yield note(graph.name, f"KFP cannot compute its output {output.name!r}, and no step reads it")
