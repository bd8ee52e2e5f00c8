"""Documents are put in place, and objects that run are created, once each, however often that is tried.

An object gets its name before it is created, from the run's identity. So whoever has lost the answer, or died before it
came, finds by that name whether it is there, and never creates it twice.

Asks a cluster who may do what, before anything is tried.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access. Everybody may ask
for themselves; who asks for others needs the right to create SubjectAccessReviews.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec

from couler_plugins.engine_kit.kubernetes.calls import Mapped, Refused, answer_of
from couler_plugins.engine_kit.kubernetes.objects import Calls, Kind
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.checks import Check
from couler_plugins.hookspecs.running import Job, Request, Submitted


class Right(NamedTuple):
    """What somebody may do.

    Attributes:
        verbs: as RBAC names them.
        plural: of the objects, with a part after a slash (`pods/log`).
        group: the API group; empty for the core.
        namespace: where; empty for all namespaces.
        account: the service account, as `namespace/name`; empty for whoever asks.
    """

    verbs: tuple[str, ...]
    plural: str
    group: str = ""
    namespace: str = ""
    account: str = ""

    @property
    def who(self) -> str:
        """For a person."""
        return self.account or "you"

    def __str__(self) -> str:
        """What it allows, for a person."""
        return f"{', '.join(self.verbs)} {self.plural} {f'in {self.namespace}' if self.namespace else 'everywhere'}"


def denied(api: Any, right: Right) -> tuple[str, ...] | None:
    """The verbs of a right that are not granted; None where the cluster does not say.

    Args:
        api: the client, as `connected` gives it.
        right: what is asked for.

    Raises:
        EngineError: the cluster does not answer.
    """
    from kubernetes import client

    reviews = client.AuthorizationV1Api(api)
    create, kind, spec = reviews.create_self_subject_access_review, "SelfSubjectAccessReview", dict[str, Any]()
    if right.account:
        home, _, name = right.account.partition("/")
        groups = ["system:serviceaccounts", f"system:serviceaccounts:{home}", "system:authenticated"]
        create, kind = reviews.create_subject_access_review, "SubjectAccessReview"
        spec = {"user": f"system:serviceaccount:{home}:{name}", "groups": groups}
    resource, _, part = right.plural.partition("/")
    place = {"group": right.group, "resource": resource, "subresource": part, "namespace": right.namespace}
    missing = []
    for verb in right.verbs:
        body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind}
        body["spec"] = {**spec, "resourceAttributes": {**place, "verb": verb}}  # type: ignore[assignment]
        try:
            answer = answer_of(f"say whether {right.who} may {verb} {right.plural}", partial(create, body), {})
        except Refused:
            return None
        if not (answer.get("status") or {}).get("allowed"):
            missing.append(verb)
    return tuple(missing)


def check(api: Any, feature: str, right: Right, remedy: str) -> Check:
    """What a cluster says of a right that a feature needs.

    Raises:
        EngineError: the cluster does not answer.
    """
    missing = denied(api, right)
    if missing is None:
        name = right.account.replace("/", ":")
        where = f"-n {right.namespace}" if right.namespace else "--all-namespaces"
        asking = f"kubectl auth can-i {right.verbs[0]} {right.plural} {where}"
        asking += f" --as system:serviceaccount:{name}" if name else ""
        message = f"the cluster does not tell you whether {right.who} may {right}"
        return Check(feature=feature, state="unknown", message=message, remedy=f"ask an administrator: {asking}")
    if missing:
        message = f"{right.who} may not {right._replace(verbs=missing)}"
        return Check(feature=feature, state="missing", message=message, remedy=remedy)
    return Check(feature=feature, state="ok", message=f"{right.who} may {right}")


def check_running(
    api: Any, group: str, namespace: str, runs: Sequence[str], others: Iterable[str], remedy: str
) -> Iterator[Check]:
    """What a cluster says of the rights that `couler run` and `couler stop` need.

    Args:
        api: the client, as `connected` gives it.
        group: the API group of the engine.
        namespace: where workflows go.
        runs: plurals of what runs, the most usual first.
        others: plurals of what is put in place before.
        remedy: what to do where a right is missing.

    Raises:
        EngineError: the cluster does not answer.
    """
    for plural in runs:
        yield check(api, "run", Right(("create", "get"), plural, group, namespace), remedy)
    for plural in others:
        yield check(api, "run", Right(("create", "patch", "get"), plural, group, namespace), remedy)
    yield check(api, "stop", Right(("patch", "list"), runs[0], group, namespace), remedy)
    yield check(api, "logs of failed steps", Right(("get",), "pods/log", "", namespace), remedy)


def demand(api: Any, rights: Iterable[Right], remedy: str) -> None:
    """Refuse to begin what would fail later, as far as the cluster says so.

    Args:
        api: the client, as `connected` gives it.
        rights: what is needed.
        remedy: what to do where one is missing.

    Raises:
        EngineError: somebody lacks a right, or the cluster does not answer.
    """
    for right in dict.fromkeys(rights):
        if missing := denied(api, right):
            raise EngineError(f"{right.who} may not {right._replace(verbs=missing)}", hint=remedy)


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
