"""The optimizer `tune`: what it proposes to whom, what it writes, what it leaves behind and what it refuses.

Engines differ in how they try settings; Argo's manifests stand for all of them here.
"""

from __future__ import annotations

import json
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import ARGO, lift_source, lower_and_write
from couler_argo.plugin import ArgoAdapter
from couler_plugins.api import Text, optimize
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput, PluginFailure, Unsupported
from couler_plugins.hpo.files import ANNOTATION, read_annotation, tune_annotations
from couler_plugins.hpo.workflows.notes import read_notes
from couler_plugins.hpo.workflows.optimizer import Tune
from couler_plugins.options.config import Config
from couler_plugins.plan import Decision, Plan
from couler_plugins.plugins import Plugins, load_plugins
from hpo.workflows.tuned import Told, tune
from servers.openai_api import log_of, says, serving

SPACE: dict[str, Any] = {
    "rate": {"type": "log-float", "low": 1e-5, "high": 1, "default": 0.1},
    "booster": {"type": "categorical", "choices": ["trees", "dart"]},
    "dropout": {"type": "float", "low": 0, "high": 0.5, "when": {"booster": "dart"}},
    "early": {"type": "categorical", "choices": [True, False]},
}
ARGUMENTS = {"rate": "0.1", "booster": "trees", "dropout": "0.2", "early": "true"}
ONE_INPUT = {"inputs": {"parameters": [{"name": "rate"}]}}
BETTER = {"rate": 1e-05, "booster": "trees", "early": False}


@cache
def plugins() -> Plugins:
    return load_plugins(Config())


def manifest(
    space: dict[str, Any] = SPACE,
    arguments: dict[str, Any] = ARGUMENTS,
    *,
    data: dict[str, Any] | None = None,
    staged: bool = False,
    train: dict[str, Any] | None = None,
    step: dict[str, Any] | None = None,
    **spec: Any,
) -> str:
    """A workflow with one step that trains."""
    said = tune_annotations(data or {"name": "churn", "metric": "auc"}, space)
    inputs = {"parameters": [{"name": name} for name in dict.fromkeys([*SPACE, *space])]}
    template = {
        "name": "fit",
        "metadata": {"annotations": said},
        "inputs": inputs,
        "outputs": {"parameters": [{"name": "auc", "valueFrom": {"path": "/auc"}}]},
        "container": {"image": "fit:1", "command": ["fit"]},
        **(train or {}),
    }
    passed = [{"name": name, "value": value} for name, value in arguments.items()]
    call = {"name": "train", "template": "fit", "arguments": {"parameters": passed}, **(step or {})}
    graph = {"steps": [[call]]} if staged else {"dag": {"tasks": [call]}}
    return json.dumps(
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"generateName": "w-"},
            "spec": {"entrypoint": "main", "templates": [{"name": "main", **graph}, template], **spec},
        }
    )


def lifted(text: str) -> Plan:
    return lift_source(ARGO, read(text, "w.json"))


def tuned(text: str | Plan, told: Told | None = None, **options: Any) -> Plan:
    plan = lifted(text) if isinstance(text, str) else text
    return tune(plan, ArgoAdapter(), plugins(), told, **options)


def written(plan: Plan) -> str:
    lowered, text = lower_and_write(ARGO, plan)
    for error in lowered.refused.values():
        raise error
    assert all(edit.decision is not None for edit in lowered.edits), lowered.edits
    return text.texts.get(0, plan.bundle.files[0].text)


def passed(text: str) -> dict[str, Any]:
    """The arguments of the step that trains."""
    for template in json.loads(text)["spec"]["templates"]:
        for step in [*template.get("dag", {}).get("tasks", ()), *chain(*template.get("steps", ()))]:
            if step["name"] == "train" and template["name"] == "main":
                return {item["name"]: item["value"] for item in step["arguments"]["parameters"]}
    raise AssertionError(text)


def decided(plan: Plan) -> Decision:
    """The decision on the step."""
    (found,) = (decision for decision in plan.decisions if decision.subject == "main/train")
    return found


