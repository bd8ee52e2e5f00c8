"""Paths of the files and folders that a task makes, as its owner has named them, for one run."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import PurePosixPath
from typing import Any

from couler_airflow.marks import Declaration
from couler_plugins.caching.code.uncacheable import Uncacheable

__all__ = ["output_paths"]

RULE = "outputs"


def output_paths(task: Any, declaration: Declaration, context: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the paths of a task's outputs, each once and sorted: templates are rendered as those of its fields are.

    Args:
        task: the operator with its own templates rendered; `task` in a template is this one.
        declaration: what its owner says of it.
        context: the context of the run.

    Raises:
        Uncacheable: a template cannot be rendered, a path is not absolute and plain, or is inside of another.
    """
    paths = sorted({*_rendered(task, declaration, context)}, key=lambda path: path.parts)
    for path, other in pairwise(paths):
        if other.is_relative_to(path):
            raise Uncacheable(f"its output {other} is inside of its output {path}", rule=RULE)
    return tuple(map(str, paths))


def _rendered(task: Any, declaration: Declaration, context: Mapping[str, Any]) -> Iterator[PurePosixPath]:
    if not declaration.outputs:
        return
    # No field of an operator: there, `x.sql` would be the name of a file that holds the template.
    templates = task.dag.get_template_env(force_sandboxed=True)
    for template in declaration.outputs:
        try:
            text = templates.from_string(template).render({**context, "task": task})
        except Exception as error:  # noqa: BLE001  # a template calls what it likes; the text may hold values
            reason = f"its output {template!r} cannot be rendered ({type(error).__name__})"
            raise Uncacheable(reason, rule=RULE) from None
        path = PurePosixPath(text)
        try:
            plain = path.is_absolute() and len(path.parts) > 1 and b"\0" not in os.fsencode(text)
        except UnicodeError:
            plain = False
        if not plain or ".." in path.parts:
            raise Uncacheable(f"its output {text!r} is no absolute path without '..'", rule=RULE)
        yield path
