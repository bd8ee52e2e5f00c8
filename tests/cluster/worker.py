"""A second API server, with Kueue's controller, which takes pods from the first one: for MultiKueue.

It keeps its objects in the same etcd under another prefix. It has no node, so its pods have to be played.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator

from cluster.cluster import Cluster, kubeconfig
from cluster.queueing import SPACE, install, manage, wait_for_kueue

__all__ = ["Worker", "secret_of", "worker"]

API_PORT, KUEUE_PORT = 6444, 9543
CHANGES = {"--etcd-prefix": "/worker", "--secure-port": API_PORT, "--cert-dir": "/tmp/couler-worker"}
"""What tells the second API server from the first."""


class Worker(Cluster):
    """The second API server, in the network of a cluster that is up."""

    def __init__(self, cluster: Cluster) -> None:
        super().__init__(cluster.folder / "worker")
        self.cluster = cluster

    @property
    def init(self) -> int | None:
        return self.cluster.init


@contextlib.contextmanager
def worker(cluster: Cluster, namespace: str) -> Iterator[Worker]:
    """Start the second API server, and its controller for the pods of a namespace, while the block runs."""
    second = Worker(cluster)
    shutil.rmtree(second.folder, ignore_errors=True)
    etc, logs = second.folder / "etc", second.folder / "logs"
    for folder in (etc, logs):
        folder.mkdir(parents=True)
    for name in ("api.crt", "api.key"):
        shutil.copy(cluster.folder / "etc" / name, etc)
    for name in ("admin", "kueue"):
        settings = kubeconfig(etc, name)
        settings["clusters"][0]["cluster"]["server"] = f"https://127.0.0.1:{API_PORT}"
        (etc / f"{name}.kubeconfig").write_text(json.dumps(settings))
    programs = {item["name"]: item for item in json.loads((cluster.folder / "programs.json").read_text())}
    server = [word for word in programs["kube-apiserver"]["command"] if word.partition("=")[0] not in CHANGES]
    server += [f"{name}={value}" for name, value in CHANGES.items()]
    proxy = ("kubectl", "proxy", f"--kubeconfig={etc}/admin.kubeconfig", f"--unix-socket={second.folder}/api")
    controller = (programs["kueue"]["command"][0], f"--config={etc}/kueue.yaml")
    with contextlib.ExitStack() as running:

        def run(name: str, *command: str, **env: str) -> None:
            log = running.enter_context((logs / f"{name}.log").open("w"))
            process = subprocess.Popen(
                cluster.inside(*command), stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **env}
            )
            running.callback(process.wait)
            running.callback(process.kill)

        run("kube-apiserver", *server)
        second.wait_for("the API server", lambda: second.kubectl("get", "--raw", "/readyz", check=False) == "ok")
        run("proxy", *proxy)
        install(second, KUEUE_PORT)
        run("kueue", *controller, KUBECONFIG=f"{etc}/kueue.kubeconfig")
        names = {"Namespace": {"name": namespace}, "ServiceAccount": {"name": "default", "namespace": namespace}}
        # There is no controller manager, which would make the account.
        second.apply([{"apiVersion": "v1", "kind": kind, "metadata": item} for kind, item in names.items()])
        manage(second, namespace)
        wait_for_kueue(second, KUEUE_PORT)
        yield second
        second.api.close()


def secret_of(second: Worker, name: str) -> dict[str, object]:
    """The Secret with which Kueue finds the second API server: it takes no certificate from a file."""
    settings = json.loads((second.folder / "etc" / "admin.kubeconfig").read_text())
    cluster = settings["clusters"][0]["cluster"]
    certificate = (second.folder / "etc" / "api.crt").read_bytes()
    del cluster["certificate-authority"]
    cluster["certificate-authority-data"] = base64.b64encode(certificate).decode()
    metadata = {"name": name, "namespace": SPACE}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "stringData": {"kubeconfig": json.dumps(settings)},
    }
