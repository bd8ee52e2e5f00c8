"""`couler cache pod-restore` and `pod-save`: they never fail the step that they serve."""

from __future__ import annotations

import logging
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from couler_plugins.caching.artifacts import Meta
from couler_plugins.caching.dataplane.datasets import Dataset, read_dataset
from couler_plugins.caching.dataplane.downloads import fetch
from couler_plugins.caching.dataplane.outputs import restore, save
from couler_plugins.caching.dataplane.places import Places
from couler_plugins.caching.dataplane.pods import (
    HIT,
    KEPT,
    KEY,
    RESTORED,
    UNWRITTEN,
    at_work,
    ensure_temporary_folder,
    key_by_content,
    outputs_in,
    provide_launcher,
    read_max_age,
    release_launcher,
    seconds_taken,
    time_allowed,
    wait_for_result,
    within,
    write_max_age,
)
from couler_plugins.cli.cache_arguments import named, place_option
from couler_plugins.cli.cache_options import (
    AGE,
    TEXT,
    harmless,
    max_age_option,
    opened,
    provenance_options,
    store_options,
    tidy,
)
from couler_plugins.cli.settings import with_settings
from couler_plugins.errors import EngineError, InvalidInput, restating
from couler_plugins.net.redacting import redact
from couler_plugins.options.config import Config

FILE = click.Path(path_type=Path)
LONGEST = 1 << 16  # bytes of a text that names a dataset
WAIT, STALL = 600.0, 60.0  # seconds, as with `couler cache fetch`
log = logging.getLogger(__name__)
NOT_RESTORED, NOT_KEPT = "nothing was restored", "the result is not kept"

_folder = click.argument("folder", metavar="FOLDER")
_key = click.option("--key", required=True, metavar="KEY", help="The key of the result.")
_pod_timeout = click.option(
    "--timeout", type=AGE, metavar="TIME", help="Time limit for the store: 90s, 10m. Default: none."
)
_deadline = click.option(
    "--deadline",
    default="",
    metavar="TIME",
    help="The deadline of the run: 2027-01-31T12:00:00Z. The store gets a small part of the remaining time.",
)
_key_folder = click.option(
    "--key-folder", type=FILE, metavar="PATH", help="The folder of the key that covers the contents of the inputs."
)
_names = click.argument("names", nargs=-1, metavar="[NAME]...")


