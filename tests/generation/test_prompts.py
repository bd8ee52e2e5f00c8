"""What a model is told: the example is a workflow, the catalogue is true, and the order is good for caches."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from benchmarks.nl_models import tokens_of
from benchmarks.nl_scoring import plugins, takers
from benchmarks.nl_task import ENGINES
from couler_plugins.engine_kit.legalize.python.runtime import typed
from couler_plugins.generation.asking import prompt_text
from couler_plugins.generation.composition import compose
from couler_plugins.generation.form import Form, FormStep
from couler_plugins.generation.generation import generate
from couler_plugins.generation.generation_options import GenerationOptions, Stages
from couler_plugins.generation.lake import HIDDEN, LONGEST_DEFAULT, Item, library, listing
from couler_plugins.generation.validation import validate
from couler_plugins.hookspecs import CatalogueStep, StepInput, StepOutput
from couler_plugins.ir import Literal
from couler_plugins.llm.client import Reply, Request
from couler_plugins.plugins import STEPS
from couler_plugins.steps import container_step
from couler_plugins.steps.arguments import text_of
from generation.forms import CATALOGUE, CHURN, form
from support import ROOT

WISH = "Load the usage table, train a model, evaluate it, and publish it."
SYSTEM = prompt_text("system")
SHIPPED: Mapping[str, CatalogueStep] = plugins().all(STEPS)


def step(name: str, inputs: dict[str, Any], outputs: tuple[StepOutput, ...] = ()) -> CatalogueStep:
    ports = [StepInput(name=key, description=f"The {key}.", **value) for key, value in inputs.items()]
    return container_step(
        name=name, description=f"Does {name}.", image="busybox:1", command=(name,), inputs=ports, outputs=outputs
    )


USED: dict[str, CatalogueStep] = {
    one.name: one
    for one in (
        step(
            "read-table",
            {"table": {}, "day": {}},
            (
                StepOutput(name="data", description="The table.", type="artifact"),
                StepOutput(name="rows", description="Its rows.", type="int"),
            ),
        ),
        step("publish-file", {"file": {"type": "artifact"}}),
        step("send-mail", {"to": {}}),
    )
}
"""The steps that the example uses."""


def example() -> dict[str, Any]:
    result: dict[str, Any] = json.loads(SYSTEM.split("\n\n")[1])
    return result


class Scripted:
    """A client that keeps what it is asked, and answers with the churn workflow."""

    def __init__(self) -> None:
        self.requests: list[Request] = []

    def complete(self, request: Request) -> Reply:
        self.requests.append(request)
        is_first = "subtasks" in request.schema.get("properties", {})
        return Reply(text=json.dumps({"subtasks": ["load the table"]} if is_first else CHURN))


def questions(wish: str = WISH, **more: Any) -> list[Request]:
    client = Scripted()
    generate(client, wish, more.pop("known", library(CATALOGUE)), more.pop("manner", None), **more)
    return client.requests


def document(request: Request) -> dict[str, Any]:
    text = request.messages[1].content
    result: dict[str, Any] = json.loads(text[text.index("\n\n{") :])
    return result


def test_the_example_is_a_workflow_for_every_engine() -> None:
    read = form(example())
    assert validate(read, USED) == []
    assert sorted(takers(read, USED)) == sorted(ENGINES)


def test_the_example_has_all_that_a_form_has() -> None:
    document = example()
    assert set(document) == set(Form.__struct_fields__)
    assert {key for one in document["steps"] for key in one} == set(FormStep.__struct_fields__)
    assert {"python", "container", *USED} == {one["use"] for one in document["steps"]}


def test_over_may_refer_to_what_the_function_of_the_example_gives() -> None:
    assert '"over":"check.depots"' in SYSTEM
    document = example()
    document["steps"][-1]["over"] = "check.depots"
    assert validate(form(document), USED) == []
    assert set(takers(form(document), USED)) == {"airflow", "argo", "kfp"}  # Tekton has no lists that only a run knows


def test_the_function_of_the_example_gives_its_outputs() -> None:
    (python,) = (one for one in form(example()).steps if one.use == "python")
    scope: dict[str, Any] = {}
    exec(python.code, scope)  # our own text
    call = typed({"rows": "int"}, dict.fromkeys(python.outputs, "text"))(scope["run"])
    assert call(rows="41") == {"most": "3", "depots": '["a","b"]'}


def test_an_output_called_result_is_the_value_itself() -> None:
    """The text says so, as a mapping would be nested in it."""
    assert '"outputs":["result"], the value itself' in SYSTEM
    assert typed({}, {"result": "text"})(lambda: {"result": 1})() == '{"result":1}'


def test_words_of_a_command_are_passed_as_they_are() -> None:
    composed = compose(form(example()), USED)
    (container,) = next(one for one in composed.operations if one.name == "plan").containers
    words = [*container.command, *container.args]
    assert len(words) == len(example()["steps"][2]["command"])
    assert Literal(value="--title=Plan of a day") in words


def test_an_artifact_may_be_a_url() -> None:
    assert "a URL or path as" in SYSTEM
    inputs = [{"name": "file", "value": "https://example.com/plan.csv"}]
    assert validate(form({"name": "w", "steps": [{"name": "a", "use": "publish-file", "inputs": inputs}]}), USED) == []


def test_a_text_of_json_is_given_as_the_question_says() -> None:
    assert r'JSON in a text is a text: "value":"{\"age\": 3}"' in SYSTEM
    inputs = [{"name": "title", "value": "x"}, {"name": "values", "value": '{"age": 3}'}]
    document = {"name": "w", "steps": [{"name": "page", "use": "write-report", "inputs": inputs}]}
    assert validate(form(document), SHIPPED) == []
    document["steps"][0]["inputs"][1]["value"] = {"age": 3}  # type: ignore[index]  # a step is a mapping
    with pytest.raises(msgspec.ValidationError):
        form(document)


@pytest.mark.parametrize("name", SHIPPED)
def test_inputs_and_defaults_are_those_of_the_step(name: str) -> None:
    told = listing(SHIPPED.values())
    (entry,) = (one for one in told["catalogue"] if one["name"] == name)
    also = entry.get("also", "").split()
    texts = {**{key: told["shared"][key] for key in also}, **entry.get("inputs", {})}
    wanted = [one for one in SHIPPED[name].inputs if one.name not in HIDDEN or one.required]
    assert set(texts) == {one.name for one in wanted}
    for one in wanted:
        said = texts[one.name].removesuffix(f": {one.description}").removeprefix(one.type)
        said = said.removesuffix(f", one of {', '.join(one.choices)}" if one.choices else "")
        if one.required:
            assert said == ", required"
        elif one.parameter:
            assert said == f", by default the workflow's input {one.parameter!r}"
        else:
            assert said == (
                f", default {text_of(one.default)}" if text_of(one.default) not in ("", "[]") else ", optional"
            )


@pytest.mark.parametrize("name", sorted(set(SHIPPED) - {"katib-experiment"}))  # which has no input but constants
def test_what_is_built_without_an_input_has_its_default(name: str) -> None:
    entry = SHIPPED[name]
    samples: dict[str, Any] = {"text": "{}", "list": ["x"], "int": 1, "float": 0.5, "bool": True, "artifact": "x"}
    ports = entry.build({one.name: samples[one.type] for one in entry.inputs if one.required}).operation.inputs
    optional = {one.name: one for one in entry.inputs if not one.required}
    for port in ports:
        if port.name in optional and optional[port.name].default is not None:
            assert port.default == Literal(value=text_of(optional[port.name].default)), port.name


def test_what_most_steps_take_is_described_once() -> None:
    told = listing(SHIPPED.values())
    assert {"store", "cpu", "memory"} <= set(told["shared"])
    for name in ("store", "cpu", "memory"):
        assert json.dumps(told, ensure_ascii=False).count(told["shared"][name]) == 1
    of_pods = [one["name"] for one in told["catalogue"] if "cpu" in one["inputs"]]
    assert of_pods, "jobs have requests of each pod, with a meaning and a default of their own"
    assert not any("cpu" in one.get("also", "").split() for one in told["catalogue"] if one["name"] in of_pods)


def test_the_page_shows_a_line_of_the_catalogue() -> None:
    page = (ROOT / "docs/generate.md").read_text("utf-8")
    (shown,) = (json.loads(line) for line in page.splitlines() if line.startswith('{"name":"sample-rows"'))
    assert shown in listing(SHIPPED.values())["catalogue"]


def test_what_one_step_alone_takes_is_described_there() -> None:
    told = listing([CATALOGUE["send-mail"]])
    assert told["shared"] == {}
    assert told["catalogue"][0]["inputs"]["to"] == "text, required: The to."
    assert "also" not in told["catalogue"][0]


def test_an_input_that_two_steps_have_otherwise_is_described_at_one_of_them() -> None:
    a, b, c = (step(name, {"rate": {"default": value}}) for name, value in (("a", 1), ("b", 2), ("c", 2)))
    told = listing([a, b, c])
    assert told["shared"]["rate"] == "text, default 2: The rate."
    first, second, _ = told["catalogue"]
    assert first["inputs"] == {"rate": "text, default 1: The rate."}
    assert "rate" not in second.get("inputs", {})
    assert "rate" in second["also"].split()


def test_a_long_default_is_cut() -> None:
    told = listing([step("a", {"program": {"default": "x" * 5_000}})])
    assert told["catalogue"][0]["inputs"]["program"] == f"text, default {'x' * LONGEST_DEFAULT}…: The program."


def test_a_default_that_is_secret_is_not_told() -> None:
    known = library({**CATALOGUE, "load-own": step("load-own", {"password": {"default": "hunter2"}})})
    assert "hunter2" not in str(questions(known=known))


def test_the_catalogue_comes_first_and_the_description_last() -> None:
    item = Item(schema_name="couler.lake/v0", name="usage", engine="argo", description=WISH, shape=form(CHURN))
    (_, question) = questions(known=library(CATALOGUE, [item]), manner=GenerationOptions())
    keys = ["shared", "catalogue", "examples", "subtasks", "description"]
    assert list(document(question)) == keys
    (_, question) = questions(before=form(CHURN), feedback=["Try it twice."])
    assert list(document(question)) == ["shared", "catalogue", "subtasks", "workflow", "description", "feedback"]


def test_questions_begin_alike_until_the_catalogue_ends() -> None:
    manner = GenerationOptions(stages=Stages(decompose=False, retrieve=False))
    one, other = questions(manner=manner)[0], questions("Load the table.", manner=manner)[0]
    assert one.messages[0] == other.messages[0]
    ends = [request.messages[1].content.index('"description":') for request in (one, other)]
    assert one.messages[1].content[: ends[0]] == other.messages[1].content[: ends[1]]


def test_questions_are_short() -> None:
    """They had 7,400 tokens with the shipped catalogue, by the same count; what is added to them is to be worth it."""
    manner = GenerationOptions(stages=Stages(decompose=False, retrieve=False))
    question = questions(known=library({**SHIPPED, **CATALOGUE}), manner=manner)[0]
    assert sum(tokens_of(message.content) for message in question.messages) < 5_300


def test_each_step_of_the_catalogue_has_a_line() -> None:
    question = questions()[-1]
    lines = [line.rstrip("],") for line in question.messages[1].content.splitlines() if line.startswith('{"name":')]
    assert [json.loads(line)["name"] for line in lines] == [one["name"] for one in document(question)["catalogue"]]


def test_the_question_for_subtasks_has_no_format() -> None:
    first, second = questions()
    assert document(first) == {"steps": sorted(CATALOGUE), "description": WISH}
    assert '"use"' not in first.messages[0].content
    assert '"use"' in second.messages[0].content
    assert all(request.messages[0].content.endswith(prompt_text("guard")) for request in (first, second))
