"""A judge of caching: workflows are changed, optimized, and run with the cache of the run before. See `__main__`."""

from __future__ import annotations

import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2] / "tests"
if str(TESTS) not in sys.path:
    sys.path.append(str(TESTS))  # the values and keys of the judges there