def test_what_is_predicted_best_is_written_with_where_it_comes_from() -> None:
    told = Told(BETTER)
    plan = tuned(manifest(), told, tuner="told")
    assert passed(written(plan)) == {"rate": "1e-05", "booster": "trees", "dropout": "0.2", "early": "false"}
    decision = decided(plan)
    assert decision.action == "set rate from 0.1 to 1e-05, early from true to false"
    assert dict(decision.figures) == {"tuner": "told", "model": "gut-feeling", "predicted auc": 0.9}
    assert told.asked == 1


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        (Told(), "proposes nothing"),
        (Told(BETTER, predicted=None), "predicts no values that are better"),
        (Told({"rate": 0.1, "booster": "trees", "early": True}), "predicts no values that are better"),
        (None, "the option `trials` is missing"),
    ],
    ids=["nothing", "a guess", "what is set", "no tuner"],
)
def test_else_what_is_set_stays(told: Told | None, reason: str) -> None:
    plan = tuned(manifest(), told, tuner="told" if told else "")
    assert plan.workflows == plan.originals
    assert decided(plan).action == ""
    assert reason in decided(plan).reason


def test_what_was_tuned_is_not_tuned_again_but_for_another_reason() -> None:
    told = Told(BETTER)
    once = written(tuned(manifest(), told, tuner="told"))
    again = tuned(once, told, tuner="told")
    assert again.workflows == again.originals
    assert told.asked == 1
    other = tuned(once, Told({**BETTER, "rate": 0.01}), tuner="other")
    assert passed(written(other))["rate"] == "0.01"
    assert "rate from 0.1 to 0.01" in decided(other).action  # its owner's word counts, and not what was made of it
    back = tuned(once, Told(), tuner="other")
    assert json.loads(written(back)) == json.loads(manifest())
    assert decided(back).action == "put back what its owner has set"


def test_what_its_owner_sets_afterwards_is_its_owners() -> None:
    once = written(tuned(manifest(), Told(BETTER), tuner="told"))
    document = json.loads(once)
    document["spec"]["templates"][0]["dag"]["tasks"][0]["arguments"]["parameters"][0]["value"] = "0.5"
    plan = tuned(json.dumps(document), Told(BETTER), tuner="told")
    assert "rate from 0.5 to 1e-05" in decided(plan).action
    (note,) = read_notes(json.loads(written(plan))["metadata"]["annotations"]["couler.io/tuned"]).values()
    assert note.was == {"rate": "0.5"}  # the other one stays as it was written before, and is its owner's now


def test_a_note_that_nobody_can_read_is_none() -> None:
    for text in ("{", "[]", '{"main/train": 3}', '{"main/train": {"key": "x"}}', "[" * 10_000):
        assert read_notes(text) == {}
    annotated = json.loads(manifest())
    annotated["metadata"]["annotations"] = {"couler.io/tuned": '{"main/train": {"key": 3}}'}
    assert passed(written(tuned(json.dumps(annotated), Told(BETTER), tuner="told")))["rate"] == "1e-05"


def test_a_model_that_was_recorded_is_not_needed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-of-the-key-0123456789")
    record = tmp_path / "asked.jsonl"

    def truth(asked: Any) -> str:
        text = asked["messages"][1]["content"]
        return log_of(1 - json.loads(text[text.index("{") :])["candidate"]["rate"])

    with serving(says(truth)) as server:
        tuner = f"llm{{model=small,url={server.url!r},record={str(record)!r},candidates=4,rounds=1}}"
        first = optimize(Text(manifest(), "w.json"), f'tune{{tuner="{tuner}"}}', config=Config())
    replay = f"llm{{replay={str(record)!r},candidates=4,rounds=1}}"
    second = optimize(Text(manifest(), "w.json"), f'tune{{tuner="{replay}"}}', config=Config())
    assert passed(first.text) == passed(second.text) != ARGUMENTS
    figures = dict(first.files[0].decisions[0].figures)
    assert (figures["tuner"], figures["model"], figures["record"]) == ("llm", "small", str(record))
    assert isinstance(figures["predicted auc"], float)


@pytest.mark.parametrize("staged", [False, True], ids=["dag", "steps"])
def test_trials_begin_with_what_is_set_and_hold_a_value_of_everything(staged: bool) -> None:
    text = manifest(staged=staged)
    plan = tuned(text, Told(BETTER, {**BETTER, "booster": "dart", "dropout": 0.5}), trials=5)
    document = json.loads(written(plan))
    main = document["spec"]["templates"][0]
    trials, best, _ = chain(*main["steps"]) if staged else main["dag"]["tasks"]
    assert trials["withItems"] == [
        {"couler-number": "0", **ARGUMENTS},
        {"couler-number": "1", "rate": "1e-05", "booster": "trees", "dropout": "0.2", "early": "false"},
        {"couler-number": "2", "rate": "1e-05", "booster": "dart", "dropout": "0.5", "early": "false"},
    ]
    assert len(main.get("steps", ())) == (3 if staged else 0)
    assert (best.get("depends"), trials.get("depends")) == (None if staged else "train-trials", None)
    assert dict(decided(plan).figures)["runs in all"] == 4
    again = tuned(written(plan), Told(), trials=5)
    assert again.workflows == again.originals
    assert not [remark.message for remark in ArgoAdapter().lint(ArgoAdapter().load([read(written(plan), "w.json")]))]


