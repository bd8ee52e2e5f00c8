"""The retry policy of `guard`: the table of causes, asked in the worker about the exception that it sees (AIP-105).

Workers and DAG processors import this module by the DAG file that was optimized, so Airflow is there, 3.3 or newer. Its
own rules look at the class of an exception alone, and import it when the DAG file is parsed. That is too little for
operators that start pods: all of their failures are of one class.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from airflow.sdk.definitions.retry_policy import (  # noqa: TID253  # who imports this has Airflow
    RetryDecision,
    RetryPolicy,
)

from couler_airflow.retries import PASSING
from couler_plugins.hookspecs.causes import Cause
from couler_plugins.reliability.classification import LONGEST, classify
from couler_plugins.runs import Attempt


class CausePolicy(RetryPolicy):
    """Repeats what fails for a cause that passes by itself; everything else fails at once.

    Args:
        causes: rows of the table, in its order: the first that matches decides.
    """

    def __init__(self, causes: Sequence[Cause]) -> None:
        self.causes = tuple(causes)

    def evaluate(
        self, exception: BaseException, try_number: int, max_tries: int, context: Mapping[str, Any] | None = None
    ) -> RetryDecision:
        """What becomes of a try; Airflow itself ends the last one. Long texts end with what became of a pod."""
        attempt = Attempt(reason=type(exception).__name__, message=str(exception)[-LONGEST:])
        cause = classify(attempt, "airflow", self.causes)
        reason = f"{cause.name} ({cause.cause_class})"
        is_repeated = cause.cause_class in PASSING
        return RetryDecision.retry(reason=reason) if is_repeated else RetryDecision.fail(reason)

    def serialize(self) -> dict[str, Any]:
        """The policy as data."""
        return {"__type": type(self).__name__, "causes": msgspec.to_builtins(self.causes)}

    @classmethod
    def deserialize(cls, data: Mapping[str, Any]) -> CausePolicy:
        """A policy from such data.

        Raises:
            ValueError: they are none.
        """
        return cls(msgspec.convert(data["causes"], tuple[Cause, ...]))
