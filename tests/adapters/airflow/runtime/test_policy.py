"""Which DAGs and tasks are touched, and that nothing of ours keeps a DAG from being parsed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from airflow_dags import DagFiles
from airflow_minors import known_plugins

pytestmark = pytest.mark.airflow

FILE = """
from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.operators.latest_only import LatestOnlyOperator
from airflow.providers.standard.operators.python import PythonOperator
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator
from airflow.providers.standard.sensors.python import PythonSensor
from airflow.providers.standard.sensors.time_delta import TimeDeltaSensor
from airflow.sdk import Asset, setup, task_group, teardown
from couler_airflow.marks import cached, never

try:
    from airflow.providers.standard.operators.hitl import ApprovalOperator
except Exception:  # before 3.1
    ApprovalOperator = EmptyOperator

class Trigger(BashOperator):
    start_from_trigger = True

with DAG("kinds", schedule=None, tags=[TAGS]) as dag:
    @task
    def flow(x):
        return x

    @task.branch
    def branch():
        return "flow"

    @task.short_circuit
    def circuit():
        return True

    @task.sensor
    def sensor():
        return True

    @task.bash
    def shell_flow():
        return "true"

    @setup
    def begin():
        return 1

    @teardown
    def end():
        return 1

    @task(outlets=[Asset("a")])
    def outlet():
        return 1

    @task
    @never
    def refused():
        return 1

    begin() >> flow(1) >> end()
    flow.override(task_id="mapped").expand(x=[1])
    PythonOperator(task_id="python", python_callable=len, op_args=[[]])
    branch() >> circuit() >> sensor() >> shell_flow() >> outlet() >> refused()
    EmptyOperator(task_id="empty")
    BashOperator(task_id="shell", bash_command="true")
    Trigger(task_id="trigger", bash_command="true")
    LatestOnlyOperator(task_id="latest")
    ApprovalOperator(task_id="approval", **({} if ApprovalOperator is EmptyOperator else {"subject": "?"}))
    TriggerDagRunOperator(task_id="other_dag", trigger_dag_id="x")
    PythonSensor(task_id="python_sensor", python_callable=len)
    EDITS
