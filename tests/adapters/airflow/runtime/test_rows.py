"""Rows of a settings file declare tasks: `couler explain` and workers read the same of them."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from adapters.airflow.running import run
from adapters.airflow.runtime.test_explained import explained, listening
from airflow_dags import DagFiles
from couler_airflow.cache import rows as task_rows
from couler_airflow.cache.cache import AirflowCache
from couler_airflow.cache.rows import Owner, TaskRows
from couler_airflow.lift import lift_dag
from couler_airflow.marks import Declaration
from couler_airflow.runtime.wrap import is_wrapped
from couler_airflow.settings import WHOLE
from couler_plugins.api import optimize
from couler_plugins.options.config import load_config, read_rows

pytestmark = [pytest.mark.airflow, pytest.mark.sampled]

FILE = """
import random
import time
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import task_group
from couler_airflow.marks import cached, never

with DAG("nightly", schedule=None, tags=[TAGS]) as dag:
    @task
    def draw(x):
        return random.random() + x

    @task
    def fetch(x):
        import requests, pandas
        return len(pandas.read_html(x)), requests.codes.ok

    @task
    def dated(x, **kwargs):
        return x, kwargs["ds"]

    @task_group
    def etl():
        draw.override(task_id="load")(1)

    draw(1), fetch("x"), dated(3), etl()
    draw.override(task_id="mapped").expand(x=[21, 22])
    BashOperator(task_id="shell", bash_command="echo 3")
    EDITS
