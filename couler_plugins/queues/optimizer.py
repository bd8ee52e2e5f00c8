"""The `queue` optimizer: pods of steps wait in a queue of Kueue until their team has quota for them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import ClassVar

from couler_plugins.hookspecs import work_at
from couler_plugins.options.fields import check_range

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
NAMES = "write lower-case letters, digits and `-`, at most 63"


@dataclass(frozen=True)
class Queue:
    """Put the pods of steps into a queue of Kueue, by the labels that it looks at.

    Each pod waits by itself until its team has quota for it; pods never wait for each other. Timeouts that count the
    wait are raised. A row of the settings says another queue, another priority or `never` for some steps.

    Attributes:
        name_: the queue, `name=…`: a LocalQueue in the namespace of the pods.
        priority: the priority class of Kueue (WorkloadPriorityClass) that they have; empty for none.
        table: the table of `couler queue manifests`: what asks for more than the whole quota is left alone.
        wait: the longest time that pods may wait, in seconds: added to timeouts. With 0, steps with one are left alone.
    """

    name: ClassVar[str] = "queue"
    before: ClassVar[tuple[str, ...]] = ("split",)
    reads_rows: ClassVar[bool] = True

    name_: str
    priority: str = ""
    table: str = ""
    wait: int = 86_400

    def __post_init__(self) -> None:
        """Check the options.

        Raises:
            ValueError: one is out of its range, or no name.
        """
        check_range("wait", self.wait, 0, 10_000_000)
        for key, text in (("name", self.name_), ("priority", self.priority or "none")):
            if NAME.fullmatch(text) is None:
                raise ValueError(f"{key!r} is {text!r:.80}; {NAMES}")

    run = work_at("couler_plugins.queues.application:apply_queues")
