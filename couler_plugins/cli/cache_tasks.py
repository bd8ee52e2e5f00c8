"""`couler cache task-restore` and `task-save`: the first and the last step of a Tekton task. They never fail it."""

from __future__ import annotations

from pathlib import Path

import click

from couler_plugins.caching.artifacts import Meta
from couler_plugins.caching.dataplane.deadline import time_limit
from couler_plugins.caching.dataplane.lookups import Values, key_of, key_text, read_key, went_well
from couler_plugins.caching.dataplane.outputs import restore, save
from couler_plugins.caching.dataplane.places import Places
from couler_plugins.caching.dataplane.workspaces import Workspaces
from couler_plugins.cli.cache_arguments import named, outputs_of, place_option
from couler_plugins.cli.cache_options import (
    TEXT,
    harmless,
    max_age_option,
    opened,
    provenance_options,
    store_options,
    tidy,
    timeout_option,
)
from couler_plugins.cli.cache_steps import NOT_KEPT, NOT_RESTORED, HarmlessCommand
from couler_plugins.cli.settings import with_settings
from couler_plugins.errors import EngineError
from couler_plugins.options.config import Config

FILE = click.Path(path_type=Path)
PLACE = "place:"
"""How the names of places begin among those of files, which begin with a workspace."""

_outputs = click.option(
    "--output", "outputs", type=TEXT, multiple=True, metavar="NAME=PATH", help="An output file or folder."
)
_files = click.option("--file", "files", type=TEXT, multiple=True, metavar="NAME=PATH", help="An input file or folder.")
_whole = click.option(
    "--whole",
    type=TEXT,
    multiple=True,
    metavar="NAME",
    help="An output folder that stays: what is in it is replaced.",
)
_without = click.option(
    "--without", type=FILE, multiple=True, metavar="PATH", help="A file or folder that is neither input nor output."
)


@click.command("task-restore", hidden=True, cls=HarmlessCommand, what=NOT_RESTORED)
@click.option("--spec", required=True, metavar="HASH", help="The hash of the program.")
@click.option(
    "--hit",
    required=True,
    type=FILE,
    metavar="PATH",
    help="The file for the answer: `true` on a hit, otherwise `false`.",
)
@click.option(
    "--key", required=True, type=FILE, metavar="PATH", help="The file to write the key to; empty if there is none."
)
@click.option("--unwritten", type=FILE, metavar="PATH", help="The file to write the content of inputs to that stay.")
@_outputs
@_files
@_whole
@_without
@place_option
@click.option("--lists", type=int, default=0, metavar="NUMBER", help="The number of values that are lists.")
@click.option("--end", type=TEXT, default="", metavar="TEXT", help="The value after the last item of each list.")
@click.argument("values", nargs=-1, type=TEXT, metavar="[VALUE]...")
@max_age_option
@timeout_option
@store_options
@with_settings
def task_restore(
    *,
    config: Config,
    spec: str,
    hit: Path,
    key: Path,
    unwritten: Path | None,
    outputs: tuple[str, ...],
    files: tuple[str, ...],
    whole: tuple[str, ...],
    without: tuple[Path, ...],
    places: tuple[str, ...],
    lists: int,
    end: str,
    values: tuple[str, ...],
    max_age: float | None,
    timeout: float | None,
) -> None:
    """Restores a result in the first step of a Tekton task. Writes its key to --key. Never fails.

    If something is at the place of an output already that is not part of an input, restores nothing, and the result
    will not be kept.
    """
    hit.write_text("false")
    key.write_text("")
    if unwritten is not None:
        unwritten.write_text("")
    with harmless(NOT_RESTORED, bad_input=True), tidy(), time_limit(timeout):
        spaces = _workspaces(outputs, files, without)
        if occupied := spaces.occupied():
            raise EngineError(f"there is something at the place of its output {occupied[0]!r}")
        at = Places(places, in_pod=True)
        there = at.contents()
        contents = {**spaces.contents(), **{f"{PLACE}{name}": text for name, text in there.items()}}
        if unwritten is not None:
            unwritten.write_text(spaces.unwritten() + at.unwritten(there))
        digest = key_of(Values(spec=spec, texts=values, contents=contents, lists=lists, end=end))
        key.write_text(key_text(digest, max_age))
        with opened(config) as cache:
            stays = spaces.skip()
            restored = restore(
                cache, digest, spaces.outputs, max_age=max_age, whole=whole, stays=stays, accepts=at.holds
            )
            if restored is not None:
                hit.write_text("true")


def _workspaces(outputs: tuple[str, ...], files: tuple[str, ...], without: tuple[Path, ...]) -> Workspaces:
    read = {name: Path(path) for name, path in map(named, files)}
    return Workspaces(files=read, outputs=outputs_of(outputs), without=without)


@click.command("task-save", hidden=True, cls=HarmlessCommand, what=NOT_KEPT)
@click.option("--key", required=True, type=TEXT, metavar="KEY", help="The key of the result; empty if there is none.")
@click.option(
    "--unwritten", type=TEXT, default="", metavar="TEXT", help="What inputs that stay held; empty for not compared."
)
@_outputs
@_files
@_without
@place_option
@click.option(
    "--code",
    "codes",
    type=FILE,
    multiple=True,
    metavar="PATH",
    help="A file whose exit code must be 0.",
)
@provenance_options
@timeout_option
@store_options
@with_settings
def task_save(
    *,
    config: Config,
    key: str,
    unwritten: str,
    outputs: tuple[str, ...],
    files: tuple[str, ...],
    without: tuple[Path, ...],
    places: tuple[str, ...],
    codes: tuple[Path, ...],
    meta: Meta,
    timeout: float | None,
) -> None:
    """Stores the result of a Tekton task, in its last step. Never fails.

    Does not follow links in the place of an output, because this step sees more files than the others.
    """
    with harmless(NOT_KEPT, bad_input=True), tidy(), time_limit(timeout):
        if not key:
            return  # why it has none was said when it was looked up
        if not went_well(codes):
            raise EngineError("one of its steps has failed, although the task goes on")
        spaces = _workspaces(outputs, files, without)
        at = Places(places, in_pod=True)
        if unwritten and spaces.unwritten() + at.unwritten() != unwritten:
            raise EngineError(
                "it has changed what it reads in a workspace or at a place, and has not declared that an output"
            )
        digest, max_age = read_key(key)
        with opened(config, writing=True) as cache:
            if refusal := save(cache, digest, spaces.outputs, meta, max_age=max_age, skip=spaces.skip(), places=at):
                raise EngineError(refusal)
