"""Finds the scope of each file: the folder whose files are deployed together.

That is the nearest folder with a kustomization or a chart, or one of the outermost folders where the setting
`scope-depth` counts them. Objects of one name in two scopes are copies for two environments, and no mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from couler_plugins.documents.places import FilePlace, version_in
from couler_plugins.inputs.sources import Input

MARKERS = ("kustomization.yaml", "kustomization.yml", "Kustomization", "Chart.yaml")
"""Files that make their folder a scope."""
RENDERED = "rendered"
"""Stands for the file that a tool made of a folder."""


def set_places(inputs: Iterable[Input], depth: int = 0) -> Iterator[Input]:
    """Yield the inputs, each file of them with its place.

    Args:
        inputs: files of one call.
        depth: how many folders below the one that was given make a scope; 0 to look for kustomizations and charts.
    """
    scopes: dict[Path, str] = {}
    for item in inputs:
        rendered = item.path is None and not item.named
        path = Path(item.name, RENDERED) if rendered else item.path
        if item.file is not None and path is not None:
            inner = Path(item.relative).parts[:-1]
            root = path.parents[min(len(inner), len(path.parents) - 1)]
            if depth:
                scope = str(Path(root, *inner[:depth]))
            else:
                scope = item.name if rendered else _scope(path.parent, root, scopes)
            item.file.place = FilePlace(path.parts, scope, version_in(inner))
        yield item


def _scope(folder: Path, root: Path, scopes: dict[Path, str]) -> str:
    """The nearest folder with a marker, from a folder up to the one that was given; empty where there is none."""
    if folder not in scopes:
        if any(Path(folder, marker).is_file() for marker in MARKERS):
            scopes[folder] = str(folder)
        else:
            scopes[folder] = "" if folder == root else _scope(folder.parent, root, scopes)
    return scopes[folder]
