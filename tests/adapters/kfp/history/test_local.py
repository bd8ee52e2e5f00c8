"""The history of a run by `kfp.local`: from its log, and of a real one."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from couler_kfp.history.log import history_of
from couler_kfp.history.records import document_of
from couler_kfp.history.runs import runs_of
from couler_kfp.run.local import LocalRunner
from couler_plugins.hookspecs.running import Request
from couler_plugins.runs import Run
from kfp_history import PIPELINE
from support import CORPUS

LOG = """
23:59:58.500 - INFO - Running pipeline: \x1b[95m'train'\x1b[0m
23:59:59.000 - INFO - Executing task \x1b[96m'load'\x1b[0m
    00:00:00.000 - INFO - Executing task 'forged'
00:00:03.250 - INFO - Task \x1b[96m'load'\x1b[0m finished with status \x1b[92mSUCCESS\x1b[0m
00:00:04.000 - INFO - Executing task 'fit'
00:00:05.000 - INFO - Task 'fit' finished with status SUCCESS
00:00:05.000 - INFO - Executing task 'fit'
00:00:08.000 - INFO - Task 'fit' finished with status FAILURE
00:00:08.000 - INFO - Executing task 'load-2'
"""
ENDED = datetime(2026, 1, 2, 0, 0, 8, tzinfo=UTC)


def read_back(document: Any) -> Run:
    found = document_of(json.loads(json.dumps(document)))
    assert found is not None
    (run,) = runs_of(found)
    return run


def test_tasks_have_the_times_between_their_lines_also_over_midnight() -> None:
    run = read_back(history_of(LOG, PIPELINE, ENDED, well=False))
    assert [(ran.step, ran.seconds, ran.fate) for ran in run.steps] == [
        ("root/load", 4.25, "computed"),
        ("comp-for-loop-1/fit(0)", 1.0, "computed"),
        ("comp-for-loop-1/fit(1)", None, "failed"),
        ("comp-for-loop-1/load-2", None, "failed"),
    ]
    assert (run.family, run.whole, run.at) == ("train", False, ENDED.timestamp())


def test_iterations_at_the_same_time_have_their_sum() -> None:
    log = """
10:00:00.000 - INFO - Executing task 'fit'
10:00:01.000 - INFO - Executing task 'fit'
10:00:03.000 - INFO - Task 'fit' finished with status SUCCESS
10:00:08.000 - INFO - Task 'fit' finished with status SUCCESS
"""
    run = read_back(history_of(log, PIPELINE, ENDED, well=True))
    assert [ran.seconds for ran in run.steps] == [3.0, 7.0]


def test_a_log_without_tasks_is_no_run() -> None:
    found = document_of(json.loads(json.dumps(history_of("nothing", PIPELINE, ENDED, well=True))))
    assert found is not None
    assert runs_of(found) == []


@pytest.mark.slow
def test_a_real_run_leaves_its_history(tmp_path: Path) -> None:
    pytest.importorskip("kfp")
    path = CORPUS / "kfp" / "python-branches.yaml"
    runner = LocalRunner(str(tmp_path))
    (job,) = runner.jobs(list(yaml.safe_load_all(path.read_text())), Request(run="r"))
    runner.submit(job, Request(run="r"))
    assert runner.status(job.place).phase == "succeeded"
    run = read_back(json.loads((tmp_path / job.place / "history.json").read_text()))
    steps = {ran.site: ran for ran in run.steps}
    assert run.whole
    assert steps["root/double"].fate == "computed"
    assert all(ran.seconds is not None and 0 < ran.seconds < 60 for ran in run.steps if ran.fate == "computed")
