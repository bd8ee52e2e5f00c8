"""Annotations of ours that say nothing, since they are misspelled or name no step."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches
from typing import Any

from couler_argo.cache.cache import ALLOW, CACHE, DATASET, lost_annotations
from couler_argo.cache.cache import KNOWN as OF_CACHE
from couler_argo.documents import SPEC_PATHS, Manifest, manifests
from couler_argo.fuse.container_set import SCRIPT
from couler_argo.lift import lift_manifest
from couler_plugins.caching.declarations import PLACE
from couler_plugins.documents import Path, Remark
from couler_plugins.documents.mappings import said_under
from couler_plugins.errors import CoulerError
from couler_plugins.fusion.rules import ALLOW as MAY_FUSE
from couler_plugins.fusion.rules import FUSE
from couler_plugins.hookspecs.fusing import FUSED_STEPS
from couler_plugins.hookspecs.resuming import RESUMES
from couler_plugins.hpo.files import ANNOTATION
from couler_plugins.hpo.workflows.notes import TUNED
from couler_plugins.ir.bundle import Bundle
from couler_plugins.reliability.rules import GUARD, IDEMPOTENT
from couler_plugins.rightsizing.rules import ANNOTATION as SIZES

PREFIX = "couler.io/"
KNOWN = OF_CACHE | {ANNOTATION, FUSE, FUSED_STEPS, GUARD, IDEMPOTENT, MAY_FUSE, RESUMES, SIZES, TUNED}
PER_STEP = {
    f"{CACHE}.": "correct the name; until then, `never` holds for all steps",
    f"{ALLOW}.": "correct the name; until then, it waives nothing",
    f"{ANNOTATION}.": "correct the name",
    f"{IDEMPOTENT}.": "correct the name; until then, it says nothing of any step",
    f"{GUARD}.": "correct the name; until then, it keeps no step as it is",
    f"{FUSE}.": "correct the name; until then, nothing of the workflow is fused",
    f"{MAY_FUSE}.": "correct the name; until then, nothing of the workflow is fused",
}
"""Annotations of single steps, and what to do about one that names none."""
CODE = "annotation"


def lost_settings(bundle: Bundle) -> Iterator[Remark]:
    """A warning for each annotation that its owner may believe to be heeded."""
    for number, document in enumerate(bundle.documents):
        for manifest in manifests(document.data):
            for place, holder in _holders(manifest):
                for key in _ours(holder):
                    if not (key in KNOWN or key.startswith((*PER_STEP, DATASET, PLACE, SCRIPT))):
                        near = get_close_matches(key, KNOWN, 1)
                        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(sorted(KNOWN))}"
                        path = (*place, "metadata", "annotations", key)
                        yield Remark(number, path, "warning", CODE, f"couler knows no annotation {key}", hint)
            yield from _lost_steps(manifest, number)


def _lost_steps(manifest: Manifest, number: int) -> Iterator[Remark]:
    said = [key for key in _ours(manifest.data) if key.startswith(tuple(PER_STEP))]
    if not said:
        return
    try:
        workflow = lift_manifest(manifest, number)
    except CoulerError:
        return
    for prefix, hint in PER_STEP.items():
        for key in lost_annotations(workflow, said, prefix):
            message = f"{key} names no step: it is {prefix}GRAPH.STEP"
            yield Remark(number, (*manifest.path, "metadata", "annotations", key), "warning", CODE, message, hint)


def _holders(manifest: Manifest) -> Iterator[tuple[Path, Any]]:
    """Whatever may have annotations of ours: the object and its templates."""
    yield manifest.path, manifest.data
    path: Path = (*manifest.path, *SPEC_PATHS[manifest.kind], "templates")
    data = said_under(manifest.data, path[len(manifest.path) :])
    for number, template in enumerate(data if isinstance(data, list) else ()):
        yield (*path, number), template


def _ours(holder: Any) -> dict[str, Any]:
    match holder:
        case {"metadata": {"annotations": dict(annotations)}}:
            return {key: text for key, text in annotations.items() if isinstance(key, str) and key.startswith(PREFIX)}
    return {}
