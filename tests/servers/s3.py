"""An S3 server on loopback: moto's, in a process of its own.

moto decides `If-None-Match: *` on PutObject and on CompleteMultipartUpload as S3 does: `test_servers` shows it.
Debian's rclone 1.60 has no `serve s3`.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from typing import Any

from servers.processes import free_port, until, when_stopped

__all__ = ["KEY", "SECRET", "s3_bucket", "s3_files", "s3_server", "s3_url"]

KEY = "AKIATESTKEY000000001"
SECRET = "s3-secret-that-must-not-leak"


@contextlib.contextmanager
def s3_server() -> Iterator[str]:
    """A running server's endpoint, `http://127.0.0.1:PORT`; it takes any credentials and starts empty."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    with when_stopped(process):
        endpoint = f"http://127.0.0.1:{port}"
        until(lambda: _answers(endpoint), 60, "starting moto's S3 server")
        yield endpoint


def s3_files(endpoint: str) -> Any:
    """The server's objects as an fsspec file system, with nothing remembered."""
    import s3fs

    return s3fs.S3FileSystem(key=KEY, secret=SECRET, endpoint_url=endpoint, skip_instance_cache=True)


def s3_bucket(endpoint: str) -> str:
    """The name of a new bucket."""
    name = f"bucket-{uuid.uuid4().hex}"
    s3_files(endpoint).mkdir(name)
    return name


def s3_url(endpoint: str) -> str:
    """The URL of a cache in a new bucket, with the credentials in it."""
    return f"s3://{KEY}:{SECRET}@{s3_bucket(endpoint)}/some/prefix?endpoint_url={endpoint}"


def _answers(endpoint: str) -> bool:
    try:
        with urllib.request.urlopen(f"{endpoint}/moto-api/", timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
