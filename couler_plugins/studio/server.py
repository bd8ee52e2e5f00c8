"""The studio as a server of this machine."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Callable, Sequence
from typing import Any

import uvicorn

from couler_plugins.driver.rewrite import Session
from couler_plugins.errors import InvalidInput
from couler_plugins.inputs.sources import Input
from couler_plugins.options.config import Config
from couler_plugins.studio.app import make_app
from couler_plugins.studio.runs import run_routes
from couler_plugins.studio.studio import Studio

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def serve(
    inputs: Sequence[Input],
    config: Config,
    work: Session,
    host: str,
    port: int,
    ready: Callable[[str], None],
    **options: Any,
) -> None:
    """Serve a studio until somebody interrupts it.

    Args:
        inputs: the opened files.
        config: the settings.
        work: what works on them.
        host: the address to listen at.
        port: the port; 0 for any free one.
        ready: is told the address of the page, with the token of this start.
        options: those of `Studio`.

    Raises:
        InvalidInput: the port is taken, or the address is none of this machine.
    """
    studio = Studio(inputs, config, work, **options)
    studio.state()  # what is read now, the page need not wait for
    listener = _listen(host, port)
    port = listener.getsockname()[1]
    token = secrets.token_urlsafe(24)
    names = LOOPBACK if host == LOOPBACK[0] else (f"[{host}]" if ":" in host else host, *LOOPBACK)
    app = make_app(studio, token, [f"{name}:{port}" for name in names], run_routes(studio))
    ready(f"http://{names[0]}:{port}/#token={token}")
    settings = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False)
    uvicorn.Server(settings).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens."""
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()  # whoever asks as soon as the address is printed waits, and is not refused
    except OSError as error:
        listener.close()
        raise InvalidInput(f"{host}:{port} cannot be used: {error.strerror}", hint="give another --port") from error
    return listener
