"""A stand-in for Airflow's API server on loopback: its lists and pages, over records made by hand, and its faults."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

__all__ = ["ApiServer", "Fault", "Handler"]

Fault = Callable[["Handler"], bool]
"""Answers in the place of the server; whether it has."""


class ApiServer(ThreadingHTTPServer):
    """The endpoints that history is read from; use it in a `with`.

    Attributes:
        instances: the task instances, as `/taskInstances` gives them.
        tries: their earlier tries.
        xcoms: XComs of ours by DAG, run, task and map index.
        pods: those that name pods, by their key.
        logs: entries of logs by DAG, run, task, map index and try.
        tasks: the tasks by DAG.
        runs: the runs, the newest first.
        faults: what is asked first, for each request.
        asked: the paths that were asked for, with their queries.
        seen: the headers of the requests.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.instances: list[dict[str, Any]] = []
        self.tries: list[dict[str, Any]] = []
        self.xcoms: dict[tuple[str, str, str, int], Any] = {}
        self.pods: dict[str, dict[tuple[str, str, str, int], Any]] = {}
        self.logs: dict[tuple[str, str, str, int, int], Any] = {}
        self.tasks: dict[str, list[dict[str, Any]]] = {}
        self.runs: list[dict[str, Any]] = []
        self.faults: list[Fault] = []
        self.asked: list[str] = []
        self.seen: list[dict[str, str]] = []
        self.page_limit = 100

    def __enter__(self) -> ApiServer:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever has heard enough closes the connection."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add_run(self, dag: str, run: str, *instances: dict[str, Any], state: str = "success") -> None:
        """A run that has ended."""
        end = "2026-01-01T01:00:00Z"
        self.runs.insert(
            0, {"dag_id": dag, "dag_run_id": run, "state": state, "end_date": end, "conf": {"a": "secret"}}
        )
        self.instances += instances

    def answer(self, path: list[str], query: dict[str, list[str]]) -> Any:
        """What Airflow says; None where there is nothing."""
        match path:
            case ["dags"]:
                return self._page("dags", [{"dag_id": dag} for dag in self.tasks], query)
            case ["dags", dag, "tasks"] if dag in self.tasks:
                return {"tasks": self.tasks[dag], "total_entries": len(self.tasks[dag])}
            case ["dags", dag, "dagRuns"]:
                runs = [run for run in self.runs if run["dag_id"] == dag and run["state"] in query["state"]]
                return self._page("dag_runs", runs, query)
            case ["dags", dag, "dagRuns", run, "taskInstances"]:
                found = [item for item in self.instances if (item["dag_id"], item["dag_run_id"]) == (dag, run)]
                return self._page("task_instances", found, query)
            case ["dags", dag, "dagRuns", run, "taskInstances", "~", "xcomEntries"]:
                key = query["xcom_key"][0]
                places = [place for place in self._of_key(key) if place[:2] == (dag, run)]
                entries = [{"key": key, "task_id": task, "map_index": index} for *_, task, index in places]
                return self._page("xcom_entries", entries, query)
            case ["dags", dag, "dagRuns", run, "taskInstances", task, "xcomEntries", key]:
                index = int(query.get("map_index", ["-1"])[0])
                return {"key": key, "value": self._of_key(key)[dag, run, task, index]}
            case ["dags", dag, "dagRuns", run, "taskInstances", task, "logs", number]:
                lines = self.logs.get((dag, run, task, int(query["map_index"][0]), int(number)))
                return None if lines is None else {"content": lines, "continuation_token": None}
            case ["dags", dag, "dagRuns", run, "taskInstances", task, *index, "tries"]:
                place = (dag, run, task, int(index[0]) if index else -1)
                keys = ("dag_id", "dag_run_id", "task_id", "map_index")
                every = [*self.tries, *self.instances]
                found = [item for item in every if tuple(item[key] for key in keys) == place]
                return {"task_instances": found, "total_entries": len(found)}
        return None

    def _of_key(self, key: str) -> dict[tuple[str, str, str, int], Any]:
        return self.xcoms if key == "couler_cache" else self.pods.get(key, {})

    def _page(self, name: str, items: list[Any], query: dict[str, list[str]]) -> dict[str, Any]:
        limit, offset = min(int(query["limit"][0]), self.page_limit), int(query["offset"][0])
        return {name: items[offset : offset + limit], "total_entries": len(items)}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: ApiServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else headers and body, written one after the other, wait 40 ms for each other

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        self.server.asked.append(self.path)
        self.server.seen.append({name.lower(): value for name, value in self.headers.items()})
        if any(fault(self) for fault in self.server.faults):
            return
        path = [unquote(part) for part in parts.path.split("/") if part]
        if path[:2] != ["api", "v2"] or self.headers["Authorization"] != "Bearer a-token":
            self.reply(401, {"detail": "who are you?"})
            return
        found = self.server.answer(path[2:], parse_qs(parts.query))
        self.reply(404 if found is None else 200, found)

    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(self.path)
        if any(fault(self) for fault in self.server.faults):
            return
        known = self.path == "/auth/token" and sent == {"username": "ann", "password": "a-password"}
        self.reply(201 if known else 401, {"access_token": "a-token"} if known else {"detail": sent})

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
