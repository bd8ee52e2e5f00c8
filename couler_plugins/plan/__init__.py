"""Plans of optimizers: workflows and decisions, what lowering makes of them, and files for parts and originals."""

from couler_plugins.plan.lowered import Lowered, Shown, TracedEdit, Written
from couler_plugins.plan.plan import Decision, Link, Outcome, Part, Plan

__all__ = ["Decision", "Link", "Lowered", "Outcome", "Part", "Plan", "Shown", "TracedEdit", "Written"]
