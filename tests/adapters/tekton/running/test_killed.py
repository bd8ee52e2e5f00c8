"""SIGKILL of `couler run` between the parts of a split: started again, nothing runs twice, and nothing is lost."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import kmock
import pytest

from adapters.argo.running.children import started
from adapters.tekton.running.cluster import Cluster
from adapters.tekton.running.controller import Controller
from adapters.tekton.split.generating import train
from adapters.tekton.split.interpreter import run_document
from support import first_of

PARTS = ["train-finally", "train-finally-2", "train-part-1", "train-part-2"]
COMMAND = ("run", "split.yaml", "--run-id", "r1", "--journal", "j")


@pytest.mark.parametrize("moment", first_of(["after", "before"]))
@pytest.mark.parametrize("part", ["train-part-1", "train-part-2", "train-finally"])
def test_a_killed_driver_is_taken_up(server: Cluster, place: Path, part: str, moment: str) -> None:
    """It dies when a part is to be created: before the server has done that, or before it has answered."""
    controller = Controller(server)
    own, ready, killed = controller.before, threading.Event(), threading.Event()
    pid: list[int] = []

    def kill(request: kmock.Request) -> None:
        creates = request.action == kmock.action.CREATE and request.data["metadata"]["name"] == part
        if creates and not killed.is_set():
            ready.wait(30)
            killed.set()
            os.kill(pid[0], signal.SIGKILL)

    def before(request: kmock.Request) -> None:
        if moment == "before":
            kill(request)
        own(request)

    server.before = before
    if moment == "after":
        server.after = kill
    child = started(place, *COMMAND, plugins="tekton")
    pid.append(child.pid or 0)
    ready.set()
    child.join(60)
    assert child.exitcode == -signal.SIGKILL
    again = started(place, *COMMAND, plugins="tekton")
    again.join(60)
    assert again.exitcode == 0, (place / "out").read_text()
    assert sorted(server.stored("pipelineruns")) == PARTS
    assert len(server.creations()) == len(PARTS) + 1, "only the one whose answer nobody has heard is asked for twice"
    found = {name: given for ran in controller.ran.values() for name, given in ran.tasks.items()}
    assert found == run_document(train(), train()[0], name="train").tasks
