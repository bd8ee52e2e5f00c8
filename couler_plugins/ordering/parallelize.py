"""The `parallelize` optimizer: steps that are declared pure wait for what they read, and for nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.hookspecs import work_at


@dataclass(frozen=True)
class Parallelize:
    """Start steps that their owner declared pure (`couler.io/cache: pure`) as soon as what they read is there.

    Nothing crosses a step that is not declared pure: what was in front of it stays there, and so does what was behind
    it. A graph changes only where its longest path, or its time in past runs (`--history`), gets shorter.
    """

    name: ClassVar[str] = "parallelize"
    before: ClassVar[tuple[str, ...]] = ("cache", "fuse", "rightsize", "guard", "prioritize", "queue", "split")

    run = work_at("couler_plugins.ordering.relaxation:apply_parallelize")
