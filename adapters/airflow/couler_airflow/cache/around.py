"""What Airflow puts around the code of DAGs, for the fingerprints of tasks."""

from __future__ import annotations

import json
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from couler_airflow.marks import ALLOWED, MARK, Declaration
from couler_plugins.caching.code.modules import module_of
from couler_plugins.caching.code.uncacheable import Uncacheable
from couler_plugins.caching.code.values import Form, Surroundings
from couler_plugins.caching.waivers import waiver_of
from couler_plugins.hookspecs.caching import Objection

OURS = ("airflow.", "couler_airflow.")
OTHERS = {"file-access": "files", "native": "files"}
"""The words that waive rules of other names."""
DECLARE = "couler_airflow.cached({}) at the task"
IN_ROWS = {"context": 'context = ["ds"]', "outputs": 'outputs = ["/data/{{ ds }}.csv"]'}
"""What a row of a settings file says where a mark would have another argument than `allow`."""
PARTS = ("DAG", "BaseOperator", "MappedOperator", "XComArg", "TaskGroup", "DecoratedOperator", "RuntimeTaskInstance")
"""Classes whose objects are the workflow itself."""
WORDS = (
    ("context", r"airflow(?:\.\w+)*\.__dict__"),  # a whole module, of which anything may be taken by a computed name
    ("context", r"airflow\..*\b(?:get_current_context|get_parsing_context|task_runner)"),
    ("variables", r"airflow\..*\bVariable\b"),
    ("connections", r"airflow\..*\b(?:Connection|BaseHook|\w+Hook)\b|airflow\..*\bhooks\."),
    ("files", r"airflow\..*\bObjectStoragePath\b"),
    ("environment", r"airflow\.configuration\b|airflow\.settings\b"),
    ("connections", r"airflow\.(?:models|utils\.session|utils\.db)\b"),
    ("clock", r"airflow\..*\b(?:utcnow|now)\b"),
)


def remedy(kind: str) -> str:
    """Return what an owner may declare against an objection to what a body reaches; empty where nothing helps."""
    kind = waiver_of(kind) or kind
    if kind in ALLOWED:
        return DECLARE.format(f"allow=({kind!r},)")
    if kind in ("effect", "outputs"):
        return DECLARE.format("outputs=('/data/{{ ds }}.csv',)") + ", with absolute paths of what it writes"
    if kind == "context":
        return DECLARE.format("context=('ds',)") + ", with the values of the run that it reads"
    return ""


def join_remedies(objections: Iterable[Objection], declaration: Declaration) -> tuple[Objection, ...]:
    """Return objections whose remedies name all words that a task needs: a second mark would take the first's place.

    Where a row of a settings file declares the task, the remedies name the row to extend.

    Args:
        objections: all that is against one task.
        declaration: what its owner says of it.
    """
    items = [(item, OTHERS.get(item.rule, waiver_of(item.rule)) if item.remedy else None) for item in objections]
    words = sorted({*declaration.allow, *(word for _, word in items if word in ALLOWED)})
    row = f", in {declaration.row}"
    whole = f"allow = {json.dumps(words)}{row}" if declaration.row else DECLARE.format(f"allow={tuple(words)!r}")
    rows = {remedy(name): text + row for name, text in IN_ROWS.items()} if declaration.row else {}
    return tuple(
        replace(item, remedy=whole if word in ALLOWED else rows.get(item.remedy, item.remedy)) for item, word in items
    )


def _is_own(value: Any) -> bool:
    kind = value if isinstance(value, type) else type(value)
    if isinstance(value, types.FunctionType):
        return str(value.__module__).startswith(OURS)
    return any(module_of(base).startswith(OURS) for base in kind.__mro__)


def _special(value: Any, form: Form) -> Any:
    kind = type(value)
    if not any(module_of(base).startswith(OURS) for base in kind.__mro__):
        return None
    wrapped = getattr(value, "function", None)
    if isinstance(wrapped, types.FunctionType):
        return ["wrapped", f"{kind.__module__}.{kind.__qualname__}", form(wrapped)]
    if any(base.__name__ in PARTS for base in kind.__mro__):
        raise Uncacheable(f"a {kind.__qualname__} is a part of the workflow, and no value")
    if isinstance(value, Mapping):
        return ["mapping", kind.__qualname__, [[form(key), form(value[key])] for key in value]]
    if isinstance(value, Sequence):
        return ["list", [form(item) for item in value]]  # what a task before this one has returned, fetched now
    return None


AROUND = Surroundings(
    packages=("airflow", "couler_airflow", "couler_plugins"),
    opaque=frozenset({"couler_airflow.datasets.dataset", "couler_plugins.caching.dataplane.copies.dataset"}),
    aliases=re.compile(r"unusual_prefix_\w+$|__main__$"),
    marks=(MARK,),
    is_own=_is_own,
    special=_special,
    observed=frozenset({"files", "environment", "network", "programs"}),
    words=tuple((kind, re.compile(pattern)) for kind, pattern in WORDS),
    remedy=remedy,
)
