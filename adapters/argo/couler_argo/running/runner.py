"""Runs Argo workflows in a cluster, with what they need beside them.

A workflow gets its name before it is created, from the run's identity. So whoever has lost the answer, or died before
it came, finds by that name whether the workflow is there, and never creates it twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import msgspec

from couler_argo.api.calls import Refused
from couler_argo.codec import Mapped
from couler_argo.running.api import Calls
from couler_argo.running.jobs import jobs_of
from couler_argo.running.kinds import KINDS, WORKFLOW
from couler_argo.running.status import ended, outputs_of, status_of
from couler_argo.splits.parts import RUN_ID, RUN_LABEL
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.running import Job, Produced, Request, Status, Submitted, Where

__all__ = ["ArgoRunner"]

DIGEST = "couler.io/submitted"
"""The annotation by which a workflow that we have created is known again."""
STOP, TERMINATE = "Stop", "Terminate"


class ArgoRunner:
    """One cluster, by the Kubernetes API.

    Args:
        where: which one.
    """

    def __init__(self, where: Where) -> None:
        self._where = where

    @cached_property
    def _calls(self) -> Calls:
        return Calls(self._where.context)

    @property
    def _namespace(self) -> str:
        return self._where.namespace or self._calls.namespace

    def jobs(self, documents: Sequence[Any], request: Request) -> list[Job]:
        """Side documents and templates first, then the workflows; see `couler_argo.running.jobs`."""
        return jobs_of(documents, request, self._where.namespace, self._namespace)

    def submit(self, job: Job, request: Request) -> Submitted:
        """Puts a document in place, or creates a workflow unless it is there."""
        return self._create(job, request) if job.runs else self._apply(job, request)

    def status(self, place: str) -> Status:
        """How far the workflow at `namespace/name` is."""
        return status_of(self._workflow(place))

    def outputs(self, place: str) -> list[Produced]:
        """The global outputs of the workflow at `namespace/name`."""
        return outputs_of(self._workflow(place))

    def stop(self, place: str, *, terminate: bool = False) -> list[str]:
        """Stops a workflow, and those that it has started as parts, which Argo would let run on."""
        how = TERMINATE if terminate else STOP
        stopped = []
        for workflow in self._with_parts(self._workflow(place)):
            # Stopped twice is stopped once; who stopped may be terminated, and not the other way round.
            if not ended(workflow) and workflow["spec"].get("shutdown") not in (how, TERMINATE):
                metadata = workflow["metadata"]
                self._calls.merge(metadata["namespace"], metadata["name"], {"spec": {"shutdown": how}})
                stopped.append(f"{metadata['namespace']}/{metadata['name']}")
        return stopped

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
            ahead += self._calls.workflows(workflow["metadata"]["namespace"], selector)

    def _workflow(self, place: str) -> Mapped:
        namespace, _, name = place.rpartition("/")
        namespace = namespace or self._namespace
        found = self._calls.get(WORKFLOW, namespace, name)
        if found is None:
            message = f"there is no workflow {namespace}/{name}"
            hint = "it was deleted, or its time to live is over, or this is another cluster"
            raise EngineError(message, engine="argo", hint=hint)
        return found

    def _apply(self, job: Job, request: Request) -> Submitted:
        document = dict(job.content)
        kind = KINDS[document["kind"]]
        metadata = document["metadata"]
        before = self._calls.get(kind, metadata.get("namespace", ""), metadata["name"])
        try:
            after = self._calls.apply(kind, document, force=request.force, dry_run=request.dry_run)
        except Refused as refused:
            refused.step = job.name
            if refused.status == 409:
                refused.hint = "--force overwrites it"
            raise
        if before is None:
            return Submitted("created")
        return Submitted("unchanged" if _same(before, after) else "changed", _described(before))

    def _create(self, job: Job, request: Request) -> Submitted:
        document = dict(job.content)
        digest = hashlib.sha256(msgspec.json.encode(document, order="deterministic")).hexdigest()
        metadata = dict(document["metadata"])
        metadata["annotations"] = {**(metadata.get("annotations") or {}), DIGEST: digest}
        document["metadata"] = metadata
        try:
            self._calls.create(document, dry_run=request.dry_run)
        except Refused as refused:
            refused.step = job.name
            if refused.status != 409:
                raise
        else:
            return Submitted("created")
        found = self._workflow(job.place)
        if (found["metadata"].get("annotations") or {}).get(DIGEST) == digest:
            return Submitted("adopted", _described(found))
        message = f"there is another workflow {job.place} already"
        hint = "use generateName, or another --run-id, or delete that one"
        raise InvalidInput(message, engine="argo", hint=hint)


def _run_of(workflow: Mapped) -> str:
    """By what the parts of a workflow are labelled: the parameter that names the run, or the workflow's UID."""
    arguments = workflow["spec"].get("arguments") or {}
    named = [item.get("value") for item in arguments.get("parameters") or () if item.get("name") == RUN_ID]
    return str(named[0]) if named and named[0] else str(workflow["metadata"]["uid"])


def _same(before: Mapped, after: Mapped) -> bool:
    """Whether two states of an object say the same. That we have said it, too, counts for nothing."""

    def content(thing: Mapped) -> Mapped:
        metadata = {key: value for key, value in thing["metadata"].items() if key in ("labels", "annotations")}
        return {key: metadata if key == "metadata" else thing[key] for key in thing if key != "status"}

    return content(before) == content(after)


def _described(thing: Mapped) -> str:
    metadata = thing["metadata"]
    managers = [str(item.get("manager")) for item in metadata.get("managedFields") or () if item.get("manager")]
    by = f", set by {', '.join(dict.fromkeys(managers))}" if managers else ""
    return f"version {metadata.get('resourceVersion')} of {metadata.get('creationTimestamp')}{by}"
