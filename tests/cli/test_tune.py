"""`couler tune`: trials of a program, a table, a picture, a proposal, and what is wrong said in a line."""

from __future__ import annotations

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
import stamina
from click.testing import CliRunner, Result

from couler_plugins.cli.group import couler
from couler_plugins.hpo.commands import as_objective
from couler_plugins.hpo.files import read_task_file
from couler_plugins.hpo.trials import Pruned

pytestmark = pytest.mark.sampled

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


COULER = [sys.executable, "-c", "from couler_plugins.cli import main; main()"]
COMMAND = [*COULER, "tune", "task.yaml", "--trials", "12"]
LOGGED = 'import time\nopen("log", "a").write("run\\n")\ntime.sleep(0.1)\n' + TRAIN


def runs() -> int:
    return len(Path("log").read_text().splitlines()) if Path("log").exists() else 0


def test_a_call_that_was_killed_goes_on_when_it_is_repeated() -> None:
    Path("train.py").write_text(LOGGED)
    with subprocess.Popen([*COMMAND, *PROGRAM], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as killed:
        while runs() < 5:
            assert killed.poll() is None
            time.sleep(0.01)
        killed.kill()
        assert killed.stderr is not None
        first, *_ = killed.stderr  # the training that was cut off complains as well
    assert first == "study: task.study.db (0 of 12 trials done; --fresh starts anew)\n"
    assert killed.returncode == -signal.SIGKILL
    again = subprocess.run([*COMMAND, "--format", "json", *PROGRAM], capture_output=True, text=True, check=True)
    found = re.fullmatch(r"study: task\.study\.db \((\d+) of 12 trials done; --fresh starts anew\)\n", again.stderr)
    assert found is not None, again.stderr
    assert 4 <= int(found[1]) < 12
    assert [trial["state"] for trial in json.loads(again.stdout)["trials"]] == ["complete"] * 12
    assert 12 <= runs() <= 13  # the one that was cut off ran twice


@pytest.mark.slow
def test_two_calls_at_once_share_a_study_that_neither_of_them_has_begun() -> None:
    Path("train.py").write_text(LOGGED)
    both = [
        subprocess.Popen([*COMMAND, *PROGRAM], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    for one in both:
        _, errors = one.communicate()
        assert one.returncode == 0, errors
        assert "of 12 trials done" in errors
    assert runs() == 12


def trials(*arguments: str, program: Sequence[str] = PROGRAM, count: int = 2) -> str:
    """What a call says on stderr."""
    result = tune("--trials", str(count), *arguments, *program)
    assert result.exit_code == 0, result.output
    return result.stderr


@pytest.mark.slow
def test_studies_of_one_file_are_kept_apart_by_space_and_command() -> None:
    assert trials() == "study: task.study.db (0 of 2 trials done; --fresh starts anew)\n"
    assert "(2 of 3 trials done" in trials(count=3)
    assert "(0 of 2 trials done" in trials(program=[*PROGRAM, "--more"])
    Path("task.yaml").write_text(TASK.replace("high: 5", "high: 6"))
    assert "(0 of 2 trials done" in trials()
    Path("task.yaml").write_text(TASK.replace("bowl", "bowls"))
    assert "(0 of 2 trials done" in trials()
    Path("task.yaml").write_text(TASK)
    assert "(3 of 2 trials done" in trials()
    assert [path.name for path in Path().glob("*.db*")] == ["task.study.db"]


def test_a_study_of_a_name_is_of_one_task() -> None:
    assert "(0 of 2 trials done" in trials("--study", "mine")
    assert "(2 of 2 trials done" in trials("--study", "mine", program=[*PROGRAM, "--more"])
    Path("task.yaml").write_text(TASK.replace("high: 5", "high: 6"))
    refused = tune("--study", "mine", *PROGRAM)
    assert refused.exit_code == 2
    assert "the study 'mine' is of another search space or metric" in refused.stderr


def test_a_program_that_was_edited_since_is_told_of() -> None:
    assert "warning" not in trials()
    assert "warning" not in trials()
    Path("train.py").write_text(f"{TRAIN}\n")
    assert "warning: the program has changed since the study began; --fresh starts anew" in trials()
    assert "(0 of 2 trials done" in trials("--fresh")
    assert "warning" not in trials()


def test_a_study_starts_anew_and_leaves_others_alone() -> None:
    trials()
    trials("--study", "other")
    assert "(0 of 2 trials done" in trials("--fresh")
    assert "(2 of 2 trials done" in trials()
    assert "(2 of 2 trials done" in trials("--study", "other")


def test_nothing_is_kept_where_nobody_wants_it() -> None:
    assert trials("--storage", "none") == ""
    assert not [*Path().glob("*.db*")]


@pytest.mark.parametrize("name", ["churn v2.yaml", "a?b#c%20{d}.yaml", "früh"])
def test_the_name_of_a_study_file(name: str) -> None:
    Path("task.yaml").rename(name)
    for done in (0, 1):
        result = CliRunner().invoke(couler, ["tune", name, "--trials", "1", *PROGRAM])
        file = f"{name.removesuffix('.yaml')}.study.db"
        assert result.stderr == f"study: {file} ({done} of 1 trials done; --fresh starts anew)\n"
        assert Path(file).is_file()


@pytest.mark.parametrize("tables", [None, "create table theirs (a)"])
def test_a_file_of_another_program_is_left_alone(tables: str | None) -> None:
    file = Path("task.study.db")
    if tables is None:
        file.write_text("my own notes")
    else:
        with closing(sqlite3.connect(file)) as database:
            database.execute(tables)
    before = file.read_bytes()
    for arguments in ([], ["--fresh"]):
        refused = tune(*arguments, *PROGRAM)
        assert refused.exit_code == 2
        assert refused.stderr.startswith("error: task.study.db: it is no study file")
        assert "--storage none" in refused.stderr
    assert file.read_bytes() == before


@pytest.mark.slow
def test_where_no_file_can_be_written_trials_run_all_the_same() -> None:
    Path("task.study.db").mkdir()
    said = trials()
    assert said.startswith("warning: task.study.db: trials are not kept: ")
    assert said.count("\n") == 1


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_in_a_read_only_folder_trials_run_all_the_same(folder: Path) -> None:
    folder.chmod(0o555)
    try:
        assert trials().startswith("warning: task.study.db: trials are not kept: ")
    finally:
        folder.chmod(0o755)


def test_without_the_packages_of_a_storage_trials_run_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "sqlalchemy"]:
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, "sqlalchemy.pool", None)
    assert trials().startswith("warning: task.study.db: trials are not kept: the storage needs a driver")


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
        (["--", sys.executable, "train.py", "{rat}"], 2, "not a parameter"),
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


@pytest.mark.slow
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
    whole = tune(*trials, "--storage", "none", "--format", "json", "--", sys.executable, "train.py")
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
