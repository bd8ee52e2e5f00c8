"""What the commands of `couler cache` have in common: the options that say which store, and opening it."""

from __future__ import annotations

import contextlib
import logging
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from couler_plugins.cli.progress import Progress
from couler_plugins.cli.settings import SizeType
from couler_plugins.config import Config
from couler_plugins.errors import CoulerError, EngineError, InvalidInput

if TYPE_CHECKING:
    from couler_plugins.caching.artifacts import ArtifactCache
    from couler_plugins.hookspecs import ArtifactStore

__all__ = [
    "AGE",
    "BY_SIGNAL",
    "capacity_option",
    "fail_open_options",
    "harmless",
    "index_option",
    "long_work",
    "named",
    "opened",
    "outputs_of",
    "store_option",
    "store_options",
    "tidy",
]

log = logging.getLogger(__name__)
Function = Callable[..., Any]
BY_SIGNAL = 128  # and the signal's number: what shells say of a process that one has ended
PATIENCE = 1.5  # seconds; `Progress` shows nothing of what comes sooner
LONGEST = 10 * 365 * 86400.0  # seconds
UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Age(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """`90`, `90s`, `30m`, `24h` or `7d`, as seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds; a usage error where the text is no time."""
        if isinstance(value, (int, float)):
            return float(value)
        found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", value)
        if found is None:
            self.fail(f"{value!r} is not a time such as 90s, 30m, 24h or 7d", param, ctx)
        seconds = float(found[1]) * UNITS[found[2]]
        if seconds > LONGEST:
            self.fail(f"{value!r} is more than ten years", param, ctx)
        return seconds


AGE = Age()

store_option = click.option("--store", "cache_store", metavar="URL", help="Where results are kept: a folder, s3://….")
_namespace = click.option("--namespace", "cache_namespace", metavar="NAME", help="The part of the store that is meant.")
index_option = click.option(
    "--index",
    "cache_index",
    metavar="URL",
    help="The index of the store: sqlite:///…, postgresql://…, or none (the default but for a folder).",
)
capacity_option = click.option(
    "--capacity",
    "cache_capacity",
    type=SizeType(),
    metavar="SIZE",
    help="The most that the store may hold: 30GB (what was said last holds).",
)
_timeout = click.option("--timeout", type=AGE, metavar="TIME", help="How long the store may take: 90s, 10m (no limit).")
_strict = click.option("--strict", is_flag=True, help="Exit with 3 where the store fails, instead of warning of it.")


def store_options(function: Function) -> Function:
    """Gives a command `--store`, `--namespace` and `--index`, which become settings."""
    return store_option(_namespace(index_option(function)))


def fail_open_options(function: Function) -> Function:
    """Gives a command `--timeout` and `--strict`."""
    return _timeout(_strict(function))


@contextlib.contextmanager
def opened(config: Config, *, writing: bool = False) -> Iterator[ArtifactCache]:
    """The cache that the settings name, until the end of the block.

    Only those that write set its limit: who just looks at a store does not make it smaller for all others.

    Raises:
        InvalidInput: they name none, or what they say is not understood.
        EngineError: the store or the index cannot be opened.
    """
    from couler_plugins.caching.artifacts import open_cache

    if not config.cache_store:
        hint = "give --store URL, or set COULER_CACHE_STORE, or cache-store in couler.toml"
        raise InvalidInput("nothing says which store is meant", hint=hint)
    cache = open_cache(
        config.cache_store,
        namespace=config.cache_namespace,
        index=config.cache_index or None,
        capacity=config.cache_capacity if writing else None,
        stores=_stores(config) if "://" in config.cache_store else (),
    )
    with contextlib.closing(cache):
        yield cache


def _stores(config: Config) -> list[type[ArtifactStore]]:
    """The stores of plugins, which are only asked where a URL may be meant for one."""
    from couler_plugins.plugins import load_plugins

    with contextlib.redirect_stdout(sys.stderr):  # plugins may print while they are imported
        return list(dict.fromkeys(load_plugins(config).stores.values()))


@contextlib.contextmanager
def harmless(what: str, *, strict: bool = False, bad_input: bool = False) -> Iterator[None]:
    """Makes a warning of whatever fails in the block: no failure of ours is to fail a step.

    Args:
        what: what is not done then.
        strict: whether it is an error after all.
        bad_input: whether bad input is only warned of, too.

    Raises:
        EngineError: something failed, and it is an error after all.
    """
    from couler_plugins.caching.artifacts.redact import redact

    try:
        yield
    except Exception as error:
        if isinstance(error, InvalidInput) and not bad_input:
            raise
        reason = redact(error.message if isinstance(error, CoulerError) else error)
        log.info("the traceback:", exc_info=error)
        if strict:
            raise EngineError(f"{what}: {reason}") from error
        log.warning("%s: %s", what, reason)


def named(text: str) -> tuple[str, str]:
    """The two sides of `name=value`.

    Raises:
        click.UsageError: it is not of that form.
    """
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise click.UsageError(f"{text!r} is not of the form NAME=VALUE.")
    return name, value


def outputs_of(texts: Sequence[str]) -> dict[str, Path]:
    """The outputs that `NAME=PATH…` name.

    Raises:
        click.UsageError: one is not of that form, has no path, is inside of another, or a name is given twice.
        InvalidInput: a name is not one that outputs may have.
    """
    from couler_plugins.caching.artifacts.names import check_output
    from couler_plugins.caching.dataplane.contents import resolved

    found: dict[str, Path] = {}
    for name, path in map(named, texts):
        if not path or check_output(name) in found:
            raise click.UsageError(f"The output {name!r} {'is given twice' if path else 'has no path'}.")
        found[name] = Path(path)
    places = {name: resolved(path) for name, path in found.items()}
    for name, one in places.items():
        if any(one.is_relative_to(other) for other_name, other in places.items() if other_name != name):
            raise click.UsageError(f"The output {name!r} is inside of another one.")
    return found


@contextlib.contextmanager
def long_work(config: Config, message: str) -> Iterator[None]:
    """Shows a message while the block goes on, if it takes long enough for somebody to wonder."""
    with Progress(config) as report:
        timer = threading.Timer(PATIENCE, report, (message,))
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
            timer.join()


@contextlib.contextmanager
def tidy() -> Iterator[None]:
    """Ends the process as usual, what was written aside removed, where SIGTERM would stop it in the middle."""

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(BY_SIGNAL + number)

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
