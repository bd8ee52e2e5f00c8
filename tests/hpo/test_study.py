"""Studies: asked and told, killed and resumed, shared by processes."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from couler_plugins.errors import EngineError, InvalidInput, PluginFailure
from couler_plugins.hookspecs.trials import Proposal, Task, Trial, Values
from couler_plugins.hpo.optuna_tuner import Optuna
from couler_plugins.hpo.reading import read_task
from couler_plugins.hpo.study import Study
from couler_plugins.hpo.trials import Report, run_trials
from servers.postgres import PASSWORD, binaries, postgres_server
from support import ROOT

pytestmark = pytest.mark.sampled

pytest.importorskip("optuna")

TASK = read_task(
    {
        "data": {"name": "bowl", "metric": "loss"},
        "space": {
            "rate": {"type": "log-float", "low": 1e-4, "high": 1, "default": 0.5},
            "kind": {"type": "categorical", "choices": ["flat", "steep"], "default": "flat"},
            "slope": {"type": "int", "low": 1, "high": 8, "when": {"kind": "steep"}, "default": 2},
        },
    }
)
RANDOM = Optuna(sampler="random")


def bowl(values: Values, report: Report) -> float:
    return abs(float(str(values["rate"])) - 0.01) + 0.1 * float(str(values.get("slope", 1)))


@pytest.fixture
def storage(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/study.db"


def test_the_defaults_are_the_first_trial() -> None:
    study = Study(TASK, "a")
    run_trials(study, RANDOM, bowl, 3)
    first, *_ = study.trials
    assert dict(first.values) == {"rate": 0.5, "kind": "flat"}
    assert dict(first.notes)["reason"] == "what the owner has set"
    assert first.value == pytest.approx(0.59)


def test_the_best_is_the_first_of_equals() -> None:
    study = Study(TASK, "a")
    assert run_trials(study, RANDOM, lambda values, report: 1.0, 4).number == 0


def test_more_is_better_where_the_card_says_so() -> None:
    task = Task(data=read_task({"data": {"name": "x", "metric": "auc"}, "space": {"a": RATE}}).data, space=TASK.space)
    best = run_trials(Study(task, "a"), RANDOM, bowl, 6)
    assert best.value == max(trial.value or 0 for trial in _rerun(task))


RATE = {"type": "float", "low": 0, "high": 1}


def _rerun(task: Task) -> tuple[Trial, ...]:
    study = Study(task, "b")
    run_trials(study, RANDOM, bowl, 6)
    return study.trials


SAMPLERS = [
    "gp",
    *(pytest.param(name, marks=pytest.mark.slow) for name in ("tpe", "cma-es", "random", "qmc", "nsga-ii")),
]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_a_study_that_goes_on_in_another_process_goes_on_alike(sampler: str, storage: str) -> None:
    tuner = Optuna(sampler=sampler, seed=3)  # type: ignore[arg-type]  # of a parametrization
    whole = Study(TASK, "whole")
    run_trials(whole, tuner, bowl, 9)
    for count in (2, 5, 9):
        run_trials(Study(TASK, "cut", storage), tuner, bowl, count)
    assert [trial.values for trial in Study(TASK, "cut", storage).trials] == [trial.values for trial in whole.trials]
    assert len({trial.values for trial in whole.trials}) > 6  # it does not propose the same again and again


@pytest.mark.slow
def test_a_killed_study_loses_and_repeats_nothing(storage: str, tmp_path: Path) -> None:
    program = f"""
        import sys
        sys.path.insert(0, {str(ROOT / "tests")!r})
        import importlib.util, os, signal
        spec = importlib.util.spec_from_file_location("subject", {__file__!r})
        subject = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(subject)
        def train(values, report):
            with open({str(tmp_path / "log")!r}, "a") as log:
                log.write(repr(values) + "\\n")
            if len(open({str(tmp_path / "log")!r}).readlines()) == 4:
                os.kill(os.getpid(), signal.SIGKILL)
            return subject.bowl(values, report)
        subject.run_trials(subject.Study(subject.TASK, "killed", {storage!r}), subject.Optuna(seed=5), train, 8)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], cwd=ROOT, check=False)
    assert done.returncode == -signal.SIGKILL
    study = Study(TASK, "killed", storage)
    assert [trial.state for trial in study.trials] == ["complete"] * 3 + ["running"]
    run_trials(study, Optuna(seed=5), bowl, 8)
    whole = Study(TASK, "whole")
    run_trials(whole, Optuna(seed=5), bowl, 8)
    assert [(trial.number, trial.values, trial.value) for trial in study.trials] == [
        (trial.number, trial.values, trial.value) for trial in whole.trials
    ]


