"""`couler studio`."""

from __future__ import annotations

import sys
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import click

from couler_plugins.cli.generate import ask_model, model_options
from couler_plugins.cli.generated import manifest
from couler_plugins.cli.messages import say
from couler_plugins.cli.settings import engine_option, history_option, to_option
from couler_plugins.cli.work import FileCall, file_command
from couler_plugins.driver import session as inputs
from couler_plugins.driver.rewrite import Session
from couler_plugins.errors import InvalidInput, install_hint
from couler_plugins.generation.composition import compose
from couler_plugins.generation.generation_options import GenerationOptions
from couler_plugins.generation.lake import library
from couler_plugins.options.config import Config
from couler_plugins.plugins import STEPS


@file_command(
    "studio",
    click.option("-p", "--pipeline", metavar="TEXT", help="The optimizers that are switched on at first."),
    history_option,
    to_option,
    engine_option,
    click.option(
        "--port",
        type=click.IntRange(0, 65535),
        help="0 for any free one. Default: 8899, or a free one where that is taken.",
    ),
    click.option(
        "--host",
        default="127.0.0.1",
        metavar="ADDRESS",
        show_default=True,
        help="The address to listen at. Others than your own machine can reach any but the default.",
    ),
    click.option("--read-only", is_flag=True, help="Look only: nothing is saved or submitted."),
    model_options,
    click.option("--open", "open_browser", is_flag=True, help="Open the page in your browser."),
    epilog="""\b
Examples:
  couler studio workflow.yaml
  couler studio --open manifests/
  couler studio --read-only dags/train.py
  couler studio -p dedupe,rightsize --history history.jsonl manifests/
""",
)
def command(
    call: FileCall, *, port: int | None, host: str, read_only: bool, open_browser: bool, access: dict[str, Any]
) -> int:
    """Opens an editor for workflows in your browser.

    Shows the graph of each workflow, and what optimizers make of it. You edit steps in forms, draw arrows, and
    add ready-made steps. "Save" writes only the lines that you changed: comments and formatting stay.
    DAG files of Airflow are shown, not edited. With --model, the studio also makes workflows from descriptions.

    Listens only on your own machine. The printed address holds a token; nobody without it can use the studio.
    Ctrl-C ends it.
    """
    try:
        from couler_plugins.studio.server import TURN, needs_page, serve
    except ImportError as error:
        raise InvalidInput(f"the studio needs {error.name}", hint=install_hint("studio")) from error

    output = sys.stdout  # plugins that print do it on stderr, as long as the session is open

    def ready(address: str) -> None:
        click.echo(address, file=output)
        if output is not None:
            output.flush()
        if missing := needs_page():
            say(missing)
        say("Ctrl-C ends the studio.")
        if open_browser:
            webbrowser.open(address)

    with call.session() as session:
        model = _generator(access, call.config, session, TURN) if access["model"] or access["replay"] else None
        options = {"folder": _folder(call.arguments), "read_only": read_only, "generate": model}
        serve(call.files, call.config, session, host, port, ready, **options)
    return 0


def _generator(
    access: dict[str, Any], config: Config, session: Session, turn: AbstractContextManager[object]
) -> Callable[[str, str], tuple[str, Sequence[str]]]:
    """What makes a workflow of an engine from a description."""

    def generate(description: str, engine: str) -> tuple[str, Sequence[str]]:
        with turn:
            target = inputs.session(config, session.plugins, to=engine)
            catalogue = library(session.plugins.all(STEPS), ())
        generated = ask_model(access, description, (), catalogue, GenerationOptions(), None)
        with turn:
            file = manifest(compose(generated.form, generated.steps), target)
        return file.text, [*generated.notes, *(str(line) for line in (*file.decisions, *file.findings))]

    return generate


def _folder(arguments: tuple[str, ...]) -> str:
    """What was opened, for the title of the page."""
    return Path(arguments[0]).resolve().name if len(arguments) == 1 else f"{len(arguments)} files"
