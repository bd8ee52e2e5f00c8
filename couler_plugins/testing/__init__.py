"""Laws of adapters as a test suite: `laws.each_law` runs it over any adapter. See docs/plugins/adapter.md."""

from __future__ import annotations

import sys

__all__: list[str] = []

if sys.modules.get("pytest") is not None:  # a failed assertion of a law then shows both sides, as one of a test does
    sys.modules["pytest"].register_assert_rewrite("couler_plugins.testing.laws", "couler_plugins.testing.fields")
