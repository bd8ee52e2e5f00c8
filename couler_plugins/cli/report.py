"""`couler report`: what changes of workflows did to their runs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import click
import msgspec

from couler_plugins.cli.cache_report import Since, past_runs
from couler_plugins.cli.messages import counted, write_bytes
from couler_plugins.cli.outputs import columns, printable, time_text, utc_text
from couler_plugins.cli.records import print_json
from couler_plugins.cli.settings import engine_option, history_option, max_bytes_option, with_settings
from couler_plugins.comparison.effect import LEVEL, Effect
from couler_plugins.comparison.report import Comparison, Figure, Report, report_on
from couler_plugins.comparison.versions import versions_in
from couler_plugins.costs.report import figure_text
from couler_plugins.options.config import Config
from couler_plugins.runs.usage import message_of

HEAD = ("", "runs", "before", "after", "change", f"{LEVEL:.0%} interval", "")
SIGNS = {"seconds": "s", "hours": "h"}
FINDING = {True: "changed", False: "no change seen"}


@click.command(
    "report",
    epilog="""\b
Examples:
  couler report --history history.jsonl
  couler report nightly --history history.jsonl --since 90d
  couler report --history history.jsonl --at 2026-11-20 --format markdown
  couler report --history history.jsonl --json | jq '.comparisons[].caveats'
""",
)
@click.argument("workflows", nargs=-1, metavar="[WORKFLOW]...")
@history_option
@engine_option
@click.option("--since", type=Since(), metavar="TIME", help="Only runs that ended since then, such as 90d or a date.")
@click.option("--at", type=Since(), metavar="TIME", help="Compare runs before and after that time, not by version.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the resampling.")
@click.option(
    "--format", "output_format", type=click.Choice(["text", "markdown", "json"]), default="text", show_default=True
)
@click.option("--json", "output_format", flag_value="json", help="The same as --format json.")
@max_bytes_option
@with_settings
def command(
    *,
    config: Config,
    workflows: tuple[str, ...],
    engine: str | None,
    since: float | None,
    at: float | None,
    seed: int,
    output_format: str,
) -> None:
    """Shows how runs differ before and after each change of a workflow.

    For each change, it names the optimizers whose settings changed. It compares duration, cost, failures, cache hits,
    and how much of the requested CPU and memory was used. Intervals say how much of a difference may be chance.
    Below the figures is what else may explain them.
    """
    if not config.history:
        raise click.UsageError("Give past runs with --history.")
    runs = past_runs(config, config.history, engine, since)
    families, workflows = {message_of(run.family) for run in runs}, tuple(map(message_of, workflows))
    if unknown := [name for name in workflows if name not in families]:
        names = ", ".join(sorted(families)[:5]) or "none"
        raise click.UsageError(f"The history has no run of {unknown[0]}, only of {names}.")
    chosen = [one for one in versions_in(runs, at) if not workflows or one.workflow in workflows]
    result = report_on(chosen, config.prices, seed)
    if output_format == "json":
        print_json("couler.report/v1", {"level": LEVEL, **msgspec.to_builtins(result)})
    else:
        lines = _markdown(result, at) if output_format == "markdown" else _text(result, at)
        write_bytes("".join(f"{line}\n" for line in lines))


def _text(result: Report, at: float | None) -> Iterator[str]:
    for one in result.comparisons:
        yield from [_title(one, at), _basis(one)]
        yield from (f"  {line}" for line in columns(HEAD, [*map(_cells, one.figures)]))
        if one.steps:
            yield "  Steps that changed most:"
            yield from (f"    {line}" for line in columns(HEAD[:-1], [_cells(step)[:-1] for step in one.steps]))
        yield from (f"  - {printable(text)}" for text in one.caveats)
        yield ""
    for gap in result.gaps:
        yield f"{_name(gap.workflow, gap.engine)}: {gap.reason}"
    if not result.comparisons and not result.gaps:
        yield "The history has no run that has ended."


def _markdown(result: Report, at: float | None) -> Iterator[str]:
    for one in result.comparisons:
        yield from [f"### {_quoted(_title(one, at))}", "", _basis(one), ""]
        yield from _table(one.figures)
        if one.steps:
            yield from [
                "",
                "<details><summary>Steps that changed most</summary>",
                "",
                *_table(one.steps, HEAD[:-1]),
                "",
                "</details>",
            ]
        yield from ["", *(f"- {_quoted(text)}" for text in one.caveats), ""]
    yield from (f"- {_quoted(_name(gap.workflow, gap.engine))}: {gap.reason}" for gap in result.gaps)
    if not result.comparisons and not result.gaps:
        yield "The history has no run that has ended."


def _table(figures: Sequence[Figure], head: Sequence[str] = HEAD) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{' --- |' * len(head)}"
    yield from (f"| {' | '.join(map(_quoted, _cells(figure)[: len(head)]))} |" for figure in figures)


def _quoted(text: str) -> str:
    """Return a text that Markdown shows as it is; names come from workflows of others."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]<>()#|!~&" else char for char in printable(text))


def _name(workflow: str, engine: str) -> str:
    return f"{printable(workflow) or '-'}{f' ({printable(engine)})' if engine else ''}"


def _title(one: Comparison, at: float | None) -> str:
    if at is not None and one.optimizers is None:  # a time says nothing of settings
        return f"{_name(one.workflow, one.engine)}: before and after {utc_text(at)[:16].replace('T', ' ')}"
    what = "unknown settings" if one.optimizers is None else printable(", ".join(one.optimizers))
    edit = "the workflow itself" if one.is_edit else ""
    changed = " and ".join(filter(None, (what, edit))) or "nothing of the workflow"
    return f"{_name(one.workflow, one.engine)}: {changed} changed"


def _basis(one: Comparison) -> str:
    date = f"; first run after it: {utc_text(one.first)[:10]}" if one.first else ""
    return f"{counted(one.runs_before, 'run')} before, {one.runs_after:,} after{date}"


def _cells(figure: Figure) -> list[str]:
    effect = figure.effect
    ends = [effect.before, effect.after]
    interval = (
        "-"
        if effect.low is None or effect.high is None
        else (f"{_percent(effect.low, figure)} to {_percent(effect.high, figure)}")
    )
    return [
        printable(figure.name),
        f"{effect.runs_before:,}, {effect.runs_after:,}",
        *(_amount(end, figure.unit) for end in ends),
        _percent(effect.change, figure),
        interval,
        _finding(effect),
    ]


def _finding(effect: Effect) -> str:
    if effect.low is None:
        return "too few runs"
    needed = effect.runs_needed
    is_short = needed is not None and needed > min(effect.runs_before, effect.runs_after)
    more = f"; 10 % takes {needed:,} runs a side" if is_short and not effect.is_change else ""
    return FINDING[effect.is_change] + more


def _amount(value: float, unit: str) -> str:
    return time_text(value) if unit == "seconds" else f"{value:.1%}" if unit == "share" else figure_text(value)


def _percent(value: float, figure: Figure) -> str:
    if figure.effect.scale == "ratio":
        return f"{value:+.1%}"
    if figure.unit == "share":
        return f"{100 * value:+.1f} points"
    return f"{'+'[value < 0 :]}{figure_text(value)} {SIGNS.get(figure.unit, figure.unit)}"
