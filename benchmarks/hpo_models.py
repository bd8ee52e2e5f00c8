"""Stand-ins for language models that know a table: one that helps, and one that lies."""

from __future__ import annotations

import json
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.hpo_tasks import Table
from couler_plugins.llm.client import Reply, Request

__all__ = ["StandIn"]


@dataclass(frozen=True)
class StandIn:
    """Answers as a model would, from the table.

    Attributes:
        table: where the truth is.
        noise: the deviation of what it says from the truth, in units of regret; None for one that lies: it says of the
            worst setting that it is the best.
        seed: of the noise.
    """

    table: Table
    noise: float | None
    seed: int

    def complete(self, request: Request) -> Reply:
        """A training log that ends with what it says of the candidate in the question."""
        question = request.messages[-1].content
        candidate: dict[str, Any] = json.loads(question[question.index("{") :])["candidate"]
        regret = self.table.regret(self.table.cost(candidate))
        if self.noise is None:
            told = 1 / (1 + regret)
        else:
            chance = np.random.default_rng([self.seed, zlib.crc32(json.dumps(candidate, sort_keys=True).encode())])
            told = max(regret + self.noise * chance.normal(), 0.0)
        cost = self.table.best + told * (self.table.median - self.table.best)
        metric = self.table.task.cost(cost)
        if self.table.task.data.bounds == (0.0, 1.0):
            metric = min(max(metric, 0.0), 1.0)
        return Reply(text=json.dumps({"log": [{"epoch": 10, "loss": cost, "metric": metric}]}))
