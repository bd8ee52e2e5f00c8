"""Parts as pipelines in a pipeline: what is written, that it does the same, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.tekton.split.generating import random_run, train
from adapters.tekton.split.interpreter import run_document
from adapters.tekton.split.runs import Data, differences, objects_of, runs_in, split, splitting
from adapters.tekton.split.test_splitting import errors, tasks
from couler_plugins.api import optimize
from couler_plugins.errors import InvalidInput, Unsupported
from support import examples

NESTED = "tekton{api=alpha,parts=nested}"
SEEDS = 20


def nest(documents: Sequence[Data], options: str, to: str = NESTED) -> list[Data]:
    """The documents split so, with their parts in a pipeline."""
    return [dict(item) for item in optimize(list(documents), splitting(options), to=to).documents]


def passing() -> list[Data]:
    """`TRAIN` where tasks hand things over in the workspace, and not as results."""
    (run,) = train()
    spec = run["spec"]["pipelineSpec"]
    del run["spec"]["taskRunSpecs"], spec["results"], spec["tasks"][3]["when"]
    spec["tasks"][1]["params"] = [{"name": "all", "value": ["$(params.tags[*])"]}, {"name": "one", "value": "1"}]
    spec["tasks"][1]["runAfter"] = ["fetch"]
    spec["tasks"][2]["params"][1]["value"] = "$(params.rows)"
    spec["finally"][1]["params"][0]["value"] = "$(context.pipelineRun.name)"
    return [run]


def said(before: Sequence[Data], after: Sequence[Data], failing: frozenset[str] = frozenset()) -> list[str]:
    """In what they differ: a run says `Succeeded` also where something inside of a part was skipped."""
    found = differences(before, after, failing)
    return [line for line in found if line != "the status is Succeeded, not Completed"]


def test_a_part_is_a_pipeline_in_the_pipeline() -> None:
    after = nest(passing(), "max-steps=2")
    (run,) = objects_of(after, "PipelineRun")
    spec = run["spec"]["pipelineSpec"]
    assert [task["pipelineRef"] for task in [*spec["tasks"], *spec["finally"]]] == [
        {"name": "train-part-1"},
        {"name": "train-part-2"},
        {"name": "train-finally"},
    ]
    assert not any("taskRef" in task for task in spec["tasks"])
    assert spec["tasks"][1]["runAfter"] == ["part-1"]
    assert {"name": "tags", "value": "$(params.tags[*])"} in spec["tasks"][0]["params"]
    assert {"name": "pipelinerun-name", "value": "$(context.pipelineRun.name)"} in spec["tasks"][0]["params"]
    assert spec["tasks"][0]["workspaces"] == [{"name": "data", "workspace": "data"}]
    assert spec["finally"][0]["params"][0] == {"name": "tasks-status", "value": "$(tasks.status)"}
    assert errors(after) == []
    assert differences(passing(), after) == []
    for failing in run_document(passing(), passing()[0]).tasks:
        assert differences(passing(), after, frozenset({failing})) == []


def test_who_writes_it_is_told() -> None:
    result = optimize(passing(), splitting("max-steps=2"), to=NESTED)
    (decision,) = (item for item in result.decisions if item.action == "nest the parts")
    assert dict(decision.figures) == {"parts": 3}


def test_nothing_is_nested_unless_it_is_asked_for() -> None:
    assert nest(passing(), "max-steps=2", "tekton{api=alpha}") == split(passing(), "max-steps=2")


def test_what_was_split_before_is_nested_later_and_left_alone_then() -> None:
    after = list(optimize(split(passing(), "max-steps=2"), [], to=NESTED).documents)
    assert after == nest(passing(), "max-steps=2")
    assert list(optimize(after, splitting("max-steps=2"), to=NESTED).documents) == after


def test_what_nobody_has_split_stays() -> None:
    assert list(optimize(train(), [], to=NESTED).documents) == train()


@pytest.mark.parametrize("api", ["stable", "beta"])
def test_only_alpha_has_pipelines_in_pipelines(api: str) -> None:
    with pytest.raises(
        Unsupported, match="would have a pipeline in a pipeline, which Tekton has at the level alpha only"
    ):
        nest(passing(), "max-steps=2", f"tekton{{api={api},parts=nested}}")


def condition(run: Any) -> None:
    tasks(run)["fit"]["when"] = [{"input": "$(params.rows)", "operator": "in", "values": ["7"]}]
    del tasks(run)["report"]["runAfter"]


def result(run: Any) -> None:
    spec = run["spec"]["pipelineSpec"]
    spec["results"] = [{"name": "score", "value": "$(tasks.fit.results.score)"}]


def read(run: Any) -> None:
    tasks(run)["fit"]["params"][1]["value"] = "$(tasks.fetch.results.key)"


def read_last(run: Any) -> None:
    tasks(run)["tidy"]["params"][0]["value"] = "$(tasks.fetch.results.key)"


@pytest.mark.parametrize(
    ("change", "step", "reason"),
    [
        (read, "part-2", "reads 'fetch-key' of 'part-1', and a pipeline in a pipeline hands out no results"),
        (read_last, "finally-2", "reads 'fetch-key' of 'part-1', and a pipeline in a pipeline hands out no results"),
        (result, "score", "is a result that 'part-2' makes, and a pipeline in a pipeline hands out no results"),
        (condition, "finally", "does not tell of 'fit' inside of a part that it was skipped"),
        (
            lambda run: tasks(run)["report"].update(onError="continue"),
            "finally",
            "does not tell of 'report' inside of a part that it failed and was tolerated",
        ),
        (lambda run: run["spec"].update(timeouts={"pipeline": "2h"}), "timeouts", "does not reach a pipeline in it"),
        (
            lambda run: run["spec"].update(taskRunSpecs=[{"pipelineTaskName": "fit", "serviceAccountName": "gpu"}]),
            "taskRunSpecs",
            "does not reach a pipeline in it",
        ),
    ],
    ids=["result", "result at the end", "result of the whole", "skipped", "tolerated", "timeouts", "taskRunSpecs"],
)
def test_what_tekton_would_do_otherwise_is_refused(change: Callable[[Any], object], step: str, reason: str) -> None:
    documents = passing()
    change(documents[0])
    split(documents, "max-steps=2")
    with pytest.raises(Unsupported, match=re.escape(reason)) as refused:
        nest(documents, "max-steps=2")
    assert refused.value.step == step
    assert "leave parts=nested out" in str(refused.value.hint)


def test_a_run_beside_its_pipeline_counts_as_well() -> None:
    (run,) = passing()
    pipeline: Data = {"apiVersion": "tekton.dev/v1", "kind": "Pipeline", "metadata": {"name": "train"}}
    pipeline["spec"] = run["spec"].pop("pipelineSpec")
    pipeline["spec"]["params"].append({"name": "loose"})
    run["spec"]["pipelineRef"] = {"name": "train"}
    after = nest([pipeline, run], "max-steps=2")
    assert differences([pipeline, run], after) == []
    run["spec"]["timeouts"] = {"pipeline": "2h"}
    with pytest.raises(Unsupported, match="timeouts"):
        nest([pipeline, run], "max-steps=2")


def test_a_part_that_is_not_there_is_told() -> None:
    documents = [item for item in split(passing(), "max-steps=2") if item["metadata"]["name"] != "train-part-2"]
    with pytest.raises(Unsupported, match="'train-part-2' is a part that is not here"):
        _ = optimize(documents, [], to=NESTED).documents


def cut_nested(documents: Sequence[Data]) -> list[Data] | None:
    """The documents cut as far as they can be, and nested; None where there is nothing to cut, or it is refused."""
    for steps in range(1, 12):
        try:
            after = nest(documents, f"max-steps={steps}")
        except InvalidInput:  # some have to stay together
            continue
        except Unsupported:
            return None
        return None if after == list(documents) else after
    return None


@settings(max_examples=examples(15), deadline=None)
@given(seed=st.integers(0, 10**5), reading=st.booleans())
def test_what_is_nested_does_what_the_whole_does(seed: int, reading: bool) -> None:
    documents = random_run(seed, reading=reading)
    after = cut_nested(documents)
    if after is None:
        return
    assert errors(after) == []
    assert said(documents, after) == []
    for failing in run_document(documents, runs_in(documents)[0]).tasks:
        assert said(documents, after, frozenset({failing})) == []


def test_most_pipelines_that_hand_out_no_results_are_nested() -> None:
    """What is not refused is enough of a test."""
    nested = [cut_nested(random_run(seed, reading=False)) for seed in range(SEEDS)]
    assert sum(item is not None for item in nested) >= SEEDS // 3
