"""`couler lake add`."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from couler_plugins.cli.lake_options import lake_option
from couler_plugins.cli.settings import engine_option, inputs_argument, max_bytes_option, with_settings
from couler_plugins.config import Config

if TYPE_CHECKING:
    from couler_plugins.errors import CoulerError
    from couler_plugins.ir import Workflow
    from couler_plugins.nl.lake import Item
    from couler_plugins.plan import Plan
    from couler_plugins.rewrite import Session
    from couler_plugins.sources import Input

__all__ = ["command"]

log = logging.getLogger(__name__)


@click.command("add")
@inputs_argument
@lake_option
@click.option("--description", default="", metavar="TEXT", help="What they are for; models and searches go by it.")
@engine_option
@max_bytes_option
@with_settings
@click.pass_context
def command(
    ctx: click.Context, *, config: Config, inputs: tuple[str, ...], lake: Path, description: str, engine: str | None
) -> None:
    """Adds workflows of any engines: what their steps run, and how they are put together.

    Of each step that takes texts and gives texts, a ready-made step. It is kept as data; nothing of it is run. One of
    the same name is replaced.
    """
    from couler_plugins.cli.messages import say_error
    from couler_plugins.cli.outputs import write_bytes
    from couler_plugins.cli.work import read_inputs, refused_exit, working
    from couler_plugins.inputs import lift_each
    from couler_plugins.nl.lake import add

    files = read_inputs(inputs, config)
    errors: list[CoulerError] = []

    def refuse(item: Input, error: CoulerError) -> None:
        error.file = error.file or item.name
        errors.append(error)

    with working(config, engine=engine) as session:
        plans = lift_each(files, session, refuse)
        found = ((plan, workflow) for plan in plans for workflow in plan.workflows)
        added = [item for plan, workflow in found for item in _kept(plan, workflow, description, session, errors)]
    for name, count in Counter(item.name for item in added).items():
        if count > 1:
            log.warning("%d of these workflows are called %s: the lake keeps the last of them", count, name)
    for item in added:
        add(lake, item)
        shape = "its steps only" if item.shape is None else "its steps, and how they are put together"
        write_bytes(f"{item.name}: {shape} ({len(item.steps)} steps)\n")
    for error in errors:
        say_error(error)
    ctx.exit(refused_exit(errors))


def _kept(
    plan: Plan, workflow: Workflow, description: str, session: Session, errors: list[CoulerError]
) -> Iterator[Item]:
    """What a lake keeps of a workflow; nothing, and an error, where it means nothing outside of its engine."""
    from couler_plugins.conversion import anew
    from couler_plugins.errors import CoulerError
    from couler_plugins.nl.lifting import kept

    adapter = session.plugins.adapter(workflow.engine)
    try:
        for portable in anew(replace(plan, workflows=(workflow,)), adapter, adapter).workflows:
            yield kept(portable, description=description)
    except CoulerError as error:
        errors.append(error)
