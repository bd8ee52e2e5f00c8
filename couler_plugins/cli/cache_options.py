"""What the commands of `couler cache` have in common: the options that say which store, and opening it."""

from __future__ import annotations

import contextlib
import functools
import logging
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import click

from couler_plugins.caching import artifacts
from couler_plugins.caching.dataplane.failures import NotPutBack, reason_of
from couler_plugins.cli.messages import Progress
from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs import ArtifactStore
from couler_plugins.options.config import Config, Limit
from couler_plugins.plugins import STORES, load_plugins

log = logging.getLogger(__name__)
Function = Callable[..., Any]
BY_SIGNAL = 128  # and the signal's number: what shells say of a process that one has ended
ENDING = (signal.SIGTERM, signal.SIGHUP)
"""Who asks a process to end; one that has lost its terminal is asked, too."""
PATIENCE = 1.5  # seconds; `Progress` shows nothing of what comes sooner
LONGEST = 10 * 365 * 86400.0  # seconds
FEWEST = 6  # characters of a key that stand for all of it
PREFIX, DIGEST = re.compile(rf"[0-9a-f]{{{FEWEST},63}}"), re.compile(r"[0-9a-f]{64}")
SHOWN = 4  # keys that are named where several begin alike
FIELDS = ("family", "step", "run", "parents")
LONGEST_NAME = 1024  # characters; see `Meta`
UNITS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