class HarmlessCommand(click.Command):
    """A command for which whatever is wrong is only a warning: it exits with 0.

    The variables, settings and arguments of a pod come from several hands, and none of them is to fail a step.

    Args:
        what: what is not done where something is wrong.
        in_folder: whether it begins with FOLDER; where it does not, it is not a pod that calls it, and usage matters.
        first: what comes before all else, given the folder; only its errors are errors.
        last: what comes after something was wrong, given the folder.
    """

    def __init__(
        self,
        *arguments: Any,
        what: str,
        in_folder: bool = False,
        first: Callable[[Path], None] | None = None,
        last: Callable[[Path], None] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(*arguments, **options)
        self._what, self._in_folder, self._first, self._last = what, in_folder, first, last

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Reads the arguments, once the folder has what it needs."""
        folder = Path(args[0]) if self._in_folder and args and not args[0].startswith("-") else None
        if folder is not None and self._first is not None and not extra.get("resilient_parsing"):
            self._first(folder)
        try:
            return super().make_context(info_name, args, parent, **extra)
        except click.UsageError as error:
            if self._in_folder and folder is None:
                raise
            self._warn(folder, error.format_message())
            raise click.exceptions.Exit(0) from error

    def invoke(self, ctx: click.Context) -> Any:
        """Does it, as far as that is possible."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:  # noqa: BLE001  # nothing of ours is to fail a step
            reason = error.format_message() if isinstance(error, click.ClickException) else str(error)
            self._warn(Path(ctx.params["folder"]) if self._in_folder else None, reason)
        return None

    def _warn(self, folder: Path | None, reason: str) -> None:
        sys.stderr.write(f"warning: {self._what}: {redact(reason)}\n")  # what sets up messages may be what failed
        if self._last is not None and folder is not None:
            self._last(folder)


@click.command(
    "pod-restore", hidden=True, cls=HarmlessCommand, what=NOT_RESTORED, in_folder=True, first=provide_launcher
)
@_folder
@_key
@max_age_option
@click.option("--input", "inputs", type=TEXT, multiple=True, metavar="NAME=PATH", help="An input artifact.")
@place_option
@_key_folder
@_pod_timeout
@_deadline
@_names
@store_options
@with_settings
def pod_restore(
    *,
    config: Config,
    folder: str,
    key: str,
    max_age: float | None,
    inputs: tuple[str, ...],
    places: tuple[str, ...],
    key_folder: Path | None,
    timeout: float | None,
    deadline: str,
    names: tuple[str, ...],
) -> None:
    """Restores a result in the init container of a wrapped step.

    First writes the launcher into the folder, and fails only if it cannot.
    """
    shared = Path(folder)
    outputs = outputs_in(shared, RESTORED, names)
    ensure_temporary_folder(shared)
    with harmless(NOT_KEPT, bad_input=True):
        write_max_age(shared, max_age)
    with harmless(NOT_RESTORED, bad_input=True), tidy(), within(timeout, deadline):
        at = Places(places, in_pod=True)
        if key_folder is not None:
            there = at.contents()
            (key_folder / UNWRITTEN).write_text(at.unwritten(there))
            key = key_by_content(key, {name: Path(path) for name, path in map(named, inputs)}, there)
            (key_folder / KEY).write_text(key)
        with opened(config) as cache:
            if restore(cache, key, outputs, max_age=max_age, accepts=at.holds) is not None:
                (shared / HIT).touch()


@click.command("pod-fetch", hidden=True)
@_folder
@_pod_timeout
@_deadline
@click.argument("places", nargs=-1, required=True, metavar="PATH...", type=FILE)
@store_options
@with_settings
def pod_fetch(*, config: Config, folder: str, timeout: float | None, deadline: str, places: tuple[Path, ...]) -> None:
    """Writes datasets over the texts that name them, in an init container of a wrapped step.

    All other files stay as they are. Fails only if a dataset cannot be read where it is, or is not what was declared.
    """
    shared = Path(folder)
    ensure_temporary_folder(shared)
    for place in places:
        with restating(OSError, "it cannot be written", EngineError, file=str(place)):
            dataset = _dataset_at(place)
            if dataset is not None:
                aside, limit = shared / "dataset", time_allowed(timeout, deadline)
                _fetch(config, dataset, aside, limit)
                shutil.copyfile(aside, place)  # it is mounted, so nothing can take its place
                aside.unlink()


def _dataset_at(place: Path) -> Dataset | None:
    if not place.is_file():  # a call has passed a folder
        return None
    with place.open("rb") as stream:
        return read_dataset(stream.read(LONGEST))


def _fetch(config: Config, dataset: Dataset, path: Path, limit: float | None) -> None:
    try:
        fetch(dataset, path, opened(config, writing=True), wait=WAIT, timeout=limit, stall=STALL)
    except InvalidInput as error:
        log.warning("going on without the cache: %s", redact(error.message))
        fetch(dataset, path, None, stall=STALL)


@click.command("pod-save", hidden=True, cls=HarmlessCommand, what=NOT_KEPT, in_folder=True, last=release_launcher)
@_folder
@_key
@place_option
@_key_folder
@_pod_timeout
@_deadline
@_names
@provenance_options
@store_options
@with_settings
def pod_save(
    *,
    config: Config,
    folder: str,
    key: str,
    places: tuple[str, ...],
    key_folder: Path | None,
    timeout: float | None,
    deadline: str,
    names: tuple[str, ...],
    meta: Meta,
) -> None:
    """Stores the result of a wrapped step, in its sidecar. Waits until the command has ended. Never fails."""
    shared = Path(folder)
    ensure_temporary_folder(shared)
    with at_work(shared):
        try:
            # What went wrong is said before the launcher goes on: once the command has ended, so has this container.
            with harmless(NOT_KEPT, bad_input=True), tidy():
                if not wait_for_result(shared):
                    return
                meta = msgspec.structs.replace(meta, seconds=seconds_taken(shared))
                if key_folder is not None and not (key_folder / KEY).exists():
                    raise EngineError("the contents of its inputs could not be read")
                key = key if key_folder is None else (key_folder / KEY).read_text()
                with within(timeout, deadline), opened(config, writing=True) as cache:
                    at = Places(places, in_pod=True)
                    if key_folder is not None and at.unwritten() != (key_folder / UNWRITTEN).read_text():
                        raise EngineError("a place that it only reads was changed while it ran")
                    new = outputs_in(shared, KEPT, names)
                    refusal = save(cache, key, new, meta, max_age=read_max_age(shared), places=at)
                if refusal:
                    raise EngineError(refusal)
        finally:
            release_launcher(shared)
