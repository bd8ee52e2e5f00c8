"""Programs of SQL as workflows, for tests."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from conversions import plugins
from couler_plugins.generation.scope import waits_for
from couler_plugins.hookspecs import CatalogueStep
from couler_plugins.plugins import STEPS
from couler_plugins.sql.planning import Options, Plan
from couler_plugins.sql.program import read_program
from support import ROOT

__all__ = ["EXAMPLE", "catalogue", "planned", "waits"]

EXAMPLE = ROOT / "examples" / "sql" / "churn.sql"


@cache
def catalogue() -> Mapping[str, CatalogueStep]:
    """The ready-made steps."""
    return plugins().all(STEPS)


def planned(text: str, *, dialect: str = "", **options: Any) -> Plan:
    """The plan of a program; all errors but the first are lost."""
    known = Options(file="f.sql", **options)
    return read_program(text, "p", catalogue(), known, dialect=dialect, report=lambda error: None)


def waits(plan: Plan) -> dict[str, set[str]]:
    """What each step waits for."""
    return {step.name: set(waits_for(step)) for step in plan.form.steps}
