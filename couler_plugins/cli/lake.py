"""`couler lake`: workflows that others are generated of."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click

from couler_plugins.cli.messages import say_error, write_bytes
from couler_plugins.cli.records import print_json
from couler_plugins.cli.settings import engine_option, json_option, with_settings
from couler_plugins.cli.work import FileCall, file_command, refused_exit
from couler_plugins.driver.conversion import to_portable_plan
from couler_plugins.driver.rewrite import Session
from couler_plugins.errors import CoulerError
from couler_plugins.generation import lake as lakes
from couler_plugins.generation.lifting import kept
from couler_plugins.ir import Workflow
from couler_plugins.options.config import Config
from couler_plugins.plan import Plan

log = logging.getLogger(__name__)

lake_option = click.option(
    "--lake",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(".couler/lake"),
    show_default=True,
    envvar="COULER_LAKE",
    show_envvar=True,
    metavar="FOLDER",
    help="The folder of the lake.",
)


@file_command(
    "add",
    lake_option,
    click.option(
        "--description", default="", metavar="TEXT", help="The purpose of the workflows. Models and searches use it."
    ),
    engine_option,
    searches=False,
)
def add(call: FileCall, *, lake: Path, description: str) -> int:
    """Adds workflows of any engine to a lake.

    Each step whose inputs and outputs are texts becomes a ready-made step. It is kept as data, and never run here.
    A workflow of the same name is replaced.
    """
    with call.session() as session:
        plans, errors = call.lift(session)
        pairs = ((plan, workflow) for plan in plans for workflow in plan.workflows)
        added = [item for plan, workflow in pairs for item in _kept(plan, workflow, description, session, errors)]
    for name, count in Counter(item.name for item in added).items():
        if count > 1:
            log.warning("%d of these workflows are called %s: the lake keeps the last of them", count, name)
    for item in added:
        lakes.add(lake, item)
        shape = "its steps only" if item.shape is None else "its steps, and how they are put together"
        write_bytes(f"{item.name}: {shape} ({len(item.steps)} steps)\n")
    for error in errors:
        say_error(error)
    return refused_exit(errors)


def _kept(
    plan: Plan, workflow: Workflow, description: str, session: Session, errors: list[CoulerError]
) -> Iterator[lakes.Item]:
    """What a lake keeps of a workflow; nothing, and an error, where it means nothing outside of its engine."""
    adapter = session.plugins.adapter(workflow.engine)
    try:
        portable = to_portable_plan(replace(plan, workflows=(workflow,)), adapter, adapter)
        yield from (kept(item, description=description) for item in portable.workflows)
    except CoulerError as error:
        errors.append(error)


@click.command("ls")
@lake_option
@json_option
@with_settings
def ls(*, config: Config, lake: Path, output_format: str) -> None:
    """Lists the workflows of a lake, and the steps taken from them."""
    workflows = list(lakes.items(lake))
    if output_format == "json":
        print_json("couler.lake-ls/v0", {"workflows": workflows})
        return
    for item in workflows:
        write_bytes(f"{item.name} ({item.engine}) {item.description}".rstrip() + "\n")
        for step in item.steps:
            ports = ", ".join(port.name for port in step.inputs)
            outputs = ", ".join(port.name for port in step.outputs)
            write_bytes(f"  {step.name}({ports}){f' → {outputs}' if outputs else ''}\n")


@click.command("rm")
@click.argument("names", nargs=-1, required=True, metavar="NAME...")
@lake_option
@with_settings
def rm(*, config: Config, names: tuple[str, ...], lake: Path) -> None:
    """Removes workflows from a lake."""
    for name in dict.fromkeys(names):
        lakes.remove(lake, name)
