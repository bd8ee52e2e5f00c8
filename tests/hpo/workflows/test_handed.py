"""Hyperparameters that a parameter of the workflow hands to the step, on every engine."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import pytest

from adapters.subjects import ARGO, KFP, TEKTON, Subject, lift_source, lower_and_write
from couler_plugins.documents import dump_yaml, read
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.options.config import Config
from couler_plugins.plan import Decision
from couler_plugins.plugins import Plugins, load_plugins
from hpo.workflows.test_orders import TRIALS, run, subject
from hpo.workflows.tuned import Told, tune

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
ENGINES = ["argo", "tekton", "run", "kfp"]
BETTER = {"rate": 0.03, "depth": 5}


class Case(NamedTuple):
    """A workflow whose parameter `lr` is the rate of a training, and where its value stands."""

    subject: Subject
    text: str
    place: tuple[str | int, ...]
    reference: str


@cache
def plugins() -> Plugins:
    return load_plugins(Config())


@cache
def case(engine: str) -> Case:
    if engine == "argo":
        text = subject("argo").text.replace('value: "0.1"', 'value: "{{workflow.parameters.lr}}"')
        declared = '  entrypoint: main\n  arguments: {parameters: [{name: lr, value: "0.1"}]}  # the team\'s\n'
        text = text.replace("  entrypoint: main\n", declared)
        return Case(ARGO, text, (0, "spec", "arguments", "parameters", 0, "value"), "workflow.parameters.lr")
    if engine in ("tekton", "run"):
        text = subject("tekton").text.replace('value: "0.1"', "value: $(params.lr)")
        text = text.replace("spec:\n  tasks:\n", 'spec:\n  params:\n  - {name: lr, default: "0.1"}\n  tasks:\n')
        if engine == "tekton":
            return Case(TEKTON, text, (1, "spec", "params", 0, "default"), "params.lr")
        task, pipeline = (document.data for document in read(text, "w.yaml").documents)
        pipeline["spec"]["params"] = [{"name": "lr", "default": "0.5"}]  # which the run does not use
        spec = {"params": [{"name": "lr", "value": "0.1"}], "pipelineSpec": pipeline["spec"]}
        started = {"apiVersion": "tekton.dev/v1", "kind": "PipelineRun", "metadata": {"name": "churn"}, "spec": spec}
        return Case(
            TEKTON, f"{dump_yaml(task)}---\n{dump_yaml(started)}", (1, "spec", "params", 0, "value"), "params.lr"
        )
    spec, platform = (document.data for document in read(subject("kfp").text, "w.yaml").documents)
    root = spec["root"]
    root["inputDefinitions"]["parameters"]["lr"] = {
        "parameterType": "NUMBER_DOUBLE",
        "defaultValue": 0.1,
        "isOptional": True,
    }
    root["dag"]["tasks"]["train"]["inputs"]["parameters"]["rate"] = {"componentInputParameter": "lr"}
    place = (0, "root", "inputDefinitions", "parameters", "lr", "defaultValue")
    return Case(KFP, f"{dump_yaml(spec)}---\n{dump_yaml(platform)}", place, "componentInputParameter: lr")


def settings(engine: str) -> dict[str, Any]:
    return {**BETTER, "kind": "deep"} if engine == "kfp" else BETTER


def written(engine: str, text: str, told: Told) -> tuple[str, tuple[Decision, ...]]:
    """What a tuner that knows what it proposes makes of a text."""
    given = case(engine).subject
    plan = tune(lift_source(given, read(text, "w.yaml")), given.adapter, plugins(), told, tuner="told")
    lowered, out = lower_and_write(given, plan)
    for error in lowered.refused.values():
        raise error
    assert all(edit.decision is not None for edit in lowered.edits), lowered.edits
    return out.texts.get(0, text), plan.decisions


def lint(engine: str, text: str) -> list[str]:
    adapter = case(engine).subject.adapter
    return [remark.message for remark in adapter.lint(adapter.load([read(text, "w.yaml")]))]


def at(text: str, place: tuple[str | int, ...]) -> Any:
    documents: Any = [document.data for document in read(text, "w.yaml").documents]
    for key in place:
        documents = documents[key]
    return documents


@pytest.mark.parametrize("engine", ENGINES)
def test_what_is_better_is_written_as_the_value_of_the_parameter(engine: str) -> None:
    given = case(engine)
    told = Told(settings(engine))
    once, decisions = written(engine, given.text, told)
    assert float(at(given.text, given.place)) == 0.1
    assert float(at(once, given.place)) == 0.03
    assert once.count(given.reference) == given.text.count(given.reference)
    assert any("rate (the parameter lr) from 0.1 to 0.03, depth from 3 to 5" in item.action for item in decisions)
    again, _ = written(engine, once, told)
    assert again == once
    assert told.asked == 1
    assert [
        remark.message for remark in given.subject.adapter.lint(given.subject.adapter.load([read(once, "w")]))
    ] == []


@pytest.mark.parametrize("engine", ENGINES)
def test_another_tuner_begins_with_what_the_parameter_was(engine: str) -> None:
    given = case(engine)
    once, _ = written(engine, given.text, Told(settings(engine)))
    other = Told({**settings(engine), "rate": 0.5})
    other.name = "other"
    from_bare, _ = written(engine, given.text, other)
    plan = tune(
        lift_source(given.subject, read(once, "w.yaml")), given.subject.adapter, plugins(), other, tuner="other"
    )
    decision = next(item for item in plan.decisions if item.subject.endswith("/train"))
    assert "from 0.1 to 0.5" in decision.action
    assert float(at(from_bare, given.place)) == 0.5


@pytest.mark.parametrize("engine", ENGINES)
def test_what_its_owner_makes_of_the_parameter_afterwards_is_its_owners(engine: str) -> None:
    given = case(engine)
    once, _ = written(engine, given.text, Told(settings(engine)))
    documents = [document.data for document in read(once, "w.yaml").documents]
    holder: Any = documents
    for key in given.place[:-1]:
        holder = holder[key]
    holder[given.place[-1]] = type(holder[given.place[-1]])(0.7)
    _, decisions = written(engine, "---\n".join(map(dump_yaml, documents)), Told(settings(engine)))
    assert any("from 0.7 to 0.03" in item.action for item in decisions)


@pytest.mark.parametrize("engine", ENGINES)
def test_trials_take_its_place_in_copies_and_begin_with_what_a_run_is_given(engine: str) -> None:
    given = case(engine)
    done = run(given.text, TRIALS)
    assert given.text.count(given.reference) == 1
    read_by = 2 if engine != "kfp" else 0  # the first trial, and what picks the best; KFP's loop has constants only
    assert done.text.count(given.reference) == read_by
    assert at(done.text, given.place) == at(given.text, given.place)
    decisions = [item for file in done.files for item in file.decisions if item.subject.endswith("/train")]
    assert ("what a run is given for lr does not reach it" in decisions[0].reason) is (engine == "kfp")
    assert run(done.text, TRIALS).text == done.text
    other = TRIALS.replace("4", "5")
    assert run(done.text, other).text == run(given.text, other).text
    assert lint(engine, done.text) == []


@pytest.mark.parametrize("engine", ["argo", "tekton", "kfp"])
def test_keys_cover_it(engine: str) -> None:
    given = case(engine)
    pipeline = subject(engine).pipeline(("tune", "cache"))
    once = run(given.text, pipeline).text
    assert run(once, pipeline).text == once
    assert [
        remark.message for remark in given.subject.adapter.lint(given.subject.adapter.load([read(once, "w")]))
    ] == []


@pytest.mark.parametrize(
    ("engine", "old", "new", "reader"),
    [
        ("argo", "{{tasks.prepare.outputs.parameters.rows}}", "{{workflow.parameters.lr}}", "main/train"),
        ("argo", "echo 10 >", "echo {{workflow.parameters.lr}} >", "prepare"),
        ("argo", "echo 10 >", "echo '{{=toJson(workflow.parameters)}}' >", "prepare"),
        ("tekton", "value: $(tasks.train.results.auc)", 'value: "$(params.lr)"', "pipeline/report"),
    ],
    ids=["itself", "template", "all", "task"],
)
def test_a_parameter_that_others_read_as_well_is_theirs_too(engine: str, old: str, new: str, reader: str) -> None:
    text = case(engine).text
    assert old in text
    with pytest.raises(Unsupported, match=f"'rate' is the parameter 'lr', which {reader} reads as well") as caught:
        written(engine, text.replace(old, new), Told(settings(engine)))
    assert "a parameter of its own" in (caught.value.hint or "")
    assert "trials=" in (caught.value.hint or "")
    run(text.replace(old, new), TRIALS)


def test_a_parameter_without_a_value_is_known_to_the_run_only() -> None:
    text = case("argo").text.replace('[{name: lr, value: "0.1"}]', "[{name: lr}]")
    for tuned in (lambda: run(text, TRIALS), lambda: written("argo", text, Told(BETTER))):
        with pytest.raises(Unsupported, match="only a run knows 'rate': it is the parameter 'lr', which has no value"):
            tuned()


def test_a_value_of_the_parameter_outside_of_the_space_is_refused() -> None:
    with pytest.raises(InvalidInput, match="rate is set to '7'"):
        written("argo", case("argo").text.replace('value: "0.1"', 'value: "7"'), Told(BETTER))


def test_what_a_template_takes_by_itself_is_the_parameters_as_well() -> None:
    text = case("argo").text.replace('          - {name: rate, value: "{{workflow.parameters.lr}}"}\n', "")
    text = text.replace(
        "[{name: rows}, {name: rate},", '[{name: rows}, {name: rate, value: "{{workflow.parameters.lr}}"},'
    )
    with pytest.raises(Unsupported, match="which train reads as well"):  # a template is for whoever calls it
        written("argo", text, Told(BETTER))
    once = run(text, TRIALS).text
    assert "train-best.outputs.parameters.rate" in once
    assert run(once, TRIALS.replace("4", "5")).text == run(text, TRIALS.replace("4", "5")).text
