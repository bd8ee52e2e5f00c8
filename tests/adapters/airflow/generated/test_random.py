"""Random manifests: what becomes a DAG runs the same pods and ends alike, whatever the pods do; the rest is refused."""

from __future__ import annotations

import random
from collections import Counter
from functools import partial
from typing import Any

import pytest

from adapters.airflow.generated.argo_runs import ManifestRun
from adapters.airflow.generated.corpus import written
from adapters.airflow.generated.dag_runs import GeneratedRun
from adapters.airflow.generated.worlds import outcome_of
from adapters.subjects import ARGO, lift_source
from couler_plugins.documents import dump_yaml, read
from couler_plugins.errors import Unsupported

pytestmark = pytest.mark.airflow
ENDS = "{0}.Succeeded || {0}.Failed || {0}.Errored || {0}.Skipped || {0}.Omitted"
NEEDS = (
    "{0}",
    "{0}",
    "{0}",
    "{0}.Succeeded",
    "({0}.Failed || {0}.Errored)",
    f"({ENDS})",
    "({0}.Succeeded || {0}.Skipped)",
)


def manifest(rng: random.Random) -> Any:
    """A Workflow whose entry is a DAG, or steps, with graphs inside."""
    templates = [{"name": "pod", "inputs": {"parameters": [{"name": "x"}]}, "container": CONTAINER, "outputs": OUTPUTS}]
    names = ["pod"]
    for number in range(rng.randrange(1, 4)):
        name = f"graph-{number}"
        templates.append(_dag(rng, name, names) if rng.random() < 0.7 else _steps(rng, name, names))
        names.append(name)
    spec: dict[str, Any] = {
        "entrypoint": names[-1],
        "arguments": {"parameters": [{"name": "p", "value": "v"}]},
        "templates": templates,
    }
    if rng.random() < 0.3:
        templates.append({"name": "bye", "container": {"image": "busybox", "command": ["echo", "bye"]}})
        spec["onExit"] = "bye"
    return {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "random"}, "spec": spec}


CONTAINER = {"image": "busybox", "command": ["echo", "json"], "args": ["{{inputs.parameters.x}}"]}
OUTPUTS = {"parameters": [{"name": "o", "valueFrom": {"path": "/tmp/o"}}]}


def _dag(rng: random.Random, name: str, callees: list[str]) -> Any:
    tasks: list[Any] = []
    for number in range(rng.randrange(1, 6)):
        task = _call(rng, name, number, callees, [item["name"] for item in tasks if item["template"] == "pod"], "tasks")
        before = rng.sample([item["name"] for item in tasks], rng.randrange(0, min(len(tasks), 2) + 1))
        if before:
            style = rng.choice(NEEDS)
            joint = rng.choice([" && ", " && ", " || "])
            task["depends"] = joint.join(
                (style if rng.random() < 0.8 else rng.choice(NEEDS)).format(other) for other in before
            )
        tasks.append(task)
    return {"name": name, "dag": {"tasks": tasks}}


def _steps(rng: random.Random, name: str, callees: list[str]) -> Any:
    groups: list[Any] = []
    done: list[str] = []
    for number in range(rng.randrange(1, 4)):
        group = [_call(rng, name, number * 10 + step, callees, done, "steps") for step in range(rng.randrange(1, 4))]
        for step in group:
            if rng.random() < 0.1:
                step["continueOn"] = {"failed": True, "error": True}
        groups.append(group)
        done += [
            step["name"] for step in group if step["template"] == "pod" and not {"withItems", "when"} & step.keys()
        ]
    return {"name": name, "steps": groups}


def _call(rng: random.Random, graph: str, number: int, callees: list[str], done: list[str], root: str) -> Any:
    name = f"s{number}"
    call: dict[str, Any] = {"name": name, "template": rng.choice(["pod", "pod", *callees])}
    text = f"{graph}/{name}"
    if rng.random() < 0.2:
        call["withItems"] = rng.sample(["a", 1, True, "{{workflow.parameters.p}}"], rng.randrange(1, 4))
        text += "/{{item}}"
    elif done and rng.random() < 0.2:
        call["withParam"] = f"{{{{{root}.{rng.choice(done)}.outputs.result}}}}"
        text += "/{{item}}"
    if rng.random() < 0.25:
        left = f"{{{{{root}.{rng.choice(done)}.outputs.result}}}}" if done and rng.random() < 0.5 else "heads"
        call["when"] = f"{left} {rng.choice(['==', '!='])} {rng.choice(['heads', 'tails'])}"
    if call["template"] == "pod":
        call["arguments"] = {"parameters": [{"name": "x", "value": text}]}
    return call


def _referring_well(document: Any) -> bool:
    """Whether what is read was run before: Argo itself refuses anything else."""
    tasks = (task for template in document["spec"]["templates"] for task in _tasks(template))
    return all("outputs" not in task.get("when", "") + task.get("withParam", "") for task in tasks)


def _tasks(template: Any) -> list[Any]:
    return list((template.get("dag") or {}).get("tasks") or ())


def carried(numbers: range, worlds: int) -> tuple[int, Counter[str]]:
    """How many of the random manifests are carried, each of which means the same; and why the others are not."""
    found, seen = 0, Counter[str]()
    for number in numbers:
        document = manifest(random.Random(number))
        if not _referring_well(document):
            continue
        plan = lift_source(ARGO, read(dump_yaml(document), "random.yaml"))
        try:
            source = written(plan.workflows[0], plan)
        except Unsupported as error:
            seen[error.feature or ""] += 1
            continue
        found += 1
        dag = executed(source)
        for world in range(worlds):
            outcome = partial(outcome_of, world=world)
            try:
                manifested = ManifestRun(document, outcome)
            except KeyError as missing:
                if "outputs.result" in str(missing):
                    continue  # it reads from a loop that ran for none
                raise
            generated = GeneratedRun(dag, outcome)
            assert Counter(generated.started) == Counter(manifested.started), (number, world, source)
            assert generated.well is manifested.well, (number, world, source, generated.states)
    return found, seen


def test_random_workflows_mean_the_same() -> None:
    found, refused = carried(range(80), 4)
    assert found > 15
    assert {"Step.needs", "Step.condition"} <= refused.keys()


@pytest.mark.slow
def test_more_random_workflows_mean_the_same() -> None:
    assert carried(range(1000, 1300), 12)[0] > 60


def executed(source: str) -> Any:
    """The DAG that a file defines, found by its tasks: the file gives it no name."""
    space: dict[str, Any] = {}
    exec(compile(source, "generated", "exec"), space)  # that is what Airflow does with it
    dags = {id(value.dag): value.dag for value in space.values() if hasattr(value, "task_id") and value.has_dag()}
    (dag,) = dags.values()
    return dag
