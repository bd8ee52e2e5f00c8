"""Templates that pull results by the id of a DAG, or of what is in another part: they name the part's DAG then.

All parts of a run have the same run id, so that the id of the DAG is all that a call needs to find another part's XCom.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from couler_airflow.lift import template_values
from couler_airflow.pulls import Named, with_dag_ids

Where = Callable[[Named], str | None]


def is_elsewhere(tasks: Iterable[str], here: Collection[str], owners: Mapping[str, str]) -> bool:
    """Whether a call pulls from just one other part. One that names tasks here as well needs proxies, as of several.

    Args:
        tasks: what it names.
        here: the ids of the part's tasks, and of those that the caller waits for.
        owners: the DAG of the part that each task is in.
    """
    names = [name for name in tasks if name in owners]
    there = {owners[name] for name in names}
    return len(there) == 1 and not any(name in here for name in names)


def places(dag_id: str, part: str, here: Collection[str], owners: Mapping[str, str]) -> Where:
    """Says from which DAG a call in a part pulls.

    Args:
        dag_id: the DAG that was split.
        part: the DAG of the part.
        here: the ids of the part's tasks, and of those that the caller waits for. Other tasks may have proxies there,
            but nothing says that these come first.
        owners: the DAG of the part that each task is in.
    """

    def where(call: Named) -> str | None:
        if call.tasks is ... or not call.tasks or call.dag not in (None, dag_id):
            return None
        if is_elsewhere(call.tasks, here, owners):
            return next(owners[name] for name in call.tasks if name in owners)
        return None if call.dag is None else part

    return where


def respelled(task: Any, where: Where) -> dict[str, Any]:
    """The template fields of a task that have to name other DAGs, with their new values."""
    changed = {}
    for name, value in template_values(task).items():
        new = _respelled(value, where)
        if new is not value:
            changed[name] = new
    return changed


def _respelled(value: Any, where: Where) -> Any:
    """A value with the texts in it changed; the same object where there is nothing to change."""
    if isinstance(value, str):
        text = with_dag_ids(value, where)
        return value if text == value else text
    if isinstance(value, dict):
        items = {name: _respelled(item, where) for name, item in value.items()}
        return value if all(items[name] is item for name, item in value.items()) else items
    if type(value) in (list, tuple):
        product = [_respelled(item, where) for item in value]
        return value if all(one is two for one, two in zip(product, value, strict=True)) else type(value)(product)
    return value