"""
STORE = "AIRFLOW__COULER__CACHE_STORE"
DECLARATIONS = "AIRFLOW__COULER__DECLARATIONS"


class Rows:
    """A settings file, and DAGs that are parsed with it."""

    def __init__(self, files: DagFiles, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.files = files
        self.path = folder / "couler.toml"
        monkeypatch.setenv(DECLARATIONS, str(self.path))
        monkeypatch.setenv(STORE, str(folder / "store"))

    def dag(self, rows: str, tags: str = "", edits: str = "pass") -> Any:
        self.path.write_text(rows)
        task_rows._rows_in.cache_clear()
        return self.files.dag(FILE.replace("TAGS", tags).replace("EDITS", edits))


@pytest.fixture
def rows(dag_files: DagFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rows:
    return Rows(dag_files, tmp_path, monkeypatch)


def row(*lines: str) -> str:
    return "\n".join(["[[cache.declare]]", *lines, ""])


def wrapped(dag: Any) -> set[str]:
    return {name for name, item in dag.task_dict.items() if is_wrapped(item)}


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ('task = "draw"', {"draw"}),
        ('step = "draw"', {"draw"}),
        ('step = "nightly/draw"', {"draw"}),
        ('task = "load"', {"etl.load"}),
        ('task = "etl.*"', {"etl.load"}),
        ('task = ["dr*", "map?ed", "shell"]', {"draw", "mapped", "shell"}),
        ('workflow = "nig*"\nstep = "shell"', {"shell"}),
        ('workflow = "nightly"\nstep = "nightly/*"', {"draw", "fetch", "dated", "etl.load", "mapped"}),
        ('workflow = "daily"\nstep = "shell"', set()),
        ('image = "shell*"', set()),
        ('task = "draw"\nstep = "shell"', set()),
    ],
)
def test_rows_name_tasks_by_ids(rows: Rows, selector: str, names: set[str]) -> None:
    dag = rows.dag(row(*selector.splitlines(), "pure = true"))
    assert wrapped(dag) == names
    assert {name for name, item in explained(dag).items() if item.is_asked} == names


def test_rows_about_a_dag_are_about_its_parts(rows: Rows) -> None:
    dag = rows.dag(row('workflow = "nightly"', 'step = "nightly/draw"', "pure = true"))
    vars(dag).update({WHOLE: "nightly", "dag_id": "nightly-part"})
    task = dag.task_dict["draw"]
    assert Owner(dag).says(task) == ("couler.toml:1", Declaration(itself=True, row="couler.toml:1"))
    from couler_airflow.split.operators import PartProxy

    proxy = SimpleNamespace(task_id="draw", label="draw", operator_class=PartProxy, is_mapped=False)
    assert TaskRows(dag).about(proxy) == [], "it hands on what another task has computed"


def test_the_nearest_word_counts_and_waivers_add_up(rows: Rows) -> None:
    first = row('task = "draw"', 'ttl = "1h"', 'version = "2"', 'allow = ["files", "run-context"]')
    second = row('step = "d*"', "pure = true", 'version = "3"', 'allow = ["network"]', 'context = ["ds"]')
    text = first + second

    def said(name: str, **more: str) -> tuple[str, Declaration] | None:
        dag = rows.dag(text, **more)
        return Owner(dag).says(dag.task_dict[name])

    everything = ("files", "network")
    expected = Declaration(ttl=3600, version="2", context=("ds",), allow=everything, itself=True, row="couler.toml:1")
    assert said("draw") == ("couler.toml:1", expected)
    assert said("draw", tags="'couler-cache'") == ("couler.toml:1", expected)
    own = Declaration(ttl=5.0, version="2", context=("params",), allow=("clock", *everything), itself=True)
    assert said("draw", edits="cached(ttl=5.0, context=['params'], allow=['clock'])(dag.task_dict['draw'])") == (
        "the task 'draw'",
        own,
    )
    whole = "cached(allow=['programs'], version='9', ttl=7.0)(dag)"
    found = said("dated", edits=whole)
    assert found is not None
    assert found[1].allow == ("network", "programs")
    assert (found[1].version, found[1].ttl) == ("9, 3", None)
    assert said("fetch", edits=whole) == (
        "the DAG 'nightly'",
        Declaration(allow=("programs",), version="9", ttl=7.0),
    )
    text = row('workflow = "nightly"', 'step = "nightly/*"', 'ttl = "1d"') + row('task = "draw"', 'allow = ["clock"]')
    assert said("draw") == (
        "couler.toml:1",
        Declaration(ttl=86400, allow=("clock",), itself=False, row="couler.toml:5"),
    ), "DAG/* is no name of a task"
    found = said("draw", edits=whole)
    assert found is not None
    assert (found[0], found[1].ttl) == ("the DAG 'nightly'", 7.0)


@pytest.mark.parametrize("edits", ["pass", "cached(dag.task_dict['draw'])", "cached(dag)"])
def test_never_always_wins(rows: Rows, edits: str) -> None:
    pure = row('task = "draw"', "pure = true")
    for never in (row('workflow = "ni*"', "never = true"), row("never = true"), row('task = "dra?"', "never = true")):
        dag = rows.dag(pure + never, edits=edits)
        assert "draw" not in wrapped(dag)
        (objection,) = explained(dag)["draw"].objections
        assert (objection.rule, objection.reason) == ("never", "couler.toml:4 said never")
    dag = rows.dag(pure, edits="never(dag.task_dict['draw'])")
    assert [item.reason for item in explained(dag)["draw"].objections] == ["its owner said never"]
    dag = rows.dag(pure, edits="never(dag)")
    assert not wrapped(dag)


def test_a_name_waives_chance_and_a_wildcard_does_not(rows: Rows) -> None:
    named = explained(rows.dag(row('task = "draw"', "pure = true")))["draw"]
    assert (named.verdict, named.waived, named.declared) == ("cached", ("random",), "couler.toml:1")
    broad = explained(rows.dag(row('step = "nightly/*"', "pure = true")))
    assert {item.rule for item in broad["draw"].objections} == {"randomness"}
    assert broad["shell"].verdict == "declarable", "no row names it, and nobody has declared BashOperator pure"


def test_remedies_name_the_row(rows: Rows) -> None:
    text = "\n" + row('task = "fetch"', "pure = true", 'allow = ["clock"]') + row('task = "dat*"', "pure = true")
    text += row('task = "shell"', 'version = "1"')
    text += row('task = "draw"', "pure = true", 'outputs = ["data/x.csv"]')
    requests = explained(rows.dag(text))
    assert {item.remedy for item in requests["fetch"].objections} == {'allow = ["clock", "files"], in couler.toml:2'}
    assert {item.remedy for item in requests["dated"].objections} == {'context = ["ds"], in couler.toml:6'}
    assert [item.remedy for item in requests["shell"].objections][-1] == 'allow = ["programs"], in couler.toml:9'
    assert "pure = true, in couler.toml:9" in {item.remedy for item in requests["shell"].objections}
    (objection,) = requests["draw"].objections
    assert objection.remedy == 'outputs = ["/data/{{ ds }}.csv"], in couler.toml:12'
    assert all(item.place and item.place.line for item in requests["fetch"].objections)


def test_workers_do_what_was_explained(rows: Rows) -> None:
    text = row('task = ["draw", "fetch", "mapped"]', "pure = true") + row(
        'task = "shell"', "pure = true", 'allow = ["environment", "programs"]'
    )
    dag = rows.dag(text)
    requests = explained(dag)
    verdicts = {name: item.verdict for name, item in requests.items() if item.declared}
    assert verdicts == {"draw": "cached", "fetch": "declarable", "mapped": "cached", "shell": "cached"}
    with listening() as logs:
        run(dag)
    for name, verdict in verdicts.items():
        log = " ".join(logs[name])
        assert ("MISS: " in log) == (verdict == "cached"), (name, log)
    assert all(item.remedy in " ".join(logs["fetch"]) for item in requests["fetch"].objections)
    assert set(logs) >= set(verdicts)
    assert not any("MISS" in " ".join(logs.get(name, ())) for name in ("dated", "etl.load"))
    with listening() as logs:
        run(rows.dag(text))
    assert all("HIT: " in " ".join(logs[name]) for name in ("draw", "mapped", "shell"))
    with listening() as logs:
        run(rows.dag(text.replace('"shell"', '"shell"\nversion = 2')))
    assert "MISS: " in " ".join(logs["shell"])
    assert "HIT: " in " ".join(logs["draw"])


@pytest.mark.parametrize(
    "wrong",
    [None, "[[cache.declare", row('task = "draw"', "pur = true"), row("pure = true"), row('task = "a"', 'ttl = "7x"')],
)
def test_a_wrong_file_is_one_warning_and_nothing_is_cached(
    rows: Rows, caplog: pytest.LogCaptureFixture, wrong: str | None
) -> None:
    dag = rows.dag(wrong or "", tags="'couler-cache'")
    if wrong is None:
        rows.path.unlink()
        task_rows._rows_in.cache_clear()
        caplog.clear()
    for _ in range(2):
        dag = rows.files.dag(FILE.replace("TAGS", "'couler-cache'").replace("EDITS", "pass"))
        assert not wrapped(dag), "it may have said never"
    warnings = [item.getMessage() for item in caplog.records if item.levelno == logging.WARNING]
    assert len(warnings) == 1
    assert warnings[0].startswith("no task is cached, since [couler] declarations cannot be used: ")
    assert {item.rule for item in explained(dag)["draw"].objections} == {"never"}


def test_a_relative_path_is_wrong(rows: Rows, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(DECLARATIONS, "couler.toml")
    monkeypatch.chdir(rows.path.parent)
    assert not wrapped(rows.dag(row('task = "draw"', "pure = true")))


def test_rows_of_a_call_reach_what_is_lowered(rows: Rows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`couler explain` in a repository with rows, where Airflow has no settings, or other ones."""
    monkeypatch.setenv(DECLARATIONS, "")
    rows.path.write_text(row('task = "shell"', 'ttl = "1h"', 'allow = ["programs"]'))
    path = rows.files.write(
        "dag_file.py", "from airflow.sdk import DAG, task\n" + FILE.replace("TAGS", "").replace("EDITS", "pass")
    )
    result = optimize([path], "cache", config=load_config(start=tmp_path, environ={}))
    (missing,) = [item for item in result.decisions if item.objections and item.objections[0].rule == "no-declarations"]
    assert "declarations = /path/couler.toml" in missing.reason
    (shell,) = [item for item in result.decisions if item.subject == "nightly/shell"]
    assert (shell.verdict, shell.reason) == ("cached", "couler.toml:1 says that it is pure")


def test_other_rows_than_those_of_workers_are_told(rows: Rows) -> None:
    dag = rows.dag(row('task = "draw"', "pure = true"))

    def rule(text: str) -> str:
        path = rows.path.with_name("pyproject.toml")
        path.write_text(text.replace("[[cache", "[[tool.couler.cache"))
        cache = AirflowCache(dag, lift_dag(dag, 0))
        cache.rows = read_rows(path)["cache"]
        return cache.settings_objection.rule if cache.settings_objection else ""

    assert rule(row('task = "draw"', "pure = true", 'reason = "seeded"')) == ""
    assert rule(row('task = "draw"', 'ttl = "1h"')) == "no-declarations"
    assert rule(row('task = "other"', "pure = true") + row('task = "draw"', "pure = true")) == ""
