"""A stand-in for KFP's API server on loopback: pipelines, versions, and runs in pages."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["KfpServer"]


class KfpServer(ThreadingHTTPServer):
    """The endpoints that history is read from; use it in a `with`.

    Attributes:
        pipelines: the ids of pipelines by name.
        versions: specifications by pipeline and version.
        runs: the runs, the newest first.
        asked: the paths that were asked for.
        page_limit: the most runs of one page.
        lies: answers in the place of those that are right, by path.
        token: what has to be sent; empty for nothing.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.pipelines: dict[str, str] = {}
        self.versions: dict[tuple[str, str], Any] = {}
        self.runs: list[dict[str, Any]] = []
        self.asked: list[str] = []
        self.page_limit = 2
        self.lies: dict[str, Any] = {}
        self.token = ""

    def __enter__(self) -> KfpServer:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, path: list[str], query: dict[str, list[str]]) -> Any:
        """What KFP says; None where there is nothing."""
        match path:
            case ["pipelines", "names", name] if name in self.pipelines:
                return {"pipeline_id": self.pipelines[name], "name": name}
            case ["pipelines", pipeline, "versions", version] if (pipeline, version) in self.versions:
                return {"pipeline_spec": self.versions[pipeline, version]}
            case ["runs"]:
                assert query["sort_by"] == ["created_at desc"]
                start = int(query.get("page_token", ["0"])[0])
                end = start + min(self.page_limit, int(query["page_size"][0]))
                listed = [{key: item for key, item in run.items() if key != "run_details"} for run in self.runs]
                more = {"next_page_token": str(end)} if end < len(listed) else {}
                return {"runs": listed[start:end], "total_size": len(listed), **more}
            case ["runs", run]:
                return next((item for item in self.runs if item["run_id"] == run), None)
        return None


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: KfpServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.asked.append(unquote(parts.path))
        path = [unquote(part) for part in parts.path.split("/") if part]
        if self.server.token and self.headers["Authorization"] != f"Bearer {self.server.token}":
            self._reply(401, {"error": "who are you?"})
        elif parts.path in self.server.lies:
            self._reply(200, self.server.lies[parts.path])
        elif path[:2] != ["apis", "v2beta1"] or (found := self.server.answer(path[2:], parse_qs(parts.query))) is None:
            self._reply(404, {"error": "nothing here"})
        else:
            self._reply(200, found)

    def _reply(self, status: int, data: Any) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Quietly."""
