"""The judge of generated DAGs notices what is broken in them."""

from __future__ import annotations

from collections import Counter
from functools import partial

import pytest

from adapters.airflow.generated.argo_runs import ManifestRun
from adapters.airflow.generated.corpus import corpus, loaded
from adapters.airflow.generated.dag_runs import GeneratedRun
from adapters.airflow.generated.worlds import outcome_of

pytestmark = pytest.mark.airflow
BROKEN = (
    ("dag-diamond.yaml", "a >> [b, c]", "a >> [b]"),
    ("dag-diamond.yaml", "[b, c] >> d", "b >> d"),
    ("dag-diamond.yaml", "'echo', 'B'", "'echo', 'C'"),
    ("dag-diamond.yaml", "task_id='D',", "task_id='D', trigger_rule='all_done',"),
    ("loop-items.yaml", "    [fruits, numbers] >> images\n", ""),
    ("choices.yaml", "'==', 'heads'", "'!=', 'heads'"),
    ("choices.yaml", "'==', 'heads'", "'==', 'tails'"),
    ("choices.yaml", "'print(result)\\n'", "'print(result) \\n'"),
    ("choices.yaml", "[toss, leave] >> heads", "toss >> heads"),
    ("loop-items.yaml", "'debian:12', ", ""),
    ("choices.yaml", "['parameters.text']", "['parameters.text']|upper"),
    ("choices.yaml", "params['message']", "params['message'] * 2"),
    ("choices.yaml", "Param('hello'", "Param('hallo'"),
)


@pytest.mark.parametrize(("file", "old", "new"), BROKEN)
def test_what_is_broken_runs_otherwise(file: str, old: str, new: str) -> None:
    written = next(item for item in corpus() if item.name == f"own/{file}#0")
    assert old in written.source
    dag = loaded(written.source.replace(old, new))
    assert any(
        Counter(GeneratedRun(dag, outcome).started) != Counter(ManifestRun(written.document, outcome).started)
        for outcome in (partial(outcome_of, world=world) for world in range(48))
    )