def test_the_same_seed_gives_the_same_trials_and_another_one_others() -> None:
    first, second, third = (written(tuned(manifest(), trials=8, tuner=f"optuna{{seed={seed}}}")) for seed in (1, 1, 2))
    assert first == second != third
    items = json.loads(first)["spec"]["templates"][0]["dag"]["tasks"][0]["withItems"]
    assert len({json.dumps({**item, "couler-number": ""}) for item in items}) == 8


def test_a_small_space_is_tried_as_a_whole() -> None:
    space = {"booster": SPACE["booster"], "early": SPACE["early"]}
    plan = tuned(manifest(space), trials=50)
    items = json.loads(written(plan))["spec"]["templates"][0]["dag"]["tasks"][0]["withItems"]
    assert sorted((item["booster"], item["early"]) for item in items) == [
        ("dart", "false"), ("dart", "true"), ("trees", "false"), ("trees", "true"),
    ]  # fmt: skip


def test_defaults_of_the_operation_count_where_nothing_is_passed() -> None:
    inputs = [{"name": name, **({"default": "0.3"} if name == "rate" else {})} for name in SPACE]
    text = manifest(arguments={**ARGUMENTS, "rate": "0.1"}, train={"inputs": {"parameters": inputs}})
    without = json.loads(text)
    del without["spec"]["templates"][0]["dag"]["tasks"][0]["arguments"]["parameters"][0]
    plan = tuned(json.dumps(without), Told(BETTER), tuner="told")
    assert "rate from 0.3 to 1e-05" in decided(plan).action
    text = written(plan)
    assert passed(text)["rate"] == "1e-05"
    back = written(tuned(text, Told(), tuner="other"))
    assert json.loads(back) == without


def test_what_was_merged_meanwhile_is_taken_out_as_well() -> None:
    document = json.loads(manifest({"rate": SPACE["rate"]}, {"rate": "0.1"}, train=ONE_INPUT))
    tasks = document["spec"]["templates"][0]["dag"]["tasks"]
    tasks.append({**tasks[0], "name": "train-2"})

    def done(text: str, pipeline: str) -> str:
        return optimize(Text(text, "w.json"), pipeline, config=Config()).text

    text = json.dumps(document)
    merged = done(text, "tune{trials=4},dedupe")
    assert len(json.loads(merged)["spec"]["templates"]) == 5  # two loops, and one to pick for both
    again = json.loads(done(merged, "tune{trials=5},dedupe"))
    assert len(again["spec"]["templates"]) == 5


def other(**changed: Any) -> dict[str, Any]:
    """Arguments with some of them changed."""
    return {**ARGUMENTS, **changed}


