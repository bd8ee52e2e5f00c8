"""The `prioritize` optimizer: where slots are scarce, the steps with the longest path behind them go first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.hookspecs import work_at
from couler_plugins.options.fields import check_range


@dataclass(frozen=True)
class Prioritize:
    """Start the steps with the longest path behind them first, where not all that could start can run.

    Times come from past runs; without any, all steps count alike. Nothing is written unless a simulated run gets
    shorter by it. What owners set themselves stays.

    Attributes:
        slots: how many steps run at a time, such as the slots of a pool; 0 for the limit that the workflow has, or
            else for half of the steps that could run at once. Argo's order always reckons with `parallelism`.
        classes: priority classes that the cluster has, lowest first, for pods on Argo and Tekton. Their
            `preemptionPolicy` should be `Never`: others end pods that run already.
    """

    name: ClassVar[str] = "prioritize"
    before: ClassVar[tuple[str, ...]] = ("queue", "split")

    slots: int = 0
    classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: one is out of its range.
        """
        check_range("slots", self.slots, 0)
        if len({*self.classes}) != len(self.classes) or len(self.classes) == 1:
            raise ValueError("classes are at least two, each once, lowest first: classes=low|high")

    run = work_at("couler_plugins.ordering.start_order:apply_prioritize")
