"""What the cache of Airflow's tasks saves, and what it costs those who do not use it.

python -m benchmarks.airflow --json airflow.json

Figures (each ratio is measured side by side in this one run, in an Airflow home of its own):

cached_over_uncached    a run of a DAG of tasks of a second each (`dag.test()`, wall seconds): all hits, over no cache
parse_overhead          CPU seconds to parse a DAG file with our policy loaded and nothing cached, over without, less 1
first_import_seconds    what importing our part in parsing DAGs takes (policy, plugin, settings), beside Airflow
hit_seconds             wall seconds that one hit takes, beyond what Airflow itself does
miss_seconds            what looking up, keeping and telling adds to a task that is computed
observer_microseconds_per_open      what observing adds to opening a small file that is read often
observer_microseconds_per_new_file  what it adds to opening and digesting a small file that is read once
task_time_growth        seconds that a task of a second takes under a whole Airflow where the cache finds nothing, by
                        Airflow's own account: over those of the same task without a mark, less 1
task_cpu_growth         the same of the CPU seconds of its process
digest_over_read                    CPU seconds to digest a file of 64 MiB, over reading the same bytes
largest_key_seconds     CPU seconds that the key of a value takes which is too deep, too wide, too large or entangled
largest_key_megabytes   how much more memory a process takes for it
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.airflow_growth import growth_figures
from benchmarks.airflow_observing import digest_figures, open_figures
from benchmarks.harness import arguments, finish, seconds

LIMITS = {
    "cached_over_uncached": 0.25,
    "parse_overhead": 0.05,
    "first_import_seconds": 0.05,
    "observer_microseconds_per_open": 10.0,
    "digest_over_read": 1.5,
    "task_time_growth": 0.03,
    "largest_key_seconds": 1.0,
    "largest_key_megabytes": 100.0,
}

LARGE = {
    "entangled": "A = [1]\nfor _ in range(26): A = [A, A]",
    "wide": "A = {str(n): {'x': n} for n in range(300_000)}",
    "large": "A = b'x' * 100_000_000",
    "deep": "A = []\nfor _ in range(5_000): A = [A]",
}
KEYED = """
import json, resource, time
from couler_plugins.caching.code.fingerprint import Fingerprint
from couler_plugins.caching.code.uncacheable import Uncacheable
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start, said = time.process_time(), ""
try:
    Fingerprint().form(A)
except Uncacheable as error:
    said = error.message
seconds = time.process_time() - start
print(json.dumps([seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024, said]))
"""
CACHED = """
import time
from airflow.sdk import DAG, task

with DAG("bench", schedule=None, tags=["couler-cache"]) as dag:
    @task
    def start():
        time.sleep(1)
        return [{numbers}]

    @task
    def work(x):
        time.sleep(1)
        return x * 2

    @task
    def end(xs):
        time.sleep(1)
        return sum(xs)

    end(work.expand(x=start()))
"""
PARSED = """
from airflow.sdk import DAG, task
from airflow.providers.standard.operators.bash import BashOperator

with DAG("parsed", schedule=None, tags=["other"]) as dag:
    @task
    def work(x):
        return x
    for number in range(50):
        work(number) >> BashOperator(task_id=f"shell{number}", bash_command="true")
