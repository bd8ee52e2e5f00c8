"""All twelve conversions between the engines: each workflow of the corpora becomes one that its target accepts."""

from __future__ import annotations

import pytest

from conversions import DIRECTIONS, ENGINES, TRIPS, outcomes, part_of_page, problem_of, trip_of_page
from support import AIRFLOW, ROOT, SHARED, at_least

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
]  # of kfp, when it loads what was written
CLASH = "its name there would be the DAG"
"""Why a file is refused that says two workflows of one name, of kinds that Airflow does not tell apart."""
EVERY = 12
"""One of so many is converted by default; all of them are by the slow test, and DAGs, which take long to load."""
LEAST = {
    ("airflow", "argo"): 70,
    ("airflow", "kfp"): 55,
    ("airflow", "tekton"): 55,
    ("argo", "airflow"): 120,
    ("argo", "kfp"): 100,
    ("argo", "tekton"): 85,
    ("kfp", "airflow"): 40,
    ("kfp", "argo"): 60,
    ("kfp", "tekton"): 30,
    ("tekton", "airflow"): 100,
    ("tekton", "argo"): 105,
    ("tekton", "kfp"): 60,
}
"""So many are carried at the least."""

each_direction = pytest.mark.parametrize(
    ("source", "target"),
    [
        pytest.param(
            source, target, id=f"{source}-{target}", marks=[pytest.mark.airflow] if source == "airflow" else []
        )
        for source, target in DIRECTIONS
    ],
)


def test_there_are_twelve_directions() -> None:
    assert len(set(DIRECTIONS)) == len(ENGINES) * (len(ENGINES) - 1)
    assert sorted(LEAST) == DIRECTIONS


@pytest.mark.parametrize(("source", "target"), [pair for pair in DIRECTIONS if pair[0] != "airflow"], ids="-".join)
def test_a_sample_becomes_what_is_accepted(source: str, target: str) -> None:
    found = outcomes(source, target, EVERY, on_unsupported="todo")
    assert [problem for item in found if (problem := problem_of(item, target))] == []
    assert [item.name for item in found if item.error] == []


@pytest.mark.slow
@each_direction
def test_every_workflow_becomes_one_that_is_accepted(source: str, target: str) -> None:
    found = outcomes(source, target, on_unsupported="todo")
    assert [problem for item in found if (problem := problem_of(item, target))] == []
    assert [item.name for item in found if item.error and CLASH not in item.error.message] == []
    assert sum(item.loss in ("whole", "detail") for item in found) >= at_least(1, LEAST[source, target])
    if AIRFLOW and (SHARED / "corpus").is_dir():
        row, section = part_of_page(source, target, found)
        page = (ROOT / "docs" / "conversions.md").read_text(encoding="utf-8")
        assert row in page, "run `python3 dev.py docs`"
        assert "\n".join(section) in page, "run `python3 dev.py docs`"


@pytest.mark.slow
@pytest.mark.airflow
@pytest.mark.parametrize(("source", "over"), TRIPS, ids="-".join)
@pytest.mark.skipif(
    not (AIRFLOW and (SHARED / "corpus").is_dir()), reason="needs corpus in the shared folder, and Airflow"
)
def test_the_page_lists_what_does_not_come_back(source: str, over: str) -> None:
    page = (ROOT / "docs" / "conversions.md").read_text(encoding="utf-8")
    assert "\n".join(trip_of_page(source, over)) in page, "run `python3 dev.py docs`"
