"""`couler graph`."""

from __future__ import annotations

import logging

import click

from couler_plugins.cli.settings import engine_option, inputs_argument, max_bytes_option, with_settings
from couler_plugins.config import Config

__all__ = ["command"]

log = logging.getLogger(__name__)


@click.command(
    "graph",
    epilog="""\b
Examples:
  couler graph workflow.yaml
  couler graph --format dot workflow.yaml | dot -Tsvg > workflow.svg
""",
)
@inputs_argument
@engine_option
@click.option("--format", "notation", type=click.Choice(["mermaid", "dot"]), default="mermaid", show_default=True)
@max_bytes_option
@with_settings
@click.pass_context
def command(ctx: click.Context, *, config: Config, inputs: tuple[str, ...], engine: str | None, notation: str) -> None:
    """Draws workflows: what runs after what, what reads from what, and what calls what.

    In the picture, solid arrows are order, dotted ones data, thick ones calls of a graph; a small circle is a barrier:
    all before it end before anything after it starts.
    """
    from couler_plugins.api import lift_inputs
    from couler_plugins.cli.messages import say_error
    from couler_plugins.cli.outputs import write_bytes
    from couler_plugins.cli.work import read_inputs, refused_exit, working
    from couler_plugins.errors import CoulerError
    from couler_plugins.graphs import draw, to_dot, to_mermaid
    from couler_plugins.graphs.mermaid import MAX_ARROWS
    from couler_plugins.sources import Input

    errors: list[CoulerError] = []

    def refuse(item: Input, error: CoulerError) -> None:
        error.file = error.file or item.name
        errors.append(error)

    files = read_inputs(inputs, config)
    with working(config, engine=engine) as session:
        plan = lift_inputs(files, session, refuse)
    drawing = draw(plan.workflows)
    write_bytes(to_mermaid(drawing) if notation == "mermaid" else to_dot(drawing))
    if notation == "mermaid" and len(drawing.arrows) > MAX_ARROWS:
        message = "%d arrows: Mermaid draws more than %d only if maxEdges is set; --format dot has no such limit"
        log.warning(message, len(drawing.arrows), MAX_ARROWS)
    for error in errors:
        say_error(error)
    ctx.exit(refused_exit(errors))
