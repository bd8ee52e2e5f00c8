"""Selects the best of several models by their scores."""

import math
import sys
from typing import Literal

from couler_plugins.steps.scripts.running import run


def main(models: list[str], scores: list[str], better: Literal["higher", "lower"]) -> dict[str, object]:
    """The best model, its score, and its number counted from 0; the first of those that are equally good."""
    values = [float(score) for score in scores]
    if not values or len(values) != len(models) or any(map(math.isnan, values)):
        sys.exit(f"there are {len(models)} models and {len(values)} scores: give each model a score")
    best = (max if better == "higher" else min)(values)
    number = values.index(best)
    return {"model": models[number], "score": best, "number": number}


if __name__ == "__main__":
    run(main)
