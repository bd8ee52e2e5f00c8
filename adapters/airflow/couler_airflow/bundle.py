"""DAGs as documents: each with what Airflow serializes of it, and with the objects that lowering changes in place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from couler_airflow.airflow_compat import serialized
from couler_airflow.cache.rows import wrapped_tasks
from couler_airflow.documents import is_dag_file, load_dags
from couler_plugins.documents import Document, SourceFile
from couler_plugins.errors import CoulerError, EngineError, InvalidInput
from couler_plugins.ir import Bundle, Source

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
