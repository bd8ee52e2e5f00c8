"""The catalogue: what is declared is what runs, and every engine can have it."""

from __future__ import annotations

import importlib
import inspect
import re
import typing
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import pytest
from packaging.requirements import Requirement

from conversions import ENGINES, Outcome, problem_of
from couler_plugins.hookspecs import Built, StepInput
from couler_plugins.ir import (
    Argument,
    Expression,
    Literal,
    Reference,
    Step,
    Template,
    Workflow,
)
from couler_plugins.steps import ScriptStep
from step_runs import Runs, step_named, step_of, steps, workflow_of, written

SCRIPTED = [name for name, step in steps().items() if isinstance(step, ScriptStep)]
EXAMPLES: Mapping[str, Any] = {
    "text": "a",
    "artifact": "/data/a.csv",
    "int": 1,
    "float": 0.5,
    "bool": True,
    "list": ["a", "b"],
}
"""An argument of each type."""

UNTESTED = ("pyarrow",) if find_spec("xgboost") else ("pyarrow", "xgboost-cpu")
"""Parquet is read by pandas with it alone; XGBoost's wheel without CUDA is for one platform."""

each_script = pytest.mark.parametrize("name", SCRIPTED)


def script_of(name: str) -> Any:
    return importlib.import_module(f"couler_plugins.steps.scripts.{name.replace('-', '_')}")


@pytest.mark.parametrize("name", list(steps()))
def test_a_step_says_what_it_does_in_a_sentence(name: str) -> None:
    step = step_named(name)
    told = [item.description for item in step.inputs] + [item.description for item in step.outputs]
    for text in (step.description, *told):
        assert re.fullmatch(r"\S.*[^.]\.", text), text
    assert len(set(step.tags)) == len(step.tags) >= 3
    for item in step.inputs:
        if item.choices:
            assert item.default in item.choices


def annotation(item: StepInput) -> tuple[Any, ...]:
    """What the script may call the type of an input."""
    if item.choices:
        return (typing.Literal.__getitem__(item.choices),)
    types: dict[str, tuple[Any, ...]] = {
        "text": (str, dict[str, object], dict[str, dict[str, object]]),
        "artifact": (str,),
        "int": (int,),
        "float": (float,),
        "bool": (bool,),
        "list": (list[str],),
    }
    return types[item.type]


@each_script
def test_a_script_takes_what_its_step_declares(name: str) -> None:
    own = {item.name.replace("-", "_"): item for item in step_named(name).inputs if not item.constant}
    main = script_of(name).main
    assert list(inspect.signature(main).parameters) == list(own)
    types = typing.get_type_hints(main)
    for parameter, item in own.items():
        assert types[parameter] in annotation(item)


@each_script
def test_the_text_of_a_script_means_nothing_to_an_engine(name: str) -> None:
    (container,) = step_named(name).build(needed(name)).operation.containers
    text = str(container.command[-1].value)  # type: ignore[union-attr]  # a literal
    assert re.findall(r"\{\{|\}\}|\{%|\{#|\$\(|\$\{|\$\$", text) == []
    assert "couler_plugins" not in text
    compile(text, name, "exec")


@each_script
def test_the_image_has_what_packages_need(name: str) -> None:
    """LightGBM's wheel needs the system's libgomp, which slim images lack."""
    given = {item.name: item.default for item in step_named(name).inputs}
    assert isinstance(given["packages"], tuple)
    uses_lightgbm = any(package.startswith("lightgbm") for package in given["packages"])
    assert given["image"] == ("python:3.12" if uses_lightgbm else "python:3.12-slim")


@each_script
def test_what_pip_installs_is_what_the_tests_run_with(name: str) -> None:
    packages = next(item.default for item in step_named(name).inputs if item.name == "packages")
    assert isinstance(packages, tuple)
    for package in packages:
        wanted = Requirement(package)
        if wanted.name not in UNTESTED:
            assert wanted.specifier.contains(version(wanted.name))


def needed(name: str) -> dict[str, Any]:
    return {item.name: EXAMPLES[item.type] for item in step_named(name).inputs if item.required}


pytestmark = [
    pytest.mark.filterwarnings(  # of kfp, when it loads what was written
        "ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"
    ),
    pytest.mark.sampled,
]


@pytest.mark.parametrize("engine", ENGINES)
@each_script
def test_every_engine_can_have_a_step(name: str, engine: str) -> None:
    step = step_named(name)
    some = {item.name: EXAMPLES[item.type] for item in step.inputs if not item.constant and not item.choices}
    built = step.build({**some, "cpu": "2", "memory": "3Gi", "secrets": ["TOKEN=web/token"]})
    text = written(workflow_of((step_of("only", built), built)), engine)
    assert problem_of(Outcome(name, text, None), engine) == ""
    assert "python:3.12" in text
    assert "3Gi" in text
    assert "secretKeyRef" in text or "secretAsEnv" in text or "secretName" in text