def test_what_another_one_runs_is_left_alone_until_its_lease_is_over(storage: str) -> None:
    now = [1000.0]
    first = Study(TASK, "a", storage, lease=60, clock=lambda: now[0])
    trial = first.ask(RANDOM)
    assert trial is not None
    second = Study(TASK, "a", storage, lease=60, clock=lambda: now[0])
    now[0] += 59
    assert second.resume(RANDOM) is None
    assert not first.report(trial.number, 1, 0.5)  # a sign of life
    now[0] += 59
    assert second.resume(RANDOM) is None
    now[0] += 2
    taken = second.resume(RANDOM)
    assert taken is not None
    assert (taken.number, taken.values) == (trial.number, trial.values)


@pytest.mark.slow
def test_a_long_training_is_not_taken_for_one_that_was_left(storage: str) -> None:
    other = Study(TASK, "a", storage, lease=1.5)
    taken: list[Trial | None] = []

    def trains(values: Values, report: Report) -> float:
        until = time.monotonic() + 3.5
        while time.monotonic() < until:
            taken.append(other.resume(RANDOM))
            time.sleep(0.05)
        return bowl(values, report)

    run_trials(Study(TASK, "a", storage, lease=1.5), RANDOM, trains, 1)
    assert len(taken) > 2
    assert set(taken) == {None}


def test_a_trial_that_is_over_stays_as_it_was(storage: str) -> None:
    study = Study(TASK, "a", storage)
    assert study.ask(RANDOM) is not None
    study.tell(0, 1.0)
    study.tell(0, 2.0)
    assert study.trials[0].value == 1.0


def test_a_training_that_fails_is_a_failed_trial() -> None:
    def fails(values: Values, report: Report) -> float:
        if values["kind"] == "steep":
            raise RuntimeError("no memory")
        return float("nan") if float(str(values["rate"])) > 0.3 else bowl(values, report)

    study = Study(TASK, "a")
    best = run_trials(study, RANDOM, fails, 12)
    assert best.value is not None
    states = [trial.state for trial in study.trials]
    assert states[0] == "failed"  # nan
    assert len(states) == 12
    with pytest.raises(InvalidInput, match="failed, more than 2"):
        run_trials(Study(TASK, "b"), RANDOM, fails, 12, max_failed=2)
    with pytest.raises(InvalidInput, match="no trial was completed"):
        run_trials(Study(TASK, "c"), RANDOM, lambda values, report: float("inf"), 3)


def test_bad_trials_are_stopped_early() -> None:
    import optuna

    def trains(values: Values, report: Report) -> float:
        for step in range(5):
            report(step, bowl(values, report) + 1 / (step + 1))
        return bowl(values, report)

    pruner = optuna.pruners.MedianPruner(n_startup_trials=3)
    study = Study(TASK, "a", pruner=pruner)
    run_trials(study, RANDOM, trains, 12)
    pruned = [trial for trial in study.trials if trial.state == "pruned"]
    assert pruned
    assert all(trial.reports and trial.value == trial.reports[-1][1] for trial in pruned)


def test_a_study_of_another_space_is_refused(storage: str) -> None:
    Study(TASK, "a", storage)
    other = read_task({"data": {"name": "bowl", "metric": "loss"}, "space": {"rate": RATE}})
    with pytest.raises(InvalidInput, match="another search space"):
        Study(other, "a", storage)


