"""The image of the command line, as buildah makes it of `release/Containerfile`, in a pod with hardly any rights."""

from __future__ import annotations

from typing import Any

from cluster.cluster import Cluster
from couler_plugins import __version__

WORKFLOW = """
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {generateName: hello-}
spec:
  entrypoint: main
  templates:
  - {name: main, container: {image: "busybox:1", command: [echo, hello]}}
"""
PROGRAM = f"""\
set -e
couler --version
couler lint - <<'END'
{WORKFLOW}END
! touch /usr/local/written 2> /dev/null
couler demo -o /tmp/demo > /dev/null
ls /tmp/demo
id -u
"""
RESTRICTED: dict[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
    "runAsNonRoot": True,
    "seccompProfile": {"type": "RuntimeDefault"},
}


def test_it_runs_as_nobody_with_a_root_that_is_read_only(cluster: Cluster, namespace: str) -> None:
    container = {
        "name": "main",
        "image": cluster.image("couler"),
        "command": ["sh", "-c", PROGRAM],
        "securityContext": RESTRICTED,
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],
    }
    spec = {"restartPolicy": "Never", "containers": [container], "volumes": [{"name": "tmp", "emptyDir": {}}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "couler"}, "spec": spec}
    cluster.api.create(namespace, pod)

    def phase() -> str:
        return str(cluster.api.get(namespace, "Pod", "couler").get("status", {}).get("phase"))

    cluster.wait_for("the pod's end", lambda: phase() in {"Succeeded", "Failed"})
    lines = cluster.api.logs(namespace, "couler", "main").splitlines()
    assert phase() == "Succeeded", lines
    assert lines[0] == f"couler, version {__version__}"
    assert lines[-1] == "65532"
    assert len(lines) > 3
