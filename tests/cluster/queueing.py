"""Kueue's own controller on the cluster, for the pods of namespaces that have a label; started by who needs it."""

from __future__ import annotations

import base64
import datetime
import fcntl
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from cluster.cluster import Cluster, loaded
from cluster.commands import couler, written
from cluster.programs import KEPT, KUEUE, sources

__all__ = [
    "LABELS",
    "SPACE",
    "install",
    "manage",
    "objects_of",
    "queued_by",
    "spans",
    "start",
    "table_of",
    "wait_for_kueue",
]

SPACE = "kueue-system"
MANAGED = {"tests.couler.io/queues": "yes"}
"""A label of the namespaces whose pods Kueue holds back."""
PORT = 9443
"""Of the webhooks; the next one tells whether they answer."""
LABELS = "kueue.x-k8s.io/"
PRIORITIES = ("low", "high")
ROLES = ("service_account", "role", "role_binding", "manager_secrets_role", "manager_secrets_role_binding")


def start(cluster: Cluster, namespace: str) -> None:
    """Start the controller where nobody has yet, and give it the pods of a namespace."""
    stopped = cluster.folder / "kueue.stopped"
    with (KEPT / "kueue.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stopped.exists():
            install(cluster)
            stopped.unlink()
            wait_for_kueue(cluster)
    manage(cluster, namespace)


def install(cluster: Cluster, port: int = PORT) -> None:
    """Apply what Kueue ships, and write the file that configures a controller; it uses the port and the next one."""
    module, etc = sources(KUEUE), cluster.folder / "etc"
    (etc / "kueue").mkdir(exist_ok=True)
    for name, copy in (("api.crt", "tls.crt"), ("api.key", "tls.key")):
        shutil.copy(etc / name, etc / "kueue" / copy)
    (etc / "kueue.yaml").write_text(yaml.safe_dump(settings(module, etc / "kueue", port)))
    documents = manifests(module, (etc / "api.crt").read_bytes(), port)
    first = [item for item in documents if item["kind"] in ("Namespace", "CustomResourceDefinition")]
    cluster.apply(first)
    kinds = ("kubectl", "get", "workloads.kueue.x-k8s.io", "--namespace", SPACE)
    cluster.wait_for("Kueue's kinds", lambda: cluster.run(*kinds).returncode == 0)
    cluster.apply([item for item in documents if item not in first])


def wait_for_kueue(cluster: Cluster, port: int = PORT) -> None:
    """Wait until the controller answers its webhooks."""
    ready = ("curl", "--silent", "--fail", f"http://127.0.0.1:{port + 1}/readyz")
    cluster.wait_for("Kueue", lambda: cluster.run(*ready).returncode == 0)


def manage(cluster: Cluster, namespace: str) -> None:
    """Give the controller the pods of a namespace."""
    cluster.kubectl("label", "namespace", namespace, *(f"{name}={value}" for name, value in MANAGED.items()))


def settings(module: Path, certificates: Path, port: int) -> dict[str, Any]:
    """What Kueue ships, for pods of our namespaces, with shares by weight, and without what our build lacks."""
    shipped = yaml.safe_load((module / "config/components/manager/controller_manager_config.yaml").read_text())
    return {
        **shipped,
        "namespace": SPACE,
        "health": {"healthProbeBindAddress": f"127.0.0.1:{port + 1}"},
        "webhook": {"port": port, "certDir": str(certificates)},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "managedJobsNamespaceSelector": {"matchLabels": MANAGED},
        "integrations": {"frameworks": ["pod"]},
        "fairSharing": {"preemptionStrategies": ["LessThanOrEqualToFinalShare", "LessThanInitialShare"]},
        "featureGates": {"TopologyAwareScheduling": False},
    }


def manifests(module: Path, certificate: bytes, port: int) -> list[dict[str, Any]]:
    """What Kueue ships, but its Deployment; its webhooks are at the port that it opens as a process of the node."""
    folder = module / "config" / "components"
    files = [*sorted((folder / "crd" / "bases").glob("*.yaml")), *(folder / "rbac" / f"{name}.yaml" for name in ROLES)]
    conversions = {
        item["metadata"]["name"]: item for item in loaded(sorted((folder / "crd/patches").glob("webhook_*")))
    }
    documents = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": SPACE}}, *loaded(files)]
    clients = []
    for item in documents:
        if item["metadata"].get("namespace"):
            item["metadata"]["namespace"] = SPACE
        for subject in item.get("subjects", ()):
            subject["namespace"] = SPACE
        if item["metadata"]["name"] in conversions:
            item["spec"]["conversion"] = conversions[item["metadata"]["name"]]["spec"]["conversion"]
            clients.append(item["spec"]["conversion"]["webhook"]["clientConfig"])
    for item in loaded([folder / "webhook" / "manifests.yaml"]):
        item["metadata"]["name"] = f"kueue-{item['metadata']['name']}"
        item["webhooks"] = [hook for hook in item["webhooks"] if _is_served(hook)]
        for hook in item["webhooks"]:
            clients.append(hook["clientConfig"])
            if "pod" in hook["name"]:
                hook["namespaceSelector"] = {"matchLabels": MANAGED}
        documents.append(item)
    for client in clients:
        client["url"] = f"https://127.0.0.1:{port}{client.pop('service')['path']}"
        client["caBundle"] = base64.b64encode(certificate).decode()
    return documents


def _is_served(hook: Mapping[str, Any]) -> bool:
    """Whether our build has a webhook: that of pods, and those of Kueue's own kinds."""
    return "-kueue-x-k8s-io-" in hook["clientConfig"]["service"]["path"] or hook["name"] in ("mpod.kb.io", "vpod.kb.io")


def table_of(namespace: str, pods: int, *, weights: Mapping[str, float] | None = None, clusters: int = 0) -> str:
    """A table for `couler queue manifests`: so many pods at a time, of one user, or of several, shared by weight."""
    rows = [f'[[flavors]]\nname = "{namespace}"']
    quota = f'flavor = "{namespace}"\npods = {pods}\ncpu = 100\nmemory = "100Gi"'
    owner = f'team = "{namespace}-user"'
    if weights:
        rows.append(f'[[cohorts]]\nname = "{namespace}"')
        owner = f'cohort = "{namespace}"'
    for user in weights or ("user",):
        share = f'cohort = "{namespace}"\nweight = {weights[user]}\n' if weights else ""
        rows.append(f'[[teams]]\nname = "{namespace}-{user}"\nqueue = "{user}"\nnamespaces = ["{namespace}"]\n{share}')
    names = [f"{namespace}-{number}" for number in range(clusters)]
    rows += [f'[[clusters]]\nname = "{name}"\nkubeconfig = "{name}"' for name in names]
    rows += [f"[[quotas]]\n{owner}\n{quota}" + (f'\ncluster = "{name}"' if name else "") for name in names or [""]]
    rows += [f'[[priorities]]\nname = "{namespace}-{name}"\nvalue = {value}' for value, name in enumerate(PRIORITIES)]
    return "\n".join(rows) + "\n"


def objects_of(cluster: Cluster, folder: Path, table: str) -> dict[str, list[dict[str, Any]]]:
    """Kueue's objects for a table, by the cluster that they are for."""
    (folder / "queues.toml").write_text(table)
    ran = couler(cluster, folder, "queue", "manifests", "queues.toml", "--format", "json")
    assert ran.returncode == 0, ran.stderr
    found: dict[str, list[dict[str, Any]]] = json.loads(ran.stdout)["objects"]
    return found


def queued_by(cluster: Cluster, folder: Path, document: Mapping[str, Any], options: str) -> dict[str, Any]:
    """A run as the optimizer `queue` writes it."""
    ran = couler(cluster, folder, "optimize", "-p", f"queue{{{options}}}", written(folder, document))
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = yaml.safe_load(ran.stdout)
    assert f"{LABELS}queue-name" in ran.stdout, ran.stderr
    return found


def spans(pods: Iterable[Mapping[str, Any]]) -> list[tuple[datetime.datetime, datetime.datetime]]:
    """From when until when pods had a node, in whole seconds; for pods that have ended."""
    found = []
    for pod in pods:
        begin = next(
            item["lastTransitionTime"] for item in pod["status"]["conditions"] if item["type"] == "PodScheduled"
        )
        ends = [item["state"]["terminated"]["finishedAt"] for item in pod["status"]["containerStatuses"]]
        found.append((datetime.datetime.fromisoformat(begin), datetime.datetime.fromisoformat(max(ends))))
    return sorted(found)
