"""The Airflow adapter, as it is registered. Importing this module imports nothing of the adapter's work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from couler_airflow.capabilities import CAPABILITIES
from couler_airflow.capabilities_generated import GENERATED
from couler_plugins.documents import Document
from couler_plugins.hookspecs import Adapter, Capability, hookimpl
from couler_plugins.runs import Run


@dataclass(frozen=True)
class Options:
    """Options of `--to 'airflow{…}'`.

    Attributes:
        store: the PersistentVolumeClaim in which steps hand files on to each other; without one, artifacts of other
            engines are refused.
        kubectl: the image in which Kubernetes objects are created, changed and deleted, with `sh` and `kubectl` in it;
            without one, steps that do that are refused.
    """

    store: str = ""
    kubectl: str = ""


class AirflowAdapter(Adapter):
    """DAG files, which Airflow loads, and the DAG objects in them, which are changed in place.

    Workflows of other engines become DAG files.
    """

    engine: ClassVar[str] = "airflow"
    marks: ClassVar[tuple[str, ...]] = ("airflow",)
    options: ClassVar[type] = Options
    suffix: ClassVar[str] = ".py"
    capabilities: ClassVar[tuple[Capability, ...]] = CAPABILITIES
    generated: ClassVar[tuple[Capability, ...]] = GENERATED
    facets: ClassVar[Mapping[str, str]] = {
        "claims": "couler_airflow.documents:is_dag_file",
        "load": "couler_airflow.bundle:load",
        "lift": "couler_airflow.lift:lift",
        "portable": "couler_airflow.portable.portable:portable",
        "retry_by_cause": "couler_airflow.retries:retry_by_cause",
        "repeats": "couler_airflow.retries:repeats",
        "attempt_limits": "couler_airflow.retries:attempt_limits",
        "waiting": "couler_airflow.waiting:waiting",
        "homes": "couler_airflow.homes:homes",
        "start_order": "couler_airflow.homes:start_order",
        "pod_sizes": "couler_airflow.pod_sizes:pod_sizes",
        "lower": "couler_airflow.lower:lower",
        "dump": "couler_airflow.preview:dump",
        "cache": "couler_airflow.cache.cache:caches",
        "resume": "couler_airflow.resume:resume",
        "archive": "couler_airflow.archive:AirflowArchive",
        "local_checks": "couler_airflow.doctor:local_checks",
        "splitting": "couler_airflow.split.splitting:splitting_of",
        "pod_containers": "couler_airflow.pod_sizes:pod_containers",
    }


@hookimpl
def couler_adapters() -> list[Adapter]:
    """The Airflow adapter."""
    return [AirflowAdapter()]


@hookimpl
def couler_runs(document: Document) -> list[Run]:
    """The runs that Airflow's task instances tell of, as its API gives them or `couler history` has written them."""
    from couler_airflow.history.records import document_of
    from couler_airflow.history.runs import runs_of

    result = document_of(document.data)
    return [] if result is None else runs_of(result)
