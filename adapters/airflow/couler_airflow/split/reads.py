"""What tasks read of others beside what they are handed: results that their code and their templates pull.

`ti.xcom_pull(task_ids="extract")` names its task; a name that is computed could be any task's.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from couler_airflow.cache.eligible import class_of
from couler_airflow.lift import Order, template_values
from couler_airflow.pulls import BLOCK, PULL, Named, texts_named
from couler_airflow.split.code import EARLIER, THEIRS, Code
from couler_plugins.errors import Unsupported

# The templates of tasks: in their fields, in what these hold, in files and in what those include.

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
        elif isinstance(value, (Mapping, frozenset, list, set, tuple)):
            plain = isinstance(value, Mapping) or type(value) in (list, tuple)
            for item in value.values() if isinstance(value, Mapping) else value:
                self._add(item, texts if plain else self.hidden)
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


OURS = frozenset({"_BaseOperator__init_kwargs", "_dag", "task_group"})
"""Attributes of an operator that hold nothing which the others do not."""
PAST = re.compile("|".join(sorted(EARLIER)))


class Call(NamedTuple):
    """A call of `xcom_pull` in a template: the ids of the tasks that it names, and the key."""

    tasks: tuple[str, ...]
    key: str


class Reads(NamedTuple):
    """What tasks read of others of their DAG, beside what they are handed.

    Attributes:
        code: by task, the ids of tasks that its code names, and templates that stay as they are, and the keys.
        texts: by task, the calls of `xcom_pull` in its templates, as far as they name tasks of this DAG.
    """

    code: Mapping[str, set[tuple[str, str]]]
    texts: Mapping[str, list[Call]]


def reads_of(dag: Any) -> Reads:
    """What the tasks of a DAG read.

    Raises:
        Unsupported: only the run can tell what a task reads, or it reads by the id of the DAG, or of other runs.
    """
    code: dict[str, set[tuple[str, str]]] = {}
    texts: dict[str, list[Call]] = {}
    functions, order = Code(), Order(dag.task_dict)
    if any(functions.pulled(hook) for hook in (dag.on_success_callback, dag.on_failure_callback)):
        raise _refused(dag.dag_id, "a callback of the DAG pulls results, and the tasks are in other DAGs then")
    for task_id, task in dag.task_dict.items():
        result = Texts(task)
        _check(task_id, task, result)
        for item in (item for text in result.plain for item in texts_named(text)):
            names = tuple(name for name in _literal(item, task_id, dag.dag_id) if name in dag.task_dict)
            for name in names:
                if order.is_behind(name, task_id):
                    reason = f"the task {task_id!r} pulls the result of {name!r}, which does not come before it"
                    raise _refused(task_id, reason)
            if names:
                texts.setdefault(task_id, []).append(Call(names, str(item.key)))
        pulled = [item for source in _sources(dag, task, result) for item in functions.pulled(source)]
        for item in (*pulled, *(item for text in result.hidden for item in texts_named(text))):
            if item.dag == dag.dag_id:
                raise _undecided(task_id)
            for name in _literal(item, task_id, dag.dag_id):
                if name in dag.task_dict:
                    code.setdefault(task_id, set()).add((name, str(item.key)))
    return Reads(code, texts)


def _check(task_id: str, task: Any, texts: Texts) -> None:
    if texts.unknown or not all(is_legible(text, task) for text in texts):
        raise _undecided(task_id)
    if any(PAST.search(block[0]) for text in texts for block in BLOCK.finditer(text)):
        raise _past(task_id)


def _literal(item: Named, task_id: str, dag_id: str) -> tuple[str, ...]:
    """The tasks of this DAG that are named; none of another DAG, and not the task itself.

    Raises:
        Unsupported: only the run can tell.
    """
    own = item.dag in (None, dag_id)
    if item.dag is ... or (own and (item.tasks is ... or (item.tasks and item.key is ...))):
        raise _undecided(task_id)
    if own and (item.past or item.run is not None):
        raise _past(task_id)
    if not own and not isinstance(item.run, str):
        reason = f"the task {task_id!r} pulls from the run of {item.dag!r} with its own id, which is another in a part"
        raise _refused(task_id, reason)
    return item.tasks if own and item.tasks is not ... else ()


def _undecided(task_id: str) -> Unsupported:
    reason = "only the run can tell which results the task {!r} pulls, and in a part it would not find all of them"
    hint = "name the tasks and the key as literals, without dag_id: ti.xcom_pull(task_ids='extract')"
    return _refused(task_id, reason.format(task_id), hint)


def _past(task_id: str) -> Unsupported:
    return _refused(task_id, f"the task {task_id!r} looks at earlier runs, of which a part has its own")


def _refused(step: str, reason: str, hint: str = "leave split out of the pipeline for this DAG") -> Unsupported:
    return Unsupported(reason, engine="airflow", step=step, feature="xcom_pull", hint=hint)


def _sources(dag: Any, task: Any, texts: Texts) -> Iterator[Any]:
    """The functions that run for a task, and objects that may hold some, as far as they are its owner's."""
    fields = task.partial_kwargs if task.is_mapped else vars(task)
    yield from (value for name, value in fields.items() if name not in OURS)
    if task.is_mapped:
        yield task._get_specified_expand_input().value
    own = [base for base in class_of(task).__mro__ if not base.__module__.startswith(THEIRS) and base is not object]
    yield from (value for base in own for value in vars(base).values())
    macros = (dag.user_defined_macros or {}) | (dag.user_defined_filters or {})
    yield from (value for name, value in macros.items() if any(name in text for text in texts))
