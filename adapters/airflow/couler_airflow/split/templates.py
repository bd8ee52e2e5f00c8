"""The templates of tasks: in their fields, in what these hold, in files and in what those include."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from couler_airflow.lift import template_values
from couler_airflow.pulls import PULL, texts_named

__all__ = ["Texts", "is_legible"]

DELIMITERS = frozenset(
    {
        *(f"{kind}_{end}_string" for kind in ("block", "comment", "variable") for end in ("start", "end")),
        "line_comment_prefix",
        "line_statement_prefix",
    }
)
"""What a DAG may tell Jinja to read templates otherwise than everybody does."""
RAW = re.compile(r"\{%[-+]?\s*raw\b")
OTHERS = re.compile(r"\{%[-+]?\s*(?:extends|from|import|include)\b")
WORD = re.compile(rf"\b{PULL}\b")


class Texts:
    """The templates of a task.

    Attributes:
        plain: those that may be replaced by others where they stand.
        hidden: those in sets and objects, in what the task is expanded over, and in files.
        unknown: whether it includes a file that only the run can tell.

    Args:
        task: the task.
    """

    def __init__(self, task: Any) -> None:
        self._task = task
        self._seen: set[int] = set()
        self.unknown = False
        self.plain: list[str] = []
        self.hidden: list[str] = []
        for value in template_values(task).values():
            self._add(value, self.plain)
        if task.is_mapped:
            self._add(task._get_specified_expand_input().value, self.hidden)
        for text in (*self.plain, *self.hidden):
            self.hidden += self._files(text)

    def __iter__(self) -> Iterator[str]:
        yield from self.plain
        yield from self.hidden

    def _add(self, value: Any, texts: list[str]) -> None:
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, Mapping):
            for item in value.values():
                self._add(item, texts)
        elif type(value) in (list, tuple):
            for item in value:
                self._add(item, texts)
        elif isinstance(value, (frozenset, list, set, tuple)):
            for item in value:
                self._add(item, self.hidden)
        elif type(value).__name__ == "ObjectStoragePath":
            self.hidden.append(str(value))
        elif not hasattr(value, "resolve") and id(value) not in self._seen:  # results of tasks are known as such
            self._seen.add(id(value))
            for name in getattr(value, "template_fields", ()):
                self._add(getattr(value, name, None), self.hidden)

    def _files(self, text: str) -> Iterator[str]:
        """The files that a text names, or is the name of, and those that they name."""
        suffixes = tuple(self._task.template_ext)
        waiting = [text] if suffixes and text.endswith(suffixes) else self._included(text)
        seen: set[str] = set()
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                source = _source(self._env, name)
                yield source
                waiting += self._included(source)

    def _included(self, text: str) -> list[str]:
        if not OTHERS.search(text):
            return []
        from jinja2 import TemplateError, meta

        try:
            names = list(meta.find_referenced_templates(self._env.parse(text)))
        except TemplateError:
            return []  # Airflow tells of it
        self.unknown = self.unknown or None in names
        return [name for name in names if name is not None]

    @property
    def _env(self) -> Any:
        return self._task.get_template_env()


def is_legible(text: str, task: Any) -> bool:
    """Whether all that a template pulls is found where templates are looked through for it."""
    if PULL not in text:
        return True
    if RAW.search(text) or not DELIMITERS.isdisjoint(task.dag.jinja_environment_kwargs or {}):
        return False
    named = sum(1 for _ in texts_named(text))
    return named == len(WORD.findall(text)) or named == _pulling(text, task)


def _pulling(text: str, task: Any) -> int:
    """How often a template really names `xcom_pull`; -1 where it is none."""
    from jinja2 import TemplateError, nodes

    try:
        tree = task.get_template_env().parse(text)
    except TemplateError:
        return -1
    kinds = (nodes.Getattr, nodes.Const, nodes.Name)
    return sum(1 for node in tree.find_all(kinds) if PULL in (getattr(node, name, None) for name in node.fields))


def _source(env: Any, name: str) -> str:
    """The text of a template file; empty where there is none, of which Airflow tells."""
    try:
        return str(env.loader.get_source(env, name)[0])
    except Exception:  # noqa: BLE001  # a loader may be anyone's
        return ""
