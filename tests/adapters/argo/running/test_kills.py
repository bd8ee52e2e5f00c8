"""SIGKILL of `couler run` at every request that it makes: started again, it submits nothing twice and loses nothing."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from adapters.argo.evict.apiserver import ApiServer, Request
from adapters.argo.evict.cluster import kubeconfig
from adapters.argo.running.children import started
from adapters.argo.running.cluster import Controller, bundle, stored
from support import first_of

CREATION = 9
"""The number of the request that creates the workflow: two for each of the four documents before it."""
REQUESTS = 14
"""How many a whole run makes."""
REFUSED = (1, 3, 5, 7)
"""Those that ask for what is not there: an answer that changes nothing, and the same as before the next one."""
ALL = [
    (number, moment)
    for number in range(1, REQUESTS + 1)
    for moment in ("before", "after")
    if moment == "before" or number not in REFUSED
]
SOME = [(CREATION, "after")]


@pytest.fixture
def folder(server: ApiServer, tmp_path: Path) -> Iterator[Path]:
    parent, *others = bundle()
    parent["metadata"] = {"generateName": "big-"}
    (tmp_path / "big.yaml").write_text(yaml.safe_dump_all([parent, *others]))
    with kubeconfig(server, tmp_path):
        yield tmp_path


class Killer:
    """Kills a process at one request: before the server has carried it out, or before it has answered."""

    def __init__(self, server: ApiServer, number: int, moment: str) -> None:
        self._number, self._seen = number, 0
        self.pid = 0
        self.ready = threading.Event()
        self.killed = False
        controller = server.before

        def before(request: Request) -> None:
            self._seen += 1
            if moment == "before":
                self._kill()
            controller(request)

        def after(request: Request) -> None:
            if moment == "after":
                self._kill()

        server.before, server.after = before, after

    def _kill(self) -> None:
        if self._seen == self._number and not self.killed:
            self.ready.wait(30)
            self.killed = True
            os.kill(self.pid, signal.SIGKILL)


def outcome_of(folder: Path, *arguments: str) -> int | None:
    child = started(folder, *arguments)
    child.join(60)
    return child.exitcode


def killed_and_started_again(server: ApiServer, folder: Path, number: int, moment: str, *arguments: str) -> None:
    killer = Killer(server, number, moment)
    child = started(folder, "run", "big.yaml", *arguments)
    killer.pid = int(child.pid or 0)
    killer.ready.set()
    child.join(60)
    assert (killer.killed, child.exitcode) == (True, -signal.SIGKILL)
    there = {key: thing["metadata"]["uid"] for key, thing in server.objects.items()}
    assert outcome_of(folder, "run", "big.yaml", *arguments) == 0, (folder / "out").read_text()
    uids = {key: thing["metadata"]["uid"] for key, thing in server.objects.items()}
    assert uids | there == uids, "what was there is there still"
    (name,) = stored(server, "workflows")
    assert name.startswith("big-")
    assert len(server.objects) == 5


@pytest.mark.parametrize(
    ("number", "moment"), [pytest.param(*case, marks=[] if case in SOME else pytest.mark.slow) for case in ALL]
)
def test_nothing_is_submitted_twice_and_nothing_is_lost(
    server: ApiServer, folder: Path, number: int, moment: str
) -> None:
    Controller(server)
    killed_and_started_again(server, folder, number, moment, "--journal", "j")
    head, *entries = [json.loads(line) for line in (folder / "j").read_text().splitlines()]
    ended = [entry["job"] for entry in entries if entry.get("phase") == "succeeded"]
    assert sorted(ended) == sorted(head["jobs"])
    assert len(ended) == len(set(ended)), "each job ends once"
    asked = len(server.requests)
    assert outcome_of(folder, "run", "big.yaml", "--journal", "j") == 0
    assert len(server.requests) == asked, "what has ended is not looked at again"
    assert (folder / "out").read_text().endswith("score = 0.93\n  model = big/model.tgz\n")


@pytest.mark.parametrize("moment", first_of(["before", "after"]))
def test_the_identity_of_a_run_does_without_a_journal(server: ApiServer, folder: Path, moment: str) -> None:
    Controller(server)
    killed_and_started_again(server, folder, CREATION, moment, "--run-id", "nightly")


def test_a_whole_run_makes_as_many_requests_as_are_tried(server: ApiServer, folder: Path) -> None:
    Controller(server)
    assert outcome_of(folder, "run", "big.yaml") == 0, (folder / "out").read_text()
    assert len(server.requests) == REQUESTS
    assert [item.plural for item in server.requests if item.verb == "create"] == ["workflows"]
    assert server.requests[CREATION - 1].verb == "create"
