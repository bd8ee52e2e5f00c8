"""The operator that a worker will run, as far as a DAG tells before: what a run hands over is not there yet."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from couler_airflow.cache.eligible import is_mapped
from couler_airflow.cache.task_checks import PROGRAMS
from couler_plugins.hookspecs.caching import Objection

JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
LETTER = "x"
"""What stands for a rendered value in a program: a word that ends there is none, since the value may be part of it."""


def parse_task(operator: Any) -> tuple[Any, tuple[Objection, ...]]:
    """Return an operator as a worker makes it, the first of a mapped one, and what only a run can tell of it.

    Args:
        operator: the operator; it stays as it is.

    Raises:
        Exception: whatever the constructor of a mapped operator raises where only a run knows its arguments.
    """
    expanded = _arguments(operator) if is_mapped(operator) else {}
    task = (_unmap(operator, expanded) if is_mapped(operator) else operator).prepare_for_execution()
    doubts = []
    for name in task.template_fields:
        value = getattr(task, name, None)
        if name in PROGRAMS and (name in expanded or _is_open(value)):
            doubts.append(Objection("program", f"its {name} is known when it runs"))
            value = "" if name in expanded else _settled(value, program=True)
        elif name in ("op_args", "op_kwargs") and _is_reference(value):
            doubts.append(Objection("argument", f"its {name} are known when it runs"))
            value = () if name == "op_args" else {}
        object.__setattr__(task, name, _settled(value))
    return task, tuple(doubts)


def fill_template(text: str) -> str:
    """Return a template with a letter for each value that a run renders; empty where a run may leave parts out."""
    return "" if "{%" in text else JINJA.sub(LETTER, text)


def _arguments(operator: Any) -> Mapping[str, Any]:
    """Return what the first instance of a mapped operator is given, as far as it is known."""
    items = operator._get_specified_expand_input().value
    if isinstance(items, Mapping):
        return {name: _first(values) for name, values in items.items()}
    first = _first(items)
    return first if isinstance(first, Mapping) else {}


def _unmap(operator: Any, arguments: Mapping[str, Any]) -> Any:
    return operator.unmap({"op_kwargs": arguments} if hasattr(operator, "op_kwargs_expand_input") else arguments)


def _first(items: Any) -> Any:
    """Return the first of literal items; what stands for all of them otherwise."""
    if isinstance(items, Mapping):
        return next(iter(items.items()), items)
    return items[0] if isinstance(items, Sequence) and items else items


def _is_reference(value: Any) -> bool:
    return hasattr(value, "iter_references")


def _is_open(value: Any) -> bool:
    """Return whether a run completes a program."""
    return bool(_settled(value, program=True) != value)


def _settled(value: Any, *, program: bool = False) -> Any:
    """Return a value without what a run hands over, and a program without what a run renders."""
    if _is_reference(value):
        return None
    if isinstance(value, str):
        return fill_template(value) if program else value
    if type(value) in (list, tuple, set, frozenset):
        return type(value)(_settled(item, program=program) for item in value)
    return {key: _settled(item, program=program) for key, item in value.items()} if type(value) is dict else value
