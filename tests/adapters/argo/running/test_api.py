"""The cluster on bad days: busy, closed to us, slow, away; and answers that get lost after the work was done."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from click.testing import Result

from adapters.argo.evict.apiserver import TOKEN, ApiServer, Refused, Request
from adapters.argo.evict.cluster import NAMESPACE
from adapters.argo.running.cluster import PLACE, Controller, stored
from couler_argo.run.runner import ArgoRunner
from couler_plugins.engine_kit.kubernetes import calls as api_calls
from couler_plugins.errors import EngineError, InvalidInput, install_hint
from support import first_of

Couler = Callable[..., Result]
REASONS = {401: "Unauthorized", 403: "Forbidden", 404: "Not Found"}


def failing(server: ApiServer, verb: str, plural: str, code: int, times: int = 10**6, **options: object) -> None:
    """Lets the first calls of a verb on a kind fail, before the controller has seen them."""
    then, left = server.before, [times]

    def refuse(request: Request) -> None:
        if (request.verb, request.plural) == (verb, plural) and left[0]:
            left[0] -= 1
            raise Refused(code, f"code {code}", **options)  # type: ignore[arg-type]  # as each case says
        then(request)

    server.before = refuse


@pytest.mark.parametrize(
    ("code", "hint"), [(401, "log in again"), (403, "the role of this account"), (404, "is Argo Workflows installed")]
)
@pytest.mark.parametrize(
    ("verb", "plural"), [("patch", "roles"), ("create", "workflows"), ("get", "workflowtemplates")]
)
def test_a_refusal_says_what_and_what_to_do(
    server: ApiServer, couler_command: Couler, code: int, hint: str, verb: str, plural: str
) -> None:
    Controller(server)
    failing(server, verb, plural, code, message="the server's\nown words")
    done = couler_command("run", "big.yaml", "--run-id", "r")
    if (verb, code) == ("get", 404):
        assert done.exit_code == 0, "that there is none is no failure"
        return
    assert done.exit_code == 3
    assert (
        f"the cluster refused to {verb} {plural} in ml: {code} {REASONS[code]}: the server's own words" in done.stderr
    )
    assert hint in done.stderr
    assert "to go on: call the same again with --run-id r" in done.stderr
    assert len([item for item in server.requests if (item.verb, item.plural) == (verb, plural)]) == 1, "it is final"


@pytest.mark.parametrize("code", first_of([429, 500, 503]))
def test_what_is_over_soon_is_tried_again(server: ApiServer, couler_command: Couler, code: int) -> None:
    Controller(server)
    for verb, plural in (("get", "roles"), ("patch", "rolebindings"), ("create", "workflows"), ("get", "workflows")):
        failing(server, verb, plural, code, times=3)
    assert couler_command("run", "big.yaml").exit_code == 0
    assert len(stored(server, "workflows")) == 1


def test_what_lasts_is_an_error(server: ApiServer, couler_command: Couler) -> None:
    failing(server, "create", "workflows", 500)
    done = couler_command("run", "big.yaml")
    assert done.exit_code == 3
    assert "500" in done.stderr
    assert len([item for item in server.requests if item.verb == "create"]) == api_calls.ATTEMPTS


@pytest.mark.parametrize("code", first_of([500, 504]))
def test_a_lost_answer_is_taken_for_what_it_is(server: ApiServer, couler_command: Couler, code: int) -> None:
    Controller(server)
    lost: set[tuple[str, str]] = set()

    def lose(request: Request) -> None:
        """The first answer to each write."""
        if request.verb in ("create", "patch") and (request.plural, request.name) not in lost:
            lost.add((request.plural, request.name))
            raise Refused(code, "Timeout")

    server.after = lose
    done = couler_command("run", "big.yaml")
    assert done.exit_code == 0, done.stderr
    assert len(lost) == 5
    assert f"Workflow {PLACE}: there already" in done.stderr
    assert [item.verb for item in server.requests if item.plural == "workflows"][:3] == ["create", "create", "get"]


def test_a_connection_that_breaks_in_the_middle_is_tried_again(server: ApiServer, couler_command: Couler) -> None:
    Controller(server)
    then, broken = server.before, [2]

    def break_off(request: Request) -> None:
        if request.verb == "create" and broken[0]:
            broken[0] -= 1
            raise ConnectionAbortedError  # the server hangs up without an answer
        then(request)

    server.before = break_off
    assert couler_command("run", "big.yaml").exit_code == 0
    assert len(stored(server, "workflows")) == 1


def test_a_server_that_is_slow_runs_into_a_limit(
    server: ApiServer, couler_command: Couler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api_calls, "TIMEOUT", (0.2, 0.2))
    server.before = lambda request: time.sleep(0.4)
    done = couler_command("run", "big.yaml")
    assert done.exit_code == 3
    assert "the cluster does not answer (get roles in ml): ReadTimeoutError" in done.stderr


def test_nobody_at_home(server: ApiServer, couler_command: Couler) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = Path("kubeconfig").read_text().replace(server.url, f"http://127.0.0.1:{port}")
    Path("kubeconfig").write_text(config)
    done = couler_command("run", "big.yaml")
    assert done.exit_code == 3
    assert "is it reachable from here?" in done.stderr


@pytest.mark.parametrize("answer", [b"<html>log in</html>", b"[]", b""])
def test_a_proxy_that_answers_in_its_place(runner: ArgoRunner, monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    from kubernetes.client import CustomObjectsApi

    response = SimpleNamespace(data=answer)
    monkeypatch.setattr(CustomObjectsApi, "get_namespaced_custom_object", lambda *args, **options: response)
    with pytest.raises(EngineError, match="does not answer"):
        runner.status(PLACE)


def test_a_token_that_does_not_hold_any_more_is_not_told(server: ApiServer, couler_command: Couler) -> None:
    stale = TOKEN.replace("real", "fresh")
    Path("kubeconfig").write_text(Path("kubeconfig").read_text().replace(TOKEN, stale))
    done = couler_command("run", "big.yaml", "-vv")
    assert done.exit_code == 3
    assert "log in again" in done.stderr
    assert stale not in done.output


def test_a_workflow_that_is_gone_is_an_error_and_not_submitted_again(server: ApiServer, couler_command: Couler) -> None:
    couler_command("run", "big.yaml", "--no-wait", "--journal", "j")
    del server.objects["workflows", NAMESPACE, "big"]
    done = couler_command("run", "big.yaml", "--journal", "j")
    assert done.exit_code == 3
    assert f"there is no workflow {PLACE}" in done.stderr
    assert stored(server, "workflows") == {}
    gone = couler_command("stop", "--journal", "j")
    assert gone.exit_code == 3
    assert couler_command("stop", "nothing").exit_code == 3


def test_without_the_client_it_says_what_to_install(couler_command: Couler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    done = couler_command("run", "big.yaml")
    assert done.exit_code == InvalidInput.exit_code
    assert install_hint("cluster") in done.stderr


def test_no_cluster_to_talk_to(couler_command: Couler, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("broken").write_text(yaml.safe_dump({"users": [{"name": "x", "user": {"token": "s3cret"}}]}))
    monkeypatch.setenv("KUBECONFIG", "broken")
    done = couler_command("run", "big.yaml")
    assert done.exit_code == InvalidInput.exit_code
    assert "the kubeconfig cannot be used" in done.stderr
    assert "s3cret" not in done.output
    monkeypatch.setenv("KUBECONFIG", "kubeconfig")
    other = couler_command("run", "big.yaml", "--context", "other")
    assert other.exit_code == InvalidInput.exit_code
    assert "check the context 'other' in $KUBECONFIG" in other.stderr
