"""The studio as a server of this machine."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn

from couler_plugins.driver.rewrite import Session
from couler_plugins.errors import InvalidInput
from couler_plugins.inputs.sources import Input
from couler_plugins.options.config import Config
from couler_plugins.studio.app import make_app, page_is_built
from couler_plugins.studio.runs import Runs, run_routes
from couler_plugins.studio.studio import TURN, Studio

__all__ = ["TURN", "needs_page", "serve"]

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
ANY = ("0.0.0.0", "::", "")  # noqa: S104  # who asks for it, gets it
PORT = 8899
"""The port that is tried first, so that an address in a browser's history leads to the next studio too."""
NOT_BUILT = (
    "The page of the studio is not built: in a clone of couler-plugins, run python3 dev.py studio. The API works."
)
SECONDS_TO_END = 3
"""How long what is asked at the end is still answered."""


def serve(
    inputs: Sequence[Input],
    config: Config,
    work: Session,
    host: str,
    port: int | None,
    ready: Callable[[str], None],
    **options: Any,
) -> None:
    """Serve a studio until somebody interrupts it.

    Args:
        inputs: the opened files.
        config: the settings.
        work: what works on them.
        host: the address to listen at.
        port: the port; 0 for any free one, None for the usual one, or any free one where that is taken.
        ready: is told the address of the page, with the token of this start.
        options: those of `Studio`.

    Raises:
        InvalidInput: the port is taken, or the address is none of this machine.
    """
    listener = _listen(host, PORT if port is None else port, fallback=port is None)
    studio = Studio(inputs, config, work, **options)
    studio.state()  # what is read now, the page need not wait for
    port = listener.getsockname()[1]
    token = secrets.token_urlsafe(24)
    names = names_of(host)
    # Uvicorn raises the signal that has ended it once more: runs end then, and what they keep goes.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with contextlib.closing(Runs(studio)) as runs:
        app = make_app(studio, token, [f"{name}:{port}" for name in names], run_routes(runs))
        ready(f"http://{names[0]}:{port}/#token={token}")
        settings = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="off", server_header=False, ws="none",
            timeout_graceful_shutdown=SECONDS_TO_END,
        )  # fmt: skip
        with contextlib.suppress(KeyboardInterrupt):  # this is how it is ended
            uvicorn.Server(settings).run(sockets=[listener])


def needs_page() -> str:
    """Return what to do where the page is not built; empty where it is."""
    return "" if page_is_built() else NOT_BUILT


def names_of(host: str) -> tuple[str, ...]:
    """Return the names under which a studio is reached that listens at an address; the first one is for people."""
    if host in LOOPBACK:
        return host, *(name for name in LOOPBACK if name != host)
    if host not in ANY:
        return f"[{host}]" if ":" in host else host, *LOOPBACK
    own = socket.gethostname()
    addresses: list[str] = []
    with contextlib.suppress(OSError):  # a machine need not know its own name
        addresses += [str(entry[4][0]) for entry in socket.getaddrinfo(own, None, type=socket.SOCK_STREAM)]
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # sends nothing; tells by which address others are reached
        addresses.append(probe.getsockname()[0])
    names = (own, *(f"[{address}]" if ":" in address else address for address in addresses))
    return tuple(dict.fromkeys((*names, *LOOPBACK)))


def _listen(host: str, port: int, *, fallback: bool) -> socket.socket:
    """A socket that listens, at any free port where this one is taken and may be another."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":  # elsewhere, two servers would share a port
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # whoever asks as soon as the address is printed waits, and is not refused
    except OSError as error:
        listener.close()
        if fallback and error.errno == errno.EADDRINUSE:
            return _listen(host, 0, fallback=False)
        raise InvalidInput(f"{host}:{port} cannot be used: {error.strerror}", hint="give another --port") from error
    return listener
