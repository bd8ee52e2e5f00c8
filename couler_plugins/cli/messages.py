"""What is printed: data on stdout; on stderr errors, warnings and, on a terminal or on request, the progress."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import click

from couler_plugins.errors import CoulerError

if TYPE_CHECKING:  # the help text of `couler` needs no settings
    from rich.status import Status

    from couler_plugins.options.config import Config

EXAMPLES = 3
"""How many other places of an error are named."""
PATIENCE = 1.0  # seconds; what is done sooner needs no display
log = logging.getLogger(__name__)


class _Handler(logging.Handler):
    """Writes to whatever stderr is at the moment (a progress display may have put itself in between)."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = "" if record.levelno == logging.INFO else f"{record.levelname.lower()}: "
        sys.stderr.write(f"{prefix}{self.format(record)}\n")


def set_up_messages(config: Config) -> None:
    """Sends log messages to stderr until the command ends."""
    root = logging.getLogger()
    handler, level = _Handler(), root.level
    root.addHandler(handler)
    root.setLevel(config.log_level.upper())
    for name in ("stamina", "urllib3.connectionpool"):  # each retry, else
        logging.getLogger(name).setLevel("INFO" if config.log_level == "debug" else "ERROR")

    def undo() -> None:
        root.removeHandler(handler)
        root.setLevel(level)

    # On the outermost context: the group still reports errors after the command's own context is closed.
    click.get_current_context().find_root().call_on_close(undo)


def counted(count: int, name: str) -> str:
    """Return a number with its noun."""
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def nothing_in(file: str) -> str:
    """That there is no workflow in a file; of a program, which programs are read, and what to do about others."""
    if not file.endswith(".py"):
        return "no workflow found"
    return (
        "no workflow found: of Python files, only Airflow DAG files are read. For Hera or KFP, compile first and give "
        "the YAML that the program writes, or optimize inside of the program (docs/hera.md, docs/kfp.md)"
    )


def log_retries() -> None:
    """Lets what is tried again be said in the log. Where structlog is installed, stamina would say it on stdout."""
    from stamina.instrumentation import LoggingOnRetryHook, set_on_retry_hooks

    set_on_retry_hooks([LoggingOnRetryHook])


def write_bytes(text: str) -> None:
    """Writes to stdout as UTF-8, whatever the terminal's own encoding: it is a file's content."""
    if sys.stdout is None:  # closed by whoever called us
        return
    sys.stdout.flush()
    rest = memoryview(text.encode(errors="backslashreplace"))  # a file's name need not be UTF-8
    while rest:  # where stdout is unbuffered, one call may write a part only
        rest = rest[sys.stdout.buffer.write(rest) :]
    sys.stdout.buffer.flush()


def say(text: str) -> None:
    """Print lines on stderr, beside what is wrong; nothing of them under `-q`."""
    if logging.getLogger().isEnabledFor(logging.WARNING):
        click.echo(text, err=True)


def say_error(error: CoulerError, others: Sequence[CoulerError] = ()) -> None:
    """Print an error: what is wrong, where, and what to do.

    Args:
        error: the error.
        others: those that say the same of other places.
    """
    places = [":".join(str(part) for part in (item.file, item.line) if part is not None) for item in others[:EXAMPLES]]
    more = f", {len(others) - EXAMPLES} more" if len(others) > EXAMPLES else ""
    sys.stderr.write(f"error: {error}\n" + (f"  also in: {', '.join(places)}{more}\n" if others else ""))


def use_color(config: Config) -> bool:
    """Whether what goes to stdout is coloured."""
    return config.color == "always" or (config.color == "auto" and sys.stdout is not None and sys.stdout.isatty())


class Progress:
    """Shows on a terminal what is going on while it takes long: a function of messages, for a `with` block."""

    def __init__(self, config: Config) -> None:
        self._wanted = config.log_level != "error" and sys.stderr is not None and sys.stderr.isatty()
        self._started = time.monotonic()
        self._status: Status | None = None

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, message: str) -> None:
        """Shows a message until the next one comes."""
        log.info("%s", message)
        if not self._wanted or time.monotonic() - self._started < PATIENCE:
            return
        if self._status is None:
            from rich.console import Console

            self._status = Console(stderr=True).status(message, spinner="line")
            self._status.start()
        self._status.update(message)
