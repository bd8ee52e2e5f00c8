"""Stands in for a Kubernetes API server: objects in memory, over real HTTP, as far as we and Argo talk to it.

It does what decides whether concurrent writers lose anything: resource versions and conflicts, merge patches, creation
of what is there already, limits on sizes, lists in pages of one snapshot whose tokens expire, access by verb, dry runs.
Server-side apply is simpler than the real one: it replaces a document's content as a whole, and conflicts where another
manager has put something else there (the real one compares field by field). It checks no schema and knows no watch.
Written after https://kubernetes.io/docs/reference/using-api/api-concepts/ and server-side-apply/.
"""

from __future__ import annotations

import json
import re
import threading
import uuid
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from types import TracebackType
from typing import Any

from adapters.argo.evict.apiwire import APPLY, TOKEN, Refused, Request, handler_of

__all__ = ["TOKEN", "ApiServer", "Refused", "Request"]

Mapping = dict[str, Any]
MOST_DATA, MOST_ANNOTATIONS = 1024 * 1024, 256 * 1024


LISTS = {
    "configmaps": "ConfigMapList",
    "workflows": "WorkflowList",
    "namespaces": "NamespaceList",
}
"""What Kubernetes calls a list of each kind."""


class ApiServer:
    """A server on loopback, for a `with` block.

    Attributes:
        requests: what was asked of it, in order.
        before: called with each request before it is looked at; may change objects, raise `Refused`, or wait.
        after: called with each request that was carried out, before it is answered.
        forbidden: pairs of a verb and a plural, with the namespace as a third where only that one is meant.
    """

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str, str], Mapping] = {}
        self.requests: list[Request] = []
        self.before: Callable[[Request], None] = lambda request: None
        self.after: Callable[[Request], None] = lambda request: None
        self.forbidden: set[tuple[str, ...]] = set()
        self._version = 100
        self._snapshots: dict[str, list[Mapping]] = {}
        self._lock = threading.RLock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler_of(self.answer))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ApiServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def put(self, plural: str, thing: Mapping) -> Mapping:
        """Creates or replaces an object, whatever version it had."""
        with self._lock:
            metadata = thing["metadata"]
            self._version += 1
            stored = json.loads(json.dumps(thing))
            stored["metadata"]["resourceVersion"] = str(self._version)
            stored["metadata"].setdefault("uid", str(uuid.UUID(int=self._version)))
            _check_size(plural, stored)
            self.objects[plural, metadata.get("namespace", ""), metadata["name"]] = stored
            return self.get(plural, metadata.get("namespace", ""), metadata["name"])

    def get(self, plural: str, namespace: str, name: str) -> Mapping:
        """A copy of an object."""
        with self._lock:
            if (plural, namespace, name) not in self.objects:
                raise Refused(404, "NotFound")
            found: Mapping = json.loads(json.dumps(self.objects[plural, namespace, name]))
            return found

    def update(self, plural: str, thing: Mapping) -> Mapping:
        """Replaces an object as a client does: only the version that the client has seen."""
        with self._lock:
            metadata = thing["metadata"]
            now = self.get(plural, metadata.get("namespace", ""), metadata["name"])
            if (
                metadata.get("resourceVersion", now["metadata"]["resourceVersion"])
                != now["metadata"]["resourceVersion"]
            ):
                raise Refused(409, "Conflict")
            return self.put(plural, thing)

    def expire_tokens(self) -> None:
        """Forgets all snapshots, as etcd does when it compacts."""
        self._snapshots.clear()

    def answer(self, request: Request) -> Mapping:
        """What a request gets.

        Raises:
            Refused: anything but success.
        """
        if request.plural == "selfsubjectaccessreviews" and request.body is not None:
            return self._reviewed(request.body["spec"]["resourceAttributes"])
        self.requests.append(request)
        self.before(request)
        about = (request.verb, request.plural)
        if about in self.forbidden or (*about, request.namespace) in self.forbidden:
            raise Refused(403, "Forbidden")
        with self._lock:
            result = self._carried_out(request)
        self.after(request)
        return result

    def _reviewed(self, asked: Mapping) -> Mapping:
        about = (asked["verb"], asked["resource"])
        return {"status": {"allowed": not {about, (*about, asked["namespace"])} & self.forbidden}}

    def _carried_out(self, request: Request) -> Mapping:
        plural, namespace, name = request.plural, request.namespace, request.name
        match request.verb:
            case "list":
                return self._list(request)
            case "get":
                return self.get(plural, namespace, name)
            case "create":
                return self._create(request)
            case "patch" if request.type == APPLY:
                return self._apply(request)
            case "patch":
                patched = _merged(self.get(plural, namespace, name), request.body)
                return self.update(plural, patched)
        raise Refused(405, "MethodNotAllowed")

    def _create(self, request: Request) -> Mapping:
        assert request.body is not None
        thing = {**request.body, "metadata": {**request.body["metadata"], "namespace": request.namespace}}
        name = thing["metadata"]["name"]
        if (request.plural, request.namespace, name) in self.objects:
            raise Refused(409, "AlreadyExists", message=f'{request.plural} "{name}" already exists')
        thing["metadata"]["managedFields"] = [{"manager": request.query["fieldManager"]}]
        return self._kept(request, thing)

    def _apply(self, request: Request) -> Mapping:
        assert request.body is not None
        manager = request.query["fieldManager"]
        before = self.objects.get((request.plural, request.namespace, request.name))
        if before is None:
            metadata = {**request.body["metadata"], "managedFields": [{"manager": manager}]}
            return self._kept(request, {**request.body, "metadata": metadata})
        metadata = _merged(before["metadata"], request.body["metadata"])
        after = {**before, **request.body, "metadata": metadata}
        managers = {item["manager"] for item in before["metadata"].get("managedFields") or ()}
        if _said(after) == _said(before):
            return self.get(request.plural, request.namespace, request.name)
        # As apimachinery reads it (`Convert_Slice_string_To_bool`): clients write true, or True before release 37.
        forced = request.query.get("force", "false").lower() not in ("false", "0")
        if managers - {manager} and not forced:
            raise Refused(
                409, "Conflict", message=f'Apply failed with 1 conflict: conflict with "{min(managers)}": .spec'
            )
        metadata["managedFields"] = [{"manager": manager}]
        return self._kept(request, after)

    def _kept(self, request: Request, thing: Mapping) -> Mapping:
        return thing if request.query.get("dryRun") == "All" else self.put(request.plural, thing)

    def _list(self, request: Request) -> Mapping:
        token = request.query.get("continue")
        if token is None:
            mine = [
                json.loads(json.dumps(thing))
                for (plural, namespace, _), thing in sorted(self.objects.items())
                if plural == request.plural and request.namespace in ("", namespace)
            ]
            left = [thing for thing in mine if _selected(thing, request.query.get("labelSelector", ""))]
        elif token in self._snapshots:
            left = self._snapshots.pop(token)
        else:
            raise Refused(410, "Expired")
        page = int(request.query.get("limit", "0")) or len(left)
        metadata = {"resourceVersion": str(self._version)}
        if left[page:]:
            metadata["continue"] = f"token-{len(self.requests)}"
            self._snapshots[metadata["continue"]] = left[page:]
        return {"kind": LISTS[request.plural], "apiVersion": "v1", "metadata": metadata, "items": left[:page]}


def _selected(thing: Mapping, selector: str) -> bool:
    labels = thing["metadata"].get("labels") or {}
    for term in filter(None, selector.split(",")):
        name, unequal, value = re.fullmatch(r"([^!=]+)(!?)=(.*)", term).groups()  # type: ignore[union-attr]
        if (labels.get(name) == value) == bool(unequal):
            return False
    return True


def _said(thing: Mapping) -> Mapping:
    """What a document says, without what the server adds."""
    metadata = {key: value for key, value in thing["metadata"].items() if key in ("labels", "annotations")}
    return {key: metadata if key == "metadata" else thing[key] for key in thing if key != "status"}


def _merged(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merged(merged.get(key), value)
    return merged


def _check_size(plural: str, thing: Mapping) -> None:
    if plural == "configmaps":
        data = sum(len(key) + len(value.encode()) for key, value in (thing.get("data") or {}).items())
        notes = thing["metadata"].get("annotations") or {}
        if data > MOST_DATA or sum(len(key) + len(value) for key, value in notes.items()) > MOST_ANNOTATIONS:
            raise Refused(422, "Invalid")
