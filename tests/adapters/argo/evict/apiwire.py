"""What a stand-in for a Kubernetes API server hears and says over HTTP: requests as RBAC names them, and refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

__all__ = ["APPLY", "TOKEN", "Refused", "Request", "handler_of"]

Mapping = dict[str, Any]
TOKEN = "eyJhbGciOi.not-a-real-secret.sig"
PATH = re.compile(
    r"/(?:api/v1|apis/argoproj\.io/v1alpha1|apis/(?:rbac\.)?authorization\.k8s\.io/v1)"
    r"(?:/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?"
)
APPLY, MERGE = "application/apply-patch+yaml", "application/merge-patch+json"
VERBS = {"PATCH": "patch", "POST": "create"}


class Request(NamedTuple):
    """One call: its verb as RBAC names it, what it is about, its body (None where it has none) and that one's type."""

    verb: str
    plural: str
    namespace: str
    name: str
    query: dict[str, str]
    body: Mapping | None = None
    type: str = ""


class Refused(Exception):
    """An answer other than success."""

    def __init__(self, code: int, reason: str, *, headers: dict[str, str] | None = None, message: str = "") -> None:
        super().__init__(reason)
        self.code, self.reason, self.headers, self.message = code, reason, headers or {}, message or reason


def handler_of(answer: Callable[[Request], Mapping]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        def do_PATCH(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
            pass

        def _serve(self) -> None:
            try:
                content = answer(self._request())
            except Refused as refused:
                status = {"kind": "Status", "code": refused.code, "reason": refused.reason, "message": refused.message}
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
            verb = VERBS.get(self.command) or ("get" if named["name"] else "list")
            kind = self.headers.get("Content-Type", "")
            if verb == "patch" and kind not in (MERGE, APPLY):
                raise Refused(415, "UnsupportedMediaType")
            query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
            return Request(verb, named["plural"], named["namespace"], named["name"], query, body, kind)

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
