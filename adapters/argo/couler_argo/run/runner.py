"""Runs Argo workflows in a cluster, with what they need beside them, and says which steps failed in which pods.

A workflow gets its name before it is created, from the run's identity. So whoever has lost the answer, or died before
it came, finds by that name whether the workflow is there, and never creates it twice.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from couler_argo.controller import controllers_of
from couler_argo.doctor import INSTALL, LISTS
from couler_argo.nodes import attempts_of, nodes_of, pod_name
from couler_argo.run.jobs import HINTS, KINDS, WORKFLOW, jobs_of, memoizes
from couler_argo.run.status import ended, outputs_of, status_of
from couler_argo.run.steps import steps_of
from couler_argo.split.part_spec import RUN_ID
from couler_plugins.documents.mappings import Mapped
from couler_plugins.engine_kit.kubernetes.failing import Failed, failures
from couler_plugins.engine_kit.kubernetes.naming import RUN_LABEL
from couler_plugins.engine_kit.kubernetes.objects import Calls
from couler_plugins.engine_kit.kubernetes.step_logs import Container, RunStep, read_log
from couler_plugins.engine_kit.kubernetes.submitting import apply, create, demand, right_to_submit
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.running import (
    Failure,
    Job,
    Produced,
    Request,
    Status,
    StepLog,
    StepStatus,
    Submitted,
    Where,
)

# Which steps of a workflow failed, and in which pods they ran.

FAILED = ("Failed", "Error")
GROUPS = ("DAG", "Retry", "StepGroup", "Steps", "TaskGroup")
"""Nodes that fail because others did; a Retry has its attempts."""
OF_EXECUTOR = re.compile(r"\bargo=true\b|\"argo\":\s*true\b")
"""What marks a line that `argoexec` prints into a container's log: its logger in cmd/argoexec/commands/root.go."""
EXITED = "sub-process exited"
"""What it says when that has ended; what follows is its own as well."""


def failed_of(workflows: Iterable[Mapped]) -> list[Failed]:
    """The steps that failed, of a workflow and of those that it has started for its parts.

    Args:
        workflows: the parent, then its parts. What starts a part fails with it, and says less than the part.
    """
    parent, *parts = [list(_failed(workflow)) for workflow in workflows]
    return [step for part in parts for step in part] or parent


def own_lines(lines: list[str]) -> list[str]:
    """The lines of a log that are not those of Argo's executor."""
    marked = [bool(OF_EXECUTOR.search(line)) for line in lines]
    end = next((number for number, line in enumerate(lines) if marked[number] and EXITED in line), len(lines))
    return [line for line, executor in zip(lines[:end], marked, strict=False) if not executor]


def _failed(workflow: Mapped) -> Iterator[Failed]:
    try:
        nodes = nodes_of(workflow)
    except InvalidInput:
        return  # compressed by what we cannot unpack
    retries = {ident: (node, ident == tried[-1]) for node, tried in _tried(nodes) for ident in tried}
    failed = [node for node in nodes.values() if node.get("phase") in FAILED]
    steps = []
    for node in failed:
        whole, is_last = retries.get(str(node["id"]), (node, True))
        if node.get("type") not in (*GROUPS, "Container") and is_last and whole.get("phase") in FAILED:
            steps.append((str(node.get("finishedAt") or ""), str(whole.get("displayName")), node))
    for _, name, node in sorted(steps, key=lambda step: step[:2]):
        inner = [each for each in failed if each.get("type") == "Container" and each.get("boundaryID") == node["id"]]
        container = str(inner[0].get("displayName")) if inner else "main"
        place = Container(workflow["metadata"]["namespace"], pod_name(workflow, str(node["id"]), node), container)
        yield Failed(name, str(node.get("message") or ""), place if node.get("type") == "Pod" else None)
    if not steps:  # a group that could not be made of its template, say
        said = (workflow.get("status") or {}).get("message")
        messages = [
            node for node in failed if node.get("type") in GROUPS and node.get("message") not in (None, "", said)
        ]
        yield from (Failed(str(node.get("displayName")), str(node["message"])) for node in messages)


def _tried(nodes: Mapping[str, Mapped]) -> Iterator[tuple[Mapped, list[str]]]:
    """The steps that were tried more than once, or may be, with their attempts."""
    tried = ((node, attempts_of(node, nodes)) for node in nodes.values())
    return ((node, attempts) for node, attempts in tried if attempts)


STOP, TERMINATE = "Stop", "Terminate"
log = logging.getLogger(__name__)


def runner_of(where: Where) -> ArgoRunner | None:
    """What runs workflows in a cluster; None for a run in this process."""
    return None if where.folder else ArgoRunner(where)


