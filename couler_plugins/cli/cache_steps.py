"""`couler cache pod-restore`, `pod-save`, `task-restore` and `task-save`: they never fail the step that they serve."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import msgspec

from couler_plugins.caching.artifacts import Meta
from couler_plugins.caching.dataplane.deadline import time_limit
from couler_plugins.caching.dataplane.lookups import Values, key_of, occupied, went_well
from couler_plugins.caching.dataplane.outputs import restore, save
from couler_plugins.caching.dataplane.pods import (
    HIT,
    KEPT,
    KEY,
    RESTORED,
    at_work,
    ensure_temporary_folder,
    key_by_content,
    outputs_in,
    provide_launcher,
    release_launcher,
    seconds_taken,
    wait_for_result,
    within,
)
from couler_plugins.cli.cache_arguments import named, outputs_of
from couler_plugins.cli.cache_options import (
    AGE,
    TEXT,
    harmless,
    max_age_option,
    opened,
    provenance_options,
    store_options,
    tidy,
    timeout_option,
)
from couler_plugins.cli.settings import with_settings
from couler_plugins.errors import EngineError
from couler_plugins.net.redacting import redact
from couler_plugins.options.config import Config

NOT_RESTORED, NOT_KEPT = "nothing was restored", "the result is not kept"
FILE = click.Path(path_type=Path)

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
_names = click.argument("names", nargs=-1, required=True, metavar="NAME...")
_outputs = click.option(
    "--output", "outputs", type=TEXT, multiple=True, metavar="NAME=PATH", help="An output file or folder."
)


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
    with harmless(NOT_RESTORED, bad_input=True), tidy(), within(timeout, deadline):
        if key_folder is not None:
            key = key_by_content(key, {name: Path(path) for name, path in map(named, inputs)})
            (key_folder / KEY).write_text(key)
        with opened(config) as cache:
            if restore(cache, key, outputs, max_age=max_age) is not None:
                (shared / HIT).touch()


@click.command("pod-save", hidden=True, cls=HarmlessCommand, what=NOT_KEPT, in_folder=True, last=release_launcher)
@_folder
@_key
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
                    raise EngineError("the contents of its input artifacts could not be read")
                key = key if key_folder is None else (key_folder / KEY).read_text()
                with within(timeout, deadline), opened(config, writing=True) as cache:
                    refusal = save(cache, key, outputs_in(shared, KEPT, names), meta)
                if refusal:
                    raise EngineError(refusal)
        finally:
            release_launcher(shared)


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
@_outputs
@click.option("--file", "files", type=TEXT, multiple=True, metavar="NAME=PATH", help="An input file or folder.")
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
    outputs: tuple[str, ...],
    files: tuple[str, ...],
    lists: int,
    end: str,
    values: tuple[str, ...],
    max_age: float | None,
    timeout: float | None,
) -> None:
    """Restores a result in the first step of a Tekton task. Writes its key to --key. Never fails.

    If something is at the place of an output already, restores nothing, and the result will not be kept.
    """
    hit.write_text("false")
    key.write_text("")
    with harmless(NOT_RESTORED, bad_input=True), tidy(), time_limit(timeout):
        wanted = outputs_of(outputs)
        if there := occupied(wanted):
            raise EngineError(f"there is something at the place of its output {there[0]!r}")
        read = {name: Path(path) for name, path in map(named, files)}
        digest = key_of(Values(spec=spec, texts=values, files=read, lists=lists, end=end))
        key.write_text(digest)
        with opened(config) as cache:
            if restore(cache, digest, wanted, max_age=max_age) is not None:
                hit.write_text("true")


@click.command("task-save", hidden=True, cls=HarmlessCommand, what=NOT_KEPT)
@click.option("--key", required=True, type=TEXT, metavar="KEY", help="The key of the result; empty if there is none.")
@_outputs
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
    outputs: tuple[str, ...],
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
        with opened(config, writing=True) as cache:
            if refusal := save(cache, key, outputs_of(outputs), meta):
                raise EngineError(refusal)
