"""Stands in for a Kubernetes API server: objects in memory, over real HTTP, as far as the evictor and Argo talk to it.

It does what decides whether concurrent writers lose anything: resource versions and conflicts, merge patches, limits on
sizes, lists in pages of one snapshot whose tokens expire, access by verb. It checks no schema and knows no watch.
Written after https://kubernetes.io/docs/reference/using-api/api-concepts/.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

__all__ = ["TOKEN", "ApiServer", "Refused", "Request"]

Mapping = dict[str, Any]
TOKEN = "eyJhbGciOi.not-a-real-secret.sig"
PATH = re.compile(
    r"/(?:api/v1|apis/argoproj\.io/v1alpha1)(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?"
)
MOST_DATA, MOST_ANNOTATIONS = 1024 * 1024, 256 * 1024


class Request(NamedTuple):
    """One call: its verb as RBAC names it, and what it is about; `body` is None where it has none."""

    verb: str
    plural: str
    namespace: str
    name: str
    query: dict[str, str]
    body: Mapping | None = None


LISTS = {"configmaps": "ConfigMapList", "workflows": "WorkflowList", "namespaces": "NamespaceList"}
"""What Kubernetes calls a list of each kind."""


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, code: int, reason: str, *, headers: dict[str, str] | None = None) -> None:
        super().__init__(reason)
        self.code, self.reason, self.headers = code, reason, headers or {}


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
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
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
        self.requests.append(request)
        self.before(request)
        about = (request.verb, request.plural)
        if about in self.forbidden or (*about, request.namespace) in self.forbidden:
            raise Refused(403, "Forbidden")
        with self._lock:
            result = self._carried_out(request)
        self.after(request)
        return result

    def _carried_out(self, request: Request) -> Mapping:
        plural, namespace, name = request.plural, request.namespace, request.name
        match request.verb:
            case "list":
                return self._list(request)
            case "get":
                return self.get(plural, namespace, name)
            case "patch":
                patched = _merged(self.get(plural, namespace, name), request.body)
                return self.update(plural, patched)
        raise Refused(405, "MethodNotAllowed")

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


def _handler(server: ApiServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        def do_PATCH(self) -> None:
            self._serve()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
            pass

        def _serve(self) -> None:
            try:
                content = server.answer(self._request())
            except Refused as refused:
                status = {"kind": "Status", "code": refused.code, "reason": refused.reason, "message": refused.reason}
                self._send(refused.code, status, refused.headers)
            else:
                self._send(200, content, {})

        def _request(self) -> Request:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise Refused(401, "Unauthorized")
            parts = urlsplit(self.path)
            found = PATH.fullmatch(parts.path)
            if found is None:
                raise Refused(404, "NotFound")
            named = found.groupdict(default="")
            verb = "patch" if self.command == "PATCH" else "get" if named["name"] else "list"
            if verb == "patch" and self.headers.get("Content-Type") != "application/merge-patch+json":
                raise Refused(415, "UnsupportedMediaType")
            query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
            return Request(verb, named["plural"], named["namespace"], named["name"], query, body)

        def _send(self, code: int, content: Mapping, headers: dict[str, str]) -> None:
            text = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(text)

    return Handler
