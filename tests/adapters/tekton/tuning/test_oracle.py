"""What is written for trials is what Tekton's own webhook accepts, at the level that clusters have as installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from couler_plugins.api import Text, optimize
from couler_plugins.documents import read
from couler_plugins.options.config import Config
from oracles.tekton_oracle import Oracle, build

pytestmark = pytest.mark.oracle

MANIFEST = (Path(__file__).parent / "churn.yaml").read_text()


@pytest.fixture(scope="session")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return build(tmp_path_factory)


def test_tekton_accepts_it_and_refuses_what_is_broken_in_it(oracle: Oracle) -> None:
    text = optimize(Text(MANIFEST, "churn.yaml"), "tune{trials=12}", config=Config()).text
    broken = [
        text.replace("results.couler-trial[*]", "results.couler-trial"),
        text.replace("tasks.train-best.results.rate", "tasks.train-bets.results.rate"),
    ]
    assert text not in broken
    cases = [("beta", [item.data for item in read(one, "w.yaml").documents]) for one in (text, *broken)]
    good, *bad = oracle.judge(cases)
    assert good == ["", ""]
    assert all(any(verdict) for verdict in bad), bad


def test_tekton_accepts_trials_that_begin_with_a_parameter_of_the_run(oracle: Oracle) -> None:
    text = MANIFEST.replace('value: "0.1"', "value: $(params.lr)")
    text = text.replace("spec:\n  workspaces:", 'spec:\n  params:\n  - {name: lr, default: "0.1"}\n  workspaces:')
    tuned = optimize(Text(text, "churn.yaml"), "tune{trials=12}", config=Config()).text
    assert tuned.count("$(params.lr)") == 2
    both = (tuned, tuned.replace("$(params.lr)", "$(params.rl)"))
    cases = [("beta", [item.data for item in read(one, "w.yaml").documents]) for one in both]
    good, bad = oracle.judge(cases)
    assert good == ["", ""]
    assert any(bad)
