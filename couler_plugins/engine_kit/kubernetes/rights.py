"""Asks a cluster who may do what, before anything is tried.

Source: https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access. Everybody may ask
for themselves; who asks for others needs the right to create SubjectAccessReviews.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

from couler_plugins.engine_kit.kubernetes.calls import Refused, answer_of
from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.adapters import Check


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
