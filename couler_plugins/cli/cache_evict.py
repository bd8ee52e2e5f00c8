"""`couler cache evict`."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

import click

from couler_plugins.cli.cache_options import AGE, CAPACITY, index_option, store_option
from couler_plugins.cli.eviction import evictor_of, print_round, repeat, run_round, trim
from couler_plugins.cli.settings import SizeType, json_option, with_settings
from couler_plugins.cli.work import usable_plugins
from couler_plugins.hookspecs.eviction import Limits, Target
from couler_plugins.options.config import Config, Limit
from couler_plugins.plugins import POLICIES


@click.command(
    "evict",
    epilog="""\b
Examples:
  couler cache evict --capacity 30GB
  couler cache evict --engine argo --namespace argo --capacity 30GB --dry-run
  couler cache evict --engine argo --all-namespaces --capacity 30GB --artifacts s3://bucket --loop 10m
""",
)
@click.option(
    "--capacity",
    type=CAPACITY,
    metavar="SIZE",
    help="Maximum size of all results: 30GB, or none. Default: the setting cache-capacity; with --engine, none.",
)
@click.option("--policy", default="scr", show_default=True, metavar="TEXT", help="The replacement policy: scr, lru, ….")
@click.option("--once", is_flag=True, help="Evict once (the default).")
@click.option("--loop", type=AGE, metavar="TIME", help="Evict again after each interval: 10m.")
@click.option("--dry-run", is_flag=True, help="With --engine: show what would be evicted.")
@click.option("--engine", metavar="NAME", help="Evict from this engine's own cache, in its cluster.")
@click.option(
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    help="The namespace in the store; with --engine, the namespace in the cluster.",
)
@store_option
@index_option
@click.option("--context", default="", metavar="NAME", help="With --engine: the context of the kubeconfig.")
@click.option("--all-namespaces", is_flag=True, help="With --engine: evict in all namespaces that you may access.")
@click.option(
    "--managed-namespace",
    "managed",
    default="",
    metavar="NAME",
    help="With --engine: the only namespace in which the engine runs workflows.",
)
@click.option("--all", "foreign", is_flag=True, help="With --engine: also evict results that couler did not write.")
@click.option(
    "--artifacts",
    default="",
    metavar="URL",
    help="With --engine: delete artifacts from this repository: s3://bucket.",
)
@click.option(
    "--assume-size",
    type=SizeType(),
    default="100MB",
    show_default=True,
    metavar="SIZE",
    help="With --engine: the size of artifacts of unknown size.",
)
@click.option(
    "--grace",
    type=AGE,
    default="24h",
    show_default=True,
    metavar="TIME",
    help="With --engine: how long artifacts stay after the eviction of their result.",
)
@click.option(
    "--settle",
    type=AGE,
    default="2s",
    show_default=True,
    metavar="TIME",
    help="With --engine: write to a ConfigMap only if it was unchanged for this long.",
)
@json_option
@with_settings
@click.pass_context
def command(
    ctx: click.Context,
    *,
    config: Config,
    capacity: Limit | None,
    policy: str,
    once: bool,
    loop: float | None,
    dry_run: bool,
    engine: str | None,
    namespaces: tuple[str, ...],
    context: str,
    all_namespaces: bool,
    managed: str,
    foreign: bool,
    artifacts: str,
    assume_size: int,
    grace: float,
    settle: float,
    output_format: str,
) -> None:
    """Evicts the least valuable results until the rest fits.

    Without --engine, evicts from the store of `couler cache`. With --engine, evicts from the engine's own cache in
    its cluster. It keeps results that running workflows need, and artifacts that they refer to.

    Exits with 3 if a namespace failed, after it has done the others.
    """
    if once and loop is not None:
        raise click.UsageError("--once and --loop contradict each other.")
    if namespaces and all_namespaces:
        raise click.UsageError("--namespace and --all-namespaces contradict each other.")

    plugins = usable_plugins(config)
    rule = plugins.parse(POLICIES, policy)
    as_json = output_format == "json"
    if engine is None:
        if dry_run or len(namespaces) > 1 or context or all_namespaces or managed or foreign or artifacts:
            raise click.UsageError(
                "--dry-run, --context, --all…, --managed-namespace, --artifacts and many namespaces need --engine."
            )
        config = replace(config, cache_capacity=capacity or config.cache_capacity)
        size = config.cache_capacity.bytes
        if size is None:
            raise click.UsageError("Say what may stay: --capacity SIZE, or the setting cache-capacity.")
        config = replace(config, cache_namespace=namespaces[0]) if namespaces else config
        ctx.exit(repeat(loop, partial(trim, config, rule, size, as_json=as_json)))
    target = Target(
        context=context, namespaces=namespaces, every_namespace=all_namespaces, managed=managed, foreign=foreign
    )
    size = capacity.bytes if capacity else None
    limits = Limits(
        capacity=None if size is None or math.isinf(size) else int(size),
        assumed=int(assume_size),
        grace=grace,
        settle=settle,
        dry_run=dry_run,
    )
    connect = partial(evictor_of, plugins, engine, target, artifacts)

    def evict_once() -> int:
        done = run_round(connect, lambda evictor, name: evictor.evict(name, rule, limits))
        return print_round(done, rule, limits, as_json=as_json)

    ctx.exit(repeat(loop, evict_once))
