"""For those who write DAGs: `optimize`, `lift` and `lower`, on DAG objects."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from couler_airflow.bundle import DagBundle
from couler_airflow.cache.rows import read_declarations
from couler_airflow.installed import installed_plugins
from couler_airflow.lift import lift as lift_bundle
from couler_airflow.lower import commit
from couler_airflow.marks import MARK, cached, declared
from couler_airflow.settings import DECLARATIONS, is_enabled, load_settings
from couler_plugins.documents import SourceFile
from couler_plugins.documents.collector import collector_paused
from couler_plugins.driver.context import RunContext
from couler_plugins.driver.pipeline import parse_pipeline, run_pipeline
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.hookspecs import Optimizer
from couler_plugins.inputs.sources import read_source
from couler_plugins.options.config import MAX_BYTES
from couler_plugins.plan import Lowered, Plan
from couler_plugins.plugins import Plugins

if TYPE_CHECKING:
    Pipeline = str | Sequence[Optimizer]
    History = str | Path | Sequence[str | Path]

log = logging.getLogger(__name__)
PIPELINE = "cache"
T = TypeVar("T")


def lift(*dags: Any) -> Plan:
    """DAGs as optimizers see them. The DAGs stay as they are, and are pointed to.

    Raises:
        InvalidInput: one is no DAG, or Airflow cannot serialize it.
        Unsupported: one uses what is not known here.
    """
    return _lifted(dags, snapshots=True)


def lower(plan: Plan) -> Lowered:
    """Carries out a plan on its DAGs, in place; the plan can be carried out once.

    Returns:
        What changed in what Airflow serializes of them.

    Raises:
        CoulerError: a DAG cannot be what the plan says; all of them are as they were then.
    """
    done = commit(plan)
    for error in done.lowered.refused.values():
        done.undo()
        raise error
    return done.lowered


@overload
def optimize(dag: T, pipeline: Pipeline = ..., *, history: History = ..., plugins: Plugins | None = ...) -> T: ...
@overload
def optimize(
    dag: None = None, pipeline: Pipeline = ..., *, history: History = ..., plugins: Plugins | None = ...
) -> Callable[[T], T]: ...
def optimize(
    dag: Any = None, pipeline: Pipeline = PIPELINE, *, history: History = (), plugins: Plugins | None = None
) -> Any:
    """Optimizes a DAG in place: a call at the end of a DAG file, or a decorator above `@dag`.

    Asking for it declares the tasks of the DAG pure that are `@task` or a PythonOperator; others, and exceptions, are
    marked with `couler_airflow.cached` and `never`.
    Where no store is named, nothing is cached. Whatever fails, the DAG stays as it was and the reason is logged.
    The same is done in the process that serializes the DAG and in every worker: it depends on the DAG, the pipeline,
    the history and the settings alone. That is why past runs come from files, and nobody is asked for newer ones.

    Args:
        dag: the DAG, or what makes it (a function below `@dag`).
        pipeline: what to run, as text or as optimizers.
        history: files of past runs, as `couler history` writes them, that come with the DAG file; relative to its
            folder.
        plugins: the plugins; loaded once a process unless given.

    Returns:
        The DAG itself, or a function that optimizes the one that it makes.
    """
    if dag is None:
        return functools.partial(optimize, pipeline=pipeline, history=history, plugins=plugins)
    if not hasattr(dag, "task_dict") and callable(dag):
        return _decorated(dag, functools.partial(optimize, pipeline=pipeline, history=history, plugins=plugins))
    try:
        _optimize(dag, pipeline, history, plugins)
    except Exception as error:  # no DAG may vanish because of us
        if not isinstance(error, CoulerError):  # such an error says itself what is wrong
            log.info("the traceback:", exc_info=error)
        reason = error.message if isinstance(error, CoulerError) else type(error).__name__
        log.warning("the DAG %s is not optimized: %s", getattr(dag, "dag_id", dag), reason)
    return dag


def _decorated(make: Callable[..., T], optimizing: Callable[[T], T]) -> Callable[..., T]:
    @functools.wraps(make)
    def making(*args: Any, **kwargs: Any) -> T:
        product = make(*args, **kwargs)
        if product is None:  # it is below `@dag` then, and fills a DAG that it does not see
            log.warning("%s is not optimized: it makes no DAG; put optimize above @dag", make.__name__)
            return product
        return optimizing(product)

    return making


def _optimize(dag: Any, pipeline: Pipeline, history: History, plugins: Plugins | None) -> None:

    if not is_enabled():
        return
    _check(dag)
    plugins = plugins or installed_plugins()
    optimizers = parse_pipeline(pipeline, plugins) if isinstance(pipeline, str) else pipeline
    declares = declared(dag) is None and any(item.name == PIPELINE for item in optimizers)
    if declares:
        cached(dag)  # where there is no store as well: `couler explain` says what workers that have one do
    settings = load_settings()
    # The rows of `cache` are for workers, which read them by themselves.
    asking = {item.name for item in optimizers if getattr(item, "reads_rows", False)} - {PIPELINE}
    declarations = read_declarations(settings.declarations) if settings.declarations and asking else {}
    places = (folder / "couler.toml" for folder in (Path(str(dag.fileloc)).parent, Path()))
    # The file may be there for the command line alone, so this is no warning.
    if not settings.declarations and (place := next((path for path in places if path.is_file()), None)) is not None:
        log.info("%s is not read here: %s does not name it", place.resolve(), DECLARATIONS)
    rows = {name: declarations.get(name, ()) for name in sorted(asking)}
    if not settings.cache_store:  # as for the policy: there is nowhere to look
        optimizers = [item for item in optimizers if item.name != PIPELINE]
    try:
        plan = _lifted([dag], snapshots=False)
        with collector_paused():
            context = RunContext(plugins, log.debug, _history(dag, history), explains=False, rows=rows)
            run = run_pipeline(plan, optimizers, context, plugins)
            done = commit(run.plan)
        for error in done.lowered.refused.values():
            raise error
    except BaseException:
        if declares:
            delattr(dag, MARK)
        raise


def _history(dag: Any, history: History) -> list[SourceFile]:
    """The files of past runs.

    Raises:
        InvalidInput: one of them is not there, or cannot be read.
    """
    paths = [history] if isinstance(history, str | Path) else history
    files = []
    for item in read_source([Path(dag.fileloc).parent / path for path in paths], MAX_BYTES):
        if item.error is not None:
            raise item.error
        assert item.file is not None
        files.append(item.file)
    return files


def _lifted(dags: Sequence[Any], *, snapshots: bool) -> Plan:

    for dag in dags:
        _check(dag)
    files = [(SourceFile(str(dag.fileloc), "", "python", ()), [dag]) for dag in dags]

    def refuse(_: int, error: CoulerError) -> None:
        raise error

    bundle = DagBundle.of_dags(files, snapshots=snapshots)
    for error in bundle.errors.values():
        raise error
    return lift_bundle(bundle, refuse)


def _check(dag: Any) -> None:
    if not hasattr(dag, "task_dict"):
        hint = "give what DAG(…) or a function below @dag returns"
        raise InvalidInput(f"{type(dag).__name__} is no DAG", engine="airflow", hint=hint)
