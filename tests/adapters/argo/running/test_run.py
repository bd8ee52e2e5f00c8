"""`couler run` and `couler stop` from end to end, against a server in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from click.testing import Result

from adapters.argo.evict.apiserver import TOKEN, ApiServer, Refused, Request
from adapters.argo.evict.cluster import NAMESPACE
from adapters.argo.running.cluster import PLACE, Controller, bundle, part_of, stored

Couler = Callable[..., Result]
SIDE = ["roles", "rolebindings", "workflowtemplates", "workflowtemplates"]


def created(server: ApiServer) -> list[str]:
    """What was written, in order; dry runs left out."""
    writes = [item for item in server.requests if item.verb in ("create", "patch") and "dryRun" not in item.query]
    return [item.plural for item in writes]


def test_a_split_workflow_is_submitted_followed_and_its_outputs_told(server: ApiServer, couler_command: Couler) -> None:
    Controller(server)
    done = couler_command("run", "big.yaml", "--run-id", "nightly-31")
    assert done.exit_code == 0, done.output
    assert created(server) == [*SIDE, "workflows"]
    assert {item.query["fieldValidation"] for item in server.requests if item.verb in ("create", "patch")} == {"Strict"}
    workflow = server.get("workflows", NAMESPACE, "big")
    assert workflow["metadata"]["labels"] == {"couler.io/run": "nightly-31"}
    parameters = {item["name"]: item["value"] for item in workflow["spec"]["arguments"]["parameters"]}
    assert parameters == {"date": "today", "couler-run": "nightly-31"}
    assert done.stdout.splitlines() == [f"{PLACE}: succeeded", "  score = 0.93", "  model = big/model.tgz"]
    assert done.stderr.splitlines() == [
        "Role ml/big-parts: created",
        "RoleBinding ml/big-parts: created",
        "WorkflowTemplate ml/big-part-1: created",
        "WorkflowTemplate ml/big-part-2: created",
        "Workflow ml/big: created",
        "ml/big: pending",
        "ml/big: running, 1 of 2 steps so far are done; running: part-2",
        "ml/big: succeeded, 2 of 2 steps so far are done",
    ]


def test_what_is_asked_for_stands_in_the_record(server: ApiServer, couler_command: Couler) -> None:
    Controller(server)
    done = couler_command("run", "big.yaml", "--format", "json", "--parameter", "date=2026-01-31", "-q")
    record = json.loads(done.stdout)
    assert done.stderr == ""
    assert (record["schema"], record["engine"], record["dry_run"]) == ("couler.run/v1", "argo", False)
    assert re.fullmatch(r"[a-z0-9]{10}", record["run"])
    *side, parent = record["jobs"]
    assert [job["submitted"] for job in side] == ["created"] * 4
    assert (parent["name"], parent["phase"], parent["submitted"]) == (f"Workflow {PLACE}", "succeeded", "created")
    assert parent["outputs"][0] == {"name": "score", "kind": "parameter", "value": "0.93"}
    (date, run) = server.get("workflows", NAMESPACE, "big")["spec"]["arguments"]["parameters"]
    assert (date["value"], run["value"]) == ("2026-01-31", record["run"])


@pytest.mark.parametrize("phase", ["Failed", "Error"])
def test_a_workflow_that_fails_is_told_with_its_reason(server: ApiServer, couler_command: Couler, phase: str) -> None:
    Controller(server, "Running", phase, message="child 'part-2' failed")
    done = couler_command("run", "big.yaml")
    assert done.exit_code == 1
    assert done.stdout == f"{PLACE}: failed (child 'part-2' failed)\n"


def test_names_are_made_where_only_their_beginning_is_given(server: ApiServer, couler_command: Couler) -> None:
    parent, *others = bundle()
    parent["metadata"] = {"generateName": "nightly-"}
    Path("big.yaml").write_text(yaml.safe_dump_all([parent, *others]))
    Controller(server)
    for run in ("a", "b", "a"):
        assert couler_command("run", "big.yaml", "--run-id", run).exit_code == 0
    names = sorted(stored(server, "workflows"))
    assert len(names) == 2
    assert all(re.fullmatch(r"nightly-[0-9a-f]{8}", name) for name in names)


def test_who_does_not_wait_leaves_it_running(server: ApiServer, couler_command: Couler) -> None:
    done = couler_command("run", "big.yaml", "--no-wait", "--run-id", "r")
    assert done.exit_code == 0
    assert done.stdout == f"{PLACE}: pending\n"
    assert f"to stop it: couler stop --engine argo {PLACE}\n" in done.stderr
    assert "to go on: call the same again with --run-id r\n" in done.stderr


def test_who_waits_no_longer_than_told_is_told_so(server: ApiServer, couler_command: Couler) -> None:
    Controller(server, "Running")
    done = couler_command("run", "big.yaml", "--timeout", "0.05", "--journal", "j")
    assert done.exit_code == 1
    assert done.stdout.startswith(f"{PLACE}: running")
    assert f"{PLACE} runs on\nto go on: call the same again with --journal j\n" in done.stderr


def test_a_dry_run_keeps_nothing(server: ApiServer, couler_command: Couler) -> None:
    done = couler_command("run", "big.yaml", "--dry-run")
    assert done.exit_code == 0
    assert server.objects == {}
    assert created(server) == []
    assert done.stdout == f"{PLACE}: would be created\n"
    assert "Role ml/big-parts: would be created\n" in done.stderr
    writes = [item for item in server.requests if item.verb != "get"]
    assert [item.query["dryRun"] for item in writes] == ["All"] * 5


def test_what_was_there_is_told(server: ApiServer, couler_command: Couler) -> None:
    Controller(server)
    couler_command("run", "big.yaml", "--run-id", "one")
    documents = bundle("big")
    documents[0]["metadata"] = {"generateName": "big-"}
    documents[1]["spec"]["templates"] = [{"name": "new"}]
    Path("big.yaml").write_text(yaml.safe_dump_all(documents))
    told = couler_command("run", "big.yaml", "--run-id", "two").stderr
    assert re.search(r"^Role ml/big-parts: unchanged \(before: version \d+ of .*, set by couler\)$", told, re.MULTILINE)
    assert re.search(r"^WorkflowTemplate ml/big-part-1: changed \(before: version \d+", told, re.MULTILINE)


def test_what_others_have_set_is_not_overwritten_unless_told(server: ApiServer, couler_command: Couler) -> None:
    Controller(server)
    theirs = bundle()[1]
    theirs["metadata"] |= {"namespace": NAMESPACE, "managedFields": [{"manager": "kubectl"}]}
    server.put("workflowtemplates", {**theirs, "spec": {"templates": [{"name": "theirs"}]}})
    refused = couler_command("run", "big.yaml")
    assert refused.exit_code == 3
    assert 'conflict with "kubectl"' in refused.stderr
    assert "--force overwrites it" in refused.stderr
    assert stored(server, "workflows") == {}
    assert couler_command("run", "big.yaml", "--force").exit_code == 0
    assert server.get("workflowtemplates", NAMESPACE, "big-part-1")["spec"] == {"templates": []}


def test_another_workflow_of_that_name_is_left_alone(server: ApiServer, couler_command: Couler) -> None:
    Controller(server)
    couler_command("run", "big.yaml", "--run-id", "one")
    done = couler_command("run", "big.yaml", "--run-id", "two")
    assert done.exit_code == 2
    assert f"there is another workflow {PLACE} already" in done.stderr


def test_stopping_reaches_the_parts(server: ApiServer, couler_command: Couler) -> None:
    couler_command("run", "big.yaml", "--no-wait", "--run-id", "r")
    running = part_of(server, "big", 1, run="r")
    ended = part_of(server, "big", 2, run="r", phase="Succeeded")
    other = part_of(server, "big", 3, run="another")
    late: list[str] = []

    def start_one_more(request: Request) -> None:
        """What the parent had begun to start when it was stopped."""
        if request.verb == "list" and not late:
            late.append(part_of(server, "big", 4, run="r"))

    controller = Controller(server, "Running")
    server.after = start_one_more
    done = couler_command("stop", PLACE)
    assert done.exit_code == 0, done.output
    told = [line.partition(": told")[0] for line in done.stdout.splitlines() if "told to stop" in line]
    assert told == [PLACE, f"{NAMESPACE}/{running}", f"{NAMESPACE}/{late[0]}"]
    shutdowns = {name: thing["spec"].get("shutdown") for name, thing in stored(server, "workflows").items()}
    assert shutdowns == {"big": "Stop", running: "Stop", late[0]: "Stop", ended: None, other: None}
    assert controller.phases == ("Running",)


def test_stopping_by_a_journal_and_by_the_uid_of_the_parent(server: ApiServer, couler_command: Couler) -> None:
    documents = bundle()
    documents[0]["spec"]["arguments"]["parameters"].pop()
    Path("big.yaml").write_text(yaml.safe_dump_all(documents))
    couler_command("run", "big.yaml", "--no-wait", "--journal", "j")
    part = part_of(server, "big", 1)
    done = couler_command("stop", "--journal", "j", "--terminate", "--no-wait", "--format", "json")
    assert json.loads(done.stdout)["stopped"][0]["told"] == [PLACE, f"{NAMESPACE}/{part}"]
    assert server.get("workflows", NAMESPACE, part)["spec"]["shutdown"] == "Terminate"


def test_no_secret_is_told(server: ApiServer, couler_command: Couler) -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "stringData": {"password": "hunter2"}}
    Path("secret.yaml").write_text(yaml.safe_dump(secret))

    def refuse(request: Request) -> None:
        if request.plural == "secrets" and request.verb == "patch":
            raise Refused(422, "Invalid", message='Invalid value: "hunter2"')

    server.before = refuse
    for arguments in (["-vv"], ["--format", "json"], ["--dry-run"], ["--journal", "j"]):
        done = couler_command("run", "big.yaml", "secret.yaml", "--parameter", "date=s3cret", *arguments)
        assert done.exit_code == 3
        for text in (done.stdout, done.stderr, Path("j").read_text() if Path("j").exists() else ""):
            assert "hunter2" not in text
            assert "s3cret" not in text
            assert TOKEN not in text


def test_what_may_not_be_submitted_is_refused_before_anything_is_put_in_place(
    server: ApiServer, couler_command: Couler
) -> None:
    server.forbidden = {("create", "workflows")}
    done = couler_command("run", "big.yaml")
    assert done.exit_code == 3
    assert f"you may not create workflows in {NAMESPACE}" in done.stderr
    assert "couler doctor" in done.stderr
    assert created(server) == []
