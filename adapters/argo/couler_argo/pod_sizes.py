"""Sizes of pods: what else than its containers a template says of them, and memory by item of a loop.

Memory by item is a `podSpecPatch` that looks at the parameter which carries the item.

Argo resolves parameters and expressions of a template, its podSpecPatch included, before it makes the pod
(`ProcessArgs` in workflow/common/util.go, `ApplyPodSpecPatch` in workflow/util/util.go).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from couler_argo.attempt_memory import HOME, with_new_memory
from couler_argo.documents import annotations_of, rest_of, spec_of
from couler_argo.memory_patch import FORM_OF_PATCH, GROWN, OURS
from couler_argo.references import value
from couler_argo.spelling import write, write_native
from couler_plugins.caching.declarations import annotation_texts
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.ir import (
    Container,
    Items,
    ItemSizes,
    Native,
    Operation,
    PodSizes,
    Reference,
    Step,
    Workflow,
    replace,
)
from couler_plugins.ir.settings import merged

PLAIN = re.compile(r"[^'\"\\{}\s]{1,200}")
"""Items that stand in an expression as they are."""


def pod_containers(operation: Operation) -> tuple[str, ...]:
    """Return what its containers are called in its pod: Argo gives the main one its own name, whatever it says."""
    return tuple("main" if item.role == "main" else item.name or "" for item in operation.containers)


def items_of(step: Step) -> Items | None:
    """Return the items of a loop over a list in the file; None where no parameter of the call tells them apart."""
    axes = step.loop.axes if step.loop is not None and step.loop.combine == "rows" else ()
    data = write_native(axes[0].values) if len(axes) == 1 and isinstance(axes[0].values, Native) else None
    if not isinstance(data, list) or not data:
        return None
    for argument in step.arguments:
        source = argument.value
        if argument.kind == "parameter" and isinstance(source, Reference) and source.to == "item":
            values = [_value(item, source.name) for item in data]
            if None not in values and len(set(values)) == len(values):
                return Items(argument.name, {_text(item): str(text) for item, text in zip(data, values, strict=True)})
    return None


def _value(item: Any, key: str) -> str | None:
    """What a step gets of an item; None for what cannot stand in an expression as it is."""
    if isinstance(item, Mapping) is not bool(key):
        return None
    plain = item[key] if key and key in item else None if key else item
    is_plain = isinstance(plain, (str, int)) and not isinstance(plain, bool)
    return str(plain) if is_plain and PLAIN.fullmatch(str(plain)) else None


def _text(item: Any) -> str:
    """What the name of a node shows of an item: `processItem` in workflow/controller/operator.go."""
    if not isinstance(item, Mapping):
        return str(item)
    pairs = (f"{key}:{part if isinstance(part, str) else json.dumps(part)}" for key, part in item.items())
    return ",".join(sorted(pairs))


def objection(operation: Operation) -> str:
    """Return why an operation cannot have memory by item; empty where it can."""
    if not any(container.role == "main" and not container.name for container in operation.containers):
        return "it has no main container of its own"
    patched = HOME.read("", operation) is not None
    return "it has a podSpecPatch of its owner's" if patched and not is_written(operation) else ""


def is_written(operation: Operation) -> bool:
    """Return whether an operation has memory by item."""
    patch = HOME.read("", operation)
    return patch is not None and OURS.fullmatch(str(write(patch))) is not None


def with_item_sizes(operation: Operation, parameter: str, sizes: Mapping[str, str], others: str) -> Operation:
    """Return an operation whose main container gets memory by item; without a patch where all items are alike.

    Args:
        operation: the operation.
        parameter: the input parameter that carries the item.
        sizes: the memory of each value of that parameter, in Kubernetes' notation.
        others: the memory for all other values.
    """
    values: dict[str, list[str]] = {}
    for item, size in sizes.items():
        if size != others:
            values.setdefault(size, []).append(f"'{item}'")
    name = f"inputs.parameters['{parameter}']"
    tests = (f"{name} in [{', '.join(items)}] ? '{size}' : " for size, items in values.items())
    memory = f"{{{{={''.join(tests)}'{others}'}}}}"
    written: Operation = HOME.write("", operation, value(FORM_OF_PATCH.format(memory=memory)) if values else None)
    return written


PATCH = "podSpecPatch"
SIZES = re.compile(r"resources|\{\{")
"""What a patch of a pod says that may change sizes."""


def pod_sizes(workflow: Workflow, operation: Operation | None) -> PodSizes:
    """Return what a workflow says of the sizes of a template's containers, `templateDefaults` and patches included."""
    spec = spec_of(workflow)
    usual = mapping_at(spec, "templateDefaults")
    around = annotations_of(workflow)
    for holder, key in (
        (mapping_at(rest_of(workflow), "spec"), "workflowMetadata"),  # a CronWorkflow's, beside its workflowSpec
        (spec, "workflowMetadata"),
        (spec, "podMetadata"),
        (usual, "metadata"),
    ):
        around |= annotation_texts(mapping_at(holder, key, "annotations"))
    if operation is None:
        return PodSizes(annotations=around)
    patches = [str(holder.get(PATCH, "")) for holder in (spec, usual)]
    own = str(rest_of(operation).get(PATCH, ""))
    patches += [own] if objection(operation) and not GROWN.fullmatch(own) else []
    refusal = f"a {PATCH} may say the sizes of its pod: change it there" if any(map(SIZES.search, patches)) else ""

    def in_force(item: Container) -> Container:
        said = mapping_at(usual, "container" if item.script is None else "script", "resources")
        pairs = {
            name: {key: value(amount) for key, amount in mapping_at(said, name).items()}
            for name in ("requests", "limits")
        }
        return replace(item, **{name: merged(tuple(own.items()), getattr(item, name)) for name, own in pairs.items()})

    return PodSizes(
        task=operation.name,
        containers=tuple(in_force(item) if item.role == "main" and usual else item for item in operation.containers),
        refusals=(refusal,) * len(operation.containers),
        annotations={**around, **annotations_of(operation)},
        by_item=ItemSizes(items_of, objection, with_item_sizes, is_written),
        settle=with_new_memory,
    )
