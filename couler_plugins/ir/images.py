"""Images of containers: their names, and how optimizers change them.

Source: the grammar of github.com/distribution/reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable as Function

from couler_plugins.ir.values import Value, replace
from couler_plugins.ir.workflow import Operation, Workflow

HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
DOMAIN = rf"(?:{HOST}(?:\.{HOST})*|\[[A-Fa-f0-9:]+\])(?::\d+)?"
COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
TAG, DIGEST = r"[\w][\w.-]{0,127}", r"[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}"
IMAGE = re.compile(rf"(?:{DOMAIN}/)?{COMPONENT}(?:/{COMPONENT})*(?::{TAG})?(?:@{DIGEST})?", re.ASCII)
LONGEST = 4096

ImageChange = Function[[str, Value], Value]
"""Takes the name of an operation (empty for what holds for all of them) and an image, and returns another image."""


def is_image(text: str) -> bool:
    """Return whether a registry can have an image of that name."""
    return len(text) <= LONGEST and IMAGE.fullmatch(text) is not None


def map_images(workflow: Workflow, change: ImageChange) -> Workflow:
    """Return a workflow with every image of a container replaced by what `change` makes of it."""
    return replace(workflow, operations=tuple(with_images(item, change) for item in workflow.operations))


def with_images(operation: Operation, change: ImageChange) -> Operation:
    """Return an operation with the images of its containers changed; the operation itself where none differs."""
    images = [None if item.image is None else change(operation.name, item.image) for item in operation.containers]
    if images == [item.image for item in operation.containers]:
        return operation
    changed = [replace(item, image=image) for item, image in zip(operation.containers, images, strict=True)]
    return replace(operation, containers=tuple(changed))
