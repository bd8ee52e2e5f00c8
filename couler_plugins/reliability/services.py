"""Rows of the table of causes by what registries, stores, clusters and networks answer."""

from functools import partial

from couler_plugins.hookspecs import Cause

deterministic = partial(Cause, cause_class="deterministic")
infrastructure = partial(Cause, cause_class="infrastructure")
throttled = partial(Cause, cause_class="throttled")

TRANSIENT = "Argo 4.0.5: util/errors/errors.go"
S3 = "Argo 4.0.5: workflow/artifacts/s3/errors.go; minio-go: s3-error.go; botocore: retries/standard.py"
API = "Kubernetes 1.34: apimachinery/pkg/api/errors/errors.go"
OF_IMAGES = ("ErrImagePull", "ImagePullBackOff", "TaskRunImagePullFailed", "PodLaunchFailedException")
SLOWER = "repeat later, and ask less often"

DNS = "Temporary failure in name resolution|server misbehaving"
TIMED_OUT = "i/o timeout|[Cc]onnection timed out|TLS handshake timeout"
RESET = "[Cc]onnection reset by peer"
REFUSED = "[Cc]onnection refused"
CLOSED = (
    "Connection closed by foreign host|invalid connection|http2: client connection lost|http2: server sent GOAWAY"
    "|unexpected EOF|Remote end closed connection without response|error when reading response body"
)
UNAVAILABLE = (
    "502 Bad Gateway|503 Service Unavailable|504 Gateway Time-?out|currently unable to handle the request"
    "|could not be completed at this time, please try again|request did not complete within"
    "|50[234] Server Error|HTTP Error 50[234]"
)
SLOW = (
    "SlowDown|[Rr]educe your request rate|ThrottlingException|[(]Throttling[)]|RequestLimitExceeded|RequestThrottled"
    "|TooManyRequestsException|ProvisionedThroughputExceeded"
)
REQUESTS = "429 Too Many Requests|429 Client Error|HTTP Error 429|toomanyrequests|received too many requests"

THROTTLED = (
    throttled(
        name="quota-exceeded",
        message="exceeded quota",
        source=f"{TRANSIENT}; Tekton 1.15: pkg/reconciler/taskrun/taskrun.go",
        remedy="repeat when others are done, request less, or raise the quota",
    ),
    throttled(
        name="quota-conflict",
        message="Operation cannot be fulfilled on resourcequota",
        source=f"{TRANSIENT}; kubernetes#67761",
    ),
    infrastructure(name="quota-timeout", message="resource quota evaluation timed out", source=TRANSIENT),
    throttled(name="etcd-throttled", message="etcdserver: too many requests", source=TRANSIENT, remedy=SLOWER),
    throttled(
        name="client-throttled",
        message="client rate limiter Wait returned an error",
        source="Argo 4.1.2: util/errors/errors.go",
        remedy=SLOWER,
    ),
    throttled(
        name="too-many-requests",
        message=REQUESTS,
        source=f"{API}; requests: models.py; Docker Hub: pull rate limit",
        remedy=SLOWER,
    ),
    throttled(
        name="api-throttled",
        engines=("airflow",),
        reasons=("ApiException",),
        message="^[(]429[)]",
        source="Kubernetes 1.34: apiserver/pkg/server/filters/priority-and-fairness.go",
        remedy=SLOWER,
    ),
    throttled(name="store-throttled", message=SLOW, source=S3, remedy=SLOWER),
)

IMAGES = (
    deterministic(
        name="image-refused",
        reasons=OF_IMAGES,
        message="not found|manifest unknown|[Uu]nauthorized|denied|Forbidden|authorization failed|no basic auth"
        "|InvalidImageName",
        source="containerd and registries; Kubernetes 1.34: pkg/kubelet/images/types.go",
        remedy="mend the name of the image, or the credentials of its registry",
    ),
    infrastructure(
        name="image-interrupted",
        reasons=OF_IMAGES,
        message=f"{DNS}|{TIMED_OUT}|{RESET}|{REFUSED}|{CLOSED}|{UNAVAILABLE}|500 Internal Server"
        "|context deadline exceeded",
        source="containerd and registries; Kubernetes 1.34: pkg/kubelet/images/types.go",
    ),
    deterministic(
        name="image-not-pulled",
        reasons=OF_IMAGES,
        source="Kubernetes 1.34: pkg/kubelet/images/types.go; Tekton 1.15: pkg/reconciler/taskrun/taskrun.go",
        remedy="look at the events of the pod",
    ),
)

SERVICES = (
    infrastructure(name="etcd-leader-changed", message="etcdserver: leader changed", source=TRANSIENT),
    infrastructure(name="etcd-timed-out", message="etcdserver: request timed out", source=TRANSIENT),
    infrastructure(
        name="webhook-unavailable",
        message="no endpoints available for service|failed to call webhook: Post .[^ ]+ context deadline exceeded",
        source="Kubernetes 1.34: apiserver/pkg/admission/plugin/webhook",
    ),
    infrastructure(
        name="store-failed",
        message="[(]InternalError[)]|We encountered an internal error|[(]ServiceUnavailable[)]|[(]RequestTimeout[)]"
        "|RequestError: send request failed",
        source=S3,
    ),
    infrastructure(name="service-unavailable", message=UNAVAILABLE, source=f"{API}; {TRANSIENT}; requests: models.py"),
    infrastructure(
        name="rpc-unavailable",
        message="code = Unavailable|StatusCode.UNAVAILABLE",
        source="gRPC: doc/statuscodes.md",
    ),
    infrastructure(name="name-not-resolved", message=DNS, source="glibc: EAI_AGAIN; Go: net/dnsclient_unix.go"),
    infrastructure(name="connection-timed-out", message=TIMED_OUT, source=f"{TRANSIENT}; errno(3), ETIMEDOUT"),
    infrastructure(name="connection-reset", message=RESET, source=f"{TRANSIENT}; errno(3), ECONNRESET"),
    infrastructure(name="connection-refused", message=REFUSED, source=f"{TRANSIENT}; errno(3), ECONNREFUSED"),
    infrastructure(name="connection-closed", message=CLOSED, source=f"{TRANSIENT}; Python: http.client"),
    infrastructure(
        name="response-cut-off",
        message="(Get|Post|Put|Head|Patch|Delete) .https?://[^ ]+ EOF",
        source=f"{TRANSIENT}: url.Error with EOF",
    ),
    infrastructure(
        name="container-not-created",
        reasons=("CreateContainerError", "CreateContainerConfigError", "PodCreationFailed"),
        message="context deadline exceeded|failed to reserve container name|failed to create subPath directory",
        source="Tekton 1.15: pkg/pod/status.go, docs/additional-configs.md",
    ),
    infrastructure(
        name="sandbox-gone",
        message="sandbox container [^ ]+ is not running",
        source="containerd: internal/cri/server/container_start.go",
    ),
    deterministic(
        name="executor-failed",
        engines=("argo", "kfp"),
        message="^(init|wait|supervisor): ",
        source="Argo 4.0.5: workflow/executor/executor.go, cmd/argoexec/main.go",
        remedy="look whether the artifacts are there, and who may read and write them",
    ),
)
