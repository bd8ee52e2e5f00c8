"""Objects of a cluster: their kinds, and how they are put in place, created, read and deleted.

Documents are put in place by server-side apply, so that what others have set in them is kept or refused, never lost
(https://kubernetes.io/docs/reference/using-api/server-side-apply/).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from functools import partial
from typing import Any, NamedTuple

from couler_plugins.engine_kit.kubernetes.calls import (
    CONNECTING,
    Expired,
    Mapped,
    Refused,
    answer_of,
    connected,
    pages,
    read_answer,
    refusal,
    sending,
    silence,
)


class Kind(NamedTuple):
    """One kind of object.

    Attributes:
        group: the API group (empty for the core) and its version.
        plural: what its place is called in the API.
        singular: what the Python client calls it.
        cluster: whether its objects belong to no namespace.
        secret: whether nothing of its content may be told.
    """

    group: tuple[str, str]
    plural: str
    singular: str = ""
    cluster: bool = False
    secret: bool = False

    @property
    def api_version(self) -> str:
        """Its `apiVersion`."""
        return "/".join(filter(None, self.group))


RBAC, CORE = ("rbac.authorization.k8s.io", "v1"), ("", "v1")
SIDE = {
    "ServiceAccount": Kind(CORE, "serviceaccounts", "service_account"),
    "Secret": Kind(CORE, "secrets", "secret", secret=True),
    "ConfigMap": Kind(CORE, "configmaps", "config_map"),
    "PersistentVolumeClaim": Kind(CORE, "persistentvolumeclaims", "persistent_volume_claim"),
    "Role": Kind(RBAC, "roles"),
    "RoleBinding": Kind(RBAC, "rolebindings"),
}
"""What workflows of any engine need, in the order in which it is put in place: what others refer to comes first."""


MANAGER = "couler"
"""The name under which the API server notes what we have set."""

GRACE = 5
"""Seconds after the end of a watch for which a server may be silent before its connection counts as lost."""

APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
HINTS = {
    401: "log in again, or renew the token",
    403: "the role of this account has to allow it",
    413: "it is larger than the API server takes: split it",
    422: "`couler lint --schema` says where a document is wrong",
}


class Event(NamedTuple):
    """What a watch tells.

    Attributes:
        type: `ADDED`, `MODIFIED`, `DELETED`; a `BOOKMARK` tells its version only.
        version: after which a watch tells what comes next.
        thing: the object as it is then, or was last.
    """

    type: str
    version: str
    thing: Mapped


class Calls:
    """One cluster, reached as kubectl does: by the kubeconfig, or from inside by the service account.

    Args:
        context: the context of the kubeconfig; empty for its current one, or the cluster that we run in.
        hints: what else to do about a refusal, by HTTP status.

    Attributes:
        api: the client.
        namespace: the one that is meant where none is named.

    Raises:
        InvalidInput: there is no such context, no configuration at all, or no Kubernetes client.
    """

    def __init__(self, context: str, hints: Mapping[int, str]) -> None:
        self._hints = {**HINTS, **hints}
        self.api, self.namespace = connected(context)
        from kubernetes import client

        self._core, self._groups = client.CoreV1Api(self.api), client.CustomObjectsApi(self.api)

    def get(self, kind: Kind, namespace: str, name: str) -> Mapped | None:
        """One object; None where there is none of that name.

        Raises:
            EngineError: the cluster does not answer, or does not tell us.
        """
        call = self._call("read", kind, namespace, name)
        try:
            return self._asked("get", kind.plural, namespace, call)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    def apply(self, kind: Kind, document: Mapped, *, force: bool, dry_run: bool) -> Mapped:
        """Puts a document in place, and gives back what is there then.

        Raises:
            Refused: with the status 409 where somebody else has set a field otherwise, unless `force`.
            EngineError: the cluster does not answer, or does not let us.
        """
        metadata = document["metadata"]
        options: dict[str, Any] = {**_writing(dry_run), "force": force}
        call = self._call("patch", kind, metadata.get("namespace", ""), metadata["name"], document)
        patch = partial(sending(call.func, APPLY), *call.args, **options)
        return self._asked("patch", kind.plural, metadata.get("namespace", ""), patch, secret=kind.secret)

    def create(self, kind: Kind, document: Mapped, *, dry_run: bool) -> Mapped:
        """Creates an object.

        Raises:
            Refused: with the status 409 where there is one of that name.
            EngineError: the cluster does not answer, or does not let us.
        """
        namespace = document["metadata"]["namespace"]
        create = partial(self._groups.create_namespaced_custom_object, *kind.group, namespace, kind.plural)
        call = partial(create, document, **_writing(dry_run))
        return self._asked("create", kind.plural, namespace, call)

    def merge(self, kind: Kind, namespace: str, name: str, patch: Mapped) -> Mapped:
        """Changes some fields of an object.

        Raises:
            EngineError: the cluster does not answer, or does not let us.
        """
        call = self._call("patch", kind, namespace, name, patch)
        call = partial(sending(call.func, MERGE), *call.args)
        return self._asked("patch", kind.plural, namespace, call)

    def labelled(self, kind: Kind, name: str, namespace: str, labels: str) -> Iterator[Mapped]:
        """The objects of a kind, whose own name is given, that have these labels in a namespace.

        Raises:
            EngineError: the cluster does not answer, or does not tell us.
        """
        of_group = partial(self._groups.list_namespaced_custom_object, *kind.group, namespace, kind.plural)
        page = partial(of_group, label_selector=labels)

        def ask(**arguments: Any) -> Mapped:
            try:
                return self._asked("list", kind.plural, namespace, partial(page, **arguments))
            except Refused as refused:
                if refused.status == 410:
                    raise Expired from refused
                raise

        return pages(ask, f"{name}List", f"{kind.plural} in {namespace}")

    def log(self, namespace: str, pod: str, container: str, *, lines: int, most: int) -> str:
        """The last lines that a container has printed.

        Args:
            namespace: of the pod.
            pod: its name.
            container: its name in the pod.
            lines: how many, at most.
            most: bytes, at most.

        Raises:
            EngineError: the cluster does not answer, has no such log (any more), or does not tell us.
        """
        read = partial(self._core.read_namespaced_pod_log, pod, namespace, container=container)
        call = partial(read, tail_lines=lines, limit_bytes=most)
        return read_answer(
            f"read the log of {namespace}/{pod}", call, partial(str, encoding="utf-8", errors="replace"), {}
        )

    def version(self, kind: Kind, namespace: str) -> str:
        """The version at which the objects of a kind in a namespace are: a watch tells what comes after one.

        Raises:
            EngineError: the cluster does not answer, or does not tell us.
        """
        of_group = partial(self._groups.list_namespaced_custom_object, *kind.group, namespace, kind.plural)
        listed = self._asked("list", kind.plural, namespace, partial(of_group, limit=1))
        return str((listed.get("metadata") or {}).get("resourceVersion") or "")

    def watch(self, kind: Kind, namespace: str, labels: str, version: str, seconds: int) -> Generator[Event]:
        """Events of the objects of a kind that have these labels in a namespace, as they come; nothing is tried again.

        Args:
            kind: of the objects.
            namespace: where they are.
            labels: a selector.
            version: what was before it is not told.
            seconds: after which it ends.

        Raises:
            Refused: the server says no; with the status 410 where it has forgotten that version.
            EngineError: it does not answer, is lost, or says what is no event.
        """
        from kubernetes.client.exceptions import ApiException
        from kubernetes.watch import Watch
        from urllib3.exceptions import HTTPError

        what = f"watch {kind.plural} in {namespace}"
        place = (*kind.group, namespace, kind.plural)
        query = {"label_selector": labels, "resource_version": version, "allow_watch_bookmarks": True}
        ends = {"timeout_seconds": seconds, "_request_timeout": (CONNECTING, seconds + GRACE)}
        try:
            with closing(Watch().stream(self._groups.list_namespaced_custom_object, *place, **query, **ends)) as events:
                for event in filter(None, events):  # the client makes None of an empty line
                    thing = event["raw_object"]
                    yield Event(str(event["type"]), str(thing["metadata"]["resourceVersion"]), thing)
        except ApiException as error:
            raise refusal(what, error, self._hints) from error
        except (HTTPError, KeyError, TypeError, ValueError) as error:
            raise silence(what, error) from error

    def _call(self, verb: str, kind: Kind, namespace: str, name: str, *body: Mapped) -> partial[Any]:
        if not kind.group[0]:
            return partial(getattr(self._core, f"{verb}_namespaced_{kind.singular}"), name, namespace, *body)
        verb = "get" if verb == "read" else verb
        if kind.cluster:
            return partial(
                getattr(self._groups, f"{verb}_cluster_custom_object"), *kind.group, kind.plural, name, *body
            )
        method = getattr(self._groups, f"{verb}_namespaced_custom_object")
        return partial(method, *kind.group, namespace, kind.plural, name, *body)

    def _asked(
        self, verb: str, plural: str, namespace: str, call: Callable[..., Any], *, secret: bool = False
    ) -> Mapped:
        return answer_of(f"{verb} {plural}{f' in {namespace}' if namespace else ''}", call, self._hints, secret=secret)


def _writing(dry_run: bool) -> dict[str, str]:
    """Options of what is written; a field that the server does not know is refused, where it would be lost."""
    options = {"field_manager": MANAGER, "field_validation": "Strict"}
    return {**options, "dry_run": "All"} if dry_run else options
