"""Processes that tests start themselves: a free port, waiting until a server answers, and ending it for certain."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import time
from collections.abc import Callable, Iterator

__all__ = ["free_port", "until", "when_stopped"]


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def until(ready: Callable[[], bool], seconds: float, what: str) -> None:
    """Waits for `ready`; raises TimeoutError, which names `what`, after so many seconds."""
    limit = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > limit:
            raise TimeoutError(f"{what} took more than {seconds:g} s")
        time.sleep(0.02)


@contextlib.contextmanager
def when_stopped(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Ends the process when the block is left: asked first, forced after ten seconds."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
