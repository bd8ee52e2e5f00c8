"""Statements become steps: who reads a table or a model waits for who makes it."""

from __future__ import annotations

import pytest

from conversions import ENGINES, Outcome, problem_of
from couler_plugins.cli.generated import manifest
from couler_plugins.driver.session import session
from couler_plugins.generation.composition import compose
from couler_plugins.generation.form import Form
from couler_plugins.generation.scope import waits_for
from couler_plugins.generation.validation import validate
from couler_plugins.ir import Call, GraphView, Workflow, callables
from couler_plugins.options.config import load_config
from couler_plugins.plan import Plan
from couler_plugins.plugins import STEPS, Plugins, load_plugins
from couler_plugins.sql.clauses import Refused as NotParsed
from couler_plugins.sql.parser import parse_program
from couler_plugins.sql.planning import Refused, plan_program
from support import ROOT

PROGRAM = (ROOT / "examples" / "sql" / "churn.sql").read_text("utf-8")


def planned(text: str, **options: object) -> Form:
    statements = [item for item in parse_program(text, "", "f.sql") if not isinstance(item, NotParsed)]
    return plan_program(statements, "p", file="f.sql", **options)  # type: ignore[arg-type]  # options by name


def waits(form: Form) -> dict[str, set[str]]:
    return {step.name: set(waits_for(step)) for step in form.steps}


def test_the_example() -> None:
    form = planned(PROGRAM)
    assert waits(form) == {
        "make-features": set(),
        "data-of-churn-model": {"make-features"},
        "train-churn-model": {"data-of-churn-model"},
        "data-to-evaluate-churn-model": {"make-features"},
        "evaluate-churn-model": {"data-to-evaluate-churn-model", "train-churn-model"},
        "store-churn-scores": {"evaluate-churn-model"},
        "data-for-churn-predictions": {"make-features"},
        "predict-churn-predictions": {"data-for-churn-predictions", "train-churn-model"},
        "store-churn-predictions": {"predict-churn-predictions"},
    }
    (train,) = [step for step in form.steps if step.use == "xgboost-train"]
    assert {item.name: item.value for item in train.inputs if item.source is None} == {
        "task": "classification",
        "rounds": 30,
        "max-depth": 3,
        "features": ("calls", "minutes", "complaints"),
        "target": "churned",
    }


def test_who_writes_a_table_waits_for_its_readers() -> None:
    text = (
        "SELECT * FROM t TO PREDICT p.y USING m; INSERT INTO t SELECT * FROM p; SELECT * FROM t TO PREDICT q.y USING m"
    )
    form = planned(text, models={"m": "s3://b/m"})
    names = waits(form)
    assert names["make-t"] == {"data-for-p", "store-p"}  # t is read before it is written, and p is written before
    assert names["data-for-q"] == {"make-t"}


def test_a_query_is_asked_once_until_its_table_changes() -> None:
    text = "SELECT * FROM t TO PREDICT p.y USING m; SELECT * FROM t TO EVALUATE m LABEL y; INSERT INTO t SELECT 1;"
    form = planned(text + "SELECT * FROM t TO EVALUATE m LABEL y", models={"m": "s3://b/m"})
    assert [step.name for step in form.steps if step.use == "sql-query"] == ["data-for-p", "data-to-evaluate-m"]


def test_a_colon_in_a_query_is_no_named_value() -> None:
    (query,) = planned("SELECT * FROM t WHERE s = ':x' AND a::text = '1'").steps
    assert "':x'".replace(":", r"\:") in str(query.inputs[0].value)
    assert "a::text" in str(query.inputs[0].value)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("SELECT * FROM t\nTO TRAIN DNNClasifier LABEL y", 2, "did you mean 'DNNClassifier'?"),
        ("SELECT * FROM t TO TRAIN DNNClassifier\nWITH train.epocs = 3 LABEL y", 2, "did you mean 'epochs'?"),
        ("SELECT * FROM t TO TRAIN DNNClassifier\nCOLUMN BUCKET(a, 3) LABEL y", 2, "computes a column"),
        ("SELECT * FROM t TO TRAIN xgboost.gbtree LABEL y", 1, "classes or numbers"),
        ("SELECT * FROM t TO TRAIN DNNClassifier", 1, "names no column to predict"),
        ("SELECT * FROM t\nTO PREDICT p.y USING nobody", 2, "no statement before trains the model 'nobody'"),
        ("SELECT * FROM t TO EXPLAIN m", 1, "TO EXPLAIN: no step of the catalogue explains a model"),
        ("SELECT * FROM t TO MAXIMIZE x INTO r", 1, "TO MAXIMIZE: no step of the catalogue solves"),
        ("SELECT 1 TO RUN i", 1, "TO RUN: a program of somebody else's"),
    ],
)
def test_what_no_step_does_is_refused_with_its_place(text: str, line: int, said: str) -> None:
    with pytest.raises(Refused) as caught:
        planned(text)
    assert caught.value.line == line
    assert said in f"{caught.value.message} {caught.value.hint}"


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return load_plugins(load_config(environ={}))


@pytest.fixture(scope="module")
def workflow(plugins: Plugins) -> Workflow:
    form = planned(PROGRAM, store="s3://b/s")
    catalogue = plugins.all(STEPS)
    assert validate(form, catalogue) == []
    return compose(form, catalogue)


@pytest.mark.parametrize("engine", ENGINES)
def test_equal_plans_on_every_engine(engine: str, workflow: Workflow, plugins: Plugins) -> None:
    """What each engine's file is read as has the steps, the order and the programs of the same plan."""
    if engine == "airflow":
        pytest.importorskip("airflow")
    work = session(load_config(environ={}), plugins, to=engine)
    text = manifest(workflow, work).text
    assert problem_of(Outcome("churn", text, None), engine) == ""
    if engine != "airflow":  # a DAG file is a program: the judge above has loaded it
        assert shape(lifted(text, plugins)) == shape(workflow)


def lifted(text: str, plugins: Plugins) -> Workflow:
    from couler_plugins import Text, lift

    plan: Plan = lift(Text(text, "churn.yaml"), plugins=plugins)
    return max(plan.workflows, key=lambda item: sum(len(graph.steps) for graph in item.graphs))


def shape(workflow: Workflow) -> dict[str, tuple[set[str], str]]:
    """For each step, what it waits for or reads from, and its program."""
    by_name = callables(workflow)
    graph = max(workflow.graphs, key=lambda item: len(item.steps))
    view = GraphView(graph, by_name)
    found = {}
    for step in graph.steps:
        assert isinstance(step.call, Call)
        texts = [
            part
            for part in str(by_name[step.call.name]).split('"""')
            if part.startswith(("Trains", "Asks", "Runs", "Writes", "Has", "Measures"))
        ]
        found[step.name] = (set(view.predecessors(step.name)), texts[0])
    return found