def read(step: str, name: str) -> Reference:
    return Reference(to="output", step=step, name=name, kind="parameter")


def model_search() -> Workflow:
    """Two models are trained and the better one is published, where it is good enough."""
    named: dict[str, tuple[Step, Built]] = {}

    def call(name: str, step: str, condition: Any = None, /, **arguments: Any) -> None:
        built = step_named(step).build({key.replace("_", "-"): value for key, value in arguments.items()})
        named[name] = (step_of(name, built, condition), built)

    call("load", "load-csv", url="https://example.org/customers.csv")
    call("clean", "clean-missing", data=read("load", "data"), strategy="median")
    call("split", "split-train-test", data=read("clean", "data"), stratify="churned", test_share=0.25)
    call("scale", "scale-features", data=read("split", "train"), keep=["churned"])
    call("scale-test", "scale-features", data=read("split", "test"), fit=read("split", "train"), keep=["churned"])
    for kind in ("xgboost", "lightgbm"):
        call(kind, f"{kind}-train", data=read("scale", "data"), target="churned", rounds=30)
        given = {"model": read(kind, "model"), "data": read("scale-test", "data")}
        call(f"judge-{kind}", "evaluate-model", **given, target="churned", metric="f1")
    scores = [read("judge-xgboost", "score"), read("judge-lightgbm", "score")]
    call("choose", "compare-models", models=[read("xgboost", "model"), read("lightgbm", "model")], scores=scores)
    call("gate", "threshold-gate", value=read("choose", "score"), threshold=0.8)
    good = Expression(language="cel", parts=(read("gate", "passed"), " == 'true'"))
    registry = {"name": "churn", "registry": "s3://bucket/models"}
    call("publish", "register-model", good, model=read("choose", "model"), **registry)
    call("tell", "slack-notify", good, text="published", secrets=["SLACK_WEBHOOK_URL=slack/url"])
    return workflow_of(*named.values())


@pytest.mark.parametrize("engine", ENGINES)
def test_every_engine_can_have_a_workflow_of_steps(engine: str) -> None:
    text = written(model_search(), engine)
    assert problem_of(Outcome("search", text, None), engine) == ""


def test_values_of_other_steps_in_a_list_are_texts_of_their_own() -> None:
    built = step_named("compare-models").build({"models": ["/a b", read("x", "model")], "scores": ["1", "2"]})
    assert built.arguments == (
        Argument(name="models", value=Template(parts=("[", '"/a b"', ", ", '"', read("x", "model"), '"', "]"))),
        Argument(name="scores", value=Literal(value='["1", "2"]')),
    )


def test_texts_around_values_in_a_list_are_json() -> None:
    text = Template(parts=('say "', read("x", "model"), "\\"))
    (argument, _) = step_named("compare-models").build({"models": [text], "scores": ["1"]}).arguments
    assert argument.value == Template(parts=("[", '"', 'say \\"', read("x", "model"), "\\\\", '"', "]"))


def test_the_steps_of_a_workflow_fit_together(run: Runs) -> None:
    """The workflow above, step by step, with what the steps before have given."""
    workflow = model_search()
    rows = [f"{number},{'' if number == 7 else number % 5},{['no', 'yes'][number >= 30]}" for number in range(60)]
    table = run.table("\n".join(["age,calls,churned", *rows]) + "\n")
    given: dict[tuple[str, str], str] = {}

    def text_of(value: Any) -> str:
        if isinstance(value, Template):
            return "".join(part if isinstance(part, str) else text_of(part) for part in value.parts)
        return given[value.step, value.name] if isinstance(value, Reference) else str(value.value)

    for step in workflow.graphs[0].steps[:-1]:  # all but the message
        built_in = step.call.name  # type: ignore[union-attr]  # they call operations
        declared = {item.name: item for item in step_named(built_in).inputs}
        arguments: dict[str, Any] = {}
        for argument in step.arguments:
            if argument.name != "store":
                arguments[argument.name] = typed(declared[argument.name].type, text_of(argument.value))
        arguments |= {"url": table} if step.name == "load" else {}
        arguments |= {"registry": str(run.folder / "models")} if step.name == "publish" else {}
        found = run(built_in, **arguments)
        given |= {(step.name, name): text for name, text in found.items()}
    assert given["gate", "passed"] == "true"
    assert given["publish", "place"].startswith(str(run.folder / "models" / "churn"))


def typed(kind: str, text: str) -> Any:
    """A text as what Python would be given."""
    import json

    return text if kind in ("text", "artifact") else json.loads(text)
