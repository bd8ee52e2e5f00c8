"""A web server for one file, whose owner may change it at any time."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["CONTENT", "Server", "web_server"]

CONTENT = b"1,2\n" * 500_000


class Server(ThreadingHTTPServer):
    """One file, its etag, and what is asked for it.

    Attributes:
        content: the file.
        etag: its etag; without one, none is sent.
        asked: the methods of the requests.
        sending: is called before a part of the file is sent.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.content = CONTENT
        self.etag = '"abc"'
        self.asked: list[str] = []
        self.sending: Callable[[], object] = lambda: None

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever has heard enough closes the connection."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/data.csv"

    @property
    def fetched(self) -> int:
        return self.asked.count("GET")

    def change(self, content: bytes, etag: str) -> None:
        self.content, self.etag = content, etag


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else headers and body, written one after the other, wait 40 ms for each other

    def do_HEAD(self) -> None:
        self._answer(self._range())

    def do_GET(self) -> None:
        self.server.asked.append("GET")
        part = self._range()
        content = self.server.content[part]
        self._answer(part)
        half = len(content) // 2
        for piece in (content[:half], content[half:]):
            self.server.sending()
            self.wfile.write(piece)

    def _range(self) -> slice:
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        return slice(int(first), int(last) + 1 if last else None)

    def _answer(self, part: slice) -> None:
        size = len(self.server.content)
        first, end, _ = part.indices(size)
        self.send_response(206 if "Range" in self.headers else 200)
        if "Range" in self.headers:
            self.send_header("Content-Range", f"bytes {first}-{end - 1}/{size}")
        if self.server.etag:
            self.send_header("ETag", self.server.etag)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end - first))
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@contextlib.contextmanager
def web_server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
