"""Policies and a partitioner of papers, which ours are measured against."""

from __future__ import annotations

from benchmarks.baselines.literal import PaperLiteral
from benchmarks.baselines.materialization import ExperimentGraph, Helix
from benchmarks.baselines.paper import Paper
from benchmarks.baselines.references import Lrc
from benchmarks.baselines.yang import Yang
from couler_plugins.caching.policies import POLICIES as BUILT_IN
from couler_plugins.hookspecs import CachePolicy

__all__ = ["BASELINES", "POLICIES"]

BASELINES: list[type[CachePolicy]] = [Lrc, Helix, ExperimentGraph, Yang, PaperLiteral, Paper]
"""The policies of papers."""
POLICIES: list[type[CachePolicy]] = [*BUILT_IN[:-1], *BASELINES, BUILT_IN[-1]]
"""All that are compared, ours last."""
