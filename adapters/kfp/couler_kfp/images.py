"""Images of KFP's executors, but for those that are no images: the backend's driver knows its own work by them."""

from __future__ import annotations

from couler_kfp.cache.objections import PLATFORM_OPERATIONS
from couler_plugins.ir import ImageChange, Literal, Value, Workflow, map_images


def images(workflow: Workflow, change: ImageChange) -> Workflow:
    """Return a pipeline with every image that its tasks run replaced by what `change` makes of it."""

    def changed(operation: str, image: Value) -> Value:
        driven = isinstance(image, Literal) and PLATFORM_OPERATIONS.match(str(image.value))
        return image if driven else change(operation, image)

    return map_images(workflow, changed)
