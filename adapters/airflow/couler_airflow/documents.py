"""DAG files: what tells them from other Python, without Airflow, and the DAGs that Airflow finds in them."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from couler_airflow.airflow_compat import dag_bag
from couler_plugins.documents import Document, SourceFile
from couler_plugins.errors import CoulerError, EngineError, InvalidInput

PLACE = re.compile(r'^\s*File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)
QUIET = {"AIRFLOW__LOGGING__LOGGING_LEVEL": "CRITICAL", "AIRFLOW__CORE__DAGBAG_IMPORT_ERROR_TRACEBACK_DEPTH": "100"}
"""Settings while a file is loaded, whatever the environment says: Airflow logs nothing, since what it cannot import is
told by us, and gives all lines that took part.
"""
OURS = re.compile(r"couler_plugins\.errors\.\w+: (?P<message>.*?)(?: hint: (?P<hint>.*))?")
"""What a traceback ends with where a call of ours was wrong: see `CoulerError`."""
HINT = "see what `python` says of the file; what it imports has to be installed here"


def is_dag_file(document: Document) -> bool:
    """Whether this is a Python file that names both Airflow and a DAG, which is what Airflow itself looks for."""
    text = document.text.lower()
    return document.file.endswith(".py") and document.data is None and "airflow" in text and "dag" in text


def load_dags(file: SourceFile) -> Sequence[Any] | CoulerError:
    """The DAGs of a file, in the order of their ids, or why there are none. This runs the file, as Airflow does.

    Args:
        file: the file; it has to be on disk, since that is where Airflow reads it.
    """
    path = Path(file.name)
    if not path.is_file():
        message = "Airflow loads DAGs from files, and this is not a file"
        return InvalidInput(message, file=file.name, engine="airflow", hint="give the path of the DAG file")
    with _own_settings():
        try:
            bags = dag_bag()
        except ImportError as error:
            message = f"Airflow cannot be imported: {error}"
            hint = "install apache-airflow 3 beside couler-plugins, with what the DAG file imports"
            return EngineError(message, file=file.name, engine="airflow", hint=hint)
        with _importing_beside(path.resolve()):
            bag = bags(dag_folder=str(path.resolve()))
    for trace in bag.import_errors.values():
        return _import_error(file.name, path, str(trace))
    if not bag.dags:
        message = "Airflow finds no DAG in this file"
        return InvalidInput(message, file=file.name, engine="airflow", hint="a DAG has to be a global of its module")
    return [bag.dags[name] for name in sorted(bag.dags)]


@contextlib.contextmanager
def _importing_beside(path: Path) -> Iterator[None]:
    """Let a DAG file import what is in the folder of the DAGs, as Airflow does, or beside it where it is in none."""
    from airflow.configuration import conf

    root = Path(conf.get("core", "dags_folder", fallback="")).resolve()
    folder = str(root if path.is_relative_to(root) else path.parent)
    sys.path.append(folder)
    try:
        yield
    finally:
        sys.path.remove(folder)


@contextlib.contextmanager
def _own_settings() -> Iterator[None]:
    """Keeps logging as it is: Airflow sets it up for the whole process when it is imported, and talks a lot then."""
    root, bags = logging.getLogger(), logging.getLogger("airflow.models.dagbag")  # 3.0 logs all tracebacks there
    handlers, level, own_level = root.handlers[:], root.level, bags.level
    bags.setLevel(logging.CRITICAL)
    theirs = {name: os.environ[name] for name in QUIET if name in os.environ}
    os.environ.update(QUIET)
    try:
        yield
    finally:
        for name in QUIET:
            del os.environ[name]
        os.environ.update(theirs)
        root.handlers[:] = handlers
        root.setLevel(level)
        bags.setLevel(own_level)


def _import_error(name: str, path: Path, trace: str) -> InvalidInput:
    """What a traceback ends with, and the last line of the file that took part in it."""
    lines = [found["line"] for found in PLACE.finditer(trace) if Path(found["file"]).resolve() == path.resolve()]
    line = int(lines[-1]) if lines else None
    reason, hint = _reason(trace), HINT
    if (ours := OURS.fullmatch(reason)) is not None:  # which says itself what to do
        reason, hint = ours["message"], ours["hint"]
    return InvalidInput(f"Airflow cannot import it: {reason[:300]}", file=name, line=line, engine="airflow", hint=hint)


def _reason(trace: str) -> str:
    """The exception of a traceback, in one line: its message may have several."""
    lines: list[str] = []
    for text in trace.splitlines():
        if text.startswith(("  File ", "Traceback ")):
            lines = []  # what stands before this is no exception, or not the last
        elif lines or not text.startswith(" "):
            lines.append(text.strip())
    return " ".join(filter(None, lines)) or "it raises an exception"
