"""What is written for trials is what Argo's own linter accepts."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.argo.tuning.manifests import MANIFEST, TRIALS, document, in_steps, tuned
from oracles.argo_oracle import Oracle, build

pytestmark = pytest.mark.oracle


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


@pytest.mark.parametrize("root", ["dag", "steps"])
@pytest.mark.parametrize("metric", ["auc", "result"])
@pytest.mark.parametrize("more", ["", ",cache{assume-pure=true,via=memoize}"], ids=["alone", "cached"])
def test_argo_accepts_it(oracle: Oracle, root: str, metric: str, more: str) -> None:
    text = MANIFEST if root == "dag" else in_steps(MANIFEST)
    text = text.replace("metric-from: auc", f"metric-from: {metric}")
    assert complaints(oracle, document(tuned(text, TRIALS + more).text)) == [None]


@pytest.mark.parametrize("root", ["dag", "steps"])
def test_argo_accepts_trials_that_wait_for_each_other(oracle: Oracle, root: str) -> None:
    text = MANIFEST if root == "dag" else in_steps(MANIFEST)
    some = tuned(text, TRIALS.replace("trials=6", "trials=6,parallel=2")).text
    assert complaints(oracle, document(some)) == [None]
    broken = some.replace("outputs.parameters.couler-trials", "outputs.parameters.couler-trails")
    assert complaints(oracle, document(broken))[0]


def test_argo_accepts_trials_of_what_a_parameter_hands_over(oracle: Oracle) -> None:
    text = MANIFEST.replace('value: "0.1"', 'value: "{{workflow.parameters.lr}}"')
    text = text.replace(
        "entrypoint: main\n", 'entrypoint: main\n  arguments: {parameters: [{name: lr, value: "0.1"}]}\n'
    )
    assert complaints(oracle, document(tuned(text, TRIALS).text)) == [None]


def test_argo_refuses_what_is_broken_in_it(oracle: Oracle) -> None:
    text = tuned(MANIFEST).text
    for old, new in [
        ("{{tasks.train-trials.outputs.parameters}}", "{{tasks.train-trails.outputs.parameters}}"),
        ("{{item.rate}}", "{{item.rates}}"),
        ("{{tasks.train-best.outputs.parameters.rate}}", "{{tasks.train-best.outputs.parameters.rates}}"),
    ]:
        assert old in text
        assert complaints(oracle, document(text.replace(old, new)))[0], new


def complaints(oracle: Oracle, *documents: Any) -> list[str | None]:
    (found,) = oracle.judge([documents])
    return [verdict.complaint for verdict in found]
