"""`couler tune`, and what it prints and draws: trials, predicted against measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from couler_plugins.cli.messages import log_retries, say
from couler_plugins.cli.outputs import columns
from couler_plugins.cli.records import print_json
from couler_plugins.cli.settings import json_option, max_bytes_option, with_settings
from couler_plugins.cli.simulation_plot import FAINT, check_plot, figure_in
from couler_plugins.hookspecs.trials import Proposal, Task, Trial
from couler_plugins.hpo.commands import as_objective
from couler_plugins.hpo.files import read_task_file
from couler_plugins.hpo.optuna_tuner import pruner_of
from couler_plugins.hpo.proposals import propose_once
from couler_plugins.hpo.study import Study
from couler_plugins.hpo.study_file import fingerprint, open_study_file, program_digest, study_file
from couler_plugins.hpo.trials import run_trials
from couler_plugins.hpo.workflows.values import as_text
from couler_plugins.options.config import Config
from couler_plugins.plugins import TUNERS, load_plugins

if TYPE_CHECKING:
    from optuna.pruners import BasePruner

MEASURED, PREDICTED = "#0072B2", "#D55E00"


@click.command(
    "tune",
    epilog="""\b
Examples:
  couler tune churn.yaml --trials 30 -- python train.py --rate '{rate}' --depth '{depth}'
  couler tune churn.yaml --trials 30 --fresh -- python train.py --rate '{rate}' --depth '{depth}'
  couler tune churn.yaml --study churn --storage postgresql://tuner@db/studies --trials 30 -- python train.py
  couler tune churn.yaml --tuner 'llm{model=qwen3,url=http://localhost:8000/v1,record=asked.jsonl}'
  couler tune churn.yaml --tuner 'llm-optuna{replay=asked.jsonl}' --plot trials.svg -- python train.py
