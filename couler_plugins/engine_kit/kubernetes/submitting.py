"""Documents are put in place, and objects that run are created, once each, however often that is tried.

An object gets its name before it is created, from the run's identity. So whoever has lost the answer, or died before it
came, finds by that name whether it is there, and never creates it twice.
"""

from __future__ import annotations

import hashlib

import msgspec

from couler_plugins.engine_kit.kubernetes.calls import Mapped, Refused
from couler_plugins.engine_kit.kubernetes.objects import Calls, Kind
from couler_plugins.engine_kit.kubernetes.rights import Right
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.running import Job, Request, Submitted

DIGEST = "couler.io/submitted"
"""The annotation by which an object that we have created is known again."""


def apply(calls: Calls, kind: Kind, job: Job, request: Request) -> Submitted:
    """Puts the document of a job in place.

    Raises:
        EngineError: the cluster failed, or refused it.
    """
    document = dict(job.content)
    metadata = document["metadata"]
    before = calls.get(kind, metadata.get("namespace", ""), metadata["name"])
    try:
        after = calls.apply(kind, document, force=request.force, dry_run=request.dry_run)
    except Refused as refused:
        refused.step = job.name
        if refused.status == 409:
            refused.hint = "--force overwrites it"
        raise
    if before is None:
        return Submitted("created")
    return Submitted("unchanged" if _same(before, after) else "changed", described(before))


def create(calls: Calls, kind: Kind, job: Job, request: Request, what: str) -> Submitted:
    """Creates what a job holds, or finds that this was done.

    Args:
        calls: the cluster.
        kind: of the object.
        job: the job; its place is `namespace/name`.
        request: what else was asked for.
        what: what such an object is called, for a person.

    Raises:
        InvalidInput: there is another object of that name.
        EngineError: the cluster failed, or refused it.
    """
    document = dict(job.content)
    digest = hashlib.sha256(msgspec.json.encode(document, order="deterministic")).hexdigest()
    metadata = dict(document["metadata"])
    metadata["annotations"] = {**(metadata.get("annotations") or {}), DIGEST: digest}
    document["metadata"] = metadata
    try:
        calls.create(kind, document, dry_run=request.dry_run)
    except Refused as refused:
        refused.step = job.name
        if refused.status != 409:
            raise
        existing = calls.get(kind, metadata["namespace"], metadata["name"])
        if existing is None:  # it was deleted meanwhile
            raise
    else:
        return Submitted("created")
    if (existing["metadata"].get("annotations") or {}).get(DIGEST) == digest:
        return Submitted("adopted", described(existing))
    message = f"there is another {what} {job.place} already"
    raise InvalidInput(message, hint="use generateName, or another --run-id, or delete that one")


def right_to_submit(kind: Kind, job: Job) -> Right:
    """The right that submitting a job takes."""
    verb = "create" if job.runs else "patch"
    return Right((verb,), kind.plural, kind.group[0], "" if kind.cluster else job.place.partition("/")[0])


def described(thing: Mapped) -> str:
    """Which version of an object this is, and who has set it."""
    metadata = thing["metadata"]
    managers = [str(item.get("manager")) for item in metadata.get("managedFields") or () if item.get("manager")]
    by = f", set by {', '.join(dict.fromkeys(managers))}" if managers else ""
    return f"version {metadata.get('resourceVersion')} of {metadata.get('creationTimestamp')}{by}"


def _same(before: Mapped, after: Mapped) -> bool:
    """Whether two states of an object say the same. That we have said it, too, counts for nothing."""

    def content(thing: Mapped) -> Mapped:
        metadata = {key: value for key, value in thing["metadata"].items() if key in ("labels", "annotations")}
        return {key: metadata if key == "metadata" else thing[key] for key in thing if key != "status"}

    return content(before) == content(after)
