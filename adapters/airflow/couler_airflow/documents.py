"""Documents of Airflow: DAG files, the DAGs that Airflow loads from them, and what a DAG is as data."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from couler_airflow.airflow_compat import dag_bag, serialized
from couler_airflow.cache.owner import wrapped_tasks
from couler_plugins.documents import Document, SourceFile
from couler_plugins.errors import CoulerError, EngineError, InvalidInput
from couler_plugins.ir import Source
from couler_plugins.ir.bundle import Bundle

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


TASKS = ("dag", "tasks")
"""Where the tasks stand in what Airflow serializes of a DAG, in the order of `task_dict`."""

UNSERIALIZED = ("append_env", "priority_class_name", "schedulername")
"""What lowering may change of an operator and Airflow does not serialize."""


@dataclass(slots=True)
class LiveDag:
    """A DAG, and the state in which it was lifted.

    Attributes:
        dag: the object itself.
        operators: its operators, in the order of the tasks.
        spent: whether a plan was carried out on it, so that what was lifted is out of date.
    """

    dag: Any
    operators: tuple[Any, ...]
    spent: bool = False

    @classmethod
    def of(cls, dag: Any) -> LiveDag:
        """The DAG as it is now."""
        return cls(dag, tuple(dag.task_dict.values()))


@dataclass(frozen=True, slots=True)
class DagBundle(Bundle):
    """Files with the DAGs that they define; every DAG is a document.

    Attributes:
        live: the DAG behind each document.
        errors: why a file (by its number) could not be loaded.
    """

    live: tuple[LiveDag, ...] = ()
    errors: Mapping[int, CoulerError] = field(default_factory=dict)

    @classmethod
    def of_dags(cls, loaded: Iterable[tuple[SourceFile, Iterable[Any] | CoulerError]], *, snapshots: bool) -> DagBundle:
        """A bundle of files and what loading each gave: its DAGs in order, or an error.

        Args:
            loaded: the files.
            snapshots: whether to serialize the DAGs, so that lowering can tell what changed.
        """
        files: list[SourceFile] = []
        documents: list[Document] = []
        numbers: list[int] = []
        live: list[LiveDag] = []
        errors: dict[int, CoulerError] = {}
        for number, (file, dags) in enumerate(loaded):
            files.append(file)
            try:
                raised = _raised(dags)
                own = [Document(file.name, at, snapshot(dag) if snapshots else None, 1, "") for at, dag in raised]
            except CoulerError as error:
                errors[number] = error
                continue
            documents += own
            numbers += [number] * len(own)
            live += [LiveDag.of(dag) for _, dag in raised]
        return cls(tuple(files), tuple(documents), tuple(numbers), tuple(live), errors)

    def live_of(self, source: Source) -> LiveDag:
        """The DAG that something was lifted from."""
        return self.live[int(source[0])]


def load(files: Iterable[SourceFile]) -> DagBundle:
    """Return the DAGs of the files; this runs them."""
    claimed = ((file, load_dags(file) if any(map(is_dag_file, file.documents)) else ()) for file in files)
    return DagBundle.of_dags(claimed, snapshots=True)


def _raised(dags: Iterable[Any] | CoulerError) -> list[tuple[int, Any]]:
    if isinstance(dags, CoulerError):
        raise dags
    return list(enumerate(dags))


def snapshot(dag: Any) -> dict[str, Any]:
    """What Airflow serializes of a DAG, without where its file is, and all else that lowering may change.

    Raises:
        InvalidInput: Airflow cannot serialize it, so that no scheduler would run it.
        EngineError: it is no Airflow 3.
    """
    try:
        data: dict[str, Any] = _plain(serialized(dag))
    except ImportError as error:
        message = f"this Airflow does not serialize DAGs as Airflow 3 does: {error}"
        raise EngineError(message, engine="airflow", hint="install apache-airflow 3") from error
    except Exception as error:  # timetables, weights and operators of anyone run in there
        reason = " ".join(str(error).split())
        raise InvalidInput(
            f"Airflow cannot serialize the DAG {dag.dag_id!r}: {reason[:300]}",
            engine="airflow",
            hint="see what `airflow dags list-import-errors` says of it; its plugins have to be installed here",
        ) from error
    for name in ("fileloc", "relative_fileloc", "_processor_dags_folder"):
        data["dag"].pop(name, None)
    for task in data["dag"]["tasks"]:
        fields = task["__var"]
        operator = dag.task_dict[fields["task_id"]]
        fields |= {name: value for name in UNSERIALIZED if (value := getattr(operator, name, None))}
        if isinstance(fields.get("template_fields"), list):
            fields["template_fields"].sort()  # some operators make them from a set, whose order differs by process
    if cached := wrapped_tasks(dag):
        data["couler"] = {"cache": cached}
    return data


def _plain(data: Any) -> Any:
    """As it is written into Airflow's database: mappings, lists and scalars; the order of keys differs by process."""
    if isinstance(data, dict):
        plain = {str(_plain(key)): _plain(item) for key, item in data.items()}
        return {key: plain[key] for key in sorted(plain)}
    if isinstance(data, (list, tuple)):
        return [_plain(item) for item in data]
    return data.value if isinstance(data, Enum) else data
