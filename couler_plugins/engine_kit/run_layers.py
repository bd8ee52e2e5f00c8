"""What optimizers had set in a workflow when it ran, from what its engine keeps of it."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from couler_plugins.documents import read
from couler_plugins.errors import CoulerError
from couler_plugins.ir import Bundle
from couler_plugins.plan import Plan
from couler_plugins.runs.layers import layers_of

Lift = Callable[[Bundle, Callable[[int, CoulerError], None]], Plan]
log = logging.getLogger(__name__)


def run_layers(lift: Lift, data: Mapping[str, Any], annotations: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return the layers of a workflow (`couler_plugins.runs.layers`); none where it cannot be lifted.

    Args:
        lift: that of the engine.
        data: the workflow as a document, without what is of one run.
        annotations: those of a Kubernetes object, whose `metadata` the document lacks; only ours count.
    """
    if "apiVersion" in data:
        ours = {key: text for key, text in (annotations or {}).items() if key.startswith("couler.io/")}
        data = {**data, "metadata": {"name": "run", "annotations": ours}}
    try:
        return dict(_layers(lift, json.dumps(data, sort_keys=True)))
    except (CoulerError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        log.info("the version of a workflow is not known: %s", type(error).__name__)
        return {}


@lru_cache(maxsize=256)
def _layers(lift: Lift, text: str) -> tuple[tuple[str, str], ...]:
    file = read(text, "run.json", max_bytes=len(text) * 4)
    workflows = lift(Bundle.of([file]), lambda *_: None).workflows
    return tuple(layers_of(workflows[0]).items()) if workflows else ()
