"""`couler tune`."""

from __future__ import annotations

from pathlib import Path

import click

from couler_plugins.cli.settings import json_option, max_bytes_option, with_settings
from couler_plugins.config import Config

__all__ = ["command"]


@click.command(
    "tune",
    epilog="""\b
Examples:
  couler tune churn.yaml --trials 30 -- python train.py --rate '{rate}' --depth '{depth}'
  couler tune churn.yaml --study churn --storage sqlite:///churn.db --trials 30 -- python train.py
  couler tune churn.yaml --tuner 'llm{model=qwen3,url=http://localhost:8000/v1,record=asked.jsonl}'
  couler tune churn.yaml --tuner 'llm-optuna{replay=asked.jsonl}' --plot trials.svg -- python train.py
""",
)
@click.argument("task", type=click.Path(path_type=Path), metavar="FILE")
@click.argument("program", nargs=-1, type=click.UNPROCESSED, metavar="[-- COMMAND [ARGS]...]")
@click.option(
    "--tuner", default="optuna", show_default=True, metavar="TEXT", help="What proposes: optuna{sampler=tpe}."
)
@click.option("--trials", type=click.IntRange(1, 100_000), default=20, show_default=True, help="Trainings in all.")
@click.option("--study", default="couler", show_default=True, metavar="NAME", help="The study's name in its storage.")
@click.option("--storage", default="", metavar="URL", help="Where trials are kept: sqlite:///study.db, postgresql://….")
@click.option("--max-failed", type=click.IntRange(0), help="Give up when more trials than this have failed.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="SECONDS", help="Of one training.")
@click.option(
    "--pruner", type=click.Choice(["median", "successive-halving", "hyperband"]), help="What stops bad trials early."
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
    study: str,
    storage: str,
    max_failed: int | None,
    timeout: float | None,
    pruner: str | None,
    plot: Path | None,
    output_format: str,
) -> None:
    """Tunes what FILE says: a Data Card, a search space, and maybe a Model Card (docs/tune.md).

    With a command, trains with it, trial after trial, and says which values were best. '{rate}' in its arguments stands
    for the value of rate; COULER_TUNE holds all values as JSON. The last line that it prints is the metric: a number,
    or a JSON object that has it by its name. What the owner has set (the space's defaults) is always the first trial.

    With --pruner, lines of JSON with the metric and a whole number "step" tell how it goes, and a trial that does worse
    than others did is stopped.

    A study with a storage goes on where it was, also after it was killed, and several of these calls share its trials.

    Without a command, says which values the tuner proposes, and trains nothing.
    """
    from couler_plugins.cli.messages import log_retries
    from couler_plugins.cli.simulation_plot import check_plot
    from couler_plugins.cli.tune_output import draw_trials, print_proposal, print_trials
    from couler_plugins.discovery import load_plugins
    from couler_plugins.hpo.commands import as_objective
    from couler_plugins.hpo.files import read_task_file
    from couler_plugins.hpo.optuna_tuner import pruner_of
    from couler_plugins.hpo.study import Study
    from couler_plugins.hpo.trials import run_trials
    from couler_plugins.tuners import parse_tuner, propose_once

    log_retries()
    if plot is not None:
        check_plot(plot)
    what = read_task_file(task, config.max_bytes)
    asked = parse_tuner(tuner, load_plugins(config))
    if not program:
        if plot is not None or storage or pruner:
            raise click.UsageError("--plot, --storage and --pruner are of trials: give a command after --.")
        print_proposal(what, propose_once(asked, what), output_format)
        return
    kept = Study(what, study, storage, pruner=pruner_of(pruner) if pruner else None)
    best = run_trials(kept, asked, as_objective(what, program, timeout), trials, max_failed)
    print_trials(kept, best, output_format)
    if plot is not None:
        draw_trials(plot, what, kept.trials)
