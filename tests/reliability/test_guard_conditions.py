"""Conditions that `guard` writes for Argo say yes where the table of causes does, as far as an attempt shows the cause."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from couler_argo.retries import LINES, PASSING, condition_of
from couler_argo.run.local.evaluating import holds_for
from couler_plugins.hookspecs.causes import Cause
from couler_plugins.reliability.classification import classify
from couler_plugins.reliability.table import CAUSES
from reliability.recorded_argo import CASES

AFTERWARDS = frozenset({"unknown"})
"""Failed attempts of Argo that it repeats by itself, or does not end: `util/errors`, and pods that wait."""
