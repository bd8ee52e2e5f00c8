"""A stand-in for KFP's API server, over HTTP: the endpoints that `kfp.Client` 2.17.3 calls for runs, and no more.

It is a mock: nobody has seen it beside a real server. It keeps runs in memory, moves them on when it is asked for them,
and has a function make what a run makes. Names of runs are not unique, as in KFP.
"""

from __future__ import annotations

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["KfpServer", "kfp_server"]

Mapped = dict[str, Any]


class KfpServer(ThreadingHTTPServer):
    """Runs, and what is asked about them.

    Attributes:
        runs: by id, in the order of their creation.
        asked: method and path of every request.
        work: is called with a run when it is about to succeed; what it raises fails the run.
        before, after: are called with method and path before a request is looked at, and before it is answered; they
            may return a status to answer instead.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, work: Callable[[Mapped], None]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.runs: dict[str, Mapped] = {}
        self.asked: list[tuple[str, str]] = []
        self.work = work
        self.before: Callable[[str, str], int | None] = lambda method, path: None
        self.after: Callable[[str, str], int | None] = lambda method, path: None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def created(self, run: Mapped) -> Mapped:
        ident = f"00000000-0000-0000-0000-{len(self.runs):012}"
        self.runs[ident] = {**run, "run_id": ident, "state": "PENDING", "run_details": {"task_details": []}}
        return self.runs[ident]

    def moved(self, ident: str) -> Mapped:
        """A run, a state further than before."""
        run = self.runs[ident]
        task = {"task_id": "t", "run_id": ident, "display_name": "step", "pod_name": "pod"}
        match run["state"]:
            case "PENDING":
                run.update(state="RUNNING", run_details={"task_details": [{**task, "state": "RUNNING"}]})
            case "RUNNING":
                try:
                    self.work(run)
                    run.update(state="SUCCEEDED", run_details={"task_details": [{**task, "state": "SUCCEEDED"}]})
                except RuntimeError as error:
                    run.update(state="FAILED", error={"code": 13, "message": str(error)})
                    run["run_details"] = {"task_details": [{**task, "state": "FAILED"}]}
        return run


class _Handler(BaseHTTPRequestHandler):
    server: KfpServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._handle("GET")

    def do_POST(self) -> None:
        self._handle("POST")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as inherited
        """Nothing."""

    def _handle(self, method: str) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        self.server.asked.append((method, parts.path))
        status = self.server.before(method, parts.path)
        answer: Any = {"message": "not now"}
        if status is None:
            status, answer = self._answer(method, parts.path, parse_qs(parts.query), body)
            refused = self.server.after(method, parts.path)
            if refused is not None:
                status, answer = refused, {"message": "lost"}
        text = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def _answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, Any]:
        runs = self.server.runs
        match method, path:
            case "GET", "/apis/v2beta1/healthz":
                return 200, {"multi_user": False}
            case "GET", "/apis/v2beta1/experiments":
                return 200, {"experiments": [{"experiment_id": "e", "display_name": "Default"}]}
            case "GET", "/apis/v2beta1/runs":
                (predicate,) = json.loads(query["filter"][0])["predicates"]
                assert predicate["key"] == "display_name"
                found = [run for run in runs.values() if run["display_name"] == predicate["stringValue"]]
                return 200, {"runs": found[::-1][:1], "total_size": len(found)}
            case "POST", "/apis/v2beta1/runs":
                return 200, self.server.created(body)
        named = re.fullmatch(r"/apis/v2beta1/runs/([^/:]+)(:terminate)?", path)
        if named is None or named[1] not in runs:
            return 404, {"message": "not found"}
        if named[2]:
            runs[named[1]]["state"] = "CANCELED"
            return 200, {}
        return 200, self.server.moved(named[1])


@contextlib.contextmanager
def kfp_server(work: Callable[[Mapped], None]) -> Iterator[KfpServer]:
    """A server for the length of a block."""
    with KfpServer(work) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
