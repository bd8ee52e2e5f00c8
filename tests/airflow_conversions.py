"""DAGs run by Airflow, and the workflows of Argo that they become: what both have come to, step by step."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from adapters.airflow.running import WHEN, run
from adapters.kfp.argo_runs import ArgoRun
from adapters.subjects import SUBJECTS, lift_file
from conversions import OPTIONS, plugins
from couler_plugins import lower
from couler_plugins.engine_kit.legalize.python.runtime import typed_value

__all__ = ["Ends", "airflow_ends", "argo_ends", "argo_name", "both_ends", "converted", "dags_of"]

(AIRFLOW,) = (subject for subject in SUBJECTS if subject.engine == "airflow")
ENDED = {"success": "ran", "failed": "failed", "skipped": "idle", "upstream_failed": "idle", "removed": "idle"}
STATES = {"Succeeded": "ran", "Failed": "failed", "Skipped": "idle", "Omitted": "idle"}


class Ends(NamedTuple):
    """What came of a run.

    Attributes:
        states: of its steps, under the names that they have in Argo: `ran`, `failed` or `idle`.
        values: what its steps returned; a list of what all runs of a loop returned.
    """

    states: dict[str, str]
    values: dict[str, Any]

    def of(self, names: Collection[str]) -> Ends:
        """The same of these steps alone."""
        states = {name: state for name, state in self.states.items() if name in names}
        return Ends(states, {name: value for name, value in self.values.items() if name in names})


def dags_of(path: Path) -> Iterator[tuple[Any, Any]]:
    """Yield the DAGs of a file, each with a plan of nothing but it."""
    plan = lift_file(AIRFLOW, path)
    for workflow in plan.workflows:
        assert workflow.source is not None
        yield plan.bundle.live_of(workflow.source).dag, replace(plan, workflows=(workflow,))  # type: ignore[attr-defined]


def converted(plan: Any, to: str = OPTIONS["argo"], on_unsupported: str = "warn") -> Any:
    """The manifest that a DAG becomes."""
    lowered = lower(plan, to=to, plugins=plugins(), on_unsupported=on_unsupported)  # type: ignore[arg-type]
    return yaml.safe_load(plugins().adapter("argo").dump(lowered).added)


def argo_name(task_id: str) -> str:
    """What a task is called in Argo."""
    return re.sub("[^A-Za-z0-9-]+", "-", task_id).strip("-")


def airflow_ends(dag: Any) -> Ends:
    """What comes of a DAG by `dag.test()`."""
    outcome = run(dag)
    states = {argo_name(task): ENDED[state] for (task, _), state in outcome.states.items()}
    values: dict[str, Any] = {}
    for (task, index, key), value in outcome.xcoms.items():
        if key == "return_value":
            plain = ast.literal_eval(value)
            if index < 0:
                values[argo_name(task)] = plain
            else:
                values.setdefault(argo_name(task), []).append(plain)
    return Ends(states, values)


def argo_ends(manifest: Any, folder: Path, **parameters: str) -> Ends:
    """What comes of a workflow of Argo: each container is a process here."""
    spec = manifest["spec"]
    document = {**manifest, "spec": spec.get("workflowSpec", spec)}
    known = {item["name"] for item in (document["spec"].get("arguments") or {}).get("parameters", ())}
    given = {"logical_date": WHEN.isoformat(), "run_id": "manual__1", **parameters}
    done = ArgoRun(document, folder, **{name: text for name, text in given.items() if name in known})
    states = {name: STATES[state] for name, state in done.states.items()}
    values: dict[str, Any] = {}
    for name, state in done.states.items():
        made = done.outputs.get(name, {})
        if state == "Succeeded" and "parameters.return_value" in made:
            text = made["parameters.return_value"]
            value = [_value(item) for item in json.loads(text)] if _is_loop(document, name) else _value(text)
            if value is not None:
                values[name] = value
        if made.get("parameters.skipped") == "true":
            states[name] = "idle"
            values.pop(name, None)
    return Ends(states, values)


def both_ends(dag: Any, plan: Any, folder: Path) -> tuple[Ends, Ends]:
    """What comes of a DAG, and of the workflow that it becomes, as far as that has the same steps.

    What a command in a container prints last is no output, unless a step reads it.
    """
    manifest = converted(plan)
    spec = manifest["spec"].get("workflowSpec", manifest["spec"])
    bodies = {item["name"]: item for item in spec["templates"]}
    tasks = [task for item in spec["templates"] for task in (item.get("dag") or {}).get("tasks", ())]
    plain = {task["name"] for task in tasks if "container" in bodies[task["template"]]}
    here, there = airflow_ends(dag), argo_ends(manifest, folder)
    names = here.states.keys() & there.states.keys()
    assert there.states.keys() - names <= {"run-facts", "after-teardown"}
    here = Ends(here.states, {name: value for name, value in here.values.items() if name not in plain})
    return here.of(names), there.of(names)


def _value(text: str) -> Any:
    """A value, as functions read it."""
    return json.loads(typed_value("text", text, "a value"))


def _is_loop(document: Any, name: str) -> bool:
    tasks = [task for item in document["spec"]["templates"] for task in (item.get("dag") or {}).get("tasks", ())]
    (task,) = (task for task in tasks if task["name"] == name)
    return "withItems" in task or "withParam" in task