""",
)
@click.argument("task", type=click.Path(path_type=Path), metavar="FILE")
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND [ARGS]...]")
@click.option(
    "--tuner", default="optuna", show_default=True, metavar="TEXT", help="The tuner, with options: optuna{sampler=tpe}."
)
@click.option(
    "--trials", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Number of trials in total."
)
@click.option("--study", metavar="NAME", help="The study's name in its storage.")
@click.option("--storage", default="", metavar="URL", help="Keep trials in this database (postgresql://…), or in none.")
@click.option("--fresh", is_flag=True, help="Delete the trials of the study first.")
@click.option("--max-failed", type=click.IntRange(0), help="Give up when more trials than this fail.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Time limit of one trial.")
@click.option(
    "--pruner",
    type=click.Choice(["median", "successive-halving", "hyperband"]),
    help="The rule that stops bad trials early.",
)
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="A picture: an .svg or a .png.")
@json_option
@max_bytes_option
@with_settings
def command(
    *,
    config: Config,
    task: Path,
    program: tuple[str, ...],
    tuner: str,
    trials: int,
    study: str | None,
    storage: str,
    fresh: bool,
    max_failed: int | None,
    timeout: float | None,
    pruner: str | None,
    plot: Path | None,
    output_format: str,
) -> None:
    """Searches good hyperparameters for a training command.

    FILE describes the data, the metric and the search space (docs/tune.md). Each trial runs the command. '{rate}'
    in its arguments stands for the value of rate. COULER_TUNE holds all values as JSON. The last line that the
    command prints is the metric: a number, or a JSON object with the metric's name. The first trial uses the
    defaults of the search space.

    With --pruner, the command prints lines of JSON with the metric and a whole number "step". A trial that is worse
    than others at the same step is stopped.

    Trials are kept in a file beside FILE (churn.study.db), or in --storage. Call the same command again to
    continue, also after it was killed. Another command or search space gets its own study in that file.

    Without a command, prints the values that the tuner proposes, and trains nothing.
    """
    log_retries()
    if plot is not None:
        check_plot(plot)
    what = read_task_file(task, config.max_bytes)
    parsed = load_plugins(config).parse(TUNERS, tuner)
    if not program:
        if plot is not None or storage or pruner or fresh:
            raise click.UsageError("--plot, --storage, --fresh and --pruner are of trials: give a command after --.")
        _print_proposal(what, propose_once(parsed, what), output_format)
        return
    kept = _open_study(what, task, program, study, storage, pruner_of(pruner) if pruner else None, trials, fresh=fresh)
    best = run_trials(kept, parsed, as_objective(what, program, timeout), trials, max_failed)
    _print_trials(kept, best, output_format)
    if plot is not None:
        _draw_trials(plot, what, kept.trials)


def _open_study(
    task: Task,
    file: Path,
    program: tuple[str, ...],
    name: str | None,
    storage: str,
    pruner: BasePruner | None,
    trials: int,
    *,
    fresh: bool,
) -> Study:
    """The study to go on with, said on stderr."""
    place, study = study_file(file), None
    if not storage:
        own = name or f"couler-{fingerprint(task, program)}"
        study = open_study_file(place, task, own, pruner=pruner, fresh=fresh)
    elif storage != "none":
        study = Study(task, name or "couler", storage, pruner=pruner, fresh=fresh)
    if study is None:
        return Study(task, name or "couler", pruner=pruner)
    done = sum(trial.state != "running" for trial in study.trials)
    where = study.name if storage else place
    say(f"study: {where} ({done} of {trials} trials done; --fresh starts anew)")
    if not study.is_of_program(program_digest(program)):
        click.echo("warning: the program has changed since the study began; --fresh starts anew", err=True)
    return study


def _print_proposal(task: Task, proposal: Proposal | None, output_format: str) -> None:
    """What a tuner would set, why, and what it expects of it."""
    values = dict(proposal.values) if proposal else task.space.defaults or {}
    reason = proposal.reason if proposal else "nothing was proposed: what the owner has set stays"
    predicted = proposal.predicted if proposal else None
    if output_format == "json":
        print_json("couler.proposal/v1", {"values": values, "reason": reason, "predicted": predicted})
        return
    for name, value in values.items():
        click.echo(f"{name}: {as_text(value)}")
    expected = "" if predicted is None else f"; {task.data.metric} {predicted:g} is expected"
    click.echo(f"# {reason}{expected}")


def _print_trials(study: Study, best: Trial, output_format: str) -> None:
    """All trials as a table, and the best one."""
    trials, metric = study.trials, study.task.data.metric
    if output_format == "json":
        record = {"study": study.name, "metric": metric, "best": _record(best), "trials": [*map(_record, trials)]}
        print_json("couler.trials/v1", record)
        return

    values = [{name: as_text(value) for name, value in trial.values} for trial in trials]
    names = study.task.space.names
    rows = [
        [
            f"{trial.number}{' *' if trial.number == best.number else ''}",
            " ".join(filter(None, [_number(trial.value), "" if trial.state == "complete" else trial.state])),
            _number(dict(trial.notes).get("predicted")),
            *(setting.get(name, "") for name in names),
        ]
        for trial, setting in zip(trials, values, strict=True)
    ]
    click.echo("\n".join(columns(["trial", metric, "predicted", *names], rows)))
    click.echo(f"\nbest: trial {best.number}, {metric} {_number(best.value)}, {dict(best.notes).get('reason', '')}")


def _draw_trials(path: Path, task: Task, trials: Sequence[Trial]) -> None:
    """Draws what was measured, the best so far, and what was predicted, into a file.

    Raises:
        EngineError: it cannot be written.
    """
    from matplotlib.ticker import MaxNLocator

    predicted = [(trial.number, value) for trial in trials if (value := dict(trial.notes).get("predicted")) is not None]
    done, stopped = (
        [(trial.number, trial.value) for trial in trials if trial.state == state and trial.value is not None]
        for state in ("complete", "pruned")
    )
    best = [min((value for _, value in done[: place + 1]), key=task.cost) for place in range(len(done))]
    with figure_in(path, (7, 4)) as figure:
        axes = figure.subplots()
        axes.step([number for number, _ in done], best, where="post", color=FAINT, label="best so far")
        for points, color, marker, name in (
            (done, MEASURED, "o", "measured"),
            (stopped, FAINT, "o", "when it was stopped"),
            (predicted, PREDICTED, "x", "predicted"),
        ):
            if points:
                axes.plot(*zip(*points, strict=True), marker, color=color, label=name)
        axes.set_xlabel("trial")
        axes.set_ylabel(f"{task.data.metric} (to {task.data.goal})")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(frameon=False)


def _record(trial: Trial) -> dict[str, Any]:
    notes = dict(trial.notes)
    return {
        "number": trial.number,
        "state": trial.state,
        "value": trial.value,
        "predicted": notes.get("predicted"),
        "reason": notes.get("reason", ""),
        "values": dict(trial.values),
    }


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, (int, float)) else ""
