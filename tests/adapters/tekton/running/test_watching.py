"""`couler run` hears from the cluster that a run has ended, and loses nothing where it does not hear it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import kmock
import pytest
import yaml
from click.testing import Result

from adapters.tekton.running.cluster import Cluster, Refused, plural_of
from adapters.tekton.running.controller import Controller
from adapters.tekton.split.generating import train
from adapters.tekton.split.interpreter import run_document
from couler_plugins.running import driver

pytestmark = pytest.mark.sampled

Couler = Callable[..., Result]
PARTS = ["train-part-1", "train-part-2", "train-finally", "train-finally-2"]
LONG = 30.0  # seconds


def watches(server: Cluster) -> list[kmock.Request]:
    return [item for item in server.asked if item.action == kmock.action.WATCH]


def check(server: Cluster, controller: Controller, done: Result) -> None:
    """All of it has run, once, and as it would have in one piece."""
    assert done.exit_code == 0, done.output
    assert [name for _, name in server.creations()] == PARTS
    found = {name: given for ran in controller.ran.values() for name, given in ran.tasks.items()}
    assert found == run_document(train(), train()[0], name="train").tasks


@pytest.fixture
def watched(server: Cluster) -> Controller:
    """A controller whose runs get on while they are watched, and not because somebody looks."""
    controller = Controller(server)
    controller.moving = {kmock.action.WATCH}
    return controller


def test_the_end_of_a_part_is_heard_before_the_next_look(
    server: Cluster, watched: Controller, couler_command: Couler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "FIRST", LONG)
    monkeypatch.setattr(driver, "LONGEST", LONG)
    started = time.monotonic()
    done = couler_command("run", "split.yaml", "--run-id", "r1")
    assert time.monotonic() - started < LONG
    check(server, watched, done)
    asked = watches(server)
    assert {item.params["labelSelector"] for item in asked} == {"couler.io/run=r1"}
    assert [int(item.params["resourceVersion"]) for item in asked] == sorted(
        int(item.params["resourceVersion"]) for item in asked
    ), "each watch goes on after the one before it"


def test_what_ends_before_the_first_watch_is_seen(
    server: Cluster, watched: Controller, couler_command: Couler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first part ends after the driver has looked at it, and before the driver knows from when on to watch."""
    monkeypatch.setattr(driver, "FIRST", LONG)

    def before(request: kmock.Request) -> None:
        if request.action == kmock.action.LIST:
            watched.finish("pipelineruns")
        watched.before(request)

    server.before = before
    started = time.monotonic()
    done = couler_command("run", "split.yaml")
    assert time.monotonic() - started < LONG
    check(server, watched, done)


@pytest.mark.parametrize("cut", [1, 3])
def test_a_connection_that_is_lost_loses_no_end(
    server: Cluster, watched: Controller, couler_command: Couler, cut: int
) -> None:
    server.cut = cut
    check(server, watched, couler_command("run", "split.yaml"))
    assert server.cut == 0


def test_a_version_that_is_forgotten_is_asked_for_anew(
    server: Cluster, watched: Controller, couler_command: Couler
) -> None:
    forgotten: list[int] = []

    def before(request: kmock.Request) -> None:
        watched.before(request)
        if request.action == kmock.action.WATCH and not forgotten:
            forgotten.append(server.version)
            server.oldest = server.version

    server.before = before
    check(server, watched, couler_command("run", "split.yaml"))
    first, second, *_ = (int(item.params["resourceVersion"]) for item in watches(server))
    assert first < forgotten[0] <= second


@pytest.mark.parametrize("status", [429, 503])
def test_a_watch_that_is_refused_for_now_is_tried_again(
    server: Cluster, watched: Controller, couler_command: Couler, status: int
) -> None:
    refused = 0

    def before(request: kmock.Request) -> None:
        nonlocal refused
        if request.action == kmock.action.WATCH and refused < 2:
            refused += 1
            raise Refused(status=status, reason="Later")
        watched.before(request)

    server.before = before
    check(server, watched, couler_command("run", "split.yaml"))
    assert len(watches(server)) > refused


@pytest.mark.parametrize("action", [kmock.action.LIST, kmock.action.WATCH])
@pytest.mark.parametrize("status", [403, 405])
def test_who_may_not_watch_looks_now_and_then(
    server: Cluster, couler_command: Couler, status: int, action: kmock.action
) -> None:
    controller = Controller(server)

    def before(request: kmock.Request) -> None:
        if request.action == action:
            raise Refused(status=status, reason="Forbidden")
        controller.before(request)

    server.before = before
    check(server, controller, couler_command("run", "split.yaml"))
    asked = [item for item in server.asked if item.action == action]
    assert len(asked) == 1, "there is no use in asking again"


def test_a_watch_that_tells_nothing_ends_and_runs_are_looked_at(server: Cluster, couler_command: Couler) -> None:
    """As from a proxy that holds answers back: a part has ended, and nobody has said so."""
    controller = Controller(server)
    server.mute = 1
    check(server, controller, couler_command("run", "split.yaml"))
    assert server.mute == 0


@pytest.mark.parametrize(
    "said", [b"<html>moved</html>\n", b'{"type": "ADDED"}\n', b'{"type": "ADDED", "object": []}\n', b"[]\n"]
)
def test_what_is_no_event_is_a_lost_watch(server: Cluster, couler_command: Couler, said: bytes) -> None:
    controller = Controller(server)
    server[kmock.action.WATCH] << (said,)
    check(server, controller, couler_command("run", "split.yaml"))
    assert len(watches(server)) > 1


def test_a_run_that_is_deleted_is_told_at_once(
    server: Cluster, watched: Controller, couler_command: Couler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "FIRST", LONG)
    watched.moving = set()

    def before(request: kmock.Request) -> None:
        if request.action == kmock.action.WATCH and "train-part-1" in server.stored("pipelineruns"):
            server.drop("pipelineruns", "train-part-1")

    server.before = before
    started = time.monotonic()
    done = couler_command("run", "split.yaml")
    assert time.monotonic() - started < LONG
    assert done.exit_code == 3
    assert "there is no run ml/train-part-1" in done.stderr


def test_task_runs_are_watched_as_well(
    server: Cluster, watched: Controller, couler_command: Couler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driver, "FIRST", LONG)
    metadata, spec = {"name": "once"}, {"taskSpec": {"steps": [{"image": "busybox"}]}}
    run = {"apiVersion": "tekton.dev/v1", "kind": "TaskRun", "metadata": metadata, "spec": spec}
    Path("task.yaml").write_text(yaml.safe_dump(run))
    started = time.monotonic()
    done = couler_command("run", "task.yaml")
    assert time.monotonic() - started < LONG
    assert done.exit_code == 0, done.output
    assert [plural_of(item) for item in watches(server)] == ["taskruns"]
    assert "once" in watched.ran
