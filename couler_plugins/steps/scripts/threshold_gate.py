"""Says whether a value is good enough, and may end the workflow where it is not."""

import sys
from typing import Literal

from couler_plugins.steps.scripts.running import run


def main(value: float, threshold: float, better: Literal["higher", "lower"], fail: bool) -> dict[str, object]:
    """Whether the value is at least (or, where lower is better, at most) the threshold."""
    passed = value >= threshold if better == "higher" else value <= threshold
    if fail and not passed:
        sys.exit(f"{value} is not good enough: the threshold is {threshold}, and {better} is better")
    return {"passed": passed}


if __name__ == "__main__":
    run(main)
