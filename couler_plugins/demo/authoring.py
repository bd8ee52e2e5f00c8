"""Who leaves? Two rules are trained side by side, and the last step says which of them is right more often."""

from pathlib import Path

import couler_plugins.authoring as couler


def customers(months: int) -> list[list[int]]:
    return [[month, int(month < 7)] for month in range(1, months + 1)]


def train(rows: list[list[int]], limit: int) -> float:
    right = sum((month < limit) == left for month, left in rows)
    return right / len(rows)


def choose(early: float, late: float) -> str:
    return f"early: {early:.0%}, late: {late:.0%}"


@couler.workflow
def churn(months: int = 24) -> None:
    rows = couler.run_script(source=customers, args=[months])
    early, late = couler.concurrent(
        [
            lambda: couler.run_script(source=train, args=[rows, 7], step_name="early"),
            lambda: couler.run_script(source=train, args=[rows, 12], step_name="late"),
        ]
    )
    couler.run_script(source=choose, args=[early, late])


if __name__ == "__main__":
    churn.write(str(Path(__file__).with_name("churn.json")))
