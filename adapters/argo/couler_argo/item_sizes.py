"""Memory by item of a loop: a `podSpecPatch` that looks at the parameter which carries the item.

Argo resolves parameters and expressions of a template, its podSpecPatch included, before it makes the pod
(`ProcessArgs` in workflow/common/util.go, `ApplyPodSpecPatch` in workflow/util/util.go).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from couler_argo.homes import FORM
from couler_argo.references import value
from couler_argo.spelling import write, write_native
from couler_plugins.hookspecs.sizing import Items, ItemSizes
from couler_plugins.ir import Native, Operation, Reference, Step, native_home

PATCH = native_home("priority", ("podSpecPatch",), FORM)  # read and written as any setting that is one value
FORM_OF_PATCH = """\
containers:
- name: main
  resources:
    requests:
      memory: "{memory}"
    limits:
      memory: "{memory}"
"""
OURS = re.compile(
    re.escape(FORM_OF_PATCH).replace(r"\{memory\}", r"(\{\{=[^{}\"\\]*\}\})", 1).replace(r"\{memory\}", r"\1")
)
PLAIN = re.compile(r"[^'\"\\{}\s]{1,200}")
"""Items that stand in an expression as they are."""


def item_sizes() -> ItemSizes:
    """Return how Argo gives the items of a loop different memory."""
    return ItemSizes(items_of, objection, with_item_sizes)


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
    patch = PATCH.read("", operation)
    return "" if patch is None or OURS.fullmatch(str(write(patch))) else "it has a podSpecPatch of its owner's"


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
    written: Operation = PATCH.write("", operation, value(FORM_OF_PATCH.format(memory=memory)) if values else None)
    return written
