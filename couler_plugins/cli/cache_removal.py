"""`couler cache rm`: results that go, by their keys or by the step that made them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import replace
from functools import partial

import click

from couler_plugins.caching.artifacts import ArtifactCache, Entry
from couler_plugins.caching.artifacts.entry import bytes_of
from couler_plugins.cli.cache_entries import entry_line
from couler_plugins.cli.cache_options import AGE, complete_key, index_option, opened, store_option
from couler_plugins.cli.eviction import evictor_of, print_removal, run_round
from couler_plugins.cli.messages import counted, say
from couler_plugins.cli.records import entry_record, print_json
from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.cli.work import usable_plugins
from couler_plugins.documents.mappings import by_key, reached
from couler_plugins.hookspecs.eviction import Limits, Selection, Target
from couler_plugins.options.config import Config

log = logging.getLogger(__name__)


@click.command(
    "rm",
    epilog="""\b
Examples:
  couler cache rm "$key"
  couler cache rm --step churn/train --dry-run
  couler cache rm --step 'churn/feature-*' --dependents
  couler cache rm --engine argo --namespace argo --step train

\b
Exit codes:
  0    done
  1    with --engine: results of unknown steps stay, or ConfigMaps in use
  2    wrong usage or bad input
  3    the store or the cluster failed
""",
)
@click.argument("keys", nargs=-1, metavar="[KEY]...")
@click.option(
    "--step",
    default="",
    metavar="PATTERN",
    help="Remove all results of a step, or of what it calls: STEP or WORKFLOW/STEP, with * and ?. "
    "Only a pattern with a / looks at workflows.",
)
@click.option(
    "--workflow",
    "--family",
    "workflow",
    default="",
    metavar="PATTERN",
    help="Remove only results of this workflow; without --step, all of them.",
)
@click.option(
    "--dependents", is_flag=True, help="Also remove results that were computed from these, as far as that is recorded."
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed.")
@click.option("--engine", metavar="NAME", help="Remove from this engine's own cache, in its cluster.")
@click.option(
    "--namespace",
    default="",
    metavar="NAME",
    help="The namespace in the store; with --engine, the namespace in the cluster.",
)
@store_option
@index_option
@click.option("--context", default="", metavar="NAME", help="With --engine: the context of the kubeconfig.")
@click.option(
    "--managed-namespace",
    "managed",
    default="",
    metavar="NAME",
    help="With --engine: the only namespace in which the engine runs workflows.",
)
@click.option("--all", "foreign", is_flag=True, help="With --engine: also remove results that couler did not write.")
@click.option(
    "--artifacts",
    default="",
    metavar="URL",
    help="With --engine: have `couler cache evict` delete their artifacts from this repository: s3://bucket.",
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
    keys: tuple[str, ...],
    step: str,
    workflow: str,
    dependents: bool,
    dry_run: bool,
    engine: str | None,
    namespace: str,
    context: str,
    managed: str,
    foreign: bool,
    artifacts: str,
    settle: float,
    output_format: str,
) -> None:
    """Removes results, by their keys or by the step that made them.

    Also removes pinned ones. A process that reads one can finish. Warns of a KEY without a result. The first six
    digits of a hexadecimal key are enough if no other key begins with them.

    With --engine, removes results from the engine's own cache in its cluster. Results whose step is unknown stay, and
    are named.
    """
    selection, as_json = Selection(step=step, workflow=workflow), output_format == "json"
    _check_usage(keys, selection, engine, cluster=bool(context or managed or foreign or artifacts))
    if engine is not None:
        if dependents:
            raise click.UsageError("--dependents is for the store of `couler cache`: engines do not record them.")
        target = Target(context=context, namespaces=(namespace,) if namespace else (), managed=managed, foreign=foreign)
        limits = Limits(settle=settle, dry_run=dry_run)
        connect = partial(evictor_of, usable_plugins(config), engine, target, artifacts)
        done = run_round(connect, lambda evictor, name: evictor.remove(name, selection, limits))
        ctx.exit(print_removal(done, dry_run=dry_run, as_json=as_json))
    config = replace(config, cache_namespace=namespace) if namespace else config
    with opened(config) as cache:
        entries = _entries_of(cache, keys) if keys else _selected(cache.entries(), selection, dependents=dependents)
        removed = entries if dry_run else [entry for entry in entries if cache.remove(entry.key)]
    if as_json:
        record = {
            "removed": [entry.key for entry in removed],
            "bytes": bytes_of(removed),
            "dry_run": dry_run,
            "entries": [entry_record(entry) for entry in removed],
        }
        print_json("couler.cache-rm/v1", record)
        return
    for entry in removed:
        click.echo(entry_line(entry))
    say(f"{counted(len(removed), 'result')} {'would go' if dry_run else 'went'}, {bytes_of(removed):,} bytes")


def _check_usage(keys: Collection[str], selection: Selection, engine: str | None, *, cluster: bool) -> None:
    """Makes sure that what goes is said in one way.

    Raises:
        click.UsageError: it is not.
    """
    if bool(keys) is (selection != Selection()):
        raise click.UsageError("Give either KEYs, or the makers of results: --step, --workflow.")
    if engine is None and cluster:
        raise click.UsageError("--context, --managed-namespace, --all and --artifacts need --engine.")
    if engine is not None and keys:
        raise click.UsageError("With --engine, say whose results go: --step, --workflow.")


def _entries_of(cache: ArtifactCache, keys: Iterable[str]) -> list[Entry]:
    """The results of keys; warns of those that have none."""
    whole = dict.fromkeys(complete_key(cache, key) for key in keys)  # before any is removed
    entries = {key: cache.find(key) for key in whole}
    for key, entry in entries.items():
        if entry is None:
            log.warning("%s is not there", key)
    return [entry for entry in entries.values() if entry is not None]


def _selected(entries: Iterable[Entry], selection: Selection, *, dependents: bool) -> list[Entry]:
    """The results that are meant, and those that were computed from them; warns of these where they stay."""
    all_entries = {entry.key: entry for entry in entries}
    children = by_key((parent, entry.key) for entry in all_entries.values() for parent in entry.meta.parents)
    chosen = [key for key, entry in all_entries.items() if _is_meant(entry, selection)]
    keys = list(reached(chosen, lambda key: children.get(key, ())))
    if dependents:
        return [all_entries[key] for key in keys]
    if more := len(keys) - len(chosen):
        log.warning("%s computed from these stay; --dependents removes them as well", counted(more, "result"))
    return [all_entries[key] for key in chosen]


def _is_meant(entry: Entry, selection: Selection) -> bool:
    """Whether a result is one of a step, or of what it calls; the path of an operator's class is no name of that."""
    calls = "" if "." in entry.meta.type else entry.meta.type
    return selection.includes(entry.meta.family, entry.meta.step, calls)
