"""How faults show: what Argo records of a failed attempt.

Texts are as Argo v4.0.5 writes them: `inferFailedReason`, `podReconciliation` and `getExitCode` in
workflow/controller/operator.go; what they quote is the kubelet's (pkg/kubelet of Kubernetes v1.34.4), containerd's, or
of the executor that reads and writes artifacts (workflow/artifacts/s3/s3.go, minio-go 7.0.100), which has tried five
times by then and says so (`Backoff` in util/wait/backoff.go).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

__all__ = ["FORMS", "RARE", "Form", "Kind"]

Kind = Literal["infrastructure_before_start", "infrastructure", "throttled", "out_of_memory", "deterministic"]


class Form(NamedTuple):
    """One way in which a fault shows.

    Attributes:
        name: what happened.
        kind: of fault.
        began: whether the step's own program began.
        status: of the node, `Failed` or `Error`.
        exit_code: of its main container, "-1" where there is none.
        message: of the node.
        share: how much of its time the step's program ran; None for any share, by lot.
    """

    name: str
    kind: Kind
    began: bool
    status: str
    exit_code: str
    message: str
    share: float | None = None


def _before(kind: Kind, name: str, status: str, message: str) -> Form:
    return Form(name, kind, False, status, "-1", message, 0.0)


def _after(kind: Kind, name: str, message: str) -> Form:
    """What fails when the program has already ended well."""
    return Form(name, kind, True, "Error" if message.startswith("wait") else "Failed", "0", message, 1.0)


def _amid(kind: Kind, name: str, exit_code: int, message: str = "") -> Form:
    return Form(name, kind, True, "Failed", str(exit_code), message or f"main: Error (exit code {exit_code})")


FORMS: tuple[Form, ...] = (
    _before(
        "infrastructure_before_start",
        "node gone while the pod initialized",
        "Error",
        "Pod failed before main container starts due to PodInitializing: ",
    ),
    _before(
        "infrastructure_before_start",
        "node gone while the container was created",
        "Error",
        "Pod failed before main container starts due to ContainerCreating: ",
    ),
    _before(
        "infrastructure_before_start",
        "no status of any container",
        "Failed",
        "can't find failed message for pod blast-x7k2p-program-3-1854263912 namespace argo",
    ),
    _before(
        "infrastructure_before_start",
        "node full when the pod came",
        "Failed",
        "Pod was rejected: Node didn't have enough resource: cpu, requested: 500, used: 7800, capacity: 8000",
    ),
    _before(
        "infrastructure_before_start",
        "node shutting down when the pod came",
        "Failed",
        "Pod was rejected: Pod was rejected as the node is shutting down.",
    ),
    _before(
        "infrastructure_before_start",
        "node under pressure when the pod came",
        "Failed",
        "Pod was rejected: The node had condition: [DiskPressure]. ",
    ),
    _before(
        "infrastructure_before_start",
        "store of artifacts out of reach",
        "Error",
        "init: Error (exit code 64): artifact rows failed to load: timed out waiting for the condition: "
        'failed to get file: Get "http://minio.argo:9000/artifacts/rows": dial tcp 10.96.0.17:9000: i/o timeout',
    ),
    _before(
        "infrastructure_before_start",
        "store of artifacts starting",
        "Error",
        "init: Error (exit code 64): artifact rows failed to load: timed out waiting for the condition: "
        'failed to get file: Get "http://minio.argo:9000/artifacts/rows": dial tcp 10.96.0.17:9000: connect: '
        "connection refused",
    ),
    Form("pod deleted by force, or with its node", "infrastructure", True, "Error", "-1", "pod deleted"),
    _amid("infrastructure", "pod deleted, ended upon SIGTERM", 143),
    _amid("infrastructure", "pod deleted, killed after its grace", 137),
    _amid(
        "infrastructure",
        "container lost with its node",
        137,
        "main: ContainerStatusUnknown (exit code 137): The container could not be located when the pod was deleted.  "
        "The container used to be Running",
    ),
    _amid(
        "infrastructure",
        "evicted by the kubelet",
        137,
        "The node was low on resource: memory. Threshold quantity: 100Mi, available: 83164Ki. Container main was using "
        "612Mi, request is 512Mi, has larger consumption of memory. ",
    ),
    _amid(
        "infrastructure",
        "node shut down",
        143,
        "Pod was terminated in response to imminent node shutdown.",
    ),
    _amid("infrastructure", "preempted", 143, "Preempted in order to admit critical pod"),
    Form(
        "node gone, no end of any container",
        "infrastructure",
        True,
        "Failed",
        "-1",
        "pod failed: neither main nor wait container completed successfully",
    ),
    Form(
        "node gone, a sidecar still waited",
        "infrastructure",
        True,
        "Error",
        "-1",
        "Pod failed before istio-proxy container starts due to PodInitializing: ",
    ),
    _after(
        "infrastructure",
        "node gone while outputs were saved",
        "pod failed: wait container did not complete successfully",
    ),
    _after(
        "infrastructure",
        "outputs could not be saved",
        "wait: Error (exit code 64): timed out waiting for the condition: failed to put file: Put "
        '"http://minio.argo:9000/artifacts/rows": read tcp 10.244.1.9:41822->10.96.0.17:9000: read: '
        "connection reset by peer",
    ),
    _before(
        "throttled",
        "reading from S3 throttled",
        "Error",
        "init: Error (exit code 64): artifact rows failed to load: timed out waiting for the condition: "
        "failed to get file: Please reduce your request rate.",
    ),
    _after(
        "throttled",
        "writing to S3 throttled",
        "wait: Error (exit code 64): timed out waiting for the condition: failed to put file: Resource requested is "
        "unwritable, please reduce your request rate",
    ),
    _after(
        "throttled",
        "API server throttles results",
        "wait: Error (exit code 64): the server has received too many requests and has asked us to try again later "
        "(post workflowtaskresults.argoproj.io)",
    ),
    _after("throttled", "etcd throttles results", "wait: Error (exit code 64): etcdserver: too many requests"),
    _amid("out_of_memory", "out of memory", 137, "main: OOMKilled (exit code 137)"),
    _amid("out_of_memory", "out of memory, in a child or seen too late", 137),
    _amid("deterministic", "exit code 1", 1),
    _amid("deterministic", "exit code 2", 2),
    _amid("deterministic", "no such command", 127),
    _amid("deterministic", "not executable", 126),
    _amid("deterministic", "aborted", 134),
    _amid("deterministic", "invalid memory access", 139),
    Form(
        "no such program",
        "deterministic",
        False,
        "Failed",
        "64",
        'main: Error (exit code 64): failed to find name in PATH: exec: "blastall": executable file not found in $PATH',
        0.0,
    ),
    _before(
        "deterministic",
        "no such artifact",
        "Error",
        "init: Error (exit code 64): artifact rows failed to load: failed to get file: The specified key does not "
        "exist.",
    ),
)
RARE: tuple[Form, ...] = (
    Form(
        "running pod rejected by a kubelet that restarted",
        "infrastructure",
        True,
        "Failed",
        "-1",
        "Pod was rejected: Node didn't have enough resource: cpu, requested: 500, used: 7800, capacity: 8000",
    ),
    _amid(
        "deterministic",
        "disk of its own full",
        137,
        'Container main exceeded its local ephemeral storage limit "1Gi". ',
    ),
    _amid(
        "deterministic",
        "past the deadline of its pod",
        143,
        "Pod was active on the node longer than the specified deadline",
    ),
    _amid("deterministic", "past the deadline of its workflow", 143, "Step exceeded its deadline"),
)
"""Forms that are in no draw, but in the table of forms: what is rare, or of a class that has no rate.

When the kubelet restarts it asks again whether a pod may run (`HandlePodAdditions`), and writes the same text if not.
"""
