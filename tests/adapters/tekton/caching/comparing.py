"""Whether a cached task does what it does without a cache: as a miss, a hit, with a corrupt entry, with no store."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from adapters.tekton.caching.pod import Ended, Pod, Run, in_process
from couler_tekton.cache.wrapping import RESTORE, SAVE

__all__ = ["CASES", "GIVEN", "Site", "differences"]

OURS = {RESTORE, SAVE}
GIVEN: dict[str, Any] = {
    "rate": "0.1",
    "first": ["a", "b"],
    "second": ["c"],
    "of": {"x": "1", "z": "2"},
    "mode": "fast",
}
CASES: tuple[Mapping[str, Any], ...] = (
    {},
    {"rate": "0.2"},
    {"rate": ""},
    {"rate": "two\nlines=1 'quoted' \"too\""},
    {"first": ["a"], "second": ["b", "c"]},
    {"first": ["a", "b", "c"], "second": []},
    {"of": {"x": "1", "z": "3"}},
    {"mode": "slow"},
)
"""What differs from `GIVEN`; no two have the same results."""


class Site:
    """Where pods run that share a store.

    Args:
        folder: an empty folder.
        couler: runs `couler`.
    """

    def __init__(self, folder: Path, couler: Run = in_process) -> None:
        self.folder = folder
        self.store = folder / "store"
        self.store.mkdir()
        self.data = "some data"
        self._couler = couler
        self._runs = 0

    def run(self, task: Mapping[str, Any], params: Mapping[str, Any]) -> tuple[Ended, dict[str, str]]:
        """Runs a task in a new pod with workspaces of its own; how it ended, and what is in them then."""
        self._runs += 1
        root = self.folder / f"pod-{self._runs}"
        workspaces = {name: root / "workspace" / name for name in ("src", "out")}
        for place in workspaces.values():
            place.mkdir(parents=True)
        (workspaces["src"] / "data").write_text(self.data)
        ended = Pod(root, task, params, {**workspaces, "couler-cache": self.store}, self._couler).run()
        left = {
            path.relative_to(root).as_posix(): path.read_text()
            for path in sorted((root / "workspace").rglob("*"))
            if path.is_file()
        }
        return ended, left

    def corrupt(self) -> None:
        """Changes a byte of whatever is kept."""
        blobs = [path for path in self.store.rglob("*") if path.is_file() and "blobs" in path.parts]
        assert blobs
        for path in blobs:
            content = bytearray(path.read_bytes() or b"x")
            content[0] ^= 1
            path.write_bytes(content)

    def take_away(self) -> None:
        """Leaves nothing of the store that can be opened."""
        self.store.rename(self.folder / "gone")
        self.store.write_text("no folder")


def differences(
    task: Mapping[str, Any], cached: Mapping[str, Any], site: Site, cases: Sequence[Mapping[str, Any]] = CASES
) -> Iterator[str]:
    """How a cached task differs from the one without; none where it does not."""
    for case in cases:
        params = {**copy.deepcopy(GIVEN), **case}
        expected = site.run(task, params)
        for what, skipped in (("miss", False), ("hit", True)):
            yield from _compared(f"{what} of {case}", expected, site.run(cached, params), skipped=skipped)
    params, expected = GIVEN, site.run(task, GIVEN)
    site.data = "other data"
    yield from _compared("other data", site.run(task, params), site.run(cached, params), skipped=False)
    site.data = "some data"
    site.corrupt()
    yield from _compared("corrupt entry", expected, site.run(cached, params), skipped=False)
    site.take_away()
    yield from _compared("store away", expected, site.run(cached, params), skipped=False)


def _compared(
    what: str, expected: tuple[Ended, dict[str, str]], found: tuple[Ended, dict[str, str]], *, skipped: bool
) -> Iterator[str]:
    (before, left), (after, left_after) = expected, found
    if before.succeeded is not after.succeeded:
        yield f"{what}: it {'succeeded' if after.succeeded else 'failed'}"
    if before.results != after.results:
        yield f"{what}: {after.results} in place of {before.results}"
    if left != left_after:
        yield f"{what}: {left_after} is left behind in place of {left}"
    ran = [name for name in after.ran if name not in OURS]
    if ran != ([] if skipped else before.ran):
        yield f"{what}: {ran} ran"
