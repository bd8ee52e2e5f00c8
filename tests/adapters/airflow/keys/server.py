"""Runs DAG files of cases, each in a process that is forked from this one, which has loaded Airflow already.

It is a program, not a module of the tests: `python -P server.py HOME` reads requests from its standard input, one JSON
document a line, and answers each on its standard output. What a run sees is Airflow's own: the DAG bag, the serialized
DAG, the API of workers (in the process, as `dag.test()` has it), the XComs and the store of the cache. Of a run the
parent keeps nothing. Its own warm-up run only loads what any run loads, and compiles the statements of the database.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from pathlib import Path
from types import SimpleNamespace
from typing import Any

BUNDLE = "couler-test"
TELLS = "couler_cache"
WARM_UP = """
from airflow.sdk import DAG, task
with DAG("warm_up", schedule=None, tags=["couler-cache"]):
    @task
    def first(x):
        return x + 1
    @task
    def second(x):
        return x + 1
    second(first(1))
"""
LIBRARIES = (
    *("numpy", "pandas", "sklearn.linear_model", "sklearn.ensemble", "sklearn.model_selection", "sklearn.pipeline"),
    *("scipy.optimize", "scipy.stats", "joblib", "pydantic_settings", "tenacity", "wrapt", "structlog", "msgspec"),
    *("cachetools.func", "yaml", "jinja2", "fsspec", "multiprocessing.pool", "asyncio", "sqlite3", "unittest.mock"),
)
"""What many cases import: slow to load, and of no interest by itself."""

SETTINGS = {
    "OMP_NUM_THREADS": "1",  # a process with threads cannot be forked safely
    "OPENBLAS_NUM_THREADS": "1",
    "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
    "AIRFLOW__CORE__UNIT_TEST_MODE": "False",
    "AIRFLOW__LOGGING__LOGGING_LEVEL": "WARNING",
    "AIRFLOW__API_AUTH__JWT_SECRET": "unused",  # asked for when the API starts, though nobody has to sign in
    "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": "[]",  # or `dag.test()` parses a folder of DAGs as well
}


def main(home: Path) -> None:
    """Serve until the standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what DAG files print is no answer
    sys.dont_write_bytecode = True
    os.environ.update(SETTINGS, AIRFLOW_HOME=str(home))
    os.environ["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"sqlite:///{home}/airflow.db"
    make_database(home)
    load(home)
    print("ready", file=answers)
    for line in sys.stdin:
        copy_database(home)
        print(json.dumps(serve(json.loads(line))), file=answers)


def make_database(home: Path) -> None:
    """Make the database, or take the one that another server of this test session has made."""
    import fcntl

    shared = home.parent / "template.db"
    with (home.parent / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not shared.exists():
            from airflow.models.dagbundle import DagBundleModel
            from airflow.utils.db import initdb
            from airflow.utils.session import create_session

            initdb()
            with create_session() as session:
                session.merge(DagBundleModel(name=BUNDLE))
            leave_database()
            shutil.move(home / "airflow.db", shared)
    shutil.copy(shared, home / "template.db")


def copy_database(home: Path) -> None:
    """Give the next run a database without runs; what the last one left of a transaction must not be added to it."""
    for name in ("airflow.db-wal", "airflow.db-shm", "airflow.db-journal"):
        (home / name).unlink(missing_ok=True)
    shutil.copy(home / "template.db", home / "airflow.db")


def load(home: Path) -> None:
    """Import what runs import, and run a DAG once, so that nothing that all runs need is made again in each of them."""
    import couler_plugins.caching.artifacts  # noqa: F401  # they are imported by name, each for what it loads

    for name in LIBRARIES:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    copy_database(home)
    folder = home / "warm_up"
    folder.mkdir()
    (folder / "warm_up.py").write_text(WARM_UP)
    os.environ["AIRFLOW__COULER__CACHE_STORE"] = str(folder / "store")
    for _ in range(2):  # a miss, and a hit
        outcome = run_file(folder / "warm_up.py", None, {})
        assert outcome["second"]["state"] == "success", outcome
    del os.environ["AIRFLOW__COULER__CACHE_STORE"]
    end_api()
    leave_database()
    for name in [name for name, module in sys.modules.items() if is_inside(module, folder)]:
        del sys.modules[name]
    shutil.rmtree(folder)
    gc.collect()
    gc.freeze()  # or every child copies the pages of what it never touches


def is_inside(module: Any, folder: Path) -> bool:
    return str(getattr(module, "__file__", None) or "").startswith(str(folder))


def end_api() -> None:
    """End the thread of the API of workers: a process with threads cannot be forked safely. Its routes stay."""
    import threading

    from airflow.sdk.execution_time.supervisor import in_process_api_server

    del in_process_api_server().transport
    limit = time.monotonic() + 20
    while threading.active_count() > 1:  # those of task runs look once a second whether they are wanted
        assert time.monotonic() < limit, threading.enumerate()
        gc.collect()
        time.sleep(0.1)


def leave_database() -> None:
    """Close all connections; the engines keep the statements that they have compiled."""
    import asyncio

    settings: Any = importlib.import_module("airflow.settings")
    settings.Session.remove()
    settings.engine.dispose()
    if getattr(settings, "async_engine", None) is not None:
        asyncio.run(settings.async_engine.dispose())


def serve(request: dict[str, Any]) -> dict[str, Any]:
    """Run a request in a child, and return what it left: the tasks, or an error."""
    base = Path(request["base"])
    out = base / f"{request['name']}.json"
    out.unlink(missing_ok=True)
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.setsid()
            limit = int(request["seconds"])
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
            out.with_suffix(".part").write_text(json.dumps(answer(request, base), default=str))
            out.with_suffix(".part").rename(out)
            status = 0
        except BaseException:  # noqa: BLE001  # whatever the code of a case raises, this process ends here
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    usage = wait(child, 3 * request["seconds"])  # the processor's time counts, and what only sleeps must end as well
    if usage is None:
        return {"error": f"it took more than {request['seconds']} s", "hung": True}
    figures = {"cpu": usage.ru_utime + usage.ru_stime, "seconds": time.monotonic() - began}
    if not out.exists():
        log = out.with_suffix(".log")
        return {"error": log.read_text(errors="replace")[-1500:] if log.exists() else "no log", **figures}
    return {"tasks": json.loads(out.read_text()), **figures}


def wait(child: int, seconds: float) -> resource.struct_rusage | None:
    """Wait for a child and return what it used; None where it had to be killed, or has used up its time."""
    limit = time.monotonic() + seconds
    pause = 0.002
    while time.monotonic() < limit:
        ended, status, usage = os.wait4(child, os.WNOHANG)
        if ended:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child, signal.SIGKILL)  # what it has started and left
            return None if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGXCPU, signal.SIGKILL) else usage
        time.sleep(pause)
        pause = min(0.02, pause * 1.2)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def answer(request: dict[str, Any], base: Path) -> dict[str, Any]:
    """Run a DAG file in this process, set up as the request says."""
    log = os.open(base / f"{request['name']}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    for name, value in request["env"].items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    if "TZ" in request["env"]:
        time.tzset()
    os.environ["AIRFLOW__COULER__CACHE_STORE"] = str(base / "store")
    os.environ["AIRFLOW__CORE__DAGS_FOLDER"] = str(base / "dags")
    os.chdir(request["folder"])
    first = [*request["path"], str(base / "path")]
    sys.path[:] = [*first, *sys.path, str(base / "dags"), str(base / "plugins")]
    forget_settings()
    tempfile.tempdir = None  # it is looked up once a process
    if (numpy := sys.modules.get("numpy")) is not None:
        numpy.random.seed()  # or all children would draw the same: Python's own generator sees to that by itself
    return run_file(base / request["file"], request["date"], request["conf"])


def forget_settings() -> None:
    """Have Airflow look again at what it reads of the settings once a process."""
    settings: Any = importlib.import_module("airflow.settings")
    serde: Any = importlib.import_module("airflow.sdk.serde")
    xcom: Any = importlib.import_module("airflow.sdk.execution_time.xcom")
    settings.configure_vars()
    for name in ("_match_glob", "_match_regexp", "_get_patterns", "_get_regexp_patterns"):
        getattr(serde, name).cache_clear()
    if "AIRFLOW__CORE__XCOM_BACKEND" in os.environ:
        found = xcom.resolve_xcom_backend()
        for name in ("airflow.sdk.execution_time.xcom", "airflow.sdk.execution_time.task_runner", "airflow.models"):
            module: Any = importlib.import_module(name)
            if "XCom" in vars(module):
                module.XCom = found  # which is resolved when the module is loaded


def run_file(path: Path, date: str | None, conf: dict[str, Any]) -> dict[str, Any]:
    """Run the DAGs of a file, one after the other, and return the states and XComs of their tasks."""
    import pendulum

    from couler_airflow.airflow_compat import dag_bag

    bag = dag_bag()(dag_folder=os.devnull, collect_dags=False)
    bag.process_file(str(path))
    if bag.import_errors:
        raise ImportError(str(bag.import_errors))
    sys.modules[type(bag).__module__].sync_bag_to_db(bag, BUNDLE, None)
    tasks: dict[str, Any] = {}
    for dag in bag.dags.values():
        when = None if date is None else pendulum.parse(date)
        run = dag.test(run_conf=conf, logical_date=when)
        found = outcome_of(dag.dag_id, run.run_id)
        tasks |= found if len(bag.dags) == 1 else {f"{dag.dag_id}.{name}": item for name, item in found.items()}
    return tasks


def outcome_of(dag_id: str, run_id: str) -> dict[str, Any]:
    """Return what became of the tasks of a run: state, XComs as they stand in the database, what the cache said."""
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import select

    tasks: dict[str, Any] = {}
    with create_session() as session:
        for ti in session.scalars(
            select(TaskInstance).where(TaskInstance.dag_id == dag_id, TaskInstance.run_id == run_id)
        ):
            tasks[name_of(ti)] = {"state": str(ti.state), "xcoms": {}, "cache": {}}
        for row in session.scalars(select(XComModel).where(XComModel.dag_id == dag_id, XComModel.run_id == run_id)):
            task = tasks.setdefault(name_of(row), {"state": "removed", "xcoms": {}, "cache": {}})
            if row.key == TELLS:
                task["cache"] = told(row.value)
            else:
                task["xcoms"][row.key] = row.value
    return tasks


def name_of(row: Any) -> str:
    return str(row.task_id) if row.map_index < 0 else f"{row.task_id}[{row.map_index}]"


def told(value: Any) -> Any:
    from airflow.sdk.execution_time.xcom import XCom

    found = XCom.deserialize_value(SimpleNamespace(value=value, key=TELLS))  # through the backend that there is
    return found if isinstance(found, dict) else {}


if __name__ == "__main__":
    main(Path(sys.argv[1]))
