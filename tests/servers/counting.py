"""A web server for one file, in a process of its own: who is observed while it asks does not serve as well."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Counted", "counting_server"]


class Counted(NamedTuple):
    """A file that is served.

    Attributes:
        url: its URL, whatever stands behind it.
        content: the file.
        log: has a line for each GET.
    """

    url: str
    content: Path
    log: Path

    @property
    def fetched(self) -> int:
        return len(self.log.read_text().splitlines())


class _Handler(BaseHTTPRequestHandler):
    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        with Path(sys.argv[2]).open("a") as log:
            log.write("GET\n")
        self.wfile.write(self._answer())

    def _answer(self) -> bytes:
        content = Path(sys.argv[1]).read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content

    def log_message(self, *args: Any) -> None:
        pass


@contextlib.contextmanager
def counting_server(folder: Path) -> Iterator[Counted]:
    content, log = folder / "content", folder / "log"
    content.write_bytes(b"1,2\n")
    log.touch()
    command = [sys.executable, __file__, str(content), str(log)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            port = process.stdout.readline().strip()
            yield Counted(f"http://127.0.0.1:{port}/raw.csv", content, log)
        finally:
            process.terminate()


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
