"""What a backend tells of a run that is to be resumed: how its tasks ended, and what they gave.

Up to 2.17 that are the nodes of an Argo workflow, with the names of tasks: neither which of several graphs a task is
in, nor any output (`backend/src/apiserver/server/api_converter.go`, toModelTask; kubeflow/pipelines#9858). Its next
version tells both: `backend/api/v2beta1/run.proto` on the branch `mlmd-removal` (PipelineTask).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from couler_kfp.documents import ROOT
from couler_kfp.history.records import Details, Task
from couler_kfp.run.stand_ins import OF_THE_STORE
from couler_plugins.caching.known import KnownArtifact, KnownResult
from couler_plugins.documents.mappings import mapping_at, without
from couler_plugins.hookspecs.caching import Objection
from couler_plugins.hookspecs.resuming import Place
from couler_plugins.ir import Graph, Operation, Step, Workflow, callables, callee_of, references

OUTCOMES = {
    "SUCCEEDED": "succeeded",
    "CACHED": "succeeded",
    "FAILED": "failed",
    "SKIPPED": "skipped",
    **dict.fromkeys(("CANCELED", "CANCELING", "PAUSED", "PENDING", "RUNNING"), "running"),
}
"""States of tasks that were begun; others were not reached."""
OWN = ("OUTPUT", "ONE_OF_OUTPUT")
"""What an output is that is the task's own, and no item of a loop."""
DECIDES = Objection("known", "a condition reads it, or an inner loop, where kfp.local takes no constant", "storage")
SEVERAL = "the run tells of several tasks of this name"


class _Output(msgspec.Struct, frozen=True):
    parameter_key: str = ""
    artifact_key: str = ""
    value: Any = None
    artifacts: tuple[dict[str, Any], ...] = ()
    type: str = ""


class _Task(Task, frozen=True, kw_only=True):
    outputs: dict[str, tuple[_Output, ...]] | None = None


class EndedRun(msgspec.Struct, frozen=True, kw_only=True):
    """A run as the API tells of it; `tasks` take the place of `run_details` in the next version."""

    run_id: str
    state: str | None = None
    run_details: Details | None = None
    tasks: tuple[_Task, ...] | None = None
    runtime_config: dict[str, Any] | None = None


class Site(NamedTuple):
    """A task of the pipeline, wherever its graph is called.

    Attributes:
        place: the names of the tasks from the root down to it.
        graph: the component that it is in.
        step: itself.
        callee: what it calls.
    """

    place: Place
    graph: str
    step: Step
    callee: Graph | Operation


def sites_of(workflow: Workflow) -> list[Site]:
    """The tasks of a pipeline, those that a graph consists of before it."""
    by_name = callables(workflow)

    def within(graph: Any, place: Place, around: tuple[str, ...]) -> Iterator[Site]:
        for step in graph.steps if isinstance(graph, Graph) else ():
            callee, here = callee_of(step, by_name), (*place, step.name)
            if callee is not None and callee.name not in around:
                yield from within(callee, here, (*around, callee.name))
                yield Site(here, graph.name, step, callee)

    return list(within(by_name.get(ROOT), (), (ROOT,)))


def deciding(sites: Sequence[Site]) -> dict[tuple[str, str, str], Objection]:
    """Why no constant replaces outputs that conditions read, and loops inside of what is given them.

    They are told by graph, task and name.

    `kfp.local` finds these by the task, whatever they are given: it takes a constant for false, and for no items.
    """
    ports: dict[str, set[str]] = defaultdict(set)
    outputs: dict[tuple[str, str, str], Objection] = {}
    for site in sites:
        passed = tuple(item.value for item in site.step.arguments if item.name in ports[site.callee.name])
        read = [*references((site.step.condition, passed))]
        ports[site.graph] |= {item.name for item in (*read, *references(site.step.loop)) if item.to == "input"}
        outputs |= {(site.graph, item.step, item.name): DECIDES for item in read if item.step}
    return outputs


def outcomes_of(run: EndedRun, sites: Sequence[Site]) -> dict[Place, str]:
    """How tasks ended, by place; `SEVERAL` where nobody knows which one is meant."""
    tasks: Sequence[Task] = run.tasks or (run.run_details and run.run_details.task_details) or ()
    in_tree = any(task.parent_task_id for task in tasks)
    places = _paths(tasks) if in_tree else [(task.name or task.display_name,) for task in tasks]
    states = dict(zip(places, (str(task.state or task.status).upper() for task in tasks), strict=True))
    counts, sharers = Counter(places), Counter(site.step.name for site in sites)
    outcomes: dict[Place, str] = {}
    for site in sites:
        place = site.place if in_tree else site.place[-1:]
        outcome = OUTCOMES.get(states.get(place, ""), "")
        if counts[place] > 1 or (outcome and not in_tree and sharers[site.step.name] > 1):
            outcomes[site.place] = SEVERAL
        elif outcome and (outcome != "skipped" or site.step.condition is not None):  # else nobody says why
            outcomes[site.place] = outcome
    return outcomes


def _paths(tasks: Sequence[Task]) -> list[Place]:
    """The names of tasks from the root, which has no parent, down to each."""
    by_id = {task.task_id: task for task in tasks}

    def path(task: Task, below: tuple[str, ...]) -> Place:
        parent = by_id.get(task.parent_task_id)
        if parent is None or task.task_id in below:  # in a circle; or of another answer, and nobody knows where
            return ("",) if task.parent_task_id else ()
        return (*path(parent, (*below, task.task_id)), task.name or task.display_name)

    return [path(task, ()) for task in tasks]


def results_of(run: EndedRun) -> dict[Place, KnownResult]:
    """What the run tells that tasks gave, by place."""
    tasks = run.tasks or ()
    pairs = zip(_paths(tasks), (task.outputs or {} for task in tasks), strict=True)
    return {place: _result(outputs) for place, outputs in pairs if any(outputs.values())}


def _result(outputs: Mapping[str, Sequence[_Output]]) -> KnownResult:
    own = [item for several in outputs.values() for item in several if item.type in OWN]
    artifacts = {
        item.artifact_key: KnownArtifact(
            uri=str(item.artifacts[0].get("uri")),
            metadata=without(mapping_at(item.artifacts[0], "metadata"), *OF_THE_STORE),
        )
        for item in own
        if len(item.artifacts) == 1
    }
    return KnownResult(key="", parameters={item.parameter_key: item.value for item in own}, artifacts=artifacts)
