"""Fusing of workflows that others wrote, and of our own: what comes of it is a workflow, and is not fused again."""

from __future__ import annotations

from pathlib import Path

import pytest

from conversions import plugins
from couler_plugins.api import lint, optimize
from couler_plugins.errors import CoulerError
from support import corpus_files, own_files

FUSE = "fuse{allow=files,keep-original=false}"


def forms(path: Path, folder: Path) -> list[str]:
    """What the chains of a file become."""
    try:
        result = optimize(str(path), FUSE, plugins=plugins())
    except CoulerError:
        return []  # Argo does not take it either
    actions = [item.action for file in result.files for item in file.decisions if item.action]
    if actions:
        after = folder / path.name
        after.write_text(result.text)
        again = optimize(str(after), FUSE, plugins=plugins())
        assert [item.action for file in again.files for item in file.decisions if item.action] == []
        before, now = (
            {(item.code, item.message) for item in lint(str(one), plugins=plugins()).findings} for one in (path, after)
        )
        assert now <= before
    return [action.rpartition(" as ")[2] for action in actions]


@pytest.mark.parametrize("path", corpus_files("argo"))
def test_what_is_fused_is_a_workflow(path: Path, tmp_path: Path) -> None:
    forms(path, tmp_path)


def test_our_own_workflows_have_chains_of_both_forms(tmp_path: Path) -> None:
    found = {form for path in own_files("argo") if path.suffix == ".yaml" for form in forms(path, tmp_path)}
    assert found == {"one script", "a container set"}
