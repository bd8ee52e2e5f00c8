"""The results that Jinja texts pull: `{{ ti.xcom_pull(task_ids='extract') }}` refers to the task `extract`."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from couler_plugins.ir import Expression, Reference

__all__ = ["pieces"]

BLOCK = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
CALL = re.compile(r"\b(?:ti|task_instance)\s*\.\s*xcom_pull\s*\(")
WHOLE = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
RESULT = "return_value"
"""The key under which a task's result is kept."""


class Pull(NamedTuple):
    """One call of `xcom_pull`: where it stands in the text, and what it names."""

    start: int
    end: int
    tasks: tuple[str, ...]
    key: str


def pieces(text: str, tasks: Collection[str], dag_id: str) -> list[str | Reference | Expression]:
    """The text, cut at the blocks that pull results of these tasks.

    A block that is nothing but one pull of one task becomes a reference; any other an expression with references.
    What names its task by a variable, or belongs to another DAG, stays text: it refers to nothing here.
    """
    found: list[str | Reference | Expression] = []
    end = 0
    for block in BLOCK.finditer(text) if "xcom_pull" in text else ():
        pulls = list(_pulls(block[0], tasks, dag_id))
        if not pulls:
            continue
        found += [text[end : block.start()], _referring(block[0], pulls)]
        end = block.end()
    return [piece for piece in (*found, text[end:]) if piece != ""]


def _referring(block: str, pulls: list[Pull]) -> Reference | Expression:
    inner = WHOLE.fullmatch(block)
    first = pulls[0]
    if inner and len(pulls) == 1 and len(first.tasks) == 1 and inner.span(1) == (first.start, first.end):
        return _reference(first.tasks[0], first.key, block)
    parts: list[str | Reference] = []
    end = 0
    for pull in pulls:
        # A call that names several tasks is written once: the first reference spells it, the others nothing.
        spelt = [block[pull.start : pull.end], *("" for _ in pull.tasks[1:])]
        parts.append(block[end : pull.start])
        parts += [_reference(task, pull.key, native) for task, native in zip(pull.tasks, spelt, strict=True)]
        end = pull.end
    parts.append(block[end:])
    return Expression(language="jinja", parts=tuple(part for part in parts if part != ""))


def _reference(task: str, key: str, native: str) -> Reference:
    return Reference(to="output", kind="result", step=task, name=key, native=native)


def _pulls(block: str, tasks: Collection[str], dag_id: str) -> Iterator[Pull]:
    for call in CALL.finditer(block):
        parsed = _call(block, call.end())
        if parsed is None:
            continue
        node, end = parsed
        given = dict(zip(("task_ids", "dag_id", "key"), node.args, strict=False))
        given |= {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
        named = _constant(given.get("task_ids"))
        names = (named,) if isinstance(named, str) else tuple(named) if isinstance(named, (list, tuple)) else ()
        key = _constant(given["key"]) if "key" in given else RESULT
        own = "dag_id" not in given or _constant(given["dag_id"]) in (None, dag_id)
        if names and own and isinstance(key, str) and all(name in tasks for name in names):
            yield Pull(call.start(), end, names, key)


def _call(block: str, start: int) -> tuple[ast.Call, int] | None:
    """The call whose arguments begin at `start`, and where it ends; None where it is not written as Python has it."""
    for closing in re.finditer(r"\)", block[start:]):
        end = start + closing.end()
        try:
            node = ast.parse(f"f({block[start:end]}", mode="eval").body
        except (SyntaxError, ValueError):
            continue
        return (node, end) if isinstance(node, ast.Call) else None
    return None


def _constant(node: ast.expr | None) -> object:
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return ...
