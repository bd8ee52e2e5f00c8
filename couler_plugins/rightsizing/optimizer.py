"""The `rightsize` optimizer: requests and limits of steps follow from what past runs used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.hookspecs import work_at
from couler_plugins.options.fields import check_range
from couler_plugins.rightsizing.rules import is_size


@dataclass(frozen=True)
class Rightsize:
    """Set requests and limits of containers from what past runs used.

    Memory is requested as it was needed, and the limit is the same. CPUs are requested as they were used, and have no
    limit unless their owner set one. `couler.io/rightsize: never` keeps a step as it is, `keep-limits` its limits.

    Attributes:
        margin: the share that is added to what past runs needed.
        change: the least relative change that is written.
        min_samples: how many attempts have to be known of a container.
        memory: whether memory is changed.
        cpu: whether requests of CPUs are changed.
        min_memory: the least memory that is requested.
        min_cpu: the least CPUs that are requested.
        parameters: whether amounts that the run fills in, such as a parameter, are replaced as well.
        by_item: whether items of a loop get different memory, where the engine can do that.
    """

    name: ClassVar[str] = "rightsize"
    before: ClassVar[tuple[str, ...]] = ("guard", "split")
    reads_rows: ClassVar[bool] = True

    margin: float = 0.0
    change: float = 0.1
    min_samples: int = 3
    memory: bool = True
    cpu: bool = True
    min_memory: str = "64Mi"
    min_cpu: str = "10m"
    parameters: bool = False
    by_item: bool = False

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: one is out of its range.
        """
        check_range("margin", self.margin, 0, 1000)
        check_range("change", self.change, 0)
        check_range("min-samples", self.min_samples, 1)
        for key, text in (("min-memory", self.min_memory), ("min-cpu", self.min_cpu)):
            if not is_size(key, text):
                raise ValueError(f"{text!r:.40} is no amount such as 512Mi or 250m")

    run = work_at("couler_plugins.rightsizing.application:apply_sizes")
