"""A server on loopback that answers in JSON what a function says; the kubeconfig of one that is a cluster."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

__all__ = ["Answers", "JsonServer", "json_server", "kubeconfig", "listing"]

Answers = Callable[[str, Mapping[str, str]], Any]
"""What is at a path, for a query; a number for a status without an answer."""


class JsonServer(ThreadingHTTPServer):
    """What it was asked, and who asked.

    Attributes:
        answers: what it says.
        asked: the paths, with their queries.
        headers: of the last request.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, answers: Answers) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = answers
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.headers: dict[str, str] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def paths(self) -> list[str]:
        return [path for path, _ in self.asked]


class _Handler(BaseHTTPRequestHandler):
    server: JsonServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query))
        self.server.asked.append((unquote(parts.path), query))
        self.server.headers = {name.lower(): value for name, value in self.headers.items()}
        found = self.server.answers(unquote(parts.path), query)
        status = found if isinstance(found, int) else 200
        body = found if isinstance(found, bytes) else json.dumps({} if isinstance(found, int) else found).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quietly."""


@contextmanager
def json_server(answers: Answers) -> Iterator[JsonServer]:
    with JsonServer(answers) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


def kubeconfig(folder: Path, url: str) -> Path:
    """A kubeconfig for a server, whose namespace is `ci`."""
    path = folder / "kubeconfig"
    context = {"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "ci"}}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [context],
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {"token": "a-token"}}],
    }
    path.write_text(json.dumps(content))
    return path


def listing(kind: str, items: list[Any], query: Mapping[str, str], page: int = 2) -> dict[str, Any]:
    """A page of a list, as Kubernetes cuts it: `continue` says where the next one begins."""
    start = int(query.get("continue", "0"))
    metadata = {"continue": str(start + page)} if start + page < len(items) else {}
    return {"kind": f"{kind}List", "apiVersion": "v1", "metadata": metadata, "items": items[start : start + page]}
