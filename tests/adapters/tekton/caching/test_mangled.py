"""Whatever stands where in what is cached, or was: it is cached, refused or reported, and nothing fails."""

from __future__ import annotations

import random

import pytest

from adapters.argo.test_mangled import JUNK, places, with_junk
from adapters.tekton.caching.tasks import BASE, PIPELINE, WORKSPACE, cached, documents, plugins
from couler_plugins.api import lint
from couler_plugins.documents import dump_yaml, read
from couler_plugins.sources import Text

S3 = WORKSPACE.replace("workspace://couler-cache/store", "s3://bucket/cache")
TRIES = 60
WORDS = [*JUNK, "$(params.x)", "$(steps.couler-restore.results.hit)", "couler-restore", "pure", "$("]


@pytest.mark.parametrize("seed", range(4))
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
