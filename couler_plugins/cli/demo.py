"""`couler demo`."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

__all__ = ["command"]

COMMANDS = (
    ("What would change, and why?", "explain -p dedupe,cache {folder}/churn.yaml"),
    ("The same as a diff.", "diff -p dedupe,cache {folder}/churn.yaml"),
    ("Write it.", "optimize -p dedupe,cache {folder}/churn.yaml -o {folder}/optimized.yaml"),
    ("Would the engine take it?", "lint {folder}/optimized.yaml"),
    ("A page to look at.", "graph --format html -p dedupe,cache {folder}/churn.yaml -o {folder}/page.html"),
)


@click.command(
    "demo",
    epilog="""\b
Examples:
  couler demo
  couler demo -o /tmp/churn
""",
)
@click.option("-o", "--output", default="couler-demo", show_default=True, metavar="DIR", help="Where to put the files.")
@click.pass_context
def command(ctx: click.Context, *, output: str) -> None:
    """Optimises a workflow that comes with couler, step by step, with the commands that you would type.

    The workflow trains a churn model every night on Argo Workflows. Nothing is sent anywhere, and no cluster is needed.
    """
    from couler_plugins.cli.group import couler
    from couler_plugins.demo import workflow
    from couler_plugins.errors import EngineError, InvalidInput

    folder = Path(output)
    manifest = folder / "churn.yaml"
    try:
        if manifest.exists() and manifest.read_bytes() != workflow().encode():
            raise InvalidInput("there is another file of this name", file=str(manifest), hint="choose a folder with -o")
        folder.mkdir(parents=True, exist_ok=True)
        manifest.write_text(workflow(), encoding="utf-8")
    except OSError as error:
        raise EngineError(
            f"cannot write to {output}: {error.strerror or error}", hint="choose another folder"
        ) from error
    click.echo(f"A nightly churn model, in {manifest}. Its owners have declared some of its steps pure.")
    for title, line in COMMANDS:
        name, *arguments = (part.format(folder=folder) for part in line.split())
        click.echo(f"\n# {title}\n$ couler {shlex.join([name, *arguments])}")
        code = couler.main([name, *arguments], standalone_mode=False)
        if code:
            ctx.exit(code)
    click.echo(f"\nOpen {folder}/page.html in a browser.")
