"""`couler simulate`."""

from __future__ import annotations

import os
from pathlib import Path

import click
from click.core import ParameterSource

from couler_plugins.cli.cache_options import tidy
from couler_plugins.cli.settings import AmountType, SizeType, engine_option, json_option, pipeline_option
from couler_plugins.cli.simulate_split import compare, print_comparisons, print_split_record
from couler_plugins.cli.simulation_inputs import edits_of, sizes_of, workloads_of
from couler_plugins.cli.simulation_output import carry_out, print_record, print_summary
from couler_plugins.cli.simulation_plot import check_plot, draw, draw_parts
from couler_plugins.cli.work import FileCall, file_command
from couler_plugins.plugins import POLICIES
from couler_plugins.runs import LoadCost
from couler_plugins.simulation.experiment import Experiment
from couler_plugins.simulation.replay import Setup
from couler_plugins.simulation.summary import Prices, summarize

CACHE_OPTIONS = (
    "policies", "capacities", "edits", "runs", "seeds", "jobs", "latency", "bandwidth", "unknown_size", "online",
    "price_compute", "price_storage", "months",
)  # fmt: skip
"""What only says something of caches."""


@file_command(
    "simulate",
    click.option(
        "--policy",
        "policies",
        multiple=True,
        metavar="TEXT",
        default=("scr", "gdsf-subtree", "lru"),
        help="A policy such as scr or lru. Repeatable.  [default: scr, gdsf-subtree, lru]",
    ),
    click.option(
        "--capacity",
        "capacities",
        multiple=True,
        metavar="SIZE",
        default=("5%", "10%", "20%", "40%"),
        help="30GB, or 10% of all results of one version. Repeatable.  [default: 5%, 10%, 20%, 40%]",
    ),
    click.option(
        "--edits",
        multiple=True,
        metavar="NAME|FILE",
        help="What changes between runs: a kind, or a file. Repeatable.",
    ),
    click.option(
        "--runs", type=click.IntRange(1, 100_000), default=40, show_default=True, help="Runs of each workflow."
    ),
    click.option(
        "--seeds",
        type=click.IntRange(1, 1000),
        default=3,
        show_default=True,
        help="Repetitions with other random seeds.",
    ),
    click.option("--jobs", type=click.IntRange(1), help="Processes at a time. Default: one for each core."),
    click.option("--workers", type=click.IntRange(1), help="Steps that run at a time. Default: no limit."),
    click.option(
        "--latency",
        type=AmountType(),
        default=1.0,
        show_default=True,
        help="Seconds before a load from the cache begins.",
    ),
    click.option(
        "--bandwidth",
        type=SizeType(),
        default="100MB",
        show_default=True,
        help="Bytes loaded from the cache in a second.",
    ),
    click.option(
        "--unknown-size",
        type=SizeType(),
        help="The size of results of unknown size. Default: the median of their type.",
    ),
    click.option("--online", is_flag=True, help="Let the policy also decide after each step, not only after each run."),
    click.option("--price-compute", type=AmountType(), metavar="MONEY", help="What an hour of computing costs."),
    click.option("--price-storage", type=AmountType(), metavar="MONEY", help="What a GB costs in a month."),
    click.option(
        "--months",
        type=AmountType(),
        default=1.0,
        show_default=True,
        help="Months over which the runs are spread, for --price-storage.",
    ),
    click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="A picture: an .svg or a .png."),
    click.option(
        "--launch",
        type=AmountType(),
        metavar="SECONDS",
        help="With -p: seconds to start a part. Default: as in `split`.",
    ),
    pipeline_option,
    engine_option,
    json_option,
    searches=False,
    epilog="""\b
Examples:
  couler simulate trace.json
  couler simulate traces/ --capacity 30GB --capacity 100GB --policy scr --policy gdsf-subtree
  couler simulate trace.json --edits history.edits.json --seeds 1 --plot saved.svg
  couler simulate trace.json --price-compute 0.40 --price-storage 0.023
  couler simulate workflow.yaml --history runs/ --format json
  couler simulate workflow.yaml --history runs/ -p split --workers 64 --plot parts.svg
""",
)
def command(
    call: FileCall,
    *,
    policies: tuple[str, ...],
    capacities: tuple[str, ...],
    edits: tuple[str, ...],
    runs: int,
    seeds: int,
    jobs: int | None,
    workers: int | None,
    latency: float,
    bandwidth: int,
    unknown_size: int | None,
    online: bool,
    price_compute: float | None,
    price_storage: float | None,
    months: float,
    plot: Path | None,
    launch: float | None,
) -> None:
    """Estimates what a cache or a split would save.

    Repeats the workflows with edits between the runs, and with a cache of limited size. Inputs are traces
    (WfFormat), workflows with the status that their engine wrote, or workflows with --history. All workflows share
    the cache. A run costs the time to compute or load its results. After each run, the policy chooses which results
    stay.

    --edits takes replayed (as in development: types of steps, bursts, returns, undos), uniform (any step),
    hot-spot, source-refresh, walk (along edges), deepening (from the sources on), branches (two versions in turns),
    mix, or a file of recorded edits (couler.edits/v1). If the input has several runs of a workflow, their
    differences are the default.

    With -p, estimates instead how long the workflow runs before and after these optimizers, on so many --workers.
    For `split`, shows the cost of each part.
    """
    if call.config.origin("pipeline") == "flag":
        _refuse_cache_options()
        _run_parts(call, workers, launch, plot)
        return
    if launch is not None:
        raise click.UsageError("--launch is of parts: give -p, such as -p split.")
    prices = None
    if price_compute is not None and price_storage is not None:
        prices = Prices(price_compute, price_storage, months)
    elif price_compute is not None or price_storage is not None:
        raise click.UsageError("Give both --price-compute and --price-storage, or none of them.")
    if bandwidth <= 0:
        raise click.UsageError("--bandwidth has to be above 0.")
    if plot is not None:
        check_plot(plot)
    with call.session() as session:
        workloads, recorded = workloads_of(call.files, set(map(Path, call.arguments)), session, unknown_size)
        experiment = Experiment(
            workloads=workloads,
            edits=edits_of(edits, recorded, call.config.max_bytes),
            policies={text: session.plugins.parse(POLICIES, text) for text in policies},
            capacities=sizes_of(capacities, workloads, call.arguments[0] if len(call.arguments) == 1 else None),
            runs=runs,
            seeds=seeds,
            setup=Setup(load=LoadCost(latency=latency, bandwidth=float(bandwidth)), workers=workers, online=online),
        )
    cores = os.cpu_count() or 1
    with tidy():
        results = carry_out(experiment, min(jobs or cores, cores, len(experiment)), call.config)
    summary = summarize(results, prices)
    if call.as_json:
        print_record(experiment, results, summary, prices)
    else:
        print_summary(experiment, summary, prices)
    if plot is not None:
        draw(experiment, summary, plot)


def _refuse_cache_options() -> None:
    ctx = click.get_current_context()
    for option in ctx.command.params:
        if option.name in CACHE_OPTIONS and ctx.get_parameter_source(option.name) == ParameterSource.COMMANDLINE:
            raise click.UsageError(f"{option.opts[0]} is of caches: leave it out, or leave out -p.")


def _run_parts(call: FileCall, workers: int | None, launch: float | None, plot: Path | None) -> None:
    if plot is not None:
        check_plot(plot)
    with call.session() as session:
        comparisons = compare(call.files, call.config.pipeline, session, workers, launch)
    if call.as_json:
        print_split_record(comparisons)
    else:
        print_comparisons(comparisons)
    if plot is not None:
        draw_parts(comparisons, plot)
