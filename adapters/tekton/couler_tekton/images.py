"""Images of Tekton's containers: those of steps, sidecars and StepActions, and of the `stepTemplate` of a Task."""

from __future__ import annotations

from couler_plugins.documents.mappings import mapping_at
from couler_plugins.ir import ImageChange, Operation, Workflow, map_images, replace
from couler_tekton.cache.declared import rest_of
from couler_tekton.homes import with_rest
from couler_tekton.variables import scope_in, write_value

TEMPLATE = "stepTemplate"


def images(workflow: Workflow, change: ImageChange) -> Workflow:
    """Return an object with every image that its steps run replaced by what `change` makes of it."""

    def changed(operation: Operation) -> Operation:
        rest = rest_of(operation)
        template = mapping_at(rest, TEMPLATE)
        if not isinstance(template.get("image"), str):
            return operation
        before = scope_in(operation).value(template["image"])
        after = change(operation.name, before)
        if after == before:
            return operation
        return with_rest(operation, {**rest, TEMPLATE: {**template, "image": write_value(after)}})

    result = map_images(workflow, change)
    return replace(result, operations=tuple(map(changed, result.operations)))
