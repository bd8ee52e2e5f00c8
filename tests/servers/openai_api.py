"""A server that speaks OpenAI's protocol and does what a script says, one entry a request."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Asked", "Deed", "OpenAIServer", "cut", "log_of", "says", "send", "serving", "slow", "status"]

Asked = dict[str, Any]
Deed = Callable[[BaseHTTPRequestHandler, Asked], None]


def log_of(metric: float, loss: float = 0.5, epochs: int = 3) -> str:
    """A good training log that ends with a metric."""
    return json.dumps({"log": [{"epoch": n + 1, "loss": loss, "metric": metric} for n in range(epochs)]})


def says(text: str | Callable[[Asked], str], tokens: int = 10) -> Deed:
    """Answers with a text, or with what a function makes of the request."""

    def deed(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        content = text if isinstance(text, str) else text(asked)
        message = {"role": "assistant", "content": content}
        body = {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "scripted-1",
            "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": tokens, "completion_tokens": tokens, "total_tokens": 2 * tokens},
        }
        send(handler, 200, body)

    return deed


def status(code: int, headers: dict[str, str] | None = None, message: str = "no") -> Deed:
    """Answers with an error."""
    return lambda handler, asked: send(handler, code, {"error": {"message": message}}, headers or {})


def slow(seconds: float) -> Deed:
    """Does not answer for so long, and then not at all."""

    def deed(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
        time.sleep(seconds)
        cut(handler, asked)

    return deed


def cut(handler: BaseHTTPRequestHandler, asked: Asked) -> None:
    """Closes the connection in the middle of the answer."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{")
    handler.wfile.flush()
    handler.close_connection = True


class OpenAIServer:
    """What was asked, and what is answered.

    Args:
        script: what to do, one entry a request; the last one for all that follow.
    """

    def __init__(self, script: list[Deed]) -> None:
        self.script = script
        self.asked: list[Asked] = []
        self.keys: list[str] = []
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        asked = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        self.asked.append(asked)
        self.keys.append(handler.headers.get("Authorization", ""))
        self.script[min(len(self.asked), len(self.script)) - 1](handler, asked)


@contextmanager
def serving(*script: Deed) -> Iterator[OpenAIServer]:
    """A server on loopback, until the block ends."""
    state = OpenAIServer(list(script))

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            state.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def send(
    handler: BaseHTTPRequestHandler, code: int, body: dict[str, Any], headers: dict[str, str] | None = None
) -> None:
    content = json.dumps(body).encode()
    handler.send_response(code)
    for name, value in {
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        **(headers or {}),
    }.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(content)
