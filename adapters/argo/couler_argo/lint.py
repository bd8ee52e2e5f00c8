"""What Argo's own validation and the API server would refuse, found in the documents as they stand."""

from __future__ import annotations

from collections.abc import Iterator

from couler_plugins.documents import Remark
from couler_plugins.ir.bundle import Bundle

__all__ = ["lint"]


def lint(bundle: Bundle) -> Iterator[Remark]:
    """Every remark on the documents of a bundle; references are looked up in all of them."""
    yield from ()
