"""The file beside a tuning file that keeps its trials: with it, a call that was killed goes on when it is repeated."""

from __future__ import annotations

import hashlib
import logging
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec
import stamina

from couler_plugins.errors import EngineError, InvalidInput
from couler_plugins.hookspecs.trials import Task
from couler_plugins.hpo.storages import MissingDriver
from couler_plugins.hpo.study import Study

if TYPE_CHECKING:
    import optuna


LARGEST_PROGRAM = 1024 * 1024

log = logging.getLogger(__name__)


def study_file(task: Path) -> Path:
    """The file that keeps the trials of a tuning file: `churn.study.db` for `churn.yaml`."""
    return task.with_name(f"{task.stem}.study.db")


def fingerprint(task: Task, command: Sequence[str]) -> str:
    """What tells studies of one file apart: the data, the metric, the search space and the command, hashed."""
    content = [task.data.name, task.data.metric, task.data.goal, task.space, list(command)]
    return hashlib.sha256(msgspec.json.encode(content)).hexdigest()[:12]


def program_digest(command: Sequence[str]) -> str:
    """A hash of the command and of its program: the first file of text that it names (`train.py`)."""
    program = next((content for part in command if (content := _text_of(part))), b"")
    return hashlib.sha256(msgspec.json.encode([*command, program])).hexdigest()


def open_study_file(
    file: Path, task: Task, name: str, *, pruner: optuna.pruners.BasePruner | None, fresh: bool
) -> Study | None:
    """A study in a file; None, with a warning in the log, where the file cannot be written.

    Raises:
        InvalidInput: the file is something else, the study is of another task, or Optuna is not installed.
    """
    _check(file)
    try:
        # Whoever finds the file half made by a call that began at the same time looks again.
        for attempt in stamina.retry_context(on=EngineError, attempts=3, wait_initial=0.3):
            with attempt:
                return Study(task, name, file.resolve(), pruner=pruner, fresh=fresh)
    except (EngineError, MissingDriver) as error:
        log.warning("%s: trials are not kept: %s", file, error.message)
    return None


def _check(file: Path) -> None:
    """Sees to it that a file is no other program's.

    Raises:
        InvalidInput: it is.
    """
    if not file.is_file():
        return
    try:
        with closing(sqlite3.connect(f"file:{quote(str(file.resolve()))}?mode=ro", uri=True)) as database:
            tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    except sqlite3.OperationalError:
        return  # what cannot be read now is tried in earnest
    except sqlite3.DatabaseError:
        tables = {"no database"}
    if tables and "studies" not in tables:
        hint = "move it away, or keep the trials elsewhere: --storage sqlite:///FILE, or --storage none"
        raise InvalidInput("it is no study file, and is left as it is", file=str(file), hint=hint)


def _text_of(part: str) -> bytes:
    """The text that a part of a command names as its file; nothing for what is no file, or no text."""
    try:
        path = Path(part)
        content = path.read_bytes() if path.is_file() and path.stat().st_size <= LARGEST_PROGRAM else b""
    except (OSError, ValueError):
        return b""
    return b"" if b"\0" in content else content
