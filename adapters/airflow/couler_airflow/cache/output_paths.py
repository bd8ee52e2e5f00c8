"""Paths of the files and folders that a task makes, as its owner has named them, for one run."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from couler_airflow.cache.around import remedy
from couler_airflow.cache.parsed import fill_template
from couler_airflow.cache.task_checks import body_place
from couler_airflow.marks import Declaration
from couler_plugins.caching.code.uncacheable import Uncacheable
from couler_plugins.hookspecs.caching import Objection


def output_paths(task: Any, declaration: Declaration, context: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of a task's outputs, each once and sorted: templates are rendered as those of its fields are.

    Args:
        task: the operator with its own templates rendered; `task` in a template is this one.
        declaration: what its owner says of it.
        context: the context of the run.

    Raises:
        Uncacheable: a template cannot be rendered, a path is not absolute and plain, or is inside of another.
    """
    reasons: list[str] = []
    paths: list[str] = []
    for template, compiled in _compile(task, declaration, reasons):
        try:
            paths.append(compiled.render({**context, "task": task}))
        except Exception as error:  # noqa: BLE001  # a template calls what it likes; the text may hold values
            reasons.append(_not_rendered(template, error))
    if objections := _object_to(task, [*reasons, *_wrong(paths), *_nested(paths)]):
        raise Uncacheable(objections=objections)
    return tuple(map(str, _sorted(paths)))


def check_outputs(task: Any, declaration: Declaration) -> list[Objection]:
    """Return what `output_paths` objects to in every run, as far as templates tell before they are rendered.

    Args:
        task: the operator, mapped or not.
        declaration: what its owner says of it.
    """
    reasons: list[str] = []
    templates = [template for template, _ in _compile(task, declaration, reasons)]
    texts = {template: fill_template(template) for template in templates}
    # What begins with a value may be any path.
    fixed = [text for template, text in texts.items() if text and not template.startswith("{")]
    whole = [template for template in templates if texts[template] == template]
    return _object_to(task, [*reasons, *_wrong(fixed), *_nested(whole)])


def _compile(task: Any, declaration: Declaration, reasons: list[str]) -> Iterator[tuple[str, Any]]:
    """Return each template, as text and compiled; what is wrong with the others is added to the reasons."""
    if not declaration.outputs:
        return
    # No field of an operator: there, `x.sql` would be the name of a file that holds the template.
    environment = task.dag.get_template_env(force_sandboxed=True)
    for template in declaration.outputs:
        try:
            yield template, environment.from_string(template)
        except Exception as error:  # noqa: BLE001  # as in rendering: the text may hold values
            reasons.append(_not_rendered(template, error))


def _wrong(paths: Collection[str]) -> Iterator[str]:
    return (f"its output {path!r} {reason}" for path in paths if (reason := _reason(path)))


def _reason(text: str) -> str:
    """Return what is wrong with a path alone; empty for nothing."""
    path = PurePosixPath(text)
    try:
        is_name = b"\0" not in os.fsencode(text)
    except UnicodeError:
        is_name = False
    rules = (
        ("is not an absolute path", not path.is_absolute()),
        ("is the root folder", len(path.parts) < 2),
        ("has '..' in it", ".." in path.parts),
        ("has characters that no file name has", not is_name),
    )
    return next((reason for reason, holds in rules if holds), "")


def _nested(paths: Collection[str]) -> Iterator[str]:
    for path, other in pairwise(_sorted([path for path in paths if not _reason(path)])):
        if other.is_relative_to(path):
            yield f"its output {other} is inside its output {path}"


def _sorted(paths: Collection[str]) -> list[PurePosixPath]:
    return sorted({*map(PurePosixPath, paths)}, key=lambda path: path.parts)


def _not_rendered(template: str, error: Exception) -> str:
    return f"its output {template!r} cannot be rendered ({type(error).__name__})"


def _object_to(task: Any, reasons: Sequence[str]) -> list[Objection]:
    if not reasons:
        return []
    return [Objection("outputs", "; ".join(reasons), remedy=remedy("outputs"), place=body_place(task))]