class Age(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """`90`, `90s`, `30m`, `24h` or `7d`, as seconds."""

    name = "time"
    examples = "90s, 30m, 24h or 7d"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The seconds; a usage error where the text is no time."""
        if isinstance(value, (int, float)):
            return float(value)
        match = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", value)
        if match is None:
            self.fail(f"{value!r} is not a time such as {self.examples}", param, ctx)
        seconds = float(match[1]) * UNITS[match[2]]
        if seconds > LONGEST:
            self.fail(f"{value!r} is more than ten years", param, ctx)
        return seconds


class Text(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """What can be written down: arguments may be any bytes, but neither JSON nor keys can hold those."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The text; a usage error where it is none."""
        try:
            value.encode()
        except UnicodeEncodeError:
            self.fail(f"{value!r} is no text in UTF-8", param, ctx)
        return str(value)


class Capacity(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """`1000`, `64MiB`, `1GB` or `none`."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Limit:
        """The limit; a usage error where the text is none."""
        try:
            return Limit.parse(str(value))
        except ValueError as error:
            self.fail(f"{error}, nor `none`", param, ctx)


AGE, CAPACITY, TEXT = Age(), Capacity(), Text()

store_option = click.option("--store", "cache_store", metavar="URL", help="The store: a folder, s3://….")
_namespace = click.option("--namespace", "cache_namespace", metavar="NAME", help="The namespace in the store.")
index_option = click.option(
    "--index",
    "cache_index",
    metavar="URL",
    help="The index of the store: sqlite:///…, postgresql://…, or none. Default: SQLite for a folder, otherwise none.",
)
capacity_option = click.option(
    "--capacity",
    "cache_capacity",
    type=CAPACITY,
    metavar="SIZE",
    help="Capacity of the store: 30GB, or none. The store remembers it.",
)
timeout_option = click.option(
    "--timeout", type=AGE, metavar="TIME", help="Time limit for each access to the store: 90s, 10m. Default: none."
)
max_age_option = click.option(
    "--max-age", type=AGE, metavar="TIME", help="Ignore results that are older: 30m, 24h, 7d."
)
_provenance = (
    click.option("--family", type=TEXT, default="", metavar="NAME", help="The name of the workflow, for policies."),
    click.option("--step", type=TEXT, default="", metavar="NAME", help="The name of the step."),
    click.option("--run", type=TEXT, default="", metavar="NAME", help="The name of the run."),
    click.option(
        "--parent",
        "parents",
        type=TEXT,
        multiple=True,
        metavar="KEY",
        help="The key of a result that this one was computed from.",
    ),
)
_strict = click.option("--strict", is_flag=True, help="Exit with 3 if the store fails, instead of a warning.")


def wait_option(default: str) -> Callable[[Function], Function]:
    """Gives a command `--wait`."""
    return click.option(
        "--wait",
        type=AGE,
        default=default,
        show_default=True,
        metavar="TIME",
        help="Wait this long for another process that makes the same result.",
    )


def store_options(function: Function) -> Function:
    """Gives a command `--store`, `--namespace` and `--index`, which become settings."""
    return store_option(_namespace(index_option(function)))


def fail_open_options(function: Function) -> Function:
    """Gives a command `--timeout` and `--strict`."""
    return timeout_option(_strict(function))


def provenance_options(function: Function) -> Function:
    """Gives a command these options, and calls it with what they say as `meta`."""

    @functools.wraps(function)
    def wrapper(**arguments: Any) -> Any:
        said = {name: arguments.pop(name) for name in FIELDS}
        if any(len(text) > LONGEST_NAME for text in (said["family"], said["step"], said["run"])):
            raise click.UsageError(f"--family, --step and --run take at most {LONGEST_NAME:,} characters.")
        return function(meta=artifacts.Meta(type=said["step"], made_by="couler cache", **said), **arguments)

    for option in reversed(_provenance):
        wrapper = option(wrapper)
    return wrapper


@contextlib.contextmanager
def opened(config: Config, *, writing: bool = False) -> Iterator[artifacts.ArtifactCache]:
    """The cache that the settings name, until the end of the block.

    Only those that write set its limit: who just looks at a store does not make it smaller for all others.

    Raises:
        InvalidInput: they name none, or what they say is not understood.
        EngineError: the store or the index cannot be opened.
    """
    if not config.cache_store:
        hint = "give --store URL, or set COULER_CACHE_STORE, or cache-store in couler.toml"
        raise InvalidInput("no store is given", hint=hint)
    cache = artifacts.open_cache(
        config.cache_store,
        namespace=config.cache_namespace,
        index=config.cache_index or None,
        capacity=config.cache_capacity.bytes if writing else None,
        stores=_stores(config) if "://" in config.cache_store else (),
    )
    with contextlib.closing(cache):
        yield cache


@contextlib.contextmanager
def existing(config: Config) -> Iterator[artifacts.ArtifactCache]:
    """As `opened`, for those who only look: a folder that is not there is not made.

    Raises:
        EngineError: there is no such folder, too.
    """
    if (folder := artifacts.folder_of(config.cache_store)) is not None and not folder.is_dir():
        hint = "couler cache makes it with the first result"
        raise EngineError("there is no such folder", file=str(folder), hint=hint)
    with opened(config) as cache:
        yield cache


def complete_key(cache: artifacts.ArtifactCache, text: str) -> str:
    """Return the key that begins with a text, of those that are digests; the text itself where it is a key, or of none.

    Only digests are completed: of keys that people choose, `train-1` and `train-12` are two.

    Raises:
        InvalidInput: several keys begin like this.
        EngineError: the store or the index failed.
    """
    if not PREFIX.fullmatch(text) or cache.lookup(text) is not None:
        return text
    keys = [entry.key for entry in cache.entries() if entry.key.startswith(text) and DIGEST.fullmatch(entry.key)]
    if len(keys) > 1:
        length = next(length for length in range(len(text), 65) if len({key[:length] for key in keys}) > 1)
        some = ", ".join(key[:length] for key in keys[:SHOWN])
        more = f" and {len(keys) - SHOWN:,} more" if len(keys) > SHOWN else ""
        raise InvalidInput(f"{len(keys):,} keys begin with {text!r}", hint=f"give more of it: {some}{more}")
    return keys[0] if keys else text


def _stores(config: Config) -> list[type[ArtifactStore]]:
    """The stores of plugins, which are only asked where a URL may be meant for one."""
    with contextlib.redirect_stdout(sys.stderr):  # plugins may print while they are imported
        return list(dict.fromkeys(load_plugins(config).all(STORES).values()))


@contextlib.contextmanager
def harmless(what: str, *, strict: bool = False, bad_input: bool = False) -> Iterator[None]:
    """Makes a warning of whatever fails in the block: no failure of ours is to fail a step.

    Args:
        what: what is not done then.
        strict: whether it is an error after all.
        bad_input: whether bad input is only warned of, too, and what it leaves half done.

    Raises:
        InvalidInput: there is bad input.
        EngineError: something failed, and it is an error after all; or what was replaced could not be put back.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, (InvalidInput, NotPutBack)) and not bad_input:
            raise
        log.info("the traceback:", exc_info=error)
        if strict:
            raise EngineError(f"{what}: {reason_of(error)}") from error
        log.warning("%s: %s", what, reason_of(error))


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
    """Ends the process as usual, what was written aside removed, where a signal would stop it in the middle."""

    def stop(number: int, frame: FrameType | None) -> None:
        sys.exit(BY_SIGNAL + number)

    # What is ignored (by nohup, say) stays so.
    heard = [number for number in ENDING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, stop) for number in heard}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