@pytest.mark.parametrize("url", ["nonsense", "oracle+nothing://x", "study.db"])
def test_what_is_no_storage_is_refused(url: str) -> None:
    with pytest.raises(InvalidInput):
        Study(TASK, "a", url)


def test_a_storage_that_cannot_be_written_is_an_error() -> None:
    with pytest.raises(EngineError, match="the storage of the study failed"):
        Study(TASK, "a", "sqlite:////nowhere/at/all/study.db")


def test_a_tuner_that_leaves_the_space_is_to_blame() -> None:
    class Stray(Optuna):
        def propose(self, task: Task, trials: object, number: int) -> Proposal:
            return Proposal(values=(("rate", 7.0), ("kind", "flat")), reason="")

    study = Study(TASK, "a")
    with pytest.raises(PluginFailure, match="left the search space: rate is 7"):
        run_trials(study, Stray(), bowl, 3)
    assert [trial.state for trial in study.trials] == ["complete"]


def test_a_space_that_is_tried_ends() -> None:
    small = read_task(
        {"data": {"name": "x", "metric": "loss"}, "space": {"a": {"type": "int", "low": 1, "high": 5, "default": 3}}}
    )
    study = Study(small, "a")
    best = run_trials(study, Optuna(), lambda values, report: abs(float(str(values["a"])) - 5), 50)
    assert dict(best.values) == {"a": 5}
    assert sorted(dict(trial.values)["a"] for trial in study.trials) == [1, 2, 3, 4, 5]


@pytest.mark.slow
def test_processes_that_share_a_study_share_its_trials(storage: str) -> None:
    program = f"""
        import sys
        sys.path.insert(0, {str(ROOT / "tests")!r})
        import importlib.util
        spec = importlib.util.spec_from_file_location("subject", {__file__!r})
        subject = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(subject)
        subject.run_trials(subject.Study(subject.TASK, "shared", {storage!r}), subject.RANDOM, subject.bowl, 10)
    """
    Study(TASK, "shared", storage)
    command = [sys.executable, "-c", textwrap.dedent(program)]
    workers = [subprocess.Popen(command, cwd=ROOT) for _ in range(2)]
    assert [worker.wait(60) for worker in workers] == [0, 0]
    trials = Study(TASK, "shared", storage).trials
    assert [trial.number for trial in trials] == list(range(10))
    assert {trial.state for trial in trials} == {"complete"}


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    if (found := binaries()) is None:
        pytest.skip("needs PostgreSQL")
    pytest.importorskip("psycopg")
    with postgres_server(found) as server:
        yield server.database().replace("+psycopg", "")


def test_a_study_in_postgresql(postgres: str) -> None:
    run_trials(Study(TASK, "a", postgres), Optuna(seed=2), bowl, 4)
    run_trials(Study(TASK, "a", postgres), Optuna(seed=2), bowl, 6)
    whole = Study(TASK, "whole")
    run_trials(whole, Optuna(seed=2), bowl, 6)
    assert [trial.values for trial in Study(TASK, "a", postgres).trials] == [trial.values for trial in whole.trials]


def test_no_password_of_a_storage_is_shown() -> None:
    with pytest.raises(EngineError) as caught:
        Study(TASK, "a", f"postgresql://couler:{PASSWORD}@127.0.0.1:1/none")
    assert PASSWORD not in str(caught.value)


def test_this_process_counts_as_alive() -> None:
    study = Study(TASK, "a")
    assert study.ask(RANDOM) is not None
    assert study.resume(RANDOM) is None


def test_a_study_keeps_its_direction(storage: str) -> None:
    Study(TASK, "a", storage)
    other = msgspec.structs.replace(TASK, data=msgspec.structs.replace(TASK.data, direction="maximize"))
    with pytest.raises(InvalidInput, match="the study 'a' is to minimize loss"):
        Study(other, "a", storage)
