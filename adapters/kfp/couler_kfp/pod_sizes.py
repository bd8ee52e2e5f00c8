"""The size of a component's container in its pod."""

from __future__ import annotations

from couler_kfp.components import QUANTITIES
from couler_kfp.fuse.in_pod import step_names
from couler_kfp.homes import HOMES
from couler_kfp.structures import write_structure
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.hookspecs.fusing import FUSED_STEPS
from couler_plugins.ir import Operation, PodSizes, Workflow, replace


def pod_sizes(workflow: Workflow, operation: Operation | None) -> PodSizes:
    """Return what a pipeline says of the size of a component's container, with texts or with numbers."""
    whole = write_structure(workflow.native_extra) if workflow.native_extra is not None else {}
    around = mapping_at(whole, "object", "metadata", "annotations")
    if operation is None:
        return PodSizes(annotations=around)
    own = write_structure(operation.native_extra) if operation.native_extra is not None else {}
    steps = ",".join(filter(None, (step_names(container.command) for container in operation.containers)))
    in_force = {name: HOMES[name].read(name, operation) for name in QUANTITIES}
    return PodSizes(
        task=operation.name.removeprefix("comp-"),
        containers=tuple(replace(item, **in_force) for item in operation.containers),
        refusals=("",) * len(operation.containers),
        annotations={
            **around,
            **mapping_at(own, "platforms", "kubernetes", "podMetadata", "annotations"),
            **({FUSED_STEPS: steps} if steps else {}),
        },
    )
