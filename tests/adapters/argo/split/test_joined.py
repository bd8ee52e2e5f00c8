"""What was split lifts to its parts and links again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from adapters.argo.split.chains import Chain
from adapters.argo.split.generating import layered, workflow
from adapters.argo.split.test_split import STORED, differences
from couler_plugins.api import lift, optimize
from couler_plugins.plan import Part

DATA: dict[str, Any] = {
    "a chain": Chain().crossing(),
    "layers": workflow(layered(60, 6), 4),
}


def cut(data: Any, steps: int) -> Any:
    return optimize([data], f"split{{into=workflows,max-steps={steps}}}")


@pytest.mark.parametrize("what", DATA)
def test_parts_and_links_are_found_again(what: str) -> None:
    done = cut(DATA[what], {"a chain": 2, "layers": 20}[what])
    again = lift(list(done.documents))
    assert len(again.parts) > 1
    assert again.parts == done.parts
    assert again.links
    assert {link.kind for link in again.links} == {"parameter", "artifact"}


def members(parts: Iterable[Part]) -> dict[tuple[str, str], list[str]]:
    """The steps of each part: of several orders in which they may start, the documents of parts of parts have one."""
    return {(part.workflow, part.name): sorted(part.steps) for part in parts}


@pytest.mark.slow
@pytest.mark.parametrize(("size", "steps"), [(210, 1), pytest.param(460, 2, marks=pytest.mark.slow)])
def test_parts_of_parts_are_found_again(size: int, steps: int) -> None:
    data = workflow(layered(size, 20), 4)
    done = cut(data, steps)
    assert differences(data, [document for document in done.documents if document["kind"] in STORED]) == []
    again = lift(list(done.documents))
    assert any("group" in part.name for part in again.parts)
    assert members(again.parts) == members(done.parts)


def test_nothing_is_found_in_what_nobody_split(tmp_path: Path) -> None:
    assert lift([DATA["layers"]]).parts == ()
