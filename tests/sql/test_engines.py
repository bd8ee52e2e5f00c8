"""A program is the same plan on every engine, and each engine takes it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from conversions import ENGINES, Outcome, plugins, problem_of
from couler_plugins import Text, lift
from couler_plugins.cli.generated import manifest
from couler_plugins.driver.session import session
from couler_plugins.generation.composition import compose
from couler_plugins.ir import Call, GraphView, Literal, Reference, Step, Workflow, callables
from couler_plugins.options.config import load_config
from sql_programs import EXAMPLE, catalogue, planned

EXPLAIN = "SELECT * FROM features TO EXPLAIN churn_model INTO reasons; SELECT ':x', '%s', '{#', 'ü''' FROM reasons"
PULL = re.compile(r"\{\{ ti\.xcom_pull\(task_ids='([^']+)'\)\['parameters\.([^']+)'\] \}\}")
PARAMETER = re.compile(r"\{\{ params\['([^']+)'\] \}\}")

pytestmark = [
    pytest.mark.filterwarnings(
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
    ),  # of engines, when they load what was written
    pytest.mark.sampled,
]
Shape = dict[str, tuple[set[str], dict[str, str]]]
"""For each step, what it waits for, and what it is given."""


@pytest.fixture(scope="module")
def workflow() -> Workflow:
    plan = planned(
        f"{EXAMPLE.read_text('utf-8')}; {EXPLAIN}", store="s3://b/s", registry="s3://b/m", database="sqlite:////d/x.db"
    )
    return compose(plan.form, catalogue())


def text_of(workflow: Workflow, engine: str) -> str:
    written = manifest(workflow, session(load_config(environ={}), plugins(), to=engine))
    assert [finding for finding in written.findings if finding.severity == "error"] == []
    assert problem_of(Outcome("churn", written.text, None), engine) == ""
    return written.text


@pytest.mark.parametrize("engine", [engine for engine in ENGINES if engine != "airflow"])
def test_what_is_written_is_read_as_the_same_plan(engine: str, workflow: Workflow) -> None:
    """Lint, schemas and the engine's own SDK take it, where there is one."""
    lifted = lift(Text(text_of(workflow, engine), "churn.yaml"), plugins=plugins())
    read = max(lifted.workflows, key=lambda item: sum(len(graph.steps) for graph in item.graphs))
    assert shape_of(read) == shape_of(workflow)


@pytest.mark.airflow
def test_airflow_loads_the_same_plan(workflow: Workflow, tmp_path: Path) -> None:
    from airflow_minors import empty_bag

    file = tmp_path / "churn.py"
    file.write_text(text_of(workflow, "airflow"), encoding="utf-8")
    bag = empty_bag()
    bag.process_file(str(file))
    assert bag.import_errors == {}
    (dag,) = bag.dags.values()
    read: Shape = {}
    for task in dag.tasks:
        words = task.arguments[task.arguments.index("--outputs=/tmp/outputs") + 1 :]  # behind the program
        read[task.task_id] = (set(task.upstream_task_ids), dict(_argument(task, word) for word in words))
    assert read == shape_of(workflow)


def _argument(task: Any, text: Any) -> tuple[str, str]:
    """A word of a command line as Airflow renders it, but for what only a run knows."""
    known = PARAMETER.sub(r"<parameter \1>", PULL.sub(r"<\1.\2>", text)) if isinstance(text, str) else text
    name, _, value = str(task.render_template(known, {}, task.dag.get_template_env())).partition("=")
    return name.removeprefix("--"), value


def shape_of(workflow: Workflow) -> Shape:
    by_name = callables(workflow)
    graph = max(workflow.graphs, key=lambda item: len(item.steps))
    view = GraphView(graph, by_name)
    return {step.name: (set(view.predecessors(step.name)), _values(step, by_name)) for step in graph.steps}


def _values(step: Step, by_name: dict[str, Any]) -> dict[str, str]:
    """What a step is given, and the defaults of all else; the constants of a step are in its program."""
    assert isinstance(step.call, Call)
    ports = by_name[step.call.name].inputs
    values = {port.name: port.default for port in ports if port.default is not None}
    values |= {argument.name: argument.value for argument in step.arguments}
    return {name: _shown(value) for name, value in values.items()}


def _shown(value: Any) -> str:
    if isinstance(value, Reference):
        return f"<{value.step}.{value.name}>" if value.step else f"<parameter {value.name}>"
    assert isinstance(value, Literal), value
    return str(value.value)
