"""Pipelines as objects of KFP's SDK: lifted, lowered, optimized by the decorator."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest

import couler_kfp
from adapters.kfp.local.pipelines import configured, everything, namesake, outer
from adapters.kfp.sources import nested, sharing, steps
from adapters.subjects import KFP, Subject, each_file
from couler_kfp import dsl as objects
from couler_plugins.api import optimize
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.hookspecs import Context
from couler_plugins.ir import Literal, replace
from couler_plugins.plan import Decision, Plan

pytest.importorskip("kfp", reason="needs kfp")
pytestmark = pytest.mark.filterwarnings(
    "ignore::DeprecationWarning", "ignore::FutureWarning"
)  # of kfp and its libraries

MODULES = pytest.mark.parametrize("make", [everything, nested, sharing, configured], ids=lambda make: make.__name__)


def compiled(component: Any, path: Path) -> str:
    from kfp import compiler

    compiler.Compiler().compile(component, str(path))
    return path.read_text("utf-8")


def data(text: str) -> list[Any]:
    return [document.data for document in read(text, "compiled").documents]


def specs(component: Any) -> tuple[Any, Any]:
    return component.pipeline_spec, component.platform_spec


@MODULES
def test_lifting_and_lowering_gives_equal_protos(make: Any) -> None:
    component = make()
    (again,) = objects.lower(objects.lift(component))
    assert specs(again) == specs(component)
    assert (again.name, again.description) == (component.name, component.description)


@pytest.mark.slow
@pytest.mark.parametrize(("subject", "path"), each_file([KFP]))
def test_lifting_and_lowering_gives_equal_protos_of_the_corpus(subject: Subject, path: Path) -> None:
    from kfp import components

    text = path.read_text("utf-8")
    if any("kind" in document for document in data(text)):
        pytest.skip("KFP loads no manifests")
    component = components.load_component_from_text(text)
    (again,) = objects.lower(objects.lift(component))
    assert specs(again) == specs(component)


def test_a_manifest_is_lowered_to_a_component() -> None:
    from couler_plugins import api

    folder = Path(__file__).parents[2] / "fixtures/kfp"
    (manifest,) = (
        item for item in objects.lower(api.lift(str(folder / "manifest.yaml"))) if not isinstance(item, dict)
    )
    (plain,) = objects.lower(api.lift(str(folder / "nested.yaml")))
    assert specs(manifest) == specs(plain)


@MODULES
def test_what_nothing_is_done_to_is_the_very_same(make: Any) -> None:
    component = make()
    assert couler_kfp.optimize(component, "prune") is component
    assert couler_kfp.optimize(pipeline="prune")(component) is component


@MODULES
def test_the_decorator_does_what_the_command_line_does(make: Any, tmp_path: Path) -> None:
    before = compiled(make(), tmp_path / "before.yaml")
    after = compiled(couler_kfp.optimize(pipeline="dedupe")(make()), tmp_path / "after.yaml")
    assert data(after) == list(optimize(str(tmp_path / "before.yaml"), "dedupe").documents) != data(before)
    assert [line for line in after.splitlines() if line.startswith("#")] == [
        line for line in before.splitlines() if line.startswith("#")
    ]


@MODULES
def test_a_pipeline_is_changed_in_place(make: Any, tmp_path: Path) -> None:
    component = make()
    function = component.pipeline_func
    assert couler_kfp.optimize(component, "dedupe", in_place=True) is component
    assert component.pipeline_func is function
    assert specs(component) == specs(couler_kfp.optimize(make(), "dedupe"))
    assert compiled(component, tmp_path / "one.yaml") == compiled(
        couler_kfp.optimize(make(), "dedupe"), tmp_path / "two.yaml"
    )


def test_an_optimized_pipeline_nests_with_its_configuration(tmp_path: Path) -> None:
    """The two calls of the inner pipeline have three components each, whose two executors come along."""
    nesting = outer(lambda: couler_kfp.optimize(configured(), "dedupe"))
    spec, platform = data(compiled(nesting, tmp_path / "nesting.yaml"))
    plain, configuration = data(compiled(outer(configured), tmp_path / "plain.yaml"))
    labels = {name: item.get("executorLabel") for name, item in spec["components"].items()}
    fast = {name for name, label in labels.items() if label in executors(platform)}
    assert labels.keys() == plain["components"].keys()
    assert len(set(filter(None, labels.values()))) == len(spec["deploymentSpec"]["executors"]) == 4
    assert fast == {
        name for name, item in plain["components"].items() if item.get("executorLabel") in executors(configuration)
    }
    assert len(fast) == 2


def executors(platform: Any) -> Any:
    return platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]


def test_a_client_takes_it_as_it_takes_the_undecorated_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from kfp import Client

    sent: dict[str, Any] = {}

    def keep(self: Any, pipeline_file: str, **given: Any) -> str:
        shutil.copy(pipeline_file, tmp_path / "sent.yaml")
        sent.update(given)
        return "started"

    monkeypatch.setattr(Client, "create_run_from_pipeline_package", keep)
    client = Client.__new__(Client)  # its __init__ asks a server
    component = couler_kfp.optimize(nested(), "dedupe")
    assert client.create_run_from_pipeline_func(component, arguments={"count": 4}) == "started"
    assert sent["arguments"] == {"count": 4}
    assert sent["run_name"].startswith("nested ")
    assert (tmp_path / "sent.yaml").read_text("utf-8") == compiled(component, tmp_path / "own.yaml")


def test_a_pipeline_with_a_component_of_its_own_name_stays_a_pipeline() -> None:
    """KFP itself takes such a file for that component."""
    (component,) = objects.lower(objects.lift(namesake()))
    assert component.component_spec.inputs.keys() == {"count"}
    assert component.component_spec.implementation.graph == component.pipeline_spec


def test_a_single_component_is_lifted_as_well() -> None:
    component = steps()["square"]
    (again,) = objects.lower(objects.lift(component))
    assert again.pipeline_spec == component.pipeline_spec
    assert again.component_spec.inputs.keys() == {"number"}
    assert couler_kfp.optimize(component, "dedupe,prune") is component


@dataclass(frozen=True)
class Failing:
    """An optimizer with a mistake in it."""

    name: ClassVar[str] = "failing"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        raise ZeroDivisionError


@dataclass(frozen=True)
class Defaulting:
    """Gives the inputs of every pipeline another default."""

    name: ClassVar[str] = "defaulting"

    def run(self, plan: Plan, ctx: Context) -> Plan:
        for workflow in plan.workflows:
            (root,) = workflow.graphs
            inputs = tuple(replace(port, default=Literal(value=7.0)) for port in root.inputs)
            new = replace(workflow, graphs=(replace(root, inputs=inputs),), parameters=inputs)
            why = Decision(
                optimizer=self.name, workflow=new.label, subject="root", action="default to 7", reason="a test"
            )
            plan = plan.with_workflow(workflow, new, why)
        return plan


def test_other_inputs_are_those_of_a_new_component_only(caplog: pytest.LogCaptureFixture) -> None:
    component = configured()
    assert couler_kfp.optimize(component, [Defaulting()]).component_spec.inputs["number"].default == 7
    assert component.component_spec.inputs["number"].default == 3
    with caplog.at_level(logging.WARNING):
        assert couler_kfp.optimize(component, [Defaulting()], in_place=True) is component
    assert "its inputs or outputs would be others" in caplog.text


def test_a_mistake_of_ours_is_a_warning_and_the_pipeline_stays(caplog: pytest.LogCaptureFixture) -> None:
    component = nested()
    with caplog.at_level(logging.WARNING):
        assert couler_kfp.optimize(pipeline=[Failing()])(component) is component
    assert "not optimized: pipeline nested" in caplog.text
    assert "failing" in caplog.text


def test_a_new_component_leaves_the_old_one_as_it_was() -> None:
    component = nested()
    (copy,) = objects.lower(objects.lift(component))
    new = couler_kfp.optimize(component, "dedupe")
    assert type(new) is type(component)
    assert new.pipeline_func is component.pipeline_func
    assert specs(component) == specs(copy) != specs(new)


def test_kfp_finds_a_decorated_pipeline_beside_components() -> None:
    """`kfp dsl compile` takes the one pipeline of a module, and tells it by its class."""
    from kfp.cli import compile_

    module = ModuleType("pipelines")
    module.__dict__.update(steps(), pipeline=couler_kfp.optimize(nested(), "dedupe"))
    assert compile_.collect_pipeline_or_component_from_module(module) is module.pipeline


def test_a_loaded_pipeline_is_not_changed_in_place(caplog: pytest.LogCaptureFixture) -> None:
    (component,) = objects.lower(objects.lift(nested()))
    before = component.component_yaml
    with caplog.at_level(logging.WARNING):
        assert couler_kfp.optimize(component, "dedupe", in_place=True) is component
    assert "a YamlComponent cannot be changed in place" in caplog.text
    assert component.component_yaml == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pipeline": "dedupee"}, "dedupee"),
        ({"pipeline": "dedupe", "to": "kfp{merge=none}"}, "merge"),
        ({"pipeline": "dedupe{x=1}"}, "x"),
        ({"pipeline": [Path()]}, "no optimizer"),
    ],
    ids=["optimizer", "option", "optimizer's option", "object"],
)
def test_what_the_author_misspelt_is_an_error_at_once(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        couler_kfp.optimize(**arguments)


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        (lambda: None, "put it above @dsl.pipeline"),
        (5, "put it above @dsl.pipeline"),
        ("dedupe", "write @optimize(pipeline='dedupe')"),
    ],
    ids=["function", "number", "text"],
)
def test_what_is_no_component_is_an_error(value: Any, hint: str) -> None:
    with pytest.raises(InvalidInput, match="no component of KFP") as caught:
        couler_kfp.optimize(value)
    assert hint in str(caught.value.hint)


def test_only_decisions_are_told_where_a_compiler_tells_what_it_does(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        assert couler_kfp.optimize(nested(), "dedupe") is not None
    assert caplog.messages
    assert all(message.startswith("[") for message in caplog.messages)


def test_another_major_version_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    import kfp

    component = sharing()
    monkeypatch.setattr(kfp, "__version__", "3.0.0")
    with pytest.raises(Unsupported, match=r"KFP 3\.0\.0"):
        couler_kfp.optimize(component, "dedupe")


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        getattr(couler_kfp, "nothing")  # noqa: B009  # a type checker would say that it is not there
