"""Failed attempts as Argo writes them into nodes, by the cause that they are of.

The texts are those of `inferFailedReason` and its neighbours in workflow/controller/operator.go, with what kubelets,
registries, API servers and stores say in them.
"""

from __future__ import annotations

from msgspec.structs import replace

from adapters.argo.statuses import node, steps
from couler_plugins.runs import Attempt

PULL = 'Back-off pulling image "registry.example.com/train:2": ErrImagePull: '
RESOLVE = 'failed to pull and unpack image "registry.example.com/train:2": failed to resolve reference "train:2": '
BEFORE = "Pod failed before main container starts due to "
REGISTRY = "https://registry.example.com/v2"
REJECTED = "Pod was rejected: "

MESSAGES = {
    "workflow-shutdown": ("workflow shutdown with strategy:  Stop", "Stopped with strategy 'Terminate'"),
    "pod-deadline": ("Pod was active on the node longer than the specified deadline",),
    "workflow-deadline": (
        "Step exceeded its deadline",
        "train(0) exceeded its deadline",
        "retry exceeded workflow deadline 2026-01-01 00:00:00 +0000 UTC",
        "Max duration limit exceeded",
    ),
    "template-timeout": ("timeout",),
    "out-of-memory": (
        "main: OOMKilled (exit code 137)",
        "OOMKilled (exit code 137)",
        "wait: OOMKilled (exit code 137)",
    ),
    "out-of-memory-in-text": ("main: Error (exit code 1): child was OOMKilled",),
    "container-disk-limit": ('Container main exceeded its local ephemeral storage limit "1Gi". ',),
    "pod-disk-limit": ("Pod ephemeral local storage usage exceeds the total limit of containers 2Gi. ",),
    "emptydir-limit": ('Usage of EmptyDir volume "scratch" exceeds the limit "1Gi". ',),
    "disk-full": ("wait: Error (exit code 64): write /tmp/argo/outputs/model.tgz: no space left on device",),
    "init-not-started": ("Pod failed before init container starts due to PodInitializing: ",),
    "main-not-started": (
        f"{BEFORE}PodInitializing: ",
        f"{BEFORE}ContainerCreating: ",
    ),
    "containers-not-started": ("Pod failed before second container starts due to PodInitializing: ",),
    "init-killed": ("init: Error (exit code 143)", "init: ContainerStatusUnknown (exit code 137): gone"),
    "inputs-throttled": (
        "init: Error (exit code 64): failed to get file: Please reduce your request rate.",
        "init: Error (exit code 64): tar: 1\nSlowDown: 503",
    ),
    "inputs-not-loaded": (
        (
            'init: Error (exit code 64): artifact data failed to load: failed to get file: Get "https://s3/b/k": dial '
            "tcp 10.0.0.9:443: i/o timeout"
        ),
        "init: Error (exit code 64): failed to put file: We encountered an internal error, please try again.",
    ),
    "executor-killed": (
        "wait: Error (exit code 143)",
        "wait: ContainerStatusUnknown (exit code 137): The container could not be located when the pod was terminated",
        "supervisor: Error (exit code 137)",
    ),
    "pod-deleted": ("pod deleted", "container deleted"),
    "pod-failed-alone": (
        "pod failed: neither main nor wait container completed successfully",
        "pod failed: main container did not complete successfully",
        "pod failed: wait container did not complete successfully",
    ),
    "pod-without-status": ("can't find failed message for pod train-1-work-7 namespace ml",),
    "quota-exceeded": (
        'pods "train-1-work-7" is forbidden: exceeded quota: compute, requested: cpu=4, used: cpu=8, limited: cpu=10',
    ),
    "quota-conflict": (
        (
            'Operation cannot be fulfilled on resourcequotas "compute": the object has been modified; please apply '
            "your changes to the latest version and try again"
        ),
    ),
    "quota-timeout": ("Internal error occurred: resource quota evaluation timed out",),
    "etcd-throttled": ("etcdserver: too many requests",),
    "client-throttled": ("client rate limiter Wait returned an error: context deadline exceeded",),
    "too-many-requests": (
        "the server has received too many requests and has asked us to try again later (post pods)",
        (
            f"{BEFORE}ErrImagePull: {RESOLVE}unexpected status from HEAD request to {REGISTRY}"
            "/train/manifests/2: 429 Too Many Requests - Server message: toomanyrequests: "
            "You have reached your unauthenticated pull rate limit."
        ),
    ),
    "store-throttled": ("wait: Error (exit code 64): failed to put file: Please reduce your request rate.",),
    "image-refused": (
        f"{BEFORE}ImagePullBackOff: {PULL}{RESOLVE}train:2: not found",
        (
            f"{BEFORE}ErrImagePull: {RESOLVE}failed to authorize: failed to fetch "
            "anonymous token: unexpected status from GET request to https://auth.example.com/token: 401 Unauthorized"
        ),
        (
            f"{BEFORE}ErrImagePull: {RESOLVE}pull access denied, repository does "
            "not exist or may require authorization: server message: insufficient_scope: authorization failed"
        ),
    ),
    "image-interrupted": (
        (
            f"{BEFORE}ErrImagePull: {RESOLVE}failed to do request: Head "
            '"https://registry.example.com/v2/train/manifests/2": dial tcp 10.0.0.9:443: i/o timeout'
        ),
        (
            f"{BEFORE}ErrImagePull: {RESOLVE}unexpected status from HEAD request to {REGISTRY}"
            "/train/manifests/2: 503 Service Unavailable"
        ),
    ),
    "image-not-pulled": (
        f'{BEFORE}ImagePullBackOff: Back-off pulling image "train:2"',
        (f"{BEFORE}ErrImagePull: {RESOLVE}dial tcp: lookup registry.example.com on 10.96.0.10:53: no such host"),
    ),
    "node-pressure": (
        (
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 88Mi. Container main was "
            "using 2Gi, request is 1Gi, has larger consumption of memory. "
        ),
    ),
    "node-condition": (f"{REJECTED}The node had condition: [DiskPressure]. ",),
    "preempted-by-kubelet": ("Preempted in order to admit critical pod",),
    "node-shutdown-in-text": (
        "Pod was terminated in response to imminent node shutdown.",
        f"{REJECTED}Pod was rejected as the node is shutting down.",
        "Node is in progress of shutting down, not admitting any new pods",
    ),
    "node-unresponsive": ("Node n1 which was running pod train-1-work-7 is unresponsive",),
    "container-lost": (
        "main: ContainerStatusUnknown (exit code 137): The container could not be located when the pod was terminated",
        (
            "main: ContainerStatusUnknown (exit code 137): The container could not be located when the pod was deleted."
            "  The container used to be Running"
        ),
    ),
    "pod-rejected": (
        f"{REJECTED}Node didn't have enough resource: cpu, requested: 4000, used: 7000, capacity: 8000",
        f"{REJECTED}Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
        (
            f"{REJECTED}Allocate failed due to no healthy devices present; cannot allocate unhealthy devices "
            "nvidia.com/gpu, which is unexpected"
        ),
    ),
    "etcd-leader-changed": ("etcdserver: leader changed",),
    "etcd-timed-out": ("etcdserver: request timed out",),
    "webhook-unavailable": (
        (
            'Internal error occurred: failed calling webhook "pods.example.com": failed to call webhook: Post '
            '"https://policy.kube-system.svc:443/mutate?timeout=10s": context deadline exceeded'
        ),
        'Internal error occurred: failed calling webhook "p": no endpoints available for service "policy"',
    ),
    "store-failed": ("wait: Error (exit code 64): failed to put file: We encountered an internal error, try again.",),
    "service-unavailable": (
        "the server is currently unable to handle the request (post pods)",
        "The POST operation against pods could not be completed at this time, please try again.",
        "Timeout: request did not complete within requested timeout - context deadline exceeded",
    ),
    "name-not-resolved": ("wait: Error (exit code 64): dial tcp: lookup s3 on 10.96.0.10:53: server misbehaving",),
    "connection-timed-out": ('wait: Error (exit code 64): Put "https://s3/b/k": net/http: TLS handshake timeout',),
    "connection-reset": ("wait: Error (exit code 64): read tcp 10.1.0.4:4000->10.0.0.9:443: connection reset by peer",),
    "connection-refused": ("Post: dial tcp 10.96.0.1:443: connect: connection refused",),
    "connection-closed": ("http2: client connection lost", "stream error when reading response body, may be caused by"),
    "response-cut-off": ('Get "https://10.96.0.1:443/api/v1/namespaces/ml/pods/p": EOF',),
    "container-not-created": (f"{BEFORE}CreateContainerError: context deadline exceeded",),
    "sandbox-gone": ('main: StartError (exit code 128): sandbox container "a1" is not running',),
    "executor-failed": (
        "init: Error (exit code 64): artifact data failed to load: The specified key does not exist.",
        "wait: Error (exit code 1): open /mainctrfs/out/model: no such file or directory",
    ),
    "evicted": ("Pod auto-restarting due to Evicted",),
    "node-shutdown": ("Pod auto-restarting due to NodeShutdown",),
    "not-admitted": ("Pod auto-restarting due to UnexpectedAdmissionError", "Pod auto-restarting due to NodeAffinity"),
    "registry-unavailable": (f"{BEFORE}RegistryUnavailable: 0",),
    "sandbox-not-created": (f"{BEFORE}CreatePodSandboxError: no address",),
    "image-invalid": (f"{BEFORE}InvalidImageName: couldn't parse image name",),
    "container-config": (f'{BEFORE}CreateContainerConfigError: secret "token" not found',),
    "not-executable": (
        (
            'main: StartError (exit code 128): failed to create containerd task: exec: "trian": executable file not '
            "found in $PATH: unknown"
        ),
    ),
    "hook-failed": ("main: PostStartHookError (exit code 137)",),
    "exit-status-lost": ("main: Unknown (exit code 255)",),
    "killed": ("main: Error (exit code 137)", "Error (exit code 137)"),
    "terminated": ("main: Error (exit code 143)",),
    "program-failed": ("main: Error (exit code 1)", "main: Error (exit code 2): usage"),
    "program-not-started": ("main: Error (exit code 127)", "main: Error (exit code 126)"),
    "program-crashed": ("main: Error (exit code 139)", "main: Error (exit code 134)"),
    "program-interrupted": ("main: Error (exit code 130)",),
    "program-not-there": ("main: Error (exit code 64): failed to find name in PATH: exec: no such file",),
    "unknown": ("main: Error (exit code 3)", "sidecar: Error (exit code 1)", "", "main: Error (exit code 65)"),
}


def attempt(message: str) -> Attempt:
    """What the reader of nodes says of a failed one with this message."""
    (read,) = steps({"a": node("Pod", "a", phase="Failed", message=message)})["main/a"].tries
    return replace(read, message=read.message or message)


CASES = [("argo", name, attempt(message)) for name, messages in MESSAGES.items() for message in messages]
