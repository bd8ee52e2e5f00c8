"""The scope of each file: found beside it, or counted from the folder that was given."""

from __future__ import annotations

from pathlib import Path

import pytest

from couler_plugins.inputs.sources import MARKERS, Text, read_source, set_places

LARGE = 10**6


def scopes(folder: Path, depth: int = 0) -> dict[str, str]:
    """The scope of each file of a folder, both below it."""
    items = set_places(read_source(folder, LARGE), depth)
    found = {item.relative: item.file.place.scope for item in items if item.file}
    return {name: str(Path(scope).relative_to(folder)) if scope else "" for name, scope in found.items()}


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("a: b\n", encoding="utf-8")


@pytest.mark.parametrize("marker", MARKERS)
def test_a_kustomization_and_a_chart_are_scopes(tmp_path: Path, marker: str) -> None:
    write(tmp_path, "dev/flows/a.yaml", "prod/a.yaml", "a.yaml", f"dev/{marker}")
    found = scopes(tmp_path)
    assert found["dev/flows/a.yaml"] == "dev"
    assert found["prod/a.yaml"] == found["a.yaml"] == ""


def test_the_nearest_scope_counts(tmp_path: Path) -> None:
    write(tmp_path, "env/dev/a.yaml", "env/b.yaml", "env/kustomization.yaml", "env/dev/kustomization.yaml")
    found = scopes(tmp_path)
    assert (found["env/dev/a.yaml"], found["env/b.yaml"]) == ("env/dev", "env")


def test_nothing_counts_above_the_folder_that_was_given(tmp_path: Path) -> None:
    write(tmp_path, "flows/0.1/a.yaml", "kustomization.yaml")
    assert scopes(tmp_path / "flows") == {"0.1/a.yaml": ""}
    (item,) = set_places(read_source(tmp_path / "flows" / "0.1", LARGE))
    assert item.file
    assert item.file.place.version == ""


def test_a_depth_counts_folders_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, "dev/x/y/a.yaml", "prod/a.yaml", "a.yaml", "dev/x/kustomization.yaml")
    found = scopes(tmp_path, 1)
    assert found["dev/x/y/a.yaml"] == "dev"
    assert (found["prod/a.yaml"], found["a.yaml"]) == ("prod", ".")
    assert scopes(tmp_path, 2)["dev/x/y/a.yaml"] == "dev/x"


def test_what_is_no_file_has_no_scope() -> None:
    (item,) = set_places(read_source(Text("a: b"), LARGE), 1)
    assert item.file
    assert item.file.place.scope == ""