"""
IMPORTS = """
import time
import airflow.plugins_manager, airflow.sdk, airflow.settings, pluggy
start = time.perf_counter()
import couler_airflow.policy, couler_airflow.airflow_plugin, couler_airflow.provider_info
import couler_airflow.marks, couler_airflow.runtime.wrap, couler_airflow.settings
print(time.perf_counter() - start)
"""


def main() -> None:
    options = arguments(__doc__ or "", "a folder of DAG files to parse, instead of our own")
    with tempfile.TemporaryDirectory(prefix="couler-airflow-") as home:
        os.environ |= environment(Path(home))
        subprocess.run(
            [Path(sys.executable).parent / "airflow", "db", "migrate"], check=True, stdout=subprocess.DEVNULL
        )
        figures = import_figures(3 if options.quick else 7)
        figures |= parse_figures(to_parse(options.traces, Path(home)), 5 if options.quick else 30)
        figures |= run_figures(Path(home), 2 if options.quick else 8, 1 if options.quick else 3)
        figures |= open_figures(Path(home), 5 if options.quick else 30)
        figures |= digest_figures(Path(home), 5 if options.quick else 30)
        figures |= large_figures()
        figures |= growth_figures(Path(home) / "growth", 2 if options.quick else 12)
    finish(options, figures, {name: figures[name] for name in LIMITS}, LIMITS)


def environment(home: Path) -> dict[str, str]:
    """An Airflow of its own: SQLite, no examples, few words."""
    return {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db",
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": "[]",
        "AIRFLOW__COULER__CACHE_STORE": str(home / "store"),
    }


def import_figures(runs: int) -> dict[str, Any]:
    times = []
    for _ in range(runs):
        done = subprocess.run([sys.executable, "-c", IMPORTS], check=True, capture_output=True, text=True)
        times.append(float(done.stdout.splitlines()[-1]))
    return {"first_import_seconds": statistics.median(times)}


def to_parse(folder: Path | None, home: Path) -> list[Path]:
    """The DAG files that are parsed: our own, or those of a folder that Airflow can import here."""
    if folder is None:
        file = home / "parsed.py"
        file.write_text(PARSED)
        return [file]
    files = [file for file in sorted(folder.rglob("*.py")) if not bag_of(file).import_errors]
    if not files:
        raise SystemExit(f"there is no DAG file in {folder} that can be imported here")
    return files


def parse_figures(files: list[Path], repeat: int) -> dict[str, Any]:
    """Parsing files with and without our policy, in turn, so that what else the machine does weighs on both."""
    from airflow import settings

    policies = settings.get_policy_plugin_manager()

    def parse() -> None:
        for file in files:
            bag_of(file)

    parse()  # what the first ones import
    with_us, without = [], []
    for _ in range(repeat):
        with_us.append(seconds(parse, 3))
        ours = policies.unregister(name="couler")
        without.append(seconds(parse, 3))
        policies.register(ours, "couler")
    ratio = statistics.median(one / other for one, other in zip(with_us, without, strict=True))
    return {"parse_seconds": [min(without), min(with_us)], "parse_overhead": ratio - 1}


def run_figures(home: Path, mapped: int, repeat: int) -> dict[str, Any]:
    file = home / "bench.py"
    file.write_text(CACHED.format(numbers=", ".join(map(str, range(mapped)))))
    tasks = mapped + 2
    os.environ["AIRFLOW__COULER__ENABLED"] = "False"
    plain = parsed(file)
    run_seconds(plain)  # starts what `dag.test()` needs once per process
    uncached = [run_seconds(plain) for _ in range(repeat)]
    os.environ["AIRFLOW__COULER__ENABLED"] = "True"
    cached = parsed(file)
    first = run_seconds(cached)
    hits = [run_seconds(cached) for _ in range(repeat)]
    alone = statistics.median(uncached) - tasks
    return {
        "tasks": tasks,
        "uncached_seconds": uncached,
        "first_cached_seconds": first,
        "hit_run_seconds": hits,
        "cached_over_uncached": statistics.median(hits) / statistics.median(uncached),
        "hit_seconds": (statistics.median(hits) - alone) / tasks,
        "miss_seconds": (first - statistics.median(uncached)) / tasks,
    }


def large_figures() -> dict[str, Any]:
    """Making forms of values that a key cannot cover, each in a process of its own."""
    every = {}
    for name, text in LARGE.items():
        done = subprocess.run([sys.executable, "-c", f"{text}\n{KEYED}"], check=True, capture_output=True, text=True)
        every[name] = json.loads(done.stdout)
    return {
        "largest_keys": every,
        "largest_key_seconds": max(taken for taken, _, _ in every.values()),
        "largest_key_megabytes": max(memory for _, memory, _ in every.values()),
    }


def bag_of(file: Path) -> Any:
    """A file as Airflow parses it, policies and all."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder="/dev/null", collect_dags=False)
    bag.process_file(str(file), only_if_updated=False)
    return bag


def parsed(file: Path) -> Any:
    """The one DAG of a file."""
    bag = bag_of(file)
    if bag.import_errors:
        raise SystemExit(f"{file.name} cannot be parsed: {bag.import_errors}")
    (dag,) = bag.dags.values()
    return dag


def run_seconds(dag: Any) -> float:
    """The wall seconds of one run."""
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.session import create_session

    with create_session() as session:
        session.merge(DagBundleModel(name="bench"))
    bag = DagBag(dag_folder="/dev/null", collect_dags=False)
    bag.dags[dag.dag_id] = dag
    sync_bag_to_db(bag, "bench", None)
    start = time.perf_counter()
    run = dag.test()
    if str(run.state) != "success":
        raise SystemExit(f"the run ended as {run.state}")
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
