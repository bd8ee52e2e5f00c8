"""The results that Jinja texts pull: `{{ ti.xcom_pull(task_ids='extract') }}` refers to the task `extract`."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Container, Iterator
from types import EllipsisType
from typing import NamedTuple

from couler_plugins.ir import Expression, Reference

BLOCK = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
CALL = re.compile(r"\b(?:ti|task_instance)\s*\.\s*xcom_pull\s*\(")
WHOLE = re.compile(r"\{\{\s*(.*?)\s*\}\}", re.DOTALL)
BEFORE = "f("
"""What arguments are parsed behind."""
PULL = "xcom_pull"
PAST = "include_prior_dates"
RESULT = "return_value"
"""The key under which a task's result is kept."""


class Named(NamedTuple):
    """What a call of `xcom_pull` names; `...` for what only the run can tell.

    Attributes:
        tasks: the ids of tasks; none for the task itself.
        dag: the id of their DAG; None for the task's own.
        key: of the XCom.
        run: the id of their run; None for the task's own.
        past: whether it may pull from earlier runs.
    """

    tasks: tuple[str, ...] | EllipsisType
    dag: str | EllipsisType | None
    key: str | EllipsisType
    run: str | EllipsisType | None = None
    past: bool = False


class Pull(NamedTuple):
    """One call of `xcom_pull`: where it stands in the text, and what it names."""

    start: int
    end: int
    tasks: tuple[str, ...]
    key: str


def pieces(text: str, tasks: Container[str], dag_id: str) -> list[str | Reference | Expression]:
    """The text, cut at the blocks that pull results of these tasks.

    A block that is nothing but one pull of one task becomes a reference; any other an expression with references.
    What names its task by a variable, or belongs to another DAG, stays text: it refers to nothing here.
    """
    pieces: list[str | Reference | Expression] = []
    end = 0
    for block in BLOCK.finditer(text) if PULL in text else ():
        pulls = list(_pulls(block[0], tasks, dag_id))
        if not pulls:
            continue
        pieces += [text[end : block.start()], _referring(block[0], pulls)]
        end = block.end()
    return [piece for piece in (*pieces, text[end:]) if piece != ""]


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


def _pulls(block: str, tasks: Container[str], dag_id: str) -> Iterator[Pull]:
    for call in CALL.finditer(block):
        parsed = _call(block, call.end())
        if parsed is None:
            continue
        node, end = parsed
        pull = named(node)
        if pull.tasks is ... or pull.key is ... or pull.dag not in (None, dag_id):
            continue
        if pull.tasks and all(name in tasks for name in pull.tasks):
            yield Pull(call.start(), end, pull.tasks, pull.key)


def named(call: ast.Call) -> Named:
    """What a call of `xcom_pull` names."""
    arguments = dict(zip(("task_ids", "dag_id", "key", PAST), call.args, strict=False))
    arguments |= {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
    tasks = _constant(arguments.get("task_ids"))
    if any(word.arg is None for word in call.keywords):
        tasks = ...
    elif isinstance(tasks, str):
        tasks = (tasks,)
    elif isinstance(tasks, (list, tuple)) and all(isinstance(name, str) for name in tasks):
        tasks = tuple(tasks)
    elif tasks is not None:
        tasks = ...
    dag, run = _constant(arguments.get("dag_id")), _constant(arguments.get("run_id"))
    key = _constant(arguments["key"]) if "key" in arguments else RESULT
    return Named(
        () if tasks is None else tasks,
        dag if dag is None or isinstance(dag, str) else ...,
        key if isinstance(key, str) else ...,
        run if run is None or isinstance(run, str) else ...,
        bool(_constant(arguments.get(PAST))),
    )


def texts_named(text: str) -> Iterator[Named]:
    """What each call of `xcom_pull` in the blocks of a template names."""
    for _, call in _calls(text):
        yield Named(..., ..., ...) if call is None else named(call)


def with_dag_ids(text: str, where: Callable[[Named], str | None]) -> str:
    """A template whose calls of `xcom_pull` name the DAGs that they pull from.

    Args:
        text: the template.
        where: tells the id of the DAG for what a call names; None to leave the call as it is.
    """
    parts: list[str] = []
    end = 0
    for start, call in _calls(text):
        dag_id = None if call is None else where(named(call))
        if call is None or dag_id is None:
            continue
        nodes = [*call.args[1:2], *(word.value for word in call.keywords if word.arg == "dag_id")]
        last = [*call.args, *(word.value for word in call.keywords)][-1]
        node = nodes[0] if nodes else last
        at = start + _offset(text[start:], node.lineno, node.col_offset)
        stop = start + _offset(text[start:], node.end_lineno or 1, node.end_col_offset or 0)
        parts += [text[end:at], repr(dag_id)] if nodes else [text[end:stop], f", dag_id={dag_id!r}"]
        end = stop
    return "".join([*parts, text[end:]])


def _calls(text: str) -> Iterator[tuple[int, ast.Call | None]]:
    """The calls of `xcom_pull` in a template, and where the arguments begin; None for what is no such call."""
    for block in BLOCK.finditer(text) if PULL in text else ():
        for name in re.finditer(rf"\b{PULL}\b", block[0]):
            opening = re.compile(r"\s*\(").match(block[0], name.end())
            parsed = _call(block[0], opening.end()) if opening else None
            yield block.start() + (opening or name).end(), None if parsed is None else parsed[0]


def _offset(text: str, line: int, column: int) -> int:
    """Where a place among arguments is, for which Python gives a line and, in bytes, a column in the whole call."""
    lines = text.splitlines(keepends=True)
    before = lines[line - 1].encode()[: column - len(BEFORE) if line == 1 else column]
    return sum(map(len, lines[: line - 1])) + len(before.decode())


def _call(block: str, start: int) -> tuple[ast.Call, int] | None:
    """The call whose arguments begin at `start`, and where it ends; None where it is not written as Python has it."""
    for closing in re.finditer(r"\)", block[start:]):
        end = start + closing.end()
        try:
            node = ast.parse(f"{BEFORE}{block[start:end]}", mode="eval").body
        except (SyntaxError, ValueError):
            continue
        return (node, end) if isinstance(node, ast.Call) else None
    return None


def _constant(node: ast.expr | None) -> object:
    try:
        return None if node is None else ast.literal_eval(node)
    except ValueError:
        return ...
