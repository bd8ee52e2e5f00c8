"""What generated workflows are measured with: scores that tell better from worse."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks import nl
from benchmarks.nl import METHODS, Job, Run, summary
from benchmarks.nl_models import tokens_of
from benchmarks.nl_scoring import Score, pass_at, plugins, score
from benchmarks.nl_task import ENGINES, tasks
from couler_plugins.generation.form import Form
from couler_plugins.llm.access import ModelAccess
from couler_plugins.plugins import registry
from servers.openai_api import serving, status

ALL = tasks()
CHURN = next(task for task in ALL if task.name == "churn-forest")


def changed(**changes: Any) -> Form:
    document = {**json.loads(msgspec.json.encode(CHURN.oracle)), **changes}
    return msgspec.convert(document, Form)


STEPS: list[dict[str, Any]] = json.loads(msgspec.json.encode(CHURN.oracle))["steps"]


def test_names_and_order_do_not_count() -> None:
    text = msgspec.json.encode(CHURN.oracle).decode()
    text = text.replace('"name":"split"', '"name":"parts"').replace('"split.', '"parts.')
    other = msgspec.json.decode(text, type=Form)
    other = msgspec.structs.replace(other, steps=other.steps[::-1])
    assert score(other, CHURN, plugins().all(registry.STEPS)).passed


def test_a_step_less_is_seen_by_every_score() -> None:
    found = score(changed(steps=STEPS[:-1]), CHURN, plugins().all(registry.STEPS))
    assert found.valid
    assert not found.equal
    assert not found.properties
    assert found.node_f1 == pytest.approx(2 * 4 / 9)
    assert found.edge_f1 == pytest.approx(2 * 4 / 10)


def test_a_need_that_follows_is_no_edge_and_another_is() -> None:
    implied = [*STEPS[:-1], {**STEPS[-1], "needs": ["load", "train"]}]
    assert score(changed(steps=implied), CHURN, plugins().all(registry.STEPS)).passed
    free = [*STEPS[:2], {**STEPS[2], "needs": []}, {**STEPS[3], "needs": []}, {**STEPS[4], "when": None}]
    found = score(changed(steps=free), CHURN, plugins().all(registry.STEPS))
    assert (found.equal, found.node_f1) == (False, 1.0)
    assert found.edge_f1 == pytest.approx(2 * 5 / 11)


def test_what_is_no_workflow_scores_nothing() -> None:
    wrong = [{**STEPS[0], "use": "load-parquet"}, *STEPS[1:]]
    assert score(changed(steps=wrong), CHURN, plugins().all(registry.STEPS)) == Score(of=CHURN.engines)


@pytest.mark.parametrize(
    ("count", "right", "k", "chance"),
    [(5, 0, 1, 0.0), (5, 5, 5, 1.0), (5, 1, 1, 0.2), (5, 1, 3, 0.6), (5, 2, 3, 0.9), (10, 3, 5, 1 - 21 / 252)],
)
def test_pass_at_k_is_unbiased(count: int, right: int, k: int, chance: float) -> None:
    assert pass_at(count, right, k) == pytest.approx(chance)
    with pytest.raises(ValueError, match="answers"):
        pass_at(2, 1, 3)


@pytest.mark.slow
def test_scores_fall_with_the_noise_of_a_stand_in() -> None:
    def passed(method: str, noise: float) -> float:
        return summary([Job(task, method, 3, noise, 0.0)() for task in ALL[:5]])["pass@1"]

    assert passed("direct", 0.0) == passed("pipeline", 0.0) == 1.0
    noisy, worse = passed("direct", 0.2), passed("direct", 0.8)
    assert 1.0 > noisy > worse
    assert passed("pipeline", 0.2) > noisy, "what is told of its mistakes makes fewer"


def test_engines_that_cannot_run_a_task_do_not_count() -> None:
    task = next(task for task in ALL if task.engines == ("argo",))
    (run,) = Job(task, "direct", 1, 0.0, 0.0)()
    assert run.score.passed
    figures = summary([[run], Job(CHURN, "direct", 1, 0.0, 0.0)()])
    assert {figures[engine] for engine in ENGINES} == {1.0}
    nothing = Run(Score(of=task.engines))
    assert not nothing.score.valid
    assert summary([[run, nothing]])["argo"] == 0.5


@pytest.mark.parametrize("method", METHODS)
def test_every_method_answers(method: str) -> None:
    (run,) = Job(CHURN, method, 1, 0.0, 0.0)()
    assert run.score.passed
    assert run.tokens > 0


def test_tokens_are_counted_about_as_tokenizers_do() -> None:
    text = (
        '{"name":"sample-rows","does":"Draws rows of a table by chance.","inputs":{"data":"artifact, required: The '
        'table, a CSV file.","share":"float, default 0.1: The share of rows, 0 to 1."}}\n- A step waits for the steps '
        'that it reads. "needs" is for any other order.'
    )
    assert tokens_of(text) == pytest.approx(75, rel=0.06)  # by cl100k_base and by o200k_base, of tiktoken 0.14
    assert tokens_of("") == 0


def test_a_server_that_lets_nobody_in_is_no_score() -> None:
    from couler_plugins.errors import InvalidInput

    pytest.importorskip("openai")
    with serving(status(401)) as server, pytest.raises(InvalidInput, match="401"):
        Job(CHURN, "direct", 1, ModelAccess(model="m", url=server.url), 0.0)()


def in_turn(jobs: dict[str, list[Job]], _: int) -> dict[str, list[Any]]:
    return {name: [job() for job in some] for name, some in jobs.items()}


@pytest.mark.slow
def test_quality_is_not_measured_without_a_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(nl, "tasks", lambda: ALL[:2])
    monkeypatch.setattr(
        nl, "in_parallel", lambda jobs, _: {name: [job() for job in some] for name, some in jobs.items()}
    )
    path, picture = tmp_path / "nl.json", tmp_path / "nl.svg"
    monkeypatch.setattr(
        sys, "argv", ["nl", "--samples", "1", "--method", "direct", "--json", str(path), "--plot", str(picture)]
    )
    nl.main()
    figures = json.loads(path.read_text())
    assert figures["quality"] == "not measured"
    assert figures["plumbing"]["direct"]["node_f1"] <= 1
    assert 0 < figures["question_tokens"]["direct"] <= figures["plumbing"]["direct"]["question_tokens"]
    assert figures["question_tokens"]["direct"] < figures["plumbing"]["direct"]["tokens"]
    assert json.loads(capsys.readouterr().out) == figures
    assert "pass@1" in picture.read_text()