"""
CACHED = {"flow", "mapped", "python"}
KEYED = {"branch", "circuit"}


def dag_of(files: DagFiles, tags: str = "'couler-cache'", edits: str = "pass") -> Any:
    return files.dag(FILE.replace("TAGS", tags).replace("EDITS", edits))


def touched(dag: Any) -> set[str]:
    return {
        task_id
        for task_id, task in dag.task_dict.items()
        if "execute" in vars(task) or hasattr(getattr(task, "operator_class", None), "__couler_original__")
    }


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_STORE", str(tmp_path / "store"))


def test_a_tag_marks_the_pure_tasks_of_a_dag(dag_files: DagFiles, tmp_path: Path) -> None:
    assert touched(dag_of(dag_files)) == CACHED | KEYED
    assert not (tmp_path / "store").exists(), "parsing looks at no store"


@pytest.mark.parametrize(
    ("tags", "settings"),
    [
        ("'other'", {}),
        ("'couler-cache'", {"ENABLED": "False"}),
        ("'couler-cache'", {"CACHE_STORE": ""}),
        ("'couler-cache'", {"CACHE_TAG": "cached-dags"}),
        ("", {"CACHE_TAG": ""}),
        ("'couler-cache'", {"CACHE_WAIT": "never"}),
        ("'couler-cache'", {"ENABLED": "perhaps"}),
    ],
)
def test_nothing_is_touched_that_did_not_ask(
    dag_files: DagFiles, monkeypatch: pytest.MonkeyPatch, tags: str, settings: dict[str, str]
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"AIRFLOW__COULER__{name}", value)
    assert touched(dag_of(dag_files, tags)) == set()


def test_settings_mark_dags_and_operators(dag_files: DagFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_DAGS", "other, ki*s")
    listed = [f"airflow.providers.standard.operators.{name}" for name in ("bash.BashOperator", "empty.EmptyOperator")]
    monkeypatch.setenv("AIRFLOW__COULER__CACHE_OPERATORS", ", ".join(listed))
    assert touched(dag_of(dag_files, "")) == CACHED | KEYED | {"shell"}


def test_marks_reach_tasks_of_any_dag_but_not_those_that_are_never_cached(dag_files: DagFiles) -> None:
    every = "[cached(one) for one in list(dag.task_dict.values()) if one.task_id not in ('flow', 'mapped', 'refused')]"
    assert touched(dag_of(dag_files, "", every)) == {"python", "shell", "shell_flow"} | KEYED
    assert touched(dag_of(dag_files, "", "cached(dag)")) == CACHED | KEYED
    assert touched(dag_of(dag_files, "", "cached(flow)")) == {"flow", "mapped"}
    assert touched(dag_of(dag_files, edits="never(flow); never(branch)")) == {"python", "circuit"}


@pytest.mark.parametrize("target", ["1", "'text'", "len"])
def test_what_cannot_be_marked_says_so(dag_files: DagFiles, target: str) -> None:
    from couler_airflow.marks import cached
    from couler_plugins.errors import InvalidInput

    with pytest.raises(InvalidInput, match="cannot be marked"):
        cached(eval(target))


def test_what_is_said_wrongly_says_so() -> None:
    from couler_airflow.marks import Declaration
    from couler_plugins.errors import InvalidInput

    with pytest.raises(InvalidInput, match="'moon' cannot be allowed") as moon:
        Declaration(allow=("moon",))
    assert (moon.value.hint or "").startswith("the words are clock, connections")
    with pytest.raises(InvalidInput, match="'netwrok' cannot be allowed") as network:
        Declaration(allow=("netwrok",))
    assert (network.value.hint or "").startswith("did you mean 'network'? the words are ")
    lists: Any = {"allow": ["network"], "context": ["ds"], "outputs": ["/data/a"]}  # as people write it
    assert Declaration(**lists) == Declaration(allow=("network",), context=("ds",), outputs=("/data/a",))
    assert hash(Declaration(**lists))
    with pytest.raises(InvalidInput, match="-1 seconds old"):
        Declaration(ttl=-1)


def test_a_failure_of_ours_leaves_the_dag(
    dag_files: DagFiles, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from couler_airflow.cache import rows

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(rows, "wrap", fail)
    assert touched(dag_of(dag_files)) == set()
    assert "the DAG kinds is not cached" in caplog.text


def test_an_operator_whose_execute_is_replaced_is_left_alone(dag_files: DagFiles) -> None:
    from couler_airflow.cache.rows import Owner

    dag = dag_of(dag_files, "'other'")
    task = dag.task_dict["python"]
    task.execute = replaced = lambda context: 1
    assert [item.reason for item in Owner(dag).wrap(task)] == ["somebody else has replaced its execute"]
    assert task.execute is replaced


def test_wrapping_again_changes_what_was_declared(dag_files: DagFiles) -> None:
    from couler_airflow.marks import Declaration
    from couler_airflow.runtime.wrap import wrap

    dag = dag_of(dag_files)
    for name in ("python", "mapped"):
        task = dag.task_dict[name]
        wrap(task, Declaration(ttl=5.0))
        wrap(task, Declaration(ttl=5.0))
    assert vars(dag.task_dict["python"])["execute"].declaration.ttl == 5.0
    cls = dag.task_dict["mapped"].operator_class
    assert not hasattr(cls.__couler_original__, "__couler_original__"), "one layer, however often"
    assert (cls.__name__, cls.__module__) == (cls.__couler_original__.__name__, cls.__couler_original__.__module__)


def test_airflow_knows_the_provider_and_its_settings() -> None:
    from airflow.providers_manager import ProvidersManager

    from couler_airflow.settings import option_names

    manager: Any = ProvidersManager  # without types
    provider = manager().providers["couler-plugins"].data
    options = provider["config"]["couler"]["options"]
    assert set(options) == set(option_names())
    assert {name for name, option in options.items() if option["sensitive"]} == {"cache_store", "cache_index"}
    assert "couler" in known_plugins()


def test_every_setting_is_in_the_docs_and_has_the_default_that_they_say() -> None:
    from couler_airflow.settings import option_names
    from couler_plugins.options.fields import texts_of
    from support import ROOT

    rows = [
        [cell.strip().strip("`") for cell in line.split("|")[1:3]]
        for line in (ROOT / "docs" / "airflow-cache.md").read_text().split("## Settings")[1].splitlines()
        if line.startswith("| `")
    ]
    wanted = {name: ",".join(texts_of(field.default)).removesuffix(".0") for name, field in option_names().items()}
    assert dict(rows) == wanted


def test_importing_what_airflow_loads_first_imports_no_airflow() -> None:
    code = (
        "import sys, couler_airflow.policy, couler_airflow.provider_info, couler_airflow.marks\n"
        "import couler_airflow.runtime.wrap, couler_airflow.settings\n"
        "couler_airflow.provider_info.get_provider_info()\n"
        "print([name for name in ('airflow', 'msgspec', 'numpy', 'fsspec', 'rich') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
