"""Telling people and services what came out."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from step_runs import Runs


class Service(HTTPServer):
    """Answers with a status, and keeps what it was asked."""

    status = 200

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, Any, str | None]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class Handler(BaseHTTPRequestHandler):
    server: Service

    def answer(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.command, content, self.headers["Authorization"]))
        self.send_response(self.server.status)
        self.end_headers()
        self.wfile.write(b"as you say")

    do_POST = do_PUT = answer  # noqa: N815  # their names there

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name there
        pass


@pytest.fixture
def service() -> Iterator[Service]:
    with Service() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_slack_notify_writes_to_the_webhook_of_the_secret(
    run: Runs, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SLACK_WEBHOOK_URL", service.url)
    assert run("slack-notify", text='done: "0.9"') == {"status": "200"}
    assert service.asked == [("POST", {"text": 'done: "0.9"'}, None)]


def test_slack_notify_without_a_secret_says_so(run: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_WEBHOOK_URL", raising=False)
    with pytest.raises(SystemExit, match="the URL is neither http:// nor https://"):
        run("slack-notify", text="done")


def test_call_webhook_says_who_we_are(run: Runs, service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEBHOOK_TOKEN", "t0ken")
    given = run("call-webhook", url=service.url, body='{"run": {"ok": true}}', method="PUT")
    assert given == {"status": "200"}
    assert service.asked == [("PUT", {"run": {"ok": True}}, "Bearer t0ken")]


def test_a_service_that_refuses_fails_the_step_without_showing_the_url(run: Runs, service: Service) -> None:
    service.status = 403
    with pytest.raises(SystemExit, match="the answer was 403: as you say") as ended:
        run("call-webhook", url=service.url)
    assert "/hook" not in str(ended.value)


@pytest.mark.parametrize("url", ["file:///etc/hostname", "ftp://a/b", "127.0.0.1/hook"])
def test_only_web_services_are_called(run: Runs, url: str) -> None:
    with pytest.raises(SystemExit, match="the URL is neither http:// nor https://"):
        run("call-webhook", url=url)


def test_write_report_escapes_what_it_shows(run: Runs) -> None:
    given = run("write-report", title="A & B", notes="One.\n\n<script>", values='{"f1": 0.9, "<b>": [1, "x"]}')
    page = Path(given["report"]).read_text()
    assert "<h1>A &amp; B</h1>" in page
    assert "<p>One.</p>\n<p>&lt;script&gt;</p>" in page
    assert "<tr><th>f1</th><td>0.9</td></tr>\n<tr><th>&lt;b&gt;</th><td>[1, &quot;x&quot;]</td></tr>" in page
    assert page.startswith("<!doctype html>")
