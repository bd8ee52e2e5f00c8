"""Who asks, and what happens when the answer does not come, is too much, or is somebody else's."""

from __future__ import annotations

import logging
import socket
import time
from typing import Any

import pytest

from couler_airflow.history.api import Client
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.net import json_api
from servers.airflow_api import ApiServer

SECRETS = ("a-token", "a-password", "ann")


def ask(api: ApiServer, max_bytes: int = 10**6) -> Any:
    return Client(api.url, max_bytes).get("dags", "train", "tasks")


@pytest.fixture
def there(api: ApiServer) -> ApiServer:
    api.tasks["train"] = []
    return api


def answers(status: int, times: int, body: Any = b"{}", **headers: str) -> Any:
    left = [times]

    def fault(request: Any) -> bool:
        if left[0]:
            left[0] -= 1
            request.reply(status, body, **headers)
            return True
        return False

    return fault


def test_a_token_of_the_environment_is_used(there: ApiServer) -> None:
    assert ask(there) == {"tasks": [], "total_entries": 0}
    assert there.asked == ["/api/v2/dags/train/tasks"]


def test_a_name_and_a_password_get_a_token_once(there: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COULER_AIRFLOW_TOKEN")
    monkeypatch.setenv("COULER_AIRFLOW_USERNAME", "ann")
    monkeypatch.setenv("COULER_AIRFLOW_PASSWORD", "a-password")
    client = Client(there.url, 10**6)
    for _ in range(2):
        client.get("dags", "train", "tasks")
    assert there.asked == ["/auth/token", *["/api/v2/dags/train/tasks"] * 2]


def test_where_everybody_is_let_in_nobody_has_to_say_who_they_are(
    there: ApiServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COULER_AIRFLOW_TOKEN")

    def lets_in(request: Any) -> bool:
        if request.path == "/auth/token":
            assert request.command == "GET"
            request.reply(201, {"access_token": "a-token"})
        return bool(request.path == "/auth/token")

    there.faults.append(lets_in)
    assert ask(there)


@pytest.mark.parametrize("token", ["wrong", ""])
def test_who_is_not_let_in_is_told_what_to_set_and_no_secret(
    there: ApiServer, monkeypatch: pytest.MonkeyPatch, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("COULER_AIRFLOW_TOKEN", token)
    monkeypatch.setenv("COULER_AIRFLOW_USERNAME", "ann")
    monkeypatch.setenv("COULER_AIRFLOW_PASSWORD", "not a-password")
    with caplog.at_level(logging.DEBUG), pytest.raises(InvalidInput, match="401") as caught:
        ask(there)
    assert "COULER_AIRFLOW_TOKEN" in str(caught.value)
    assert caught.value.__suppress_context__
    for secret in (*SECRETS, "who are you"):
        assert secret not in f"{caught.value}{caplog.text}"


@pytest.mark.parametrize("token", ["two\nlines", "smörgås", "tab\tbed"])
def test_a_token_that_is_none_is_not_sent(there: ApiServer, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("COULER_AIRFLOW_TOKEN", token)
    with pytest.raises(InvalidInput, match="COULER_AIRFLOW_TOKEN is no token") as caught:
        ask(there)
    assert token not in str(caught.value)
    assert there.asked == []


@pytest.mark.parametrize("answer", [[], {}, {"access_token": 3}, {"access_token": "a\nb"}])
def test_a_sign_in_that_gives_no_token_is_an_error(
    there: ApiServer, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.delenv("COULER_AIRFLOW_TOKEN")
    there.faults.append(answers(201, 1, answer))
    with pytest.raises(EngineError, match="holds no token"):
        ask(there)


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_may_pass_is_tried_again(there: ApiServer, status: int) -> None:
    there.faults.append(answers(status, 2))
    assert ask(there)
    assert len(there.asked) == 3


def test_what_does_not_pass_is_an_error(there: ApiServer) -> None:
    there.faults.append(answers(503, 100))
    with pytest.raises(EngineError, match="refuses to look at /api/v2/dags/train/tasks: 503"):
        ask(there)
    assert len(there.asked) == json_api.ATTEMPTS


@pytest.mark.parametrize(("status", "kind"), [(400, EngineError), (403, InvalidInput), (422, EngineError)])
def test_a_no_is_not_asked_again(there: ApiServer, status: int, kind: type[Exception]) -> None:
    there.faults.append(answers(status, 100, {"detail": "a-token"}))
    with pytest.raises(kind, match=str(status)) as caught:
        ask(there)
    assert "a-token" not in str(caught.value)
    assert len(there.asked) == 1


@pytest.mark.parametrize(("header", "pause"), [("7", 7.0), ("3600", 30.0), ("soon", True), ("-1", True), ("", True)])
def test_a_server_says_how_long_to_wait(header: str, pause: float | bool) -> None:
    from email.message import Message
    from urllib.error import HTTPError

    headers = Message()
    headers["Retry-After"] = header
    error = HTTPError("http://there", 429, "slowly", headers, None)
    assert json_api._pause(error) == pause
    error.close()


def test_the_token_follows_no_redirect(there: ApiServer) -> None:
    with ApiServer() as elsewhere:
        there.faults.append(answers(307, 1, Location=f"{elsewhere.url}/api/v2/dags/train/tasks"))
        with pytest.raises(EngineError, match="307") as caught:
            ask(there)
        assert elsewhere.asked == []
        assert caught.value.hint is not None
        assert "somewhere else" in caught.value.hint


@pytest.mark.parametrize("body", [b"<html>Sign in</html>", b"", b"\xff", b'{"a": ', b"[" * 100_000])
def test_what_is_no_json_is_an_error(there: ApiServer, body: bytes) -> None:
    there.faults.append(answers(200, 100, body))
    with pytest.raises(EngineError, match="no JSON"):
        ask(there)
    assert len(there.asked) == 1


def test_an_answer_that_is_too_large_is_left(there: ApiServer) -> None:
    there.faults.append(answers(200, 100, b" " * 2_000_000))
    with pytest.raises(EngineError, match=r"more than 1MB") as caught:
        ask(there)
    assert caught.value.hint == "allow more with --max-bytes"
    assert len(there.asked) == 1


def test_an_answer_that_breaks_off_is_an_error(there: ApiServer) -> None:
    def break_off(request: Any) -> bool:
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
        request.wfile.flush()
        request.close_connection = True
        return True

    there.faults.append(break_off)
    with pytest.raises(EngineError):
        ask(there)


def test_silence_is_waited_for_only_so_long(there: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_api, "SILENCE", 0.05)

    def say_nothing(request: Any) -> bool:
        time.sleep(0.5)
        return True

    there.faults.append(say_nothing)
    with pytest.raises(EngineError, match=r"does not answer .*timed out|TimeoutError"):
        ask(there)


def test_an_answer_that_trickles_is_left(there: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_api, "PATIENCE", 0.1)

    def trickle(request: Any) -> bool:
        request.send_response(200)
        request.send_header("Content-Length", "1000")
        request.end_headers()
        try:
            for _ in range(100):
                request.wfile.write(b" ")
                request.wfile.flush()
                time.sleep(0.02)
        except OSError:
            pass
        return True

    there.faults.append(trickle)
    started = time.monotonic()
    with pytest.raises(EngineError, match="TimeoutError"):
        ask(there)
    assert time.monotonic() - started < 5


def test_a_server_that_is_not_there_is_an_error(api: ApiServer) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        client = Client(f"http://127.0.0.1:{free.getsockname()[1]}", 10**6)
        with pytest.raises(EngineError, match="does not answer"):
            client.get("dags")


@pytest.mark.parametrize(
    "url",
    [
        "ftp://there",
        "file:///etc/passwd",
        "there",
        "http://",
        "https://there:port",
        "https://there:0",
        "http://[::1",
        "http://there/ a",
        "http://there/?a=b",
        "http://there/#a",
        "http://ann:a-password@there",
        "http://th\u00e9re",
        "http://there\r\nX: y",
    ],
)
def test_what_is_no_url_is_refused_and_not_quoted(url: str, api: ApiServer) -> None:
    with pytest.raises(InvalidInput) as caught:
        Client(url, 10**6)
    assert url not in str(caught.value)
    assert "a-password" not in str(caught.value)


def test_a_prefix_and_the_path_of_the_api_are_understood(there: ApiServer) -> None:
    assert Client(f"{there.url}/api/v2/", 10**6).get("dags", "train", "tasks")
    with pytest.raises(InvalidInput, match="401"):
        Client(f"{there.url}/prefix/", 10**6).get("dags", "train", "tasks")
    assert there.asked[-1] == "/prefix/api/v2/dags/train/tasks"
