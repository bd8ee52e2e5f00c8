"""What may happen to a cluster while something runs: programs end and start again, or stand still for a while."""

from __future__ import annotations

import contextlib
import subprocess
import time
from collections.abc import Callable, Iterator

from cluster.cluster import API_PORT, S3_PORT, Cluster

__all__ = ["FAULTS", "LONG_FAULTS", "Fault", "without_api_server", "without_node"]

PROBE = "127.0.0.2"
"""The address from which it is asked whether a server is ready."""
Fault = Callable[[Cluster], None]


def kill(cluster: Cluster, name: str) -> None:
    """End a program without a word; the first process starts it again."""
    before = _pid(cluster, name)
    _signal(cluster, "KILL", before)
    cluster.wait_for(f"another {name}", lambda: _pid(cluster, name) != before)


@contextlib.contextmanager
def stopped(cluster: Cluster, name: str) -> Iterator[None]:
    """A program stands still: it neither answers nor hangs up."""
    _signal(cluster, "STOP", _pid(cluster, name))
    try:
        yield
    finally:
        _signal(cluster, "CONT", _pid(cluster, name))


@contextlib.contextmanager
def refused(cluster: Cluster, port: int) -> Iterator[None]:
    """Nobody but `PROBE` can connect to a port of the node; what listens there goes on."""
    others = ["INPUT", "!", "--source", PROBE, "--protocol", "tcp", "--dport", str(port)]
    rule = [*others, "--jump", "REJECT", "--reject-with", "tcp-reset"]
    assert cluster.run("iptables", "--insert", *rule).returncode == 0
    try:
        yield
    finally:
        assert cluster.run("iptables", "--delete", *rule).returncode == 0


def _signal(cluster: Cluster, name: str, pid: str) -> None:
    enter = ["nsenter", f"--pid=/proc/{cluster.init}/ns/pid"]
    subprocess.run([*enter, "kill", f"-{name}", pid], check=True)


def _pid(cluster: Cluster, name: str) -> str:
    """Of a program, as the cluster's first process numbers it."""
    return (cluster.folder / f"{name}.pid").read_text()


def _controllers(cluster: Cluster) -> None:
    kill(cluster, "argo")
    kill(cluster, "tekton")


@contextlib.contextmanager
def without_api_server(cluster: Cluster) -> Iterator[None]:
    """End the API server, and then Argo's controller; meanwhile nobody is answered.

    Nobody reaches the new one before it is ready, as in clusters with a load balancer before theirs: until it has read
    all roles, it forbids what they allow, and a step of Argo whose result is forbidden has failed.

    A controller (4.0.5) that has seen an API server start again keeps reading watches that are closed, on a whole core.
    It may also take workflows that a first list of the new server lacks for ended, and leaves them alone from then on.
    """
    ready = ["curl", "--silent", "--insecure", "--interface", PROBE, f"https://127.0.0.1:{API_PORT}/readyz"]
    with refused(cluster, API_PORT):
        kill(cluster, "kube-apiserver")
        yield
        cluster.wait_for("the API server", lambda: cluster.run(*ready).stdout == "ok")
    kill(cluster, "argo")


def without_node(cluster: Cluster, evicted: Callable[[], bool]) -> None:
    """The kubelet stands still until its node counts as gone and pods are evicted; then it goes on.

    Pods that tolerate this for seconds are evicted; others, which tolerate it for five minutes, go on. Where all nodes
    are gone, Kubernetes evicts nothing, and there is only this one: it gets the taint that it would have among others.
    It loses the taint before the kubelet goes on: else pods that come next are evicted as well, on a slow machine.
    """
    taint = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}
    name = f"{taint['key']}:{taint['effect']}"

    def is_tainted() -> bool:
        return any(taint.items() <= item.items() for item in cluster.node()["spec"].get("taints", ()))

    def are_evicted() -> bool:
        if not is_tainted():
            cluster.kubectl("taint", "node", "node1", name, check=False)
        return evicted()

    with stopped(cluster, "kubelet"):
        cluster.wait_for("the end of the node", lambda: not cluster.node_is_ready())
        cluster.wait_for("evictions", are_evicted)
        cluster.kubectl("taint", "node", "node1", f"{name}-", check=False)
    cluster.wait_for("the node", lambda: cluster.node_is_ready() and not cluster.node()["spec"].get("taints"))


def _api_server(cluster: Cluster) -> None:
    with without_api_server(cluster):
        pass


def _etcd(cluster: Cluster) -> None:
    with stopped(cluster, "etcd"):
        time.sleep(10)


def _kubelet(cluster: Cluster) -> None:
    with stopped(cluster, "kubelet"):
        time.sleep(60)


def _s3(cluster: Cluster) -> None:
    with refused(cluster, S3_PORT):  # a restart would lose what moto has: it keeps all in memory
        time.sleep(5)


FAULTS: dict[str, Fault] = {
    "the controllers are killed": _controllers,
    "the API server is killed, and Argo's controller after it": _api_server,
    "etcd stands still for 10 s": _etcd,
    "the S3 is away for 5 s": _s3,
}
LONG_FAULTS = {"the kubelet stands still for a minute": _kubelet}