ONE_CHOICE = {"inputs": {"parameters": [{"name": "booster"}]}}
OTHER_OUTPUT = {"outputs": {"parameters": [{"name": "loss", "valueFrom": {"path": "/l"}}]}}
EXPORTED = {"outputs": {"parameters": [{"name": "auc", "globalName": "auc", "valueFrom": {"path": "/auc"}}]}}
MEMOIZED = {"memoize": {"key": "x", "cache": {"configMap": {"name": "c"}}}}
QUOTED = {"booster": {"type": "categorical", "choices": ["a", 'b"', "c"], "default": "a"}}
REFUSED: dict[str, tuple[str, str, str]] = {
    "name": (
        manifest({"rates": SPACE["rate"]}, {"rate": "1"}, train=ONE_INPUT),
        "'fit' has no input parameter 'rates'",
        "did you mean 'rate'? it has rate",
    ),
    "parameter": (manifest(arguments=other(rate="{{workflow.parameters.r}}")), "only a run knows 'rate'", "constant"),
    "underscore": (
        manifest({"rate": {"type": "int", "low": 1, "high": 2000}}, {"rate": "1_000"}, train=ONE_INPUT),
        "rate is set to '1_000': it is no number",
        "search space",
    ),
    "nothing": (
        manifest({"rate": {"type": "float", "low": 0, "high": 1}}, {}, train=ONE_INPUT),
        "no setting for the first trial",
        "pass a value",
    ),
    "no number": (manifest(arguments=other(rate="fast")), "rate is set to 'fast': it is no number", "search space"),
    "range": (manifest(arguments=other(rate="7")), "rate is set to '7': it is 7.0, which is not from", "search space"),
    "choice": (manifest(arguments=other(booster="lin")), "booster is set to 'lin', which is none of trees", "correct"),
    "loop": (manifest(step={"withItems": [1, 2]}), "it runs in a loop", "outside of the loop"),
    "daemon": (manifest(train={"daemon": True}), "it keeps running", "a step that ends"),
    "output": (
        manifest(data={"name": "x", "metric": "auc"}, train={**OTHER_OUTPUT, "container": None, "suspend": {}}),
        "'fit' has no output parameter 'auc' for the metric",
        "name one with metric-from; it has loss",
    ),
    "memoized": (manifest(train=MEMOIZED), "its owner memoizes it", "optimizer cache"),
    "exported": (manifest(train=EXPORTED), "it exports a global output", "export"),
    "quotes": (manifest(QUOTED, other(booster="a")), "Argo would not pass 'b\"' to 'booster' as it is", "quotes"),
    "long": (
        manifest(
            {"booster": {"type": "categorical", "choices": ["a", "b" * 100_000]}}, {"booster": "a"}, train=ONE_CHOICE
        ),
        "its 2 settings take 100,",
        "shorter choices",
    ),
    "entry": (manifest(entrypoint="fit"), "it is called outside of any graph", "from a graph"),
    "unset": (
        manifest(arguments={"rate": "0.1", "booster": "trees", "early": "true"}),
        "'dropout' is not used in every setting, and has no value then",
        "give it a default",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_tuned_is_refused(case: str) -> None:
    text, message, hint = REFUSED[case]
    document = json.loads(text)
    main, train = document["spec"]["templates"]
    if case == "entry":  # nothing else calls it
        document["spec"]["templates"].remove(main)
    if train["container"] is None:
        del train["container"]
    with pytest.raises((Unsupported, InvalidInput)) as caught:
        tuned(json.dumps(document), trials=3)
    assert message in caught.value.message
    assert "w-*: " in caught.value.message
    assert hint in (caught.value.hint or "")
    assert caught.value.engine == "argo"


def test_what_is_only_written_needs_no_output() -> None:
    document = json.loads(manifest(train=OTHER_OUTPUT))
    assert passed(written(tuned(json.dumps(document), Told(BETTER), tuner="told")))["rate"] == "1e-05"


def test_a_tuner_that_leaves_the_space_is_named() -> None:
    with pytest.raises(PluginFailure, match="the tuner 'told' left the search space"):
        tuned(manifest(), Told({**BETTER, "rate": 7.0}), tuner="told")


def test_steps_and_a_task_may_be_named_by_the_options(tmp_path: Path) -> None:
    bare = json.loads(manifest())
    said = bare["spec"]["templates"][1].pop("metadata")["annotations"][ANNOTATION]
    file = tmp_path / "churn.yaml"
    file.write_text(said)
    text = json.dumps(bare)
    assert tuned(text, trials=3).decisions == ()
    for name in ("train", "main/train"):
        plan = tuned(text, Told(BETTER), tuner="told", steps=(name,), task=str(file))
        assert passed(written(plan))["rate"] == "1e-05"
    assert tuned(manifest(), Told(BETTER), tuner="told", steps=("train",)).decisions
    with pytest.raises(InvalidInput, match="there is no step 'tain' to tune") as caught:
        tuned(text, trials=3, steps=("tain",))
    assert caught.value.hint == "did you mean 'train'?"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"trials": 1}, "'trials' is 1"),
        ({"parallel": 2}, "'parallel' needs the option 'trials'"),
        ({"trials": 3, "parallel": -1}, "'parallel' is -1"),
        ({"trials": -1}, "'trials' is -1"),
        ({"task": "churn.yaml"}, "needs the option 'steps'"),
    ],
    ids=["one", "no trials", "fewer", "less", "where"],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Tune(**options)


def test_what_python_says_is_what_an_annotation_says() -> None:
    said = tune_annotations({"name": "churn", "metric": "auc"}, SPACE, metric_from="score")
    task = read_annotation(said[ANNOTATION], "x")
    assert task.metric_from == "score"
    assert set(task.space.names) == set(SPACE)
    with pytest.raises(InvalidInput, match="metric"):
        tune_annotations({"name": "churn"}, SPACE)
