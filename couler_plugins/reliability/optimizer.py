"""The `guard` optimizer: steps are tried again where the cause of a failure passes, and stopped where they hang."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.hookspecs import work_at
from couler_plugins.options.fields import check_range
from couler_plugins.rightsizing.rules import is_size


@dataclass(frozen=True)
class Guard:
    """Repeat steps after failures that pass by themselves, and set timeouts from past runs.

    What its owner declares idempotent (`couler.io/idempotent: "true"`) or pure is repeated by cause. All else is only
    repeated where its engine says that nothing of it has run. `couler.io/guard: never` keeps a step as it is.

    Attributes:
        retries: how many more attempts there are after the first.
        delay: the seconds before the first repetition.
        factor: how many times as long each further delay is.
        max_delay: the longest delay, in seconds.
        narrow: whether retries of owners that repeat any failure are limited to causes that pass.
        memory_factor: how many times as much memory each further attempt gets; 1 to repeat nothing for lack of memory.
        max_memory: the most memory that an attempt may get; without it, limits grow and requests stay as they are.
        timeouts: whether timeouts are set from past runs.
        timeout_factor: how many times as long as past attempts an attempt may take.
        min_timeout: the shortest timeout, in seconds.
        min_samples: how many attempts have to have succeeded before a timeout is set.
        max_total: the seconds that all attempts of a step may take together, delays included.
    """

    name: ClassVar[str] = "guard"
    before: ClassVar[tuple[str, ...]] = ("prioritize", "queue", "split")
    reads_rows: ClassVar[bool] = True

    retries: int = 2
    delay: int = 30
    factor: int = 2
    max_delay: int = 600
    narrow: bool = False
    memory_factor: float = 2.0
    max_memory: str = ""
    timeouts: bool = True
    timeout_factor: float = 3.0
    min_timeout: int = 900
    min_samples: int = 10
    max_total: int = 86_400

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: one is out of its range.
        """
        check_range("retries", self.retries, 0, 10)
        check_range("delay", self.delay, 0, 86_400)
        check_range("factor", self.factor, 1, 10)
        check_range("max-delay", self.max_delay, 1, 86_400)
        check_range("memory-factor", self.memory_factor, 1, 10)
        if self.max_memory and not is_size("max-memory", self.max_memory):
            raise ValueError(f"{self.max_memory!r:.40} is no amount such as 64Gi")
        check_range("timeout-factor", self.timeout_factor, 1, 1000)
        check_range("min-timeout", self.min_timeout, 60)
        check_range("min-samples", self.min_samples, 3)
        check_range("max-total", self.max_total, 60)

    run = work_at("couler_plugins.reliability.application:apply_guard")
