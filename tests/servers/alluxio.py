"""A MOCK of an Alluxio worker on loopback: no Alluxio, but a server that speaks the protocol `alluxiofs` 1.1.17 uses.

The real worker cannot be had from Maven Central, which ends at Alluxio 2.9.6. Workers of that version have neither of
the two interfaces that `alluxiofs` calls (`test_alluxio` shows it): the HTTP interface (`/v1/...`, at the port in
`worker_hosts`) and, for ranges of a file, the S3 interface at the fixed port 29998. Both are served here, over a local
folder as the under store, with what a client can see of a worker: whole-file writes, listings, renames, deletions, and
status 500 for a file that is not there.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

__all__ = ["alluxio_worker"]

RANGES_PORT = 29998
"""Where `alluxiofs` reads ranges, whatever port it was given; a loopback address of its own keeps workers apart."""


@contextlib.contextmanager
def alluxio_worker(folder: Path) -> Iterator[str]:
    """A running worker over a folder, as `HOST:PORT` for `worker_hosts`."""
    ranges = _server_on_an_address_of_its_own(folder)
    host = str(ranges.server_address[0])
    files = ThreadingHTTPServer((host, 0), _handler(folder))
    for server in (ranges, files):
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"{host}:{files.server_address[1]}"
    finally:
        for server in (ranges, files):
            server.shutdown()
            server.server_close()


def _server_on_an_address_of_its_own(folder: Path) -> ThreadingHTTPServer:
    draw = random.Random(os.urandom(8))
    for _ in range(100):
        host = f"127.{draw.randrange(1, 255)}.{draw.randrange(1, 255)}.{draw.randrange(1, 255)}"
        with contextlib.suppress(OSError):
            return ThreadingHTTPServer((host, RANGES_PORT), _handler(folder))
    raise OSError("no loopback address has a free port for Alluxio's S3 interface")


def _handler(folder: Path) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Worker,), {"folder": folder.resolve()})


class _Worker(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else headers and body, written one after the other, wait 40 ms for each other
    folder: Path

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class's name
        """Says nothing: the tests look at what the client logs."""

    def do_GET(self) -> None:
        self._answer(
            {"node": self._node, "info": self._info, "files": self._files, "chunk": self._read, "": self._range}
        )

    def do_POST(self) -> None:
        self._answer({"chunk": self._write, "mkdir": self._mkdir, "mv": self._move, "rm": self._remove})

    def _answer(self, routes: dict[str, Callable[[dict[str, str]], bytes]]) -> None:
        url = urlsplit(self.path)
        _, version, *rest = url.path.split("/")
        name = rest[0] if version == "v1" and rest else ""
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        try:
            body, status = routes[name](query), 200
        except (OSError, KeyError) as error:
            body, status = f"{type(error).__name__}: {error}".encode(), 500
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _file(self, name: str) -> Path:
        path = Path(name.removeprefix("file://")).resolve()
        if path != self.folder and self.folder not in path.parents:
            raise PermissionError(f"{name} is not under the mount point")
        return path

    def _node(self, _: dict[str, str]) -> bytes:
        assert isinstance(self.server, ThreadingHTTPServer)
        return json.dumps({"Host": self.server.server_name, "HttpServerPort": self.server.server_port}).encode()

    def _status(self, path: Path) -> dict[str, object]:
        stat = path.stat()
        return {
            "mType": "directory" if path.is_dir() else "file",
            "mPath": str(path),
            "mUfsPath": f"file://{path}",
            "mLength": 0 if path.is_dir() else stat.st_size,
            "mCompleted": True,
            "mLastModificationTimeMs": int(stat.st_mtime * 1000),
        }

    def _info(self, query: dict[str, str]) -> bytes:
        return json.dumps([self._status(self._file(query["path"]))]).encode()

    def _files(self, query: dict[str, str]) -> bytes:
        return json.dumps([self._status(path) for path in sorted(self._file(query["path"]).iterdir())]).encode()

    def _read(self, query: dict[str, str]) -> bytes:
        return self._file(query["ufsFullPath"]).read_bytes()

    def _range(self, query: dict[str, str]) -> bytes:
        first, _, last = self.headers.get("Range", "bytes=0-").removeprefix("bytes=").partition("-")
        content = self._file(urlsplit(self.path).path).read_bytes()
        return content[int(first) : int(last) + 1 if last else None]

    def _write(self, query: dict[str, str]) -> bytes:
        path = self._file(query["ufsFullPath"])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._body())
        return b""

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def _mkdir(self, query: dict[str, str]) -> bytes:
        self._file(query["ufsFullPath"]).mkdir(parents=True, exist_ok=True)
        return b""

    def _move(self, query: dict[str, str]) -> bytes:
        self._file(query["srcPath"]).replace(self._file(query["dstPath"]))
        return b""

    def _remove(self, query: dict[str, str]) -> bytes:
        path = self._file(query["ufsFullPath"])
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()
        return b""
