"""Ctrl-C, and optimizing on the way: `couler run` as people use it."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from adapters.argo.evict.apiserver import ApiServer, Request
from adapters.argo.evict.cluster import NAMESPACE
from adapters.argo.running.children import started
from adapters.argo.running.cluster import PLACE, Controller, stored

Couler = Callable[..., Result]


def test_who_interrupts_it_is_told_how_to_go_on_and_to_stop(server: ApiServer, place: Path) -> None:
    controller = Controller(server, "Running")
    looked = threading.Event()

    def look(request: Request) -> None:
        controller.before(request)
        if (request.verb, request.plural) == ("get", "workflows"):
            looked.set()

    server.before = look
    child = started(place, "run", "big.yaml", "--journal", "my journal")
    assert looked.wait(30)
    os.kill(int(child.pid or 0), signal.SIGINT)
    child.join(30)
    assert child.exitcode == 130
    *_, runs_on, again, stop = (place / "out").read_text().splitlines()
    assert runs_on == f"{PLACE} runs on"
    assert again == "to go on: call the same again with --journal 'my journal'"
    assert stop == f"to stop it: couler stop --engine argo {PLACE}"
    assert "shutdown" not in server.get("workflows", NAMESPACE, "big")["spec"]


def test_it_optimizes_first_where_it_is_told_to(
    server: ApiServer, couler_command: Couler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COULER_LOAD_PLUGINS", "argo,parallelism")
    templates = [{"name": f"t{number}", "container": {"image": "x", "args": ["y" * 400]}} for number in range(40)]
    tasks = [{"name": f"s{n}", "template": f"t{n}", **({"depends": f"s{n - 1}"} if n else {})} for n in range(40)]
    spec = {"entrypoint": "main", "templates": [{"name": "main", "dag": {"tasks": tasks}}, *templates]}
    whole = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": "big-"},
        "spec": spec,
    }
    Path("whole.json").write_text(json.dumps(whole))
    Controller(server)
    done = couler_command("run", "-p", "split{max-bytes=10kB}", "whole.json", "--run-id", "r")
    assert done.exit_code == 0, done.output
    assert len(stored(server, "workflowtemplates")) > 1
    assert set(stored(server, "roles")) == set(stored(server, "rolebindings")) == {"big-parts"}
    (parent,) = stored(server, "workflows").values()
    assert parent["spec"]["arguments"]["parameters"] == [{"name": "couler-run", "value": "r"}]
    assert len(json.dumps(parent)) < len(json.dumps(whole))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "big.yaml", "--dry-run", "--journal", "j"], "leave --journal out"),
        (["run", "big.yaml", "--no-wait", "--timeout", "3"], "--no-wait"),
        (["run", "big.yaml", "--parameter", "s3cret"], "not of the form NAME=VALUE"),
        (["run", "none.yaml"], "none.yaml"),
        (["run", "big.yaml", "--run-id", "Upper"], "cannot name a run"),
        (["run", "big.yaml", "--journal", "big.yaml"], "this is no journal"),
        (["run", "kubeconfig"], "there is no workflow to run"),
        (["run", "big.yaml", "--engine", "nobody"], "nobody"),
        (["stop"], "Give the names of workflows, or --journal FILE"),
        (["stop", "big", "--journal", "j"], "Give the names of workflows, or --journal FILE"),
        (["stop", "--journal", "j", "--namespace", "x"], "The journal names them already"),
        (["stop", "--journal", "none"], "No such file"),
    ],
)
def test_what_makes_no_sense_submits_nothing(
    server: ApiServer, couler_command: Couler, arguments: list[str], message: str
) -> None:
    done = couler_command(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "s3cret" not in done.output
    assert server.requests == []


def test_a_journal_is_of_the_documents_that_it_was_begun_with(server: ApiServer, couler_command: Couler) -> None:
    Controller(server)
    assert couler_command("run", "big.yaml", "--journal", "j").exit_code == 0
    other = couler_command("run", "big.yaml", "--journal", "j", "--parameter", "date=x")
    assert other.exit_code == 2
    assert "this is the journal of another run: Workflow ml/big was not the same" in other.stderr
    assert couler_command("run", "big.yaml", "--journal", "j", "--run-id", "x").exit_code == 2
