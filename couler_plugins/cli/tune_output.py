"""What `couler tune` prints and draws: trials, predicted against measured."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from couler_plugins.cli.columns import columns
from couler_plugins.cli.records import print_json
from couler_plugins.cli.simulation_plot import FAINT, STYLE, save

if TYPE_CHECKING:
    from couler_plugins.hookspecs.trials import Proposal, Task, Trial
    from couler_plugins.hpo.study import Study

__all__ = ["draw_trials", "print_proposal", "print_trials"]

MEASURED, PREDICTED = "#0072B2", "#D55E00"


def print_proposal(task: Task, proposal: Proposal | None, output_format: str) -> None:
    """What a tuner would set, why, and what it expects of it."""
    from couler_plugins.hpo.workflows.values import as_text

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


def print_trials(study: Study, best: Trial, output_format: str) -> None:
    """All trials as a table, and the best one."""
    trials, metric = study.trials, study.task.data.metric
    if output_format == "json":
        record = {"study": study.name, "metric": metric, "best": _record(best), "trials": [*map(_record, trials)]}
        print_json("couler.trials/v1", record)
        return
    from couler_plugins.hpo.workflows.values import as_text

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


def draw_trials(path: Path, task: Task, trials: Sequence[Trial]) -> None:
    """Draws what was measured, the best so far, and what was predicted, into a file.

    Raises:
        EngineError: it cannot be written.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    predicted = [(trial.number, value) for trial in trials if (value := dict(trial.notes).get("predicted")) is not None]
    done, stopped = (
        [(trial.number, trial.value) for trial in trials if trial.state == state and trial.value is not None]
        for state in ("complete", "pruned")
    )
    best = [min((value for _, value in done[: place + 1]), key=task.cost) for place in range(len(done))]
    with rc_context(STYLE):
        figure = Figure(figsize=(7, 4), layout="constrained")
        FigureCanvasAgg(figure)
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
        save(figure, path)


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
