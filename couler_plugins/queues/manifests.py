"""Kueue's objects, and what its own configuration has to say, from a table.

Source: the types and CRDs of Kueue 0.17 (`apis/kueue/v1beta2`, `apis/config/v1beta2`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from couler_plugins.queues.checks import MANAGER
from couler_plugins.queues.shares import Shares, amount_text
from couler_plugins.queues.table import Cohort, Table, Team

VERSION = "kueue.x-k8s.io/v1beta2"
CONFIGURATION = "config.kueue.x-k8s.io/v1beta2"
NAMESPACE = "kubernetes.io/metadata.name"
MULTIKUEUE = "multikueue"
"""The name of the AdmissionCheck that sends pods to other clusters, and of its configuration."""
Manifest = dict[str, Any]


def manifests_of(table: Table) -> dict[str, list[Manifest]]:
    """Return Kueue's objects by the cluster that they are for; under an empty name where the table names none."""
    if not table.is_multi:
        name = next((cluster.name for cluster in table.clusters), "")
        return {name: _objects(table, Shares(table, name))}
    workers = {cluster.name: _objects(table, Shares(table, cluster.name)) for cluster in table.clusters}
    return {MANAGER: [*_dispatch(table), *_objects(table, Shares(table), MULTIKUEUE)], **workers}


def configuration_of(table: Table) -> Manifest:
    """Return what the configuration of Kueue's controller has to say, in each cluster.

    The release's own manifests list the integration `pod`, and a controller without a configuration does not. Pods of
    other namespaces are not touched.
    """
    spaces = sorted({space for team in table.teams for space in team.namespaces})
    members: list[Team | Cohort] = [*table.teams, *table.cohorts]
    is_weighted = any(member.weight is not None for member in members)
    strategies = ["LessThanOrEqualToFinalShare", "LessThanInitialShare"]
    return {
        "apiVersion": CONFIGURATION,
        "kind": "Configuration",
        "manageJobsWithoutQueueName": False,
        "managedJobsNamespaceSelector": _namespaces(spaces),
        "integrations": {"frameworks": ["batch/job", "pod"]},
        **({"fairSharing": {"preemptionStrategies": strategies}} if is_weighted else {}),
    }


def _objects(table: Table, shares: Shares, check: str = "") -> list[Manifest]:
    """Return the objects of one cluster, in an order in which none refers to a later one."""
    teams = [team for team in table.teams if shares.pairs(team)]
    flavors = {flavor for team in teams for flavor, _ in shares.pairs(team)}
    return [
        *(_flavor(flavor.name, flavor.labels, flavor.taints) for flavor in table.flavors if flavor.name in flavors),
        *(
            _manifest("WorkloadPriorityClass", one.name, value=one.value, **_if(description=one.description))
            for one in table.priorities
        ),
        *(_cohort(cohort, shares) for cohort in table.cohorts),
        *(_cluster_queue(team, shares, check) for team in teams),
        *(_local_queue(team, space) for team in teams for space in team.namespaces),
    ]


def _manifest(kind: str, name: str, *, namespace: str = "", **content: Any) -> Manifest:
    return {"apiVersion": VERSION, "kind": kind, "metadata": {"name": name, **_if(namespace=namespace)}, **content}


def _if(**fields: Any) -> dict[str, Any]:
    """Return the fields that say something."""
    return {name: value for name, value in fields.items() if value not in ("", None, [], {})}


def _flavor(name: str, labels: dict[str, str], taints: tuple[str, ...]) -> Manifest:
    tolerations = []
    for taint in taints:
        pair, _, effect = taint.rpartition(":")
        key, _, value = pair.partition("=")
        operator = {"operator": "Equal", "value": value} if value else {"operator": "Exists"}
        tolerations.append({"key": key, **operator, "effect": effect})
    return _manifest("ResourceFlavor", name, spec=_if(nodeLabels=dict(sorted(labels.items())), tolerations=tolerations))


def _cohort(cohort: Cohort, shares: Shares) -> Manifest:
    weight = None if cohort.weight is None else {"weight": f"{cohort.weight:.9g}"}
    groups = _groups(cohort, shares)
    return _manifest(
        "Cohort", cohort.name, spec=_if(parentName=cohort.parent, resourceGroups=groups, fairSharing=weight)
    )


def _cluster_queue(team: Team, shares: Shares, check: str) -> Manifest:
    weight = None if team.weight is None else {"weight": f"{team.weight:.9g}"}
    spec = _if(
        cohortName=team.cohort,
        namespaceSelector=_namespaces(list(team.namespaces)),
        resourceGroups=_groups(team, shares),
        preemption={"reclaimWithinCohort": team.reclaim, "withinClusterQueue": team.preempt},
        fairSharing=weight,
        admissionChecksStrategy={"admissionChecks": [{"name": check}]} if check else None,
    )
    return _manifest("ClusterQueue", team.name, spec=spec)


def _groups(member: Team | Cohort, shares: Shares) -> list[Manifest]:
    """Return all flavours in one group: a pod gets all that it asks for from one of them, as from one node."""
    pairs = shares.pairs(member)
    resources = list(dict.fromkeys(resource for _, resource in pairs))
    flavors = [
        {"name": flavor, "resources": [_quota(member, shares, flavor, resource) for resource in resources]}
        for flavor in dict.fromkeys(flavor for flavor, _ in pairs)
    ]
    return [{"coveredResources": resources, "flavors": flavors}] if flavors else []


def _quota(member: Team | Cohort, shares: Shares, flavor: str, resource: str) -> Manifest:
    limits = shares.of(member, (flavor, resource))
    names = ("nominalQuota", "borrowingLimit", "lendingLimit")
    amounts = zip(names, limits, strict=True)
    return {"name": resource, **{key: amount_text(resource, one) for key, one in amounts if one is not None}}


def _local_queue(team: Team, namespace: str) -> Manifest:
    return _manifest("LocalQueue", team.local_queue, namespace=namespace, spec={"clusterQueue": team.name})


def _namespaces(names: list[str]) -> Manifest:
    return {"matchExpressions": [{"key": NAMESPACE, "operator": "In", "values": names}]}


def _dispatch(table: Table) -> Iterator[Manifest]:
    """Return what sends pods from the manager to the other clusters; their kubeconfigs are in Secrets."""
    for cluster in table.clusters:
        source = {"kubeConfig": {"location": cluster.kubeconfig, "locationType": "Secret"}}
        yield _manifest("MultiKueueCluster", cluster.name, spec={"clusterSource": source})
    names = [cluster.name for cluster in table.clusters]
    yield _manifest("MultiKueueConfig", MULTIKUEUE, spec={"clusters": names})
    parameters = {"apiGroup": "kueue.x-k8s.io", "kind": "MultiKueueConfig", "name": MULTIKUEUE}
    spec = {"controllerName": "kueue.x-k8s.io/multikueue", "parameters": parameters}
    yield _manifest("AdmissionCheck", MULTIKUEUE, spec=spec)
