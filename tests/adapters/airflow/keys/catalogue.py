"""All cases."""

from __future__ import annotations

from adapters.airflow.keys import (
    backends,
    budgets,
    chance,
    classes,
    clocks,
    effects,
    everyday,
    files,
    functions,
    imports,
    lineage,
    loading,
    objects,
    operators,
    outputs,
    programs,
    runs,
    settings,
    tables,
    values,
    wholes,
)
from adapters.airflow.keys.case import Case

__all__ = ["CASES", "THEMES"]

THEMES: dict[str, tuple[Case, ...]] = {
    "operators": operators.CASES,
    "values": values.CASES,
    "classes": classes.CASES,
    "functions": functions.CASES,
    "imports": imports.CASES,
    "settings": settings.CASES,
    "files": files.CASES,
    "outputs": outputs.CASES,
    "effects": effects.CASES,
    "loading": loading.CASES,
    "clocks": clocks.CASES,
    "chance": chance.CASES,
    "lineage": lineage.CASES,
    "everyday": everyday.CASES,
    "budgets": budgets.CASES,
    "backends": backends.CASES,
    "programs": programs.CASES,
    "runs": runs.CASES,
    "objects": objects.CASES,
    "wholes": wholes.CASES,
    "tables": tables.CASES,
}
SET_ASIDE = frozenset(
    {
        # A process with threads is forked, which hangs now and then, without us as well.
        *("file-read-in-a-process", "environment-read-in-a-fork", "program-of-multiprocessing"),
    }
)
"""Cases that say nothing as they are."""
CASES: tuple[Case, ...] = tuple(case for cases in THEMES.values() for case in cases if case.name not in SET_ASIDE)
