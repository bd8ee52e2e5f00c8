"""What `couler simulate` shows: a bar while it works, then an answer of one screen, or JSON, and a picture."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

import msgspec

from couler_plugins.cli.messages import write_bytes
from couler_plugins.cli.outputs import columns, size_text, time_text
from couler_plugins.cli.records import print_json
from couler_plugins.options.config import Config
from couler_plugins.simulation.experiment import Experiment, Results
from couler_plugins.simulation.summary import Choice, Prices, Row, Summary

NEAR = 0.01
"""How near to a cache without a limit nothing is to be gained by a larger one; a share."""


def carry_out(experiment: Experiment, jobs: int, config: Config) -> Results:
    """Simulates it all, with a bar on stderr where that is a terminal; what policies print goes there as well.

    Raises:
        PluginFailure: a policy broke its contract.
    """
    summary = None
    with contextlib.redirect_stdout(sys.stderr):
        for summary in _with_bar(experiment, jobs, config):  # noqa: B007 - the last one is what counts
            pass
    assert summary is not None
    return summary


def _with_bar(experiment: Experiment, jobs: int, config: Config) -> Iterator[Results | None]:
    steps = experiment.carry_out(jobs)
    if config.log_level == "error" or sys.stderr is None or not sys.stderr.isatty():
        yield from steps
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    looks = (TextColumn("simulating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*looks, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=len(experiment))
        for summary in steps:
            bar.advance(task, summary is None)
            yield summary


def print_record(experiment: Experiment, results: Results, summary: Summary, prices: Prices | None) -> None:
    """Prints it all as JSON (`couler.simulate/v1`): the same in any process, however many worked on it."""
    setup = experiment.setup
    print_json(
        "couler.simulate/v1",
        {
            "workflows": [
                {
                    "family": load.family,
                    "steps": len(load.steps),
                    "types": len(load.members),
                    "seconds": sum(load.seconds),
                    "bytes": load.total_bytes,
                    "guessed": load.guessed,
                }
                for load in experiment.workloads
            ],
            "setup": {
                "runs": experiment.runs,
                "seeds": experiment.seeds,
                "latency": setup.load.latency,
                "bandwidth": setup.load.bandwidth,
                "workers": setup.workers,
                "online": setup.online,
                "prices": None if prices is None else vars(prices),
            },
            "choices": msgspec.to_builtins(summary.choices),
            "rows": msgspec.to_builtins(summary.rows),
            "baselines": msgspec.to_builtins(results.baselines),
            "cells": msgspec.to_builtins(results.cells),
        },
    )


def print_summary(experiment: Experiment, summary: Summary, prices: Prices | None) -> None:
    """Prints the answer: for each kind of edits what a cache would have saved, and a table of policies × capacities."""
    lines = [_workflows(experiment)]
    for choice in summary.choices:
        rows = [row for row in summary.rows if row.edits == choice.edits]
        lines += ["", _heading(experiment, choice), "", _sentence(choice, rows, prices), "", *_table(rows)]
    if prices is None:
        lines += ["", "With --price-compute and --price-storage it says which size is the best for the money."]
    guessed = sum(load.guessed for load in experiment.workloads)
    if guessed:
        lines += [
            "",
            f"Times and sizes that are not known: {guessed}. They count as their type's median, or as --unknown-size.",
        ]
    write_bytes("\n".join(lines) + "\n")


def _workflows(experiment: Experiment) -> str:
    loads = experiment.workloads
    names = ", ".join(load.family for load in loads[:3]) + (f" and {len(loads) - 3} more" if len(loads) > 3 else "")
    steps = sum(len(load.steps) for load in loads)
    each = time_text(sum(sum(load.seconds) for load in loads))
    size = size_text(sum(load.total_bytes for load in loads))
    what = "1 step, which computes" if steps == 1 else f"{steps} steps, which compute"
    makes = "makes" if steps == 1 else "make"
    return f"{names}: {what} for {each} and {makes} {size} in a run"


def _heading(experiment: Experiment, choice: Choice) -> str:
    runs = "1 run" if experiment.runs == 1 else f"{experiment.runs} runs"
    each = "" if len(experiment.workloads) == 1 else " of each"
    seeds = "" if experiment.seeds == 1 else f"; means over {experiment.seeds} seeds, ± half of their 95 % intervals"
    return f"{runs}{each}, edited in between as in {choice.edits!r}{seeds}:"


def _sentence(choice: Choice, rows: list[Row], prices: Prices | None) -> str:
    total = f"{time_text(choice.seconds)} of computing"
    limit = (
        f"A cache without a limit saves {_percent(choice.unlimited)} and holds {size_text(choice.unlimited_bytes)}"
        " in the end."
    )
    row = choice.row
    if row is None:
        what = (
            f"No cache of these sizes saves anything of {total}." if prices is None else "No cache of these sizes pays."
        )
        slow = (
            "" if choice.unlimited > 0 else " Here loading takes longer than computing: see --latency and --bandwidth."
        )
        return f"{what} {limit}{slow}"
    if row.capacity == max(one.capacity for one in rows) and row.saved < choice.unlimited - NEAR:
        limit = f"It is the largest that was tried, and a larger one may save more. {limit}"
    saved = f"you would have saved {_percent(row.saved)} of {total}"
    if prices is None:
        waited = row.makespan / choice.makespan - 1 if choice.makespan else 0.0
        waiting = f"waited {_percent(abs(waited))} {'longer' if waited > 0 else 'less'}"
        return f"With {size_text(row.capacity)} and the policy {row.policy} {saved}, and {waiting}. {limit}"
    assert row.net is not None
    return (
        f"The best size for the money is {size_text(row.capacity)}, with the policy {row.policy}: {saved}, which leaves"
        f" {_money(row.net)} of {_money(prices.net(choice.seconds, 0))} once the storage is paid. {limit}"
    )


def _table(rows: list[Row]) -> Iterator[str]:
    """Policies down, capacities across: the share saved, and how far its interval reaches."""
    policies = list(dict.fromkeys(row.policy for row in rows))
    capacities = list(dict.fromkeys(row.capacity for row in rows))
    result = {(row.policy, row.capacity): _cell(row) for row in rows}
    lines = [[policy, *(result[policy, size] for size in capacities)] for policy in policies]
    return columns(["saved", *map(size_text, capacities)], lines)


def _cell(row: Row) -> str:
    spread = (row.saved_high - row.saved_low) / 2
    return _percent(row.saved) + (f" ±{100 * spread:.0f}" if spread >= 0.005 else "")


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _money(amount: float) -> str:
    return f"{amount:,.2f}"
