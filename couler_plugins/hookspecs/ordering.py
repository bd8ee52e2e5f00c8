"""Contract of `prioritize`: how an engine chooses among steps that could start, where not all of them can run."""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["StartOrder", "StartRule"]

StartRule = Literal["ready", "downstream", "leaves"]
"""Who starts first: who was ready first; who has most steps behind it; or whom the first leaf, by name, needs."""


class StartOrder(NamedTuple):
    """How an engine starts the steps of a graph.

    Attributes:
        rule: who starts first. With `leaves`, the graph's targets say in which order the engine looks at its steps.
        slots: how many of them run at a time at most; None where the workflow sets no limit.
        refusal: why this order stays, in half a sentence; empty where it can be changed.
        usual: the priority class that its owner gives all pods of the workflow; empty where there is none.
    """

    rule: StartRule = "ready"
    slots: int | None = None
    refusal: str = ""
    usual: str = ""
