"""Stands in for Argo's own server: workflows and templates in memory, over real HTTP, as far as Hera talks to it.

It creates what is not there, refuses what is there (409), and replaces a template only for the version that is there.
Written after https://argo-workflows.readthedocs.io/en/latest/swagger/.
"""

from __future__ import annotations

import json
import re
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

__all__ = ["ArgoServer"]

Object = dict[str, Any]
PATH = re.compile(
    r"/api/v1/(?P<plural>workflows|workflow-templates)/(?P<namespace>[^/?]+)(?:/(?P<name>[^/?]+))?(?:\?.*)?"
)
CODES = {404: "not found", 409: "already exists"}


class ArgoServer:
    """A server on loopback, for a `with` block.

    Attributes:
        calls: the method and the path of each request, in order.
        objects: what it holds, by kind, namespace and name.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.objects: dict[tuple[str, str, str], Object] = {}
        self._version = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> ArgoServer:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, path: str, body: Object) -> tuple[int, Object]:
        """The status and the content of an answer."""
        self.calls.append(f"{method} {path.partition('?')[0]}")
        found = PATH.fullmatch(path)
        if found is None:
            return 404, {"code": 5, "message": CODES[404]}
        plural, namespace, name = found["plural"], found["namespace"], found["name"] or ""
        thing = body.get("workflow") or body.get("template") or {}
        key = (plural, namespace, name if method != "POST" else thing["metadata"]["name"])
        if method == "POST" and (name == "lint" or body.get("serverDryRun")):
            return 200, thing
        if (method == "POST") == (key in self.objects):
            code = 409 if method == "POST" else 404
            return code, {"code": code, "message": CODES[code]}
        if method == "GET":
            return 200, self.objects[key]
        there = self.objects.get(key, {"metadata": {}})["metadata"].get("resourceVersion")
        if method == "PUT" and thing["metadata"].get("resourceVersion") != there:
            return 409, {"code": 409, "message": "the object has been modified"}
        self._version += 1
        self.objects[key] = {**thing, "metadata": {**thing["metadata"], "resourceVersion": str(self._version)}}
        return 200, self.objects[key]


def _handler(server: ArgoServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def do_PUT(self) -> None:
            self._serve()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class calls it so
            pass

        def _serve(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else {}
            code, content = server.answer(self.command, self.path, body)
            text = json.dumps(content).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    return Handler
