"""What Tekton's controller does to runs: each gets on a little when somebody looks, and ends as it is interpreted.

Its tasks are those of the interpreter of pipelines, over what is in the server by then.
"""

from __future__ import annotations

from typing import Any

from adapters.argo.evict.apiserver import ApiServer, Request
from adapters.argo.evict.cluster import NAMESPACE
from adapters.tekton.split.interpreter import Ran, run_document

__all__ = ["Controller", "stored"]

Object = dict[str, Any]
LOOKS = 2
REASONS = {"Succeeded": "True", "Completed": "True", "Failed": "False"}


def stored(server: ApiServer, plural: str) -> dict[str, Object]:
    """The objects of a kind that a server holds, by name."""
    return {name: thing for (kind, _, name), thing in server.objects.items() if kind == plural}


class Controller:
    """Lets runs get on.

    Attributes:
        failing: tasks that fail.
        ran: what became of each run that has ended, by its name.
    """

    def __init__(self, server: ApiServer, failing: frozenset[str] = frozenset()) -> None:
        self.failing = failing
        self.ran: dict[str, Ran] = {}
        self._server = server
        self._looks: dict[str, int] = {}
        server.before = self.before

    def delete(self, name: str) -> None:
        """Deletes a PipelineRun, as its user does."""
        del self._server.objects["pipelineruns", NAMESPACE, name]
        self.ran.pop(name, None)
        self._looks.pop(name, None)

    def before(self, request: Request) -> None:
        """Moves the run that is asked for, or all that are listed."""
        if (request.verb, request.plural) == ("list", "pipelineruns"):
            for name in stored(self._server, request.plural):
                self._move(request.plural, name)
        key = (request.plural, request.namespace, request.name)
        if request.verb == "get" and request.plural in ("pipelineruns", "taskruns") and key in self._server.objects:
            self._move(request.plural, request.name)

    def _move(self, plural: str, name: str) -> None:
        run = self._server.get(plural, NAMESPACE, name)
        look = self._looks[name] = self._looks.get(name, -1) + 1
        if run["spec"].get("status"):
            self._put(plural, run, "False", run["spec"]["status"], "it was told to", [])
        elif look < LOOKS:
            message = "Tasks Completed: 0 (Failed: 0, Cancelled 0), Incomplete: 2, Skipped: 0"
            self._put(plural, run, "Unknown", "Running", message, [])
        elif name not in self.ran:
            self._end(plural, run, name)

    def _end(self, plural: str, run: Object, name: str) -> None:
        if plural == "taskruns":
            self.ran[name] = Ran()
            self._put(plural, run, "True", "Succeeded", "All Steps have completed executing", [])
            return
        documents = [thing for (kind, _, _), thing in self._server.objects.items() if kind in ("pipelines", "tasks")]
        ran = self.ran[name] = run_document(documents, run, self.failing, name)
        count = f"Tasks Completed: {len(ran.order)} (Failed: 0, Cancelled 0), Skipped: {len(ran.skipped)}"
        results = [{"name": key, "value": value} for key, value in ran.results.items()]
        self._put(plural, run, REASONS[ran.status], ran.status, count, results)

    def _put(self, plural: str, run: Object, status: str, reason: str, message: str, results: list[Object]) -> None:
        condition = {"type": "Succeeded", "status": status, "reason": reason, "message": message}
        told = {"conditions": [condition], **({"results": results} if results else {})}
        self._server.put(plural, {**run, "status": told})
