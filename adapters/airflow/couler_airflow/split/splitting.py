"""What splitting has to know of a DAG: how many tasks are too many, what holds them together, its parts.

Airflow's scheduler walks all that comes before each task, in every loop (`TriggerRuleDep`, `get_flat_relatives`): what
counts is how many tasks a DAG has, and how deep they lie. Rows of over a megabyte trouble its database (airflow#55589).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec.json import encode

from couler_airflow.bundle import DagBundle
from couler_airflow.split.bonds import bonds_of, refuse_unsplittable
from couler_airflow.split.plan import PART_TAG, detached, part_id
from couler_airflow.split.reads import Reads, reads_of
from couler_airflow.split.roles import ADDED
from couler_plugins.errors import Unsupported
from couler_plugins.hookspecs.splitting import Extent, Load, Parts
from couler_plugins.ir import Bond, Call, Operation, Reference, Step, Workflow, callables
from couler_plugins.plan import Plan

LIMITS = Extent(bytes=1_000_000, steps=500, definitions=sys.maxsize)
"""Above which a DAG is split; the scheduler takes 0.3 s a loop for so many tasks that lie deep, and 16 s for 5,000."""
TASK, DAG, PROXY = 900, 2_200, 600
"""Upper estimates of what Airflow writes of a task beside its templates, of an empty DAG, and of a proxy, in bytes."""
NESTED = 3
"""How often longer the schemas of params become when Airflow writes them."""
LONGEST = 250
"""Characters of the id of a DAG at most."""


def splitting_of(workflow: Workflow, plan: Plan) -> AirflowSplitting | None:
    """The facet of a DAG; None for what is a part, or was split."""
    if not isinstance(plan.bundle, DagBundle) or workflow.source is None:
        return None
    dag = plan.bundle.live_of(workflow.source).dag
    split = PART_TAG in dag.tags or any(operation.kind in ADDED for operation in workflow.operations)
    return None if split or not workflow.graphs[0].steps else AirflowSplitting(workflow, dag)


class AirflowSplitting:
    """One DAG.

    Args:
        workflow: the DAG, lifted.
        dag: the DAG itself.
    """

    partitioner = "bandpack"
    """Every process that loads the DAG file cuts it again, which is to take no time."""
    nests = False
    coordinates = False
    limits = LIMITS

    def __init__(self, workflow: Workflow, dag: Any) -> None:
        self._workflow = workflow
        self._dag = dag
        self._by_name = callables(workflow)
        params = sum(len(json.dumps(dag.params.get_param(name).serialize(), default=str)) for name in dag.params)
        self._frame = DAG + NESTED * params + len(dag.doc_md or "")

    @property
    def wrapper(self) -> Extent:
        """A DAG without tasks: its params, and what it says of itself."""
        return Extent(self._frame, 0, 0)

    @property
    def graph(self) -> str:
        """The DAG."""
        return self._workflow.graphs[0].name

    def extent(self, workflow: Workflow) -> Extent:
        """Its tasks, and about what Airflow writes of them into its database; proxies are no tasks of a part."""
        own = [step for step in workflow.graphs[0].steps if step.source is not None]
        others = len(workflow.graphs[0].steps) - len(own)
        return Extent(self._frame + PROXY * others + sum(map(self._bytes, own)), len(own), 0)

    def load(self, step: Step) -> Load:
        """A task."""
        return Load(self._bytes(step), None if step.loop is not None else 1, {})

    def crossing(self, value: Reference, size: int | None) -> tuple[int, int]:
        """A proxy where it is read."""
        return 0, PROXY

    def bonds(self) -> Sequence[Bond]:
        """What has to stay in one part; see `couler_airflow.split.bonds`."""
        refuse_unsplittable(self._dag)
        return bonds_of(self._dag, self._workflow.graphs[0], self._reads)

    def detach(self, parts: Mapping[str, Sequence[str]]) -> Parts:
        """A DAG for each part, and what triggers them; see `couler_airflow.split.plan`."""
        longest = max((part_id(self._dag.dag_id, part) for part in parts), key=len)
        if len(longest) > LONGEST:
            raise Unsupported(
                f"a part would have the id {longest!r}, and Airflow takes {LONGEST} characters",
                engine="airflow",
                feature="Workflow.name",
                hint="give the DAG a shorter id",
            )
        return detached(self._workflow, self._dag, parts, self._reads)

    def original(self, file: str, text: str) -> tuple[Any, ...]:
        """None: the DAG file is not rewritten."""
        return ()

    @cached_property
    def _reads(self) -> Reads:
        return reads_of(self._dag)

    def _bytes(self, step: Step) -> int:
        assert isinstance(step.call, Call)
        operation = self._by_name[step.call.name]
        assert isinstance(operation, Operation)
        return TASK + len(encode(step.arguments)) + len(encode(step.loop)) + len(encode(operation.native_extra))
