"""A stand-in for Prometheus on loopback that answers what a test wants, wrong answers above all."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs

__all__ = ["Handler", "PrometheusApi", "prometheus_api"]


class PrometheusApi(ThreadingHTTPServer):
    """One API.

    Attributes:
        answers: what is said, one after the other, and the last one from then on; a function says it by itself.
        forms: what was sent.
        headers: what was sent with it, the names in lower case.
        paths: what was asked.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: list[Any] = [matrix()]
        self.forms: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever has heard enough closes the connection."""


def matrix(*series: Any, **more: Any) -> dict[str, Any]:
    """An answer with these series."""
    return {"status": "success", "data": {"resultType": "matrix", "result": list(series)}, **more}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: PrometheusApi
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.server.forms.append({name: value for name, (value,) in parse_qs(text, strict_parsing=True).items()})
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        self.server.paths.append(self.path)
        answer = self.server.answers[0] if len(self.server.answers) == 1 else self.server.answers.pop(0)
        if callable(answer):
            act: Callable[[Handler], None] = answer
            act(self)
        else:
            self.reply(200, answer)

    def reply(self, status: int, data: Any, **headers: str) -> None:
        body = data if isinstance(data, bytes) else json.dumps(data).encode()
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quietly."""


@contextlib.contextmanager
def prometheus_api() -> Iterator[PrometheusApi]:
    with PrometheusApi() as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()
