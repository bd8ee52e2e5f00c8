"""An engine in memory whose jobs get on by one phase each time that somebody looks; and its jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from couler_plugins.errors import EngineError
from couler_plugins.hookspecs.running import Job, Produced, Request, Status, Submitted

__all__ = ["REQUEST", "ToyEngine", "job"]

REQUEST = Request(run="r")


def job(name: str, *needs: str, runs: bool = True) -> Job:
    return Job(name=name, place=f"at/{name}", needs=needs, runs=runs, content={"name": name})


class ToyEngine:
    """Keeps what is submitted; a second submission of the same place is adopted.

    Attributes:
        calls: the method and the place of each call, in order.
        looks: how many looks a job takes to end, by place; two unless said.
        failing: places of jobs that fail.
        before: called with each call before it is carried out.
    """

    def __init__(self, looks: dict[str, int] | None = None, failing: Sequence[str] = ()) -> None:
        self.calls: list[str] = []
        self.looks = dict(looks or {})
        self.failing = set(failing)
        self.before: Callable[[str], None] = lambda call: None
        self._left: dict[str, int] = {}

    def jobs(self, documents: Sequence[Any], request: Request) -> Sequence[Job]:
        return [job(document) for document in documents]

    def submit(self, job: Job, request: Request) -> Submitted:
        self._called(f"submit {job.place}")
        there = job.place in self._left
        self._left.setdefault(job.place, self.looks.get(job.place, 2))
        return Submitted("adopted" if there else "created")

    def status(self, place: str) -> Status:
        self._called(f"status {place}")
        if place not in self._left:
            raise EngineError(f"there is no {place}")
        self._left[place] -= 1
        if self._left[place] > 0:
            return Status(phase="running")
        return Status(phase="failed", message="it failed") if place in self.failing else Status(phase="succeeded")

    def outputs(self, place: str) -> Sequence[Produced]:
        self._called(f"outputs {place}")
        return [Produced(name="out", kind="parameter", value=f"of {place}")]

    def stop(self, place: str, *, terminate: bool = False) -> Sequence[str]:
        self._called(f"stop {place}")
        return [place]

    def retry(self, place: str) -> None:
        """Runs a job that failed again, by the engine's own means; this time it succeeds."""
        self.failing.discard(place)
        self._left[place] = 2

    def submitted(self) -> list[str]:
        """The names of what was submitted, in order."""
        return [call.removeprefix("submit at/") for call in self.calls if call.startswith("submit")]

    def _called(self, call: str) -> None:
        self.before(call)
        self.calls.append(call)