class ArgoRunner:
    """One cluster, by the Kubernetes API.

    Args:
        where: which one.
    """

    def __init__(self, where: Where) -> None:
        self._where = where

    @cached_property
    def _calls(self) -> Calls:
        return Calls(self._where.context, HINTS)

    @property
    def _namespace(self) -> str:
        return self._where.namespace or self._calls.namespace

    def jobs(self, documents: Sequence[Any], request: Request) -> list[Job]:
        """Side documents and templates first, then the workflows; see `couler_argo.run.jobs`."""
        return jobs_of(documents, request, self._where.namespace, self._namespace)

    def check(self, jobs: Sequence[Job]) -> None:
        """Refuses jobs that we may not submit, or whose results the controller may not keep, as far as is known.

        Raises:
            EngineError: a right is missing, or the cluster failed.
        """
        rights = [right_to_submit(KINDS[job.content["kind"]], job) for job in jobs]
        demand(self._calls.api, rights, LISTS)
        if any(memoizes(job.content) for job in jobs):
            controllers = controllers_of(self._calls.api)
            # Which of several runs a workflow is not for us to know.
            if len(controllers) == 1:
                remedy = f"{INSTALL.format(controllers[0].namespace)}; or optimize without via=memoize"
                demand(self._calls.api, [controllers[0].right_to_memoize], remedy)

    def submit(self, job: Job, request: Request) -> Submitted:
        """Puts a document in place, or creates a workflow unless it is there."""
        if job.runs:
            return create(self._calls, WORKFLOW, job, request, "workflow")
        return apply(self._calls, KINDS[job.content["kind"]], job, request)

    def status(self, place: str) -> Status:
        """How far the workflow at `namespace/name` is."""
        return status_of(self._workflow(place))

    def outputs(self, place: str) -> list[Produced]:
        """The global outputs of the workflow at `namespace/name`."""
        return outputs_of(self._workflow(place))

    def failures(self, place: str) -> list[Failure]:
        """The steps that failed in the workflow at `namespace/name`, and in those of its parts."""
        return list(failures(self._calls, failed_of(self._workflows(place)), own_lines))

    def steps(self, place: str) -> list[StepStatus]:
        """The steps of the workflow at `namespace/name`, and of those of its parts."""
        return [step.status for step in self._steps(place)]

    def log(self, place: str, step: str, lines: int) -> StepLog:
        """The last lines that a step has printed; of one that was tried again, those of its last attempt."""
        return read_log(self._calls, self._steps(place), step, lines, own_lines)

    def _steps(self, place: str) -> list[RunStep]:
        parent, *parts = self._workflows(place)
        inner = (step for part in parts for step in steps_of(part, f"{part['metadata']['name']}/"))
        return [*steps_of(parent), *inner]

    def stop(self, place: str, *, terminate: bool = False) -> list[str]:
        """Stops a workflow, and those that it has started as parts, which Argo would let run on."""
        how = TERMINATE if terminate else STOP
        stopped = []
        for workflow in self._with_parts(self._workflow(place)):
            # Stopped twice is stopped once; who stopped may be terminated, and not the other way round.
            if not ended(workflow) and workflow["spec"].get("shutdown") not in (how, TERMINATE):
                metadata = workflow["metadata"]
                self._calls.merge(WORKFLOW, metadata["namespace"], metadata["name"], {"spec": {"shutdown": how}})
                stopped.append(f"{metadata['namespace']}/{metadata['name']}")
        return stopped

    def _workflows(self, place: str) -> list[Mapped]:
        """The workflow at a place and those of its parts, as far as we may list them."""
        parent = self._workflow(place)
        try:
            return list(self._with_parts(parent))
        except EngineError as error:  # running needs no right to list workflows
            log.info("parts are not known: %s", error)
            return [parent]

    def _with_parts(self, parent: Mapped) -> Iterator[Mapped]:
        """A workflow, then what it has started: a caller that stops it before it asks on lets nothing new come."""
        seen: set[str] = set()
        ahead = [parent]
        while ahead:
            workflow = ahead.pop(0)
            if workflow["metadata"]["uid"] in seen:
                continue
            seen.add(workflow["metadata"]["uid"])
            yield workflow
            selector = f"{RUN_LABEL}={_run_of(workflow)}"
            ahead += self._calls.labelled(WORKFLOW, "Workflow", workflow["metadata"]["namespace"], selector)

    def _workflow(self, place: str) -> Mapped:
        namespace, _, name = place.rpartition("/")
        namespace = namespace or self._namespace
        document = self._calls.get(WORKFLOW, namespace, name)
        if document is None:
            message = f"there is no workflow {namespace}/{name}"
            hint = "it was deleted, or its time to live is over, or this is another cluster"
            raise EngineError(message, engine="argo", hint=hint)
        return document


def _run_of(workflow: Mapped) -> str:
    """By what the parts of a workflow are labelled: the parameter that names the run, or the workflow's UID."""
    arguments = workflow["spec"].get("arguments") or {}
    named = [item.get("value") for item in arguments.get("parameters") or () if item.get("name") == RUN_ID]
    return str(named[0]) if named and named[0] else str(workflow["metadata"]["uid"])
