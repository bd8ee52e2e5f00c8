"""DAGs in parts: the same comes of them, whatever fails or is skipped, and what cannot be cut is not."""
from __future__ import annotations
import pytest
from typing import Any
from adapters.airflow.examples import each_dag, lifted
from adapters.airflow.running import run
from adapters.airflow.split_running import run_parts, smallest_split
from adapters.airflow.test_running import LEFT_OUT
from couler_airflow.bundle import DagBundle
from couler_airflow.lower import commit
from couler_plugins.plugins import load_plugins
import dataclasses
pytestmark = pytest.mark.airflow

import os
ONLY=os.environ.get('ONLY','').split()
@pytest.mark.slow
def test_all() -> None:
    plugins = load_plugins()
    bad: dict[str, Any] = {}; refused={}; ran=[]
    for bundle, number, dag in each_dag():
        if dag.dag_id in LEFT_OUT or len(dag.task_dict) < 2: continue
        if ONLY and dag.dag_id not in ONLY: continue
        plan = lifted(bundle)
        one = dataclasses.replace(plan, workflows=(plan.workflows[number],))
        new, reason = smallest_split(one, plugins)
        if new is None:
            refused[dag.dag_id]=reason; continue
        try:
            before = run(dag)
            done = commit(new)
            assert not done.lowered.refused, done.lowered.refused
            try:
                after = run_parts(dag)
            finally:
                done.undo()
            if before != after: bad[dag.dag_id]=(before, after)
            ran.append((dag.dag_id, len(new.parts)))
        except BaseException as e:
            import traceback; traceback.print_exc()
            bad[dag.dag_id]=repr(e)
    print("RAN",len(ran), ran)
    for k,v in refused.items(): print("REFUSED",k,v)
    for k,v in bad.items(): print("BAD",k,v)
    assert not bad
