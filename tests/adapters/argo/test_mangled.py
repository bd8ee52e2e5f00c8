"""Whatever stands where in a manifest: the default pipeline and lint say what is wrong, and neither fails."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.subjects import ARGO
from couler_plugins.api import optimize
from couler_plugins.documents import Path, read
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.hookspecs import Adapter
from couler_plugins.ir.bundle import Bundle
from support import at_least, first_of

JUNK: tuple[Any, ...] = (None, "text", "", 7, True, [], [None], ["text"], {}, {"x": [None]}, [{}])
PIPELINE = "dedupe,cache{assume-pure=true,via=memoize}"


def places(data: Any, path: Path = ()) -> Iterator[Path]:
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, part in items:
        yield (*path, key)
        yield from places(part, (*path, key))


def with_junk(data: Any, path: Path, junk: Any) -> Any:
    changed = copy.deepcopy(data)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = copy.deepcopy(junk)
    return changed


@pytest.mark.parametrize("part", first_of(range(4)))
def test_nothing_fails(part: int) -> None:
    """Some junk at some places of every corpus document, the same in every run."""
    adapter: Adapter = ARGO.adapter
    chance = random.Random(part)
    tried = 0
    for path in ARGO.files()[part::4]:
        for document in read(path.read_bytes(), path.name).documents:
            if not isinstance(document.data, dict):
                continue
            everywhere = list(places(document.data))
            for place in chance.sample(everywhere, min(3, len(everywhere))):
                changed = with_junk(document.data, place, chance.choice(JUNK))
                tried += 1
                try:
                    result = optimize(changed, PIPELINE)
                    list(adapter.lint(Bundle.of([read(json.dumps(changed), "mangled.json")])))
                    for file in result.files:
                        assert file.error is None or isinstance(file.error, (InvalidInput, Unsupported)), file.error
                except Exception as error:
                    error.add_note(f"{path.name} with {changed!r}")
                    if not isinstance(error, (InvalidInput, Unsupported)):
                        raise
    assert tried > at_least(30, 130)


@pytest.mark.parametrize("side", ["inputs", "outputs"])
@pytest.mark.parametrize("junk", JUNK)
@pytest.mark.parametrize("kind", ["parameters", "artifacts", None])
def test_ports_of_all_sorts(side: str, kind: str | None, junk: Any) -> None:
    leaf: dict[str, Any] = {"name": "main", "container": {"image": "i", "command": ["x"]}}
    leaf[side] = junk if kind is None else {kind: junk}
    spec = {"entrypoint": "main", "templates": [leaf]}
    workflow = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"generateName": "w-"}, "spec": spec
    }  # fmt: skip
    for file in optimize(workflow, PIPELINE).files:
        assert file.error is None or isinstance(file.error, InvalidInput)
