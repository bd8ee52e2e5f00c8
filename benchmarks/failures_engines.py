"""Retries on engines that cannot tell causes, in a simple form, and the most that any strategy could save.

What `guard` writes is read from two steps a document, one of which is declared idempotent: on these engines it depends
on nothing else of a workflow. A condition on the failures of an idempotent step is not replayed: all are repeated.
Where Airflow is not installed, it is left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from benchmarks.failures_replay import MEMORY, Failure
from couler_plugins import api
from couler_plugins.ir import Literal, Retry, Value
from couler_plugins.ir.walk import callee_of
from couler_plugins.options.config import load_config
from couler_plugins.options.rows import Row
from couler_plugins.plugins import Plugins

__all__ = ["ENGINES", "Bound", "PlainRetries", "Repeats", "repeats_of"]

DECLARED, OTHER = "idempotent", "effect"
IMAGE = "registry.local/tools:1"
ROWS = {"guard": (Row("benchmarks", {"step": (DECLARED,)}, {"idempotent": True}, "a half of the steps"),)}


class Repeats(NamedTuple):
    """Retries that need no cause.

    Attributes:
        limit: how often an attempt is repeated.
        delay: seconds before the first repetition.
        factor: how many times as long each further delay is.
        longest: the longest delay.
    """

    limit: int = 0
    delay: float = 0.0
    factor: float = 1.0
    longest: float | None = None


@dataclass(frozen=True)
class PlainRetries:
    """Retries of failures of whatever cause.

    Attributes:
        repeats: those of a step that is idempotent, and of another.
        idempotent: which steps are.
        statuses: the statuses of Argo's nodes that are repeated: KFP runs on Argo and has its policy OnFailure.
    """

    repeats: Mapping[bool, Repeats]
    idempotent: Sequence[bool]
    statuses: tuple[str, ...] = ("Failed", "Error")

    def again(self, step: int, failures: Sequence[Failure]) -> tuple[bool, float]:
        """Whether a step is tried again, and after how long."""
        own = self.repeats[self.idempotent[step]]
        if len(failures) > own.limit or failures[-1].form.status not in self.statuses:
            return False, 0.0
        wait = own.delay * own.factor ** (len(failures) - 1)
        return True, wait if own.longest is None else min(wait, own.longest)

    def memory(self, step: int, failures: Sequence[Failure]) -> float:
        """The limit, which no retry of these engines changes."""
        return MEMORY


@dataclass(frozen=True)
class Bound:
    """A strategy that knows all: it repeats whatever may be repeated, waits as long as it takes, and doubles memory."""

    idempotent: Sequence[bool]

    def again(self, step: int, failures: Sequence[Failure]) -> tuple[bool, float]:
        """Whether another attempt could succeed, and would repeat no effect."""
        form = failures[-1].form
        may = form.kind != "deterministic" and (self.idempotent[step] or not form.began)
        return may, 60.0 if may and form.kind == "throttled" else 0.0

    def memory(self, step: int, failures: Sequence[Failure]) -> float:
        """Twice as much for each time that it was not enough."""
        return MEMORY * 2.0 ** sum(failure.form.kind == "out_of_memory" for failure in failures)


def repeats_of(engine: str, pipeline: str, plugins: Plugins) -> Mapping[bool, Repeats]:
    """What a pipeline writes for a step that is declared idempotent, and for another."""
    config = replace(load_config(start=Path("/"), environ={}), rows=ROWS)
    with TemporaryDirectory() as folder:
        path = Path(folder, f"workflow.{'py' if engine == 'airflow' else 'json'}")
        path.write_text(DOCUMENTS[engine])
        result = api.optimize(path, pipeline, engine=engine, config=config, plugins=plugins)
    for file in result.files:
        if file.error is not None:
            raise file.error
    (workflow,) = (item.versions[-1] for item in result.workflow_versions)
    assert workflow is not None
    retries = {}
    operations = {operation.name: operation for operation in workflow.operations}
    for step in (step for graph in workflow.graphs for step in graph.steps):
        operation = callee_of(step, operations)
        retries[step.name] = step.retry or (operation.retry if operation else None)
    other = retries[OTHER]
    if other is not None and other.condition is not None:
        raise SystemExit(f"this benchmark replays no conditions of {engine}, and there is one for a step with effects")
    return {True: _repeats(retries[DECLARED]), False: _repeats(other)}


def _repeats(retry: Retry | None) -> Repeats:
    if retry is None or retry.limit is None:
        return Repeats()
    return Repeats(
        int(_number(retry.limit, 0)),
        _number(retry.delay, 0.0),
        _number(retry.factor, 1.0),
        _number(retry.max_delay, None),
    )


def _number(value: Value | None, instead: Any) -> Any:
    return float(str(value.value)) if isinstance(value, Literal) else instead


def _tekton() -> dict[str, Any]:
    def task(name: str) -> dict[str, Any]:
        return {"name": name, "taskSpec": {"steps": [{"name": "main", "image": IMAGE, "command": ["work"]}]}}

    spec = {"tasks": [task(DECLARED), task(OTHER)]}
    return {"apiVersion": "tekton.dev/v1", "kind": "Pipeline", "metadata": {"name": "trace"}, "spec": spec}


def _kfp() -> dict[str, Any]:
    names = (DECLARED, OTHER)
    tasks = {name: {"componentRef": {"name": f"comp-{name}"}, "taskInfo": {"name": name}} for name in names}
    executors = {f"exec-{name}": {"container": {"image": IMAGE, "command": ["work"]}} for name in names}
    return {
        "pipelineInfo": {"name": "trace"},
        "schemaVersion": "2.1.0",
        "sdkVersion": "kfp-2.11.0",
        "root": {"dag": {"tasks": tasks}},
        "components": {f"comp-{name}": {"executorLabel": f"exec-{name}"} for name in names},
        "deploymentSpec": {"executors": executors},
    }


AIRFLOW = f"""
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG

with DAG("trace", schedule=None):
    for name in ("{DECLARED}", "{OTHER}"):
        KubernetesPodOperator(task_id=name, image="{IMAGE}", cmds=["work"])
"""
DOCUMENTS = {"tekton": json.dumps(_tekton()), "kfp": json.dumps(_kfp()), "airflow": AIRFLOW}
ENGINES = tuple(name for name in DOCUMENTS if name != "airflow" or find_spec("airflow"))
STATUSES = {"kfp": ("Failed",)}
