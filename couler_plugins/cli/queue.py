"""`couler queue`: makes Kueue's objects from a table of clusters, users and quotas."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from couler_plugins.cli.messages import say, say_error, write_bytes
from couler_plugins.cli.outputs import columns, write_text
from couler_plugins.cli.records import print_json
from couler_plugins.cli.settings import json_option, with_settings
from couler_plugins.documents import dump_yaml
from couler_plugins.driver.results import join_documents
from couler_plugins.options.config import Config
from couler_plugins.queues.checks import MANAGER, check_table
from couler_plugins.queues.manifests import Manifest, configuration_of, manifests_of
from couler_plugins.queues.shares import Share, Shares, amount_text
from couler_plugins.queues.table import Table

SCHEMA = "couler.queue.manifests/v1"
OBJECTS = "queues"
"""The file of the objects where the table names no cluster."""
CONFIGURATION = "configuration.yaml"
HEAD = ("team", "namespaces", "queue", "flavor", "resource", "own", "at most", "weight")
NOTE = """\
Kueue's own configuration needs these lines, in each cluster (ConfigMap kueue-manager-config of its release):"""
DELETES = "pods that are running are deleted for others: "
FAR = (
    "pods that run in another cluster find there only what that has under the same names: volumes, Secrets, accounts. "
    "Argo's steps hand on no results from there"
)


@click.command(
    "manifests",
    epilog="""\b
Examples:
  couler queue manifests queues.toml -o kueue/
  kubectl apply -f kueue/queues.yaml
  couler optimize -p 'queue{name=vision,table=queues.toml}' workflow.yaml > queued.yaml

\b
A table, queues.toml:
  [[flavors]]
  name = "gpu-nodes"
  labels = {pool = "gpu"}
  [[cohorts]]
  name = "research"
  [[teams]]
  name = "vision"
  namespaces = ["vision-runs"]
  cohort = "research"
  weight = 2
  [[quotas]]
  cohort = "research"
  flavor = "gpu-nodes"
  cpu = 64
  memory = "256Gi"
  gpu = 8

\b
Exit codes:
  0    all is well
  2    wrong usage, or a problem in the table
""",
)
@click.argument("table", type=click.Path(path_type=Path), metavar="TABLE")
@click.option(
    "-o", "--output", type=click.Path(path_type=Path), metavar="DIR", help="Where to write, a file a cluster."
)
@json_option
@with_settings
@click.pass_context
def manifests(ctx: click.Context, *, config: Config, table: Path, output: Path | None, output_format: str) -> None:
    """Writes Kueue's objects from a table of clusters, flavours, teams, quotas and weights.

    A team becomes a ClusterQueue, and a LocalQueue in each of its namespaces. What a cohort has is shared by the
    weights of its members. With several clusters, MultiKueue sends pods from a manager to the others. Applies
    nothing: review the files, and apply them with kubectl. See docs/queue.md.
    """
    content, errors = check_table(table)
    if errors:
        for error in errors:
            say_error(error)
        ctx.exit(2)
    documents, configuration = manifests_of(content), configuration_of(content)
    if output is None and len(documents) > 1 and output_format == "text":
        raise click.UsageError(f"There are objects for {len(documents)} clusters: give -o DIR, or --format json.")
    if output is not None:
        for cluster, objects in documents.items():
            write_text(_yaml(objects), output / f"{cluster or OBJECTS}.yaml")
        write_text(dump_yaml(configuration), output / CONFIGURATION)
    shares = [share for cluster in documents if cluster != MANAGER for share in Shares(content, cluster).shares()]
    if output_format == "json":
        names = {cluster or OBJECTS: objects for cluster, objects in documents.items()}
        records = [share._asdict() for share in shares]
        print_json(SCHEMA, {"shares": records, "objects": names, "configuration": configuration})
        return
    if output is None:
        write_bytes("".join(_yaml(objects) for objects in documents.values()))
    say("\n".join([*_lines(shares), *_notes(content), "", NOTE, dump_yaml(configuration).rstrip()]))


def _yaml(objects: list[Manifest]) -> str:
    return join_documents(*map(dump_yaml, objects))


def _lines(shares: list[Share]) -> Iterator[str]:
    """Return the table of who may use what."""
    names = any(share.cluster for share in shares)
    rows = [[*([share.cluster] if names else []), *_cells(share)] for share in shares]
    yield from columns([*(["cluster"] if names else []), *HEAD], rows)


def _cells(share: Share) -> Iterator[Any]:
    yield from (share.team, ", ".join(share.namespaces), share.queue, share.flavor, share.resource)
    yield from (amount_text(share.resource, amount) for amount in (share.quota, share.most))
    yield f"{share.weight:g}"


def _notes(table: Table) -> Iterator[str]:
    """Return what to think of before the objects are applied."""
    deleting = [team.name for team in table.teams if (team.reclaim, team.preempt) != ("Never", "Never")]
    if deleting:
        yield f"note: {DELETES}{', '.join(deleting)}; let `guard` retry what may run twice"
    if table.is_multi:
        yield f"note: {FAR}"
