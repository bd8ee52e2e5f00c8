"""Removal of the memo entries that a template has made.

The key of an entry is a hash, and the entry names no template. What tells of it is:

- a workflow that still exists: its status says which template a node ran, and under which key it was memoized;
- an artifact in the entry: its key names the pod, and the pod's name has the template in it (`GeneratePodName` in
  `workflow/util/pod_name.go`: WORKFLOW-TEMPLATE-HASH; those that it cuts are too long to be read here at all).

An entry that neither tells of stays, and is named: whoever removes a wrong result must know that it may still be there.
"""

from __future__ import annotations

import logging
import re
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set

from couler_argo.evict.api import Cluster
from couler_argo.evict.artifacts import Repository
from couler_argo.evict.shard import Change, ShardWriter, Wish
from couler_argo.memo_entries import HASH, Entry, Shard, shard_of
from couler_argo.nodes import nodes_of, template_name
from couler_plugins.documents.mappings import Mapped
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.eviction import Evicted, Eviction, Limits, Selection

UNKNOWN = "nothing tells which template made it"
Makers = Mapping[str, Set[str]]
"""Templates by the ids of their nodes, and by the keys of their entries."""
log = logging.getLogger(__name__)


def remove_selected(
    cluster: Cluster,
    namespace: str,
    selection: Selection,
    limits: Limits,
    *,
    managed: str,
    repository: Repository | None,
    foreign: bool,
) -> Evicted:
    """Removes entries from the caches of one namespace.

    Args:
        cluster: the cluster.
        namespace: of the caches.
        selection: whose results: templates, and the workflows that the names of ConfigMaps tell of.
        limits: how long to wait before writing, and whether to write at all.
        managed: the only namespace whose workflows may use them; empty for all.
        repository: where artifacts are; None where nobody said.
        foreign: whether entries in caches that are not ours go as well.

    Raises:
        EngineError: the cluster failed.
    """
    shards = [shard_of(config_map) for config_map in cluster.caches(namespace)]
    read = time.monotonic()
    mine = [
        shard
        for shard in shards
        if (shard.ours or foreign) and Selection(workflow=selection.workflow).includes(shard.family)
    ]
    makers = makers_in(cluster.workflows(managed)) if selection.step and mine else {}
    if not limits.dry_run and mine:
        time.sleep(max(0.0, read + limits.settle - time.monotonic()))
    writer = ShardWriter(cluster, namespace, None, repository, limits, time.time())
    decisions: list[Eviction] = []
    changes: list[Change] = []
    for shard in mine:
        doomed, unknown = _choose(shard, selection, makers)
        change = writer.carry_out(shard, Wish(doomed, frozenset())) if doomed else Change({}, 0, 0)
        changes.append(change)
        for key, (outcome, reason, entry) in sorted(change.outcomes.items()):
            decisions.append(
                Eviction(key=key, place=shard.name, outcome=outcome, reason=reason, figures=_figures(entry))
            )
        decisions += [
            Eviction(key=entry.key, place=shard.name, outcome="kept", reason=UNKNOWN, figures=_figures(entry))
            for entry in unknown
        ]
    return Evicted(
        namespace=namespace,
        places=len(mine),
        decisions=tuple(decisions),
        waiting=sum(change.waiting for change in changes),
        remaining=sum(change.remaining for change in changes),
        remarks=() if shards else ("there is no cache in this namespace: Argo keeps results where its controller is",),
    )


def makers_in(workflows: Iterable[Mapped]) -> Makers:
    """The templates that workflows have run, as far as their statuses can be read."""
    makers: dict[str, set[str]] = defaultdict(set)
    for workflow in workflows:
        try:
            for ident, node in nodes_of(workflow).items():
                if template := template_name(node):
                    makers[ident].add(template)
                    makers[str((node.get("memoizationStatus") or {}).get("key") or ident)].add(template)
        except (InvalidInput, AttributeError, TypeError, ValueError) as error:
            log.info("the status of a workflow is left out: %s", error)
    return makers


def templates_of(entry: Entry, makers: Makers) -> frozenset[str]:
    """The templates that have made an entry, or have hit it; none where nothing tells.

    Args:
        entry: the entry.
        makers: what workflows that still exist tell.
    """
    return frozenset({*makers.get(entry.node, ()), *makers.get(entry.key, ()), *_templates_of_pods(entry)})


def _templates_of_pods(entry: Entry) -> Iterator[str]:
    named = re.compile(rf"{re.escape(HASH.sub('', entry.node))}-(.+)-\d+")
    for artifact in entry.artifacts:
        if match := named.fullmatch(artifact.pod):
            yield match[1]


def _choose(shard: Shard, selection: Selection, makers: Makers) -> tuple[dict[str, tuple[Entry, str]], list[Entry]]:
    """The entries that are meant, each with the reason; and those of which that cannot be told."""
    doomed: dict[str, tuple[Entry, str]] = {}
    unknown: list[Entry] = []
    for key, entry in shard.entries.items():
        templates = templates_of(entry, makers) if selection.step else frozenset()
        if selection.includes(shard.family, *templates):
            by = f"made by {', '.join(sorted(templates))}" if templates else f"in a cache of {shard.family}"
            doomed[key] = entry, by
        elif not templates:
            unknown.append(entry)
    return doomed, unknown


def _figures(entry: Entry | None) -> tuple[tuple[str, int | float | str], ...]:
    if entry is None:
        return ()
    created = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(entry.created))
    return (
        ("entry_bytes", entry.bytes),
        ("artifacts", len(entry.artifacts)),
        ("created", created),
        ("node", entry.node),
    )
