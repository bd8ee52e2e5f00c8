"""What Tekton's controller does to runs: each gets on a little when somebody looks or watches, and ends as interpreted.

Its tasks are those of the interpreter of pipelines, over what is in the server by then.
"""

from __future__ import annotations

from typing import Any

import kmock

from adapters.tekton.running.cluster import Cluster, plural_of
from adapters.tekton.split.interpreter import Ran, run_document

__all__ = ["Controller"]

Object = dict[str, Any]
LOOKS = 2
REASONS = {"Succeeded": "True", "Completed": "True", "Failed": "False"}


class Controller:
    """Lets runs get on.

    Attributes:
        failing: tasks that fail.
        ran: what became of each run that has ended, by its name.
        moving: what runs get on at: where somebody looks at one or lists them, and where somebody watches.
    """

    def __init__(self, server: Cluster, failing: frozenset[str] = frozenset()) -> None:
        self.failing = failing
        self.moving = {kmock.action.FETCH, kmock.action.LIST, kmock.action.WATCH}
        self.ran: dict[str, Ran] = {}
        self._server = server
        self._looks: dict[str, int] = {}
        server.before = self.before

    def delete(self, name: str) -> None:
        """Deletes a PipelineRun, as its user does."""
        self._server.drop("pipelineruns", name)
        self.ran.pop(name, None)
        self._looks.pop(name, None)

    def before(self, request: kmock.Request) -> None:
        """Moves what is looked at a little, and what is watched to its end."""
        plural = plural_of(request)
        if request.action not in self.moving or plural not in ("pipelineruns", "taskruns"):
            return
        if request.action == kmock.action.WATCH:
            self.finish(plural)
        for name in self._server.stored(plural):
            if request.name in (None, name):
                self._move(plural, name)

    def finish(self, plural: str) -> None:
        """Moves all runs that are there to their ends."""
        for name in self._server.stored(plural):
            while name not in self.ran:
                self._move(plural, name)

    def _move(self, plural: str, name: str) -> None:
        run = self._server.stored(plural)[name]
        look = self._looks[name] = self._looks.get(name, -1) + 1
        if run["spec"].get("status") and name not in self.ran:
            self.ran[name] = Ran()
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
        documents = [thing for kind in ("pipelines", "tasks") for thing in self._server.stored(kind).values()]
        ran = self.ran[name] = run_document(documents, run, self.failing, name)
        count = f"Tasks Completed: {len(ran.order)} (Failed: 0, Cancelled 0), Skipped: {len(ran.skipped)}"
        results = [{"name": key, "value": value} for key, value in ran.results.items()]
        self._put(plural, run, REASONS[ran.status], ran.status, count, results)

    def _put(self, plural: str, run: Object, status: str, reason: str, message: str, results: list[Object]) -> None:
        condition = {"type": "Succeeded", "status": status, "reason": reason, "message": message}
        told = {"conditions": [condition], **({"results": results} if results else {})}
        self._server.replace(plural, {**run, "status": told})
