"""`couler tune`: trials of a program, a table, a picture, a proposal, and what is wrong said in a line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import stamina
from click.testing import CliRunner, Result

from couler_plugins.cli.group import couler
from couler_plugins.hpo.commands import as_objective
from couler_plugins.hpo.files import read_task_file
from couler_plugins.hpo.trials import Pruned

pytest.importorskip("optuna")

TASK = """\
data: {name: bowl, metric: loss}
space:
  rate: {type: float, low: 0, high: 1, default: 0.9}
  kind: {type: categorical, choices: [round, square], default: square}
  corner: {type: int, low: 1, high: 5, default: 2, when: {kind: square}}
"""
TRAIN = """\
import json, os, sys
values = json.loads(os.environ["COULER_TUNE"])
assert sys.argv[1] == "--rate=" + str(values["rate"]), sys.argv
print("epoch 1")
print(json.dumps({"loss": (values["rate"] - 0.3) ** 2 + 0.1 * values.get("corner", 0)}))
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("task.yaml").write_text(TASK)
    Path("train.py").write_text(TRAIN)
    return tmp_path


def tune(*arguments: str) -> Result:
    return CliRunner().invoke(couler, ["tune", "task.yaml", *arguments])


PROGRAM = ["--", sys.executable, "train.py", "--rate={rate}", "{corner}"]


def test_a_program_is_tuned() -> None:
    result = tune("--trials", "6", "--plot", "trials.svg", *PROGRAM)
    assert result.exit_code == 0, result.output
    head, first, *_ = result.stdout.splitlines()
    assert head.split() == ["trial", "loss", "predicted", "rate", "kind", "corner"]
    assert first.split() == ["0", "0.56", "0.9", "square", "2"]
    assert "best: trial" in result.stdout
    picture = Path("trials.svg").read_text()
    assert "measured" in picture
    assert "predicted" in picture


def test_a_study_goes_on() -> None:
    storage = ["--storage", "sqlite:///study.db", "--format", "json"]
    first = json.loads(tune("--trials", "3", *storage, *PROGRAM).stdout)
    second = json.loads(tune("--trials", "5", *storage, *PROGRAM).stdout)
    assert second["trials"][:3] == first["trials"]
    assert [trial["number"] for trial in second["trials"]] == list(range(5))
    assert second["best"] == min(second["trials"], key=lambda trial: trial["value"])


def test_without_a_program_the_tuner_proposes() -> None:
    result = tune("--tuner", "optuna{seed=3}")
    assert result.exit_code == 0
    assert result.stdout.startswith("rate: ")
    assert "# drawn near the middle of the space" in result.stdout


def test_a_model_that_is_away_leaves_what_was_set() -> None:
    pytest.importorskip("openai")
    with stamina.set_testing(True, attempts=4, cap=True):  # without waiting
        result = tune("--tuner", "llm{model=any,url=http://127.0.0.1:1/v1}")
    assert result.exit_code == 0
    assert "no prediction could be used" in result.stderr
    assert result.stdout.splitlines() == [
        "rate: 0.9",
        "kind: square",
        "corner: 2",
        "# nothing was proposed: what the owner has set stays",
    ]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["--tuner", "optuna{sampler=magic}"], 2, "'magic' is not one of"),
        (["--tuner", "guess"], 2, "there is no tuner 'guess'"),
        (["--tuner", "llm"], 2, "needs a model"),
        (["--plot", "x.svg"], 2, "give a command"),
        (["--", sys.executable, "train.py", "{rat}"], 2, "no parameter"),
        (["--trials", "2", "--", "no-such-program"], 2, "no trial was completed"),
        (["--trials", "2", "--", sys.executable, "-c", "print('done')"], 2, "no trial was completed"),
        (["--trials", "2", "--", sys.executable, "-c", "raise SystemExit(3)"], 2, "no trial was completed"),
        (["--trials", "9", "--max-failed", "1", "--", sys.executable, "-c", ""], 2, "2 trials failed, more than 1"),
        (["--storage", "sqlite:////no/where.db", *PROGRAM], 3, "the storage of the study failed"),
        (["--plot", "x.gif", *PROGRAM], 2, "neither an .svg nor a .png"),
    ],
    ids=range(11),
)
def test_what_is_wrong_is_said(arguments: list[str], code: int, message: str) -> None:
    result = tune(*arguments)
    assert result.exit_code == code, result.output
    assert message in result.output
    assert "Traceback" not in result.output


def test_a_training_that_takes_too_long_has_failed() -> None:
    result = tune("--trials", "1", "--timeout", "0.2", "--", sys.executable, "-c", "import time; time.sleep(30)")
    assert result.exit_code == 2
    assert "it took more than 0.2 s" in result.output


def test_values_are_arguments_and_no_shell_sees_them() -> None:
    Path("task.yaml").write_text(
        "data: {name: a, metric: loss}\n"
        "space: {word: {type: categorical, choices: ['$(touch owned); \"', b], default: b}}\n"
    )
    program = [sys.executable, "-c", "import sys; print(len(sys.argv[1]))", "{word}"]
    result = tune("--trials", "2", "--format", "json", "--", *program)
    assert result.exit_code == 0, result.output
    assert {trial["value"] for trial in json.loads(result.stdout)["trials"]} == {1.0, float(len('$(touch owned); "'))}
    assert not Path("owned").exists()


LONG = """\
import json, os, subprocess, sys, time
values = json.loads(os.environ["COULER_TUNE"])
print(json.dumps({"loss": 5, "epoch": 1}))  # without a step it is not told of
for step in range(4):
    print(json.dumps({"step": step, "loss": values["rate"] + 1 / (step + 1)}), flush=True)
print(values["rate"])
"""


def test_trials_that_do_badly_are_stopped_early() -> None:
    Path("train.py").write_text(LONG)
    trials = ["--trials", "14", "--tuner", "optuna{sampler=random}"]
    result = tune(
        *trials, "--pruner", "median", "--format", "json", "--plot", "t.svg", "--", sys.executable, "train.py"
    )
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    states = [trial["state"] for trial in record["trials"]]
    assert set(states) == {"complete", "pruned"}
    assert states[:5] == ["complete"] * 5
    assert record["best"]["value"] == min(trial["values"]["rate"] for trial in record["trials"])
    assert "when it was stopped" in Path("t.svg").read_text()
    table = tune(*trials, "--pruner", "median", "--", sys.executable, "train.py").stdout
    assert table.count(" pruned ") == states.count("pruned")
    whole = tune(*trials, "--format", "json", "--", sys.executable, "train.py")
    assert {trial["state"] for trial in json.loads(whole.stdout)["trials"]} == {"complete"}


def test_a_program_whose_trial_is_stopped_is_ended() -> None:
    def report(step: int, value: float) -> None:
        told.append((step, value))
        raise Pruned

    told: list[tuple[int, float]] = []
    line = json.dumps({"step": 2, "loss": 0.5})
    source = f"import time; print({line!r}, flush=True); time.sleep(600)"
    objective = as_objective(read_task_file(Path("task.yaml")), [sys.executable, "-c", source], None)
    with pytest.raises(Pruned):
        objective({"rate": 0.5}, report)
    assert told == [(2, 0.5)]


def test_a_program_that_takes_too_long_is_ended_with_what_it_has_started() -> None:
    Path("train.py").write_text("import subprocess, sys\nsubprocess.run(['sleep', '60'])\n")
    result = tune("--trials", "1", "--timeout", "0.5", "--", sys.executable, "train.py")
    assert result.exit_code == 2
    assert "trial 0 failed: CoulerError: it took more than 0.5 s" in result.stderr
