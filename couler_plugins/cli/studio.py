"""`couler studio`."""

from __future__ import annotations

import secrets
import socket
import sys
import webbrowser
from pathlib import Path

import click

from couler_plugins.cli.messages import say
from couler_plugins.cli.settings import engine_option, history_option, to_option
from couler_plugins.cli.work import FileCall, file_command
from couler_plugins.errors import InvalidInput, install_hint

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


@file_command(
    "studio",
    click.option("-p", "--pipeline", metavar="TEXT", help="The optimizers that are switched on at first."),
    history_option,
    to_option,
    engine_option,
    click.option("--port", type=click.IntRange(0, 65535), default=8899, show_default=True, help="0 for any free one."),
    click.option(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        show_default=True,
        help="The address to listen at. Others than your own machine can reach any but the default.",
    ),
    click.option("--read-only", is_flag=True, help="Look only: nothing is saved or submitted."),
    click.option("--open", "open_browser", is_flag=True, help="Open the page in your browser."),
    epilog="""\b
Examples:
  couler studio workflow.yaml
  couler studio --open manifests/
  couler studio --read-only dags/train.py
  couler studio -p dedupe,rightsize --history history.jsonl manifests/
""",
)
def command(call: FileCall, *, port: int, host: str, read_only: bool, open_browser: bool) -> int:
    """Opens an editor for workflows in your browser.

    Shows the graph of each workflow, and what optimizers make of it. You edit steps in forms, draw arrows, and
    add ready-made steps. "Save" writes only the lines that you changed: comments and formatting stay.
    DAG files of Airflow are shown, not edited.

    Listens only on your own machine. The printed address holds a token; nobody without it can use the studio.
    Ctrl-C ends it.
    """
    try:
        import uvicorn

        from couler_plugins.studio.app import make_app
        from couler_plugins.studio.runs import run_routes
        from couler_plugins.studio.studio import Studio
    except ImportError as error:
        raise InvalidInput(f"the studio needs {error.name}", hint=install_hint("studio")) from error
    with call.session() as session:
        studio = Studio(call.files, call.config, session, folder=_folder(call.arguments), read_only=read_only)
        studio.state()  # what is read now, the page need not wait for
        listener = _listen(host, port)
        port = listener.getsockname()[1]
        token = secrets.token_urlsafe(24)
        names = LOOPBACK if host == "127.0.0.1" else (f"[{host}]" if ":" in host else host, *LOOPBACK)
        app = make_app(studio, token, [f"{name}:{port}" for name in names], run_routes(studio))
        address = f"http://{names[0]}:{port}/#token={token}"
        click.echo(address)
        sys.stdout.flush()
        say("Ctrl-C ends the studio.")
        if open_browser:
            webbrowser.open(address)
        config = uvicorn.Config(app, log_level="warning", access_log=False, lifespan="off", server_header=False)
        uvicorn.Server(config).run(sockets=[listener])
    return 0


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens.

    Raises:
        InvalidInput: the port is taken, or the address is none of this machine.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise InvalidInput(f"{host}:{port} cannot be used: {error.strerror}", hint="give another --port") from error
    return listener


def _folder(arguments: tuple[str, ...]) -> str:
    """What was opened, for the title of the page."""
    return Path(arguments[0]).resolve().name if len(arguments) == 1 else f"{len(arguments)} files"
