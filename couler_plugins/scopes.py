"""Finds the scope of each file: the folder whose files are deployed together.

That is the nearest folder with a kustomization or a chart, or one of the outermost folders where the setting
`scope-depth` counts them. Objects of one name in two scopes are copies for two environments, and no mistake.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from couler_plugins.documents.places import Place, version_in

if TYPE_CHECKING:
    from couler_plugins.sources import Input

__all__ = ["MARKERS", "placed"]

MARKERS = ("kustomization.yaml", "kustomization.yml", "Kustomization", "Chart.yaml")
"""Files that make their folder a scope."""


def placed(inputs: Iterable[Input], depth: int = 0) -> Iterator[Input]:
    """Yield the inputs, each file of them with its place.

    Args:
        inputs: files of one call.
        depth: how many folders below the one that was given make a scope; 0 to look for kustomizations and charts.
    """
    scopes: dict[Path, str] = {}
    for item in inputs:
        if item.file is not None and item.path is not None:
            inner = Path(item.relative).parts[:-1]
            outer = item.path.parents
            root = outer[min(len(inner), len(outer) - 1)]
            scope = str(Path(root, *inner[:depth])) if depth else _scope(item.path.parent, root, scopes)
            item.file.place = Place(item.path.parts, scope, version_in(inner))
        yield item


def _scope(folder: Path, root: Path, scopes: dict[Path, str]) -> str:
    """The nearest folder with a marker, from a folder up to the one that was given; empty where there is none."""
    if folder not in scopes:
        if any(Path(folder, marker).is_file() for marker in MARKERS):
            scopes[folder] = str(folder)
        else:
            scopes[folder] = "" if folder == root else _scope(folder.parent, root, scopes)
    return scopes[folder]
