"""What splitting a deep DAG saves Airflow's scheduler, and what it costs whoever loads the DAG file.

python -m benchmarks.airflow_split --json airflow_split.json

Figures (each ratio is measured side by side in this one run, in an Airflow home of its own, on SQLite):

loop_part_over_whole    wall seconds of one scheduler loop over the run of a part (`DagRun.update_state`), over those of
                        one loop over the run of the whole DAG: a deep one, ten tasks wide, each waiting for two
loop_parts_over_whole   the same for all parts together, as if all of them ran at once
parse_split_over_whole  CPU seconds to load the DAG file and split it, over loading it
split_milliseconds      what splitting adds to that, CPU milliseconds a task
"""

from __future__ import annotations

import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.airflow import environment
from benchmarks.harness import arguments, finish, seconds

LIMITS = {"loop_part_over_whole": 0.1, "parse_split_over_whole": 3.0}

DEEP = """
from datetime import datetime
from airflow.sdk import DAG, task
from couler_airflow import optimize

with DAG("deep", schedule=None, start_date=datetime(2026, 1, 1)) as dag:
    @task
    def add(*numbers):
        return sum(numbers) + 1

    made = []
    for number in range({tasks}):
        before = [made[number - 10], made[number // 10 * 10 - 10 + (number + 1) % 10]] if number >= 10 else []
        made.append(add.override(task_id=f"t{{number}}")(*before))
{split}
"""
SPLIT = 'optimize(dag, "split{max-steps=250}")'


def main() -> None:
    options = arguments(__doc__ or "")
    with tempfile.TemporaryDirectory(prefix="couler-airflow-") as home:
        os.environ |= environment(Path(home))
        subprocess.run(
            [Path(sys.executable).parent / "airflow", "db", "migrate"], check=True, stdout=subprocess.DEVNULL
        )
        logging.disable(logging.WARNING)
        tasks = 600 if options.quick else 2_000
        figures = {"tasks": tasks}
        figures |= parse_figures(Path(home), tasks, 2 if options.quick else 5)
        figures |= loop_figures(Path(home), tasks, 2 if options.quick else 3)
    finish(options, figures, {name: figures[name] for name in LIMITS}, LIMITS)


def parse_figures(home: Path, tasks: int, repeat: int) -> dict[str, Any]:
    """Loading one file with and without the call that splits it, in turn."""
    whole, split = written(home, tasks, ""), written(home, tasks, SPLIT)
    loaded(split)  # what the first one imports
    pairs = [(seconds(lambda: loaded(split), 1), seconds(lambda: loaded(whole), 1)) for _ in range(repeat)]
    return {
        "parse_seconds": [min(one for _, one in pairs), min(one for one, _ in pairs)],
        "parse_split_over_whole": statistics.median(one / other for one, other in pairs),
        "split_milliseconds": 1000 * statistics.median(one - other for one, other in pairs) / tasks,
    }


def loop_figures(home: Path, tasks: int, repeat: int) -> dict[str, Any]:
    (whole,) = loaded(written(home, tasks, ""))
    parts = [dag for dag in loaded(written(home, tasks, SPLIT)) if dag.dag_id != whole.dag_id]
    alone = loop_seconds(whole, repeat)
    each = [loop_seconds(part, repeat) for part in parts]
    return {
        "parts": len(parts),
        "loop_seconds_whole": alone,
        "loop_seconds_part": max(each),
        "loop_part_over_whole": max(each) / alone,
        "loop_parts_over_whole": sum(each) / alone,
    }


def written(home: Path, tasks: int, split: str) -> Path:
    file = home / ("split.py" if split else "whole.py")
    file.write_text(DEEP.format(tasks=tasks, split=split))
    return file


def loaded(file: Path) -> list[Any]:
    """The DAGs of a file, as Airflow loads it."""
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder="/dev/null", collect_dags=False)
    bag.process_file(str(file), only_if_updated=False)
    if bag.import_errors:
        raise SystemExit(f"{file.name} cannot be parsed: {bag.import_errors}")
    return [bag.dags[name] for name in sorted(bag.dags)]


def loop_seconds(dag: Any, repeat: int) -> float:
    """Wall seconds of one look of the scheduler at a run that has just begun; the least of several."""
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.sdk import timezone
    from airflow.utils.session import create_session
    from airflow.utils.state import DagRunState
    from airflow.utils.types import DagRunTriggeredByType, DagRunType

    with create_session() as session:
        session.merge(DagBundleModel(name="bench"))
    bag = DagBag(dag_folder="/dev/null", collect_dags=False)
    bag.dags[dag.dag_id] = dag
    sync_bag_to_db(bag, "bench", None)
    times = []
    with create_session() as session:
        stored = SerializedDagModel.get_dag(dag.dag_id, session=session)
        now = timezone.utcnow()
        run = stored.create_dagrun(
            run_id=f"bench-{now.timestamp()}",
            logical_date=now,
            data_interval=(now, now),
            run_after=now,
            run_type=DagRunType.MANUAL,
            triggered_by=DagRunTriggeredByType.TEST,
            state=DagRunState.RUNNING,
            session=session,
        )
        session.flush()
        for _ in range(repeat):
            start = time.perf_counter()
            run.update_state(session=session, execute_callbacks=False)
            times.append(time.perf_counter() - start)
    return min(times)


if __name__ == "__main__":
    main()
