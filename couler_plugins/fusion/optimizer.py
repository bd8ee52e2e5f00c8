"""The `fuse` optimizer: steps that run one after another share a pod."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.fusion.rules import unknown_words
from couler_plugins.hookspecs import work_at
from couler_plugins.options.fields import check_range


@dataclass(frozen=True)
class Fuse:
    """Run chains of steps in one pod each, which saves the start of a pod for every step but the first.

    A chain is cut where something stands against a link of it. `couler.io/fuse: never` keeps a step out of all chains.
    What its owner says of a step lifts some refusals: `couler.io/idempotent: "true"`, and `couler.io/fuse-allow` with
    `timeout`, `files` or `name`.

    Attributes:
        overhead: the seconds that a pod takes beside the work in it; an assumption until they are measured.
        allow: words that hold for all steps of the call, such as `timeout`.
        max_steps: how many steps may share a pod.
        max_reserved: how many times as much CPU or memory, times seconds, as before a chain may reserve.
        workers: how many pods the cluster runs at a time; without it, only limits in the workflow count.
        keep_original: whether the text of what is fused is kept beside it, for `couler rollback`.
    """

    name: ClassVar[str] = "fuse"
    before: ClassVar[tuple[str, ...]] = ("rightsize", "guard", "prioritize", "queue", "split")
    reads_rows: ClassVar[bool] = True

    overhead: float = 8.0
    allow: tuple[str, ...] = ()
    max_steps: int = 20
    max_reserved: float = 2.0
    workers: int | None = None
    keep_original: bool = True

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: one is out of its range, or allows what nobody understands.
        """
        check_range("overhead", self.overhead, 0, 3600)
        check_range("max-steps", self.max_steps, 2, 1000)
        check_range("max-reserved", self.max_reserved, 1, 1000)
        if self.workers is not None:
            check_range("workers", self.workers, 1)
        if problem := unknown_words(self.allow):
            raise ValueError(problem)

    run = work_at("couler_plugins.fusion.application:apply_fuse")
