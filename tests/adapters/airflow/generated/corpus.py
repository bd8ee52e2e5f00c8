"""Every workflow of Argo's corpus, written as a DAG or refused; and those that were written, as Airflow loads them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

from adapters.argo.interpret import digest
from adapters.argo.objects import objects
from adapters.subjects import ARGO, lift_file
from couler_airflow.documents import load_dags
from couler_airflow.plugin import AirflowAdapter, Options
from couler_plugins.documents import read
from couler_plugins.driver.conversion import to_portable_plan
from couler_plugins.errors import CoulerError, Unsupported
from couler_plugins.ir import Workflow
from couler_plugins.plan import Lowered, Plan

__all__ = ["Written", "corpus", "loaded", "lowered", "written"]

OPTIONS = Options(store="artifacts", kubectl="kubectl")


class Written(NamedTuple):
    """A workflow of the corpus.

    Attributes:
        name: its file and its number there.
        document: the object that it was read from.
        others: all objects of its file.
        workflow: what was lifted from it.
        source: the DAG file; empty where it is refused.
        error: why it is refused.
    """

    name: str
    document: Any
    others: tuple[Any, ...]
    workflow: Workflow
    source: str
    error: Unsupported | None


def lowered(workflow: Workflow, plan: Plan, options: Options = OPTIONS) -> Lowered:
    """A workflow of a plan as a DAG.

    Raises:
        Unsupported: it cannot be one.
    """
    one = replace(plan, workflows=(workflow,))
    own = to_portable_plan(one, ARGO.adapter, AirflowAdapter()) if workflow.engine == "argo" else one
    return AirflowAdapter().lower(own, options)


def written(workflow: Workflow, plan: Plan, options: Options = OPTIONS) -> str:
    """As `lowered`, as text."""
    return AirflowAdapter().dump(lowered(workflow, plan, options)).added


@cache
def corpus() -> tuple[Written, ...]:
    """All workflows, in order."""
    found: list[Written] = []
    for path in ARGO.files():
        plan = lift_file(ARGO, path)
        others = tuple(item for document in plan.bundle.documents for item in objects(document.data))
        for number, workflow in enumerate(plan.workflows):
            assert workflow.source is not None
            data = plan.bundle.documents[int(workflow.source[0])].data
            for key in workflow.source[1:]:
                data = data[key]
            name = f"{ARGO.shown(path)}#{number}"
            try:
                found.append(Written(name, data, others, workflow, written(workflow, plan), None))
            except Unsupported as error:
                found.append(Written(name, data, others, workflow, "", error))
    return tuple(found)


@cache
def folder() -> Path:
    return Path(mkdtemp(prefix="couler-generated-"))


@cache
def loaded(source: str) -> Any:
    """The only DAG of a file with this source, as Airflow loads it."""
    path = folder() / f"{digest(source)}.py"
    path.write_text(source, encoding="utf-8")
    dags = load_dags(read(source, str(path)))
    if isinstance(dags, CoulerError):
        raise dags
    (dag,) = dags
    return dag
