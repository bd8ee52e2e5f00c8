"""Whatever stands where in what is cached, or was: it is cached, refused or reported, and nothing fails."""

from __future__ import annotations

import random
from typing import Any

import pytest

from adapters.argo.test_mangled import JUNK, places, with_junk
from adapters.tekton.caching.tasks import BASE, PIPELINE, WORKSPACE, cached, documents, plugins
from couler_plugins.api import lint
from couler_plugins.documents import dump_yaml, read
from couler_plugins.inputs.sources import Text
from support import first_of

S3 = WORKSPACE.replace("workspace://couler-cache/store", "s3://bucket/cache")
TRIES = 100
WORDS = [*JUNK, "$(params.x)", "$(steps.couler-restore.results.hit)", "couler-restore", "pure", "$("]


@pytest.mark.parametrize("seed", first_of(range(4), 2))
def test_nothing_fails(seed: int) -> None:
    chance = random.Random(seed)
    text = (BASE, PIPELINE)[seed % 2]
    whole = [document.data for document in read(text, "a.yaml").documents]
    if seed > 1:
        whole = documents(cached(text, S3))
    everywhere = list(places(whole))
    seen = {"error": 0, "changed": 0, "same": 0}
    for _ in range(TRIES):
        place, junk = chance.choice(everywhere), chance.choice(WORDS)
        mangled = "---\n".join(map(dump_yaml, with_junk(whole, place, junk)))
        try:
            (file,) = cached(mangled, S3).files
            lint(Text(mangled), plugins=plugins())
        except Exception as error:
            error.add_note(f"{junk!r} at {place}")
            raise
        seen["error" if file.error is not None else "changed" if file.edits else "same"] += 1
    assert all(seen.values()), seen


PLACES: tuple[tuple[Any, ...], ...] = (
    (0, "metadata", "annotations"),
    (1, "metadata", "annotations"),
    (0, "spec", "timeout"),
    (0, "spec", "taskRunTemplate"),
    (0, "spec", "taskRunTemplate", "podTemplate"),
    (0, "spec", "taskRunSpecs"),
    (0, "spec", "podTemplate"),
    (1, "spec", "stepTemplate"),
    (1, "spec", "stepTemplate", "securityContext"),
    (1, "spec", "workspaces"),
    (1, "spec", "volumes"),
    (1, "spec", "sidecars"),
    (0, "spec", "pipelineSpec", "tasks", 1, "workspaces"),
    (0, "spec", "pipelineSpec", "tasks", 1, "timeout"),
)


def put(junk: Any, at: Any, place: tuple[Any, ...]) -> None:
    for key in place[:-1]:
        at = at[key] if isinstance(at, list) else at.setdefault(key, {})
    at[place[-1]] = junk


@pytest.mark.parametrize("place", first_of(PLACES, 4), ids=lambda place: "-".join(map(str, place)))
def test_nothing_fails_where_caching_looks(place: tuple[Any, ...]) -> None:
    for junk in WORDS:
        whole: list[Any] = [document.data for document in read(PIPELINE, "a.yaml").documents]
        put(junk, dict(enumerate(whole)), place)
        mangled = "---\n".join(map(dump_yaml, whole))
        assert cached(mangled, S3).files
        lint(Text(mangled), plugins=plugins())
