"""A workflow of Python functions, written once: what it gives is the same on every engine."""

from __future__ import annotations

import couler_plugins.authoring as couler
from couler_plugins.authoring import equal, workflow

__all__ = ["GIVEN", "TRAINED"]


def sample(rows: int, offset: int = 1) -> list:  # type: ignore[type-arg]  # as users write it
    return [offset + 2 * row for row in range(rows)]


def mean(values: list) -> float:  # type: ignore[type-arg]
    return float(sum(values) / len(values))


def largest(values: list) -> int:  # type: ignore[type-arg]
    return int(max(values))


def judge(mean: float, largest: int, name: str = "sample") -> str:
    return "even" if largest < 2 * mean else f"skewed {name}"


def say(text: str) -> str:
    return text.upper()


with workflow("trained") as TRAINED:
    rows = couler.run_script(source=sample, args=[4], step_name="sample")
    average, most = couler.concurrent(
        [
            lambda: couler.run_script(source=mean, args=[rows], step_name="mean"),
            lambda: couler.run_script(source=largest, args=[rows], step_name="largest"),
        ]
    )
    verdict = couler.run_script(source=judge, args={"mean": average, "largest": most}, step_name="judge")
    couler.when(
        equal(verdict, "even"), lambda: couler.run_script(source=say, args=[f"it is {verdict}"], step_name="even")
    )
    couler.when(
        equal(verdict, "skewed sample"), lambda: couler.run_script(source=say, args=[verdict], step_name="skewed")
    )

GIVEN = {
    "sample": [1, 3, 5, 7],
    "mean": 4.0,
    "largest": 7,
    "judge": "even",
    "even": "IT IS EVEN",
    "skewed": None,
}
