"""What the code of tasks, and template files, read of other tasks: XComs that are pulled, beside those in templates.

Code is read, not run: `ti.xcom_pull(task_ids="extract")` names its task; a name that is computed could be any task's.
"""

from __future__ import annotations

import ast
import contextlib
import inspect
import sysconfig
import textwrap
import types
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from couler_airflow.eligible import class_of
from couler_airflow.fingerprint_names import names_of
from couler_airflow.lift import template_values
from couler_airflow.pulls import PULL, Named, named, texts_named
from couler_plugins.errors import Unsupported

__all__ = ["Call", "Reads", "reads_of", "strings"]

COUNTING = frozenset({"get_task_breadcrumbs", "get_task_states", "get_ti_count"})
"""What asks for the states of tasks by the ids of a DAG and a run."""
HOOKS = (
    *(f"on_{event}_callback" for event in ("execute", "failure", "retry", "skipped", "success")),
    "_pre_execute_hook",
    "_post_execute_hook",
)
INSTALLED = tuple({sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")})
THEIRS = ("airflow.", "couler_")
"""Modules whose code pulls what it is told to by arguments, which are looked at by themselves."""


class Call(NamedTuple):
    """A call of `xcom_pull` in a template: the ids of the tasks that it names, and the key."""

    tasks: tuple[str, ...]
    key: str


class Reads(NamedTuple):
    """What tasks read of others of their DAG, beside what they are handed.

    Attributes:
        code: by task, the ids of tasks that its code and its template files name, and the keys.
        texts: by task, the calls of `xcom_pull` in its templates, as far as they name tasks of this DAG.
    """

    code: Mapping[str, set[tuple[str, str]]]
    texts: Mapping[str, list[Call]]


def reads_of(dag: Any) -> Reads:
    """What the tasks of a DAG read.

    Raises:
        Unsupported: only the run can tell what a task reads, or it reads by the id of the DAG.
    """
    functions = _Functions()
    code: dict[str, set[tuple[str, str]]] = {}
    texts: dict[str, list[Call]] = {}
    for task_id, task in dag.task_dict.items():
        written = list(strings(tuple(template_values(task).values())))
        for item in (item for text in written for item in texts_named(text)):
            names = tuple(name for name in _literal(item, task_id, dag.dag_id) if name in dag.task_dict)
            if names:
                texts.setdefault(task_id, []).append(Call(names, str(item.key)))
        files = (_file(task, text) for text in written if text.endswith(tuple(task.template_ext)))
        pulled = [item for source in _sources(task) for item in functions.pulled(source, task_id)]
        for item in (*pulled, *(item for text in files for item in texts_named(text))):
            if item.dag == dag.dag_id:
                raise _undecided(task_id)
            for name in _literal(item, task_id, dag.dag_id):
                if name in dag.task_dict:
                    code.setdefault(task_id, set()).add((name, str(item.key)))
    return Reads(code, texts)


def _literal(item: Named, task_id: str, dag_id: str) -> tuple[str, ...]:
    """The tasks of this DAG that are named; none of another DAG, and not the task itself.

    Raises:
        Unsupported: only the run can tell.
    """
    if item.dag is ... or (item.dag in (None, dag_id) and (item.tasks is ... or (item.tasks and item.key is ...))):
        raise _undecided(task_id)
    return () if item.dag not in (None, dag_id) or item.tasks is ... else item.tasks


def _undecided(task_id: str) -> Unsupported:
    return Unsupported(
        f"only the run can tell which results the task {task_id!r} pulls, and in a part it would not find all of them",
        engine="airflow",
        step=task_id,
        feature="xcom_pull",
        hint="name the tasks and the key as literals, without dag_id: ti.xcom_pull(task_ids='extract')",
    )


def _sources(task: Any) -> Iterator[Any]:
    """The functions that run for a task, as far as they are its owner's."""
    given = task.partial_kwargs if task.is_mapped else vars(task)
    for name in ("python_callable", *HOOKS):
        value = given.get(name)
        yield from value if isinstance(value, (list, tuple)) else [value]
    for base in class_of(task).__mro__:
        if not base.__module__.startswith(THEIRS) and base is not object:
            yield from (item for item in vars(base).values() if isinstance(item, types.FunctionType))


class _Functions:
    """What functions pull, and what they call; each is read once."""

    def __init__(self) -> None:
        self._read: dict[types.FunctionType, tuple[frozenset[Named], tuple[types.FunctionType, ...]]] = {}

    def pulled(self, source: Any, task_id: str) -> set[Named]:
        """What a function pulls, with all that it calls by their names.

        Raises:
            Unsupported: it asks for states of tasks, or its source is not there to be read.
        """
        found: set[Named] = set()
        seen: set[types.FunctionType] = set()
        waiting = [function for function in (_function(source),) if function is not None]
        while waiting:
            function = waiting.pop()
            if function not in seen:
                seen.add(function)
                if function not in self._read:
                    self._read[function] = self._look(function, task_id)
                pulls, calls = self._read[function]
                found |= pulls
                waiting += calls
        return found

    def _look(
        self, function: types.FunctionType, task_id: str
    ) -> tuple[frozenset[Named], tuple[types.FunctionType, ...]]:
        known = names_of(function.__code__)
        pulls = frozenset(_pulls(function, task_id)) if _may_pull(known.attributes) else frozenset()
        package = _package(function)
        called = (_function(value) for value in _called(function, known.chains))
        own = (item for item in called if item is not None and (not _is_installed(item) or _package(item) == package))
        return pulls, tuple(own)


def _may_pull(attributes: Collection[str]) -> bool:
    """Whether code with these attributes may ask for what other tasks left."""
    return PULL in attributes or not COUNTING.isdisjoint(attributes)


def _function(source: Any) -> types.FunctionType | None:
    """The function behind something that can be called; None where it is none, or Airflow's or ours."""
    function = inspect.unwrap(getattr(source, "__func__", source)) if callable(source) else None
    known = isinstance(function, types.FunctionType) and not function.__module__.startswith(THEIRS)
    return function if known else None


def _is_installed(function: types.FunctionType) -> bool:
    """Whether it came with Python or a package: that knows no tasks, unless it is called from that package itself."""
    return function.__code__.co_filename.startswith(INSTALLED)


def _package(function: types.FunctionType) -> str:
    return function.__module__.partition(".")[0]


def _called(function: types.FunctionType, chains: tuple[tuple[str, ...], ...]) -> Iterator[Any]:
    for name, *attributes in chains:
        value = function.__globals__.get(name)
        yield getattr(value, attributes[0], None) if isinstance(value, types.ModuleType) and attributes else value
    for cell in function.__closure__ or ():
        with contextlib.suppress(ValueError):  # it is bound later
            yield cell.cell_contents


def _pulls(function: types.FunctionType, task_id: str) -> Iterator[Named]:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, SyntaxError, TypeError) as error:
        raise _undecided(task_id) from error
    calls = {node.func: node for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in COUNTING:
            raise _undecided(task_id)
        if isinstance(node, ast.Attribute) and node.attr == PULL:
            yield named(calls[node]) if node in calls else Named(..., ..., ...)


def strings(value: Any) -> Iterator[str]:
    """The texts in the value of a template field."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from strings(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from strings(item)


def _file(task: Any, name: str) -> str:
    """The text of a template file; empty where there is none, of which Airflow tells."""
    env = task.get_template_env()
    try:
        return str(env.loader.get_source(env, name)[0])
    except Exception:  # noqa: BLE001  # a loader may be anyone's
        return ""
