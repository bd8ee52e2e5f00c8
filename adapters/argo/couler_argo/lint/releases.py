"""The releases of Argo that a document may be for, which decide what rules hold for it."""

from __future__ import annotations

from typing import NamedTuple

from couler_argo.versions import check_version

Release = tuple[int, int]
EVER: Release = (3, 0)
FULL_CRDS: Release = (4, 0)
"""Since when the default installation has the full CRDs; before, it has the minimal ones, which take any field."""
LAST = 99


class Releases(NamedTuple):
    """From the first release to the last one, both included."""

    first: Release
    last: Release

    @classmethod
    def of(cls, version: str) -> Releases:
        """Those that a version stands for: `3.7` for one, `3` or `3.x` for a series, and no version for all.

        Raises:
            InvalidInput: the version is none that we know.
        """
        if not version:
            return cls(EVER, (4, LAST))
        major, minor = check_version(version)
        is_series = version.removeprefix("v").partition(".")[2] in ("", "x", "x.x")
        return cls((major, minor), (major, LAST if is_series else minor))

    def __str__(self) -> str:
        major, minor = self.last
        return f"Argo {major}" if minor == LAST else f"Argo {major}.{minor}"
