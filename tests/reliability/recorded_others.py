"""Failed attempts as Airflow and KFP tell of them, and pods by their own words, by the cause that they are of.

On Airflow the reason is the class of the exception, and the message its text.
"""

from __future__ import annotations

from couler_plugins.runs import Attempt, ContainerUse

GIB = 2**30
REMOTE = """Pod train-x7 returned a failure.
remote_pod: {'api_version': None,
 'status': {'conditions': [{'message': 'Eviction API: evicting',
                            'reason': '%s',
                            'status': 'True',
                            'type': 'DisruptionTarget'}],
            'container_statuses': [{'name': 'base', 'state': {'terminated': {'exit_code': %s, 'reason': '%s'}}}]}}"""
API = """(%s)
Reason: %s
HTTP response headers: HTTPHeaderDict({'Content-Type': 'application/json'})
HTTP response body: {"kind":"Status","status":"Failure","message":"%s"}
"""

AIRFLOW = [
    ("task-terminated", "AirflowTaskTerminated", "Task terminated: oauth i/o timeout"),
    ("task-refuses-retries", "AirflowFailException", "no data today: Connection reset by peer"),
    ("task-timeout", "AirflowTaskTimeout", "Timeout, PID: 77"),
    ("task-timeout", "TaskDeferralTimeout", "Trigger timeout"),
    (
        "sensor-timeout",
        "AirflowSensorTimeout",
        "Sensor has timed out; run duration of 60.1 seconds exceeds the specified",
    ),
    (
        "out-of-memory-in-text",
        "",
        "Process terminated by signal. Likely out of memory error (OOM). For more information",
    ),
    ("out-of-memory-in-text", "AirflowException", REMOTE % ("", 137, "OOMKilled")),
    ("memory-error", "MemoryError", ""),
    ("disk-full", "OSError", "[Errno 28] No space left on device: '/tmp/a'"),
    ("invalid-pod", "PodMutationHookException", ""),
    ("invalid-pod", "PodReconciliationError", ""),
    ("program-error", "ValueError", "could not convert string to float: 'x'"),
    ("program-error", "KeyError", "'connection refused'"),
    (
        "not-scheduled",
        "PodLaunchFailedException",
        "Pod took too long to be scheduled on the cluster, giving up. More than 120s.",
    ),
    ("slow-start", "PodLaunchFailedException", "Pod took too long to start. More than 120s. Check the pod events"),
    ("heartbeat-lost", "", "Task did not emit heartbeat within time limit (300 seconds) and will be terminated."),
    ("quota-exceeded", "ApiException", API % (403, "Forbidden", 'pods "a" is forbidden: exceeded quota: compute')),
    ("too-many-requests", "HTTPError", "429 Client Error: Too Many Requests for url: https://api.example.com"),
    ("too-many-requests", "HTTPError", "HTTP Error 429: Too Many Requests"),
    (
        "store-throttled",
        "ClientError",
        "An error occurred (SlowDown) when calling the PutObject operation (reached max retries: 4): Please reduce",
    ),
    (
        "store-throttled",
        "ClientError",
        "An error occurred (ThrottlingException) when calling the StartJobRun operation: Rate exceeded",
    ),
    (
        "image-refused",
        "PodLaunchFailedException",
        "Pod docker image cannot be pulled, unable to start: ErrImagePull\nrpc error: code = NotFound desc = not found",
    ),
    (
        "image-refused",
        "PodLaunchFailedException",
        "Pod docker image cannot be pulled, unable to start: InvalidImageName\nFailed to apply default image tag",
    ),
    (
        "image-interrupted",
        "PodLaunchFailedException",
        "Pod docker image cannot be pulled, unable to start: ErrImagePull\nrpc error: desc = context deadline exceeded",
    ),
    (
        "image-not-pulled",
        "PodLaunchFailedException",
        "Pod docker image cannot be pulled, unable to start: ErrImagePull\nNone",
    ),
    ("disruption-in-text", "AirflowException", REMOTE % ("EvictionByEvictionAPI", 143, "Error")),
    (
        "store-throttled",
        "ClientError",
        "An error occurred (TooManyRequestsException) when calling the Invoke operation (reached max retries: 4): Rate",
    ),
    ("store-failed", "ClientError", "An error occurred (InternalError) when calling the GetObject operation"),
    ("service-unavailable", "HTTPError", "503 Server Error: Service Unavailable for url: https://api.example.com"),
    ("service-unavailable", "HTTPError", "HTTP Error 502: Bad Gateway"),
    ("name-not-resolved", "OSError", "[Errno -3] Temporary failure in name resolution"),
    ("connection-timed-out", "OSError", "[Errno 110] Connection timed out"),
    ("connection-reset", "OperationalError", "could not receive data from server: Connection reset by peer"),
    ("connection-refused", "OperationalError", 'connection to server at "db", port 5432 failed: Connection refused'),
    ("connection-closed", "ProtocolError", "('Connection aborted.', Remote end closed connection without response)"),
    ("pod-not-there", "PodNotFoundException", "The Kubernetes API reports that the pod does not exist"),
    ("pod-not-there", "PodReattachFailure", ""),
    ("pod-launch-timeout", "PodLaunchTimeoutException", ""),
    ("api-failed", "ApiException", API % (500, "Internal Server Error", "rpc error")),
    ("api-failed", "ApiException", API % (409, "Conflict", "object is being deleted")),
    ("api-throttled", "ApiException", API % (429, "Too Many Requests", "Too many requests, please try again later.")),
    ("api-refused", "ApiException", API % (403, "Forbidden", "pods is forbidden: User cannot create")),
    ("connection-failed", "ConnectionError", ""),
    ("connection-failed", "ReadTimeout", "HTTPSConnectionPool(host='a', port=443): Read timed out. (read timeout=10)"),
    ("unknown", "AirflowException", "Pod train-x7 returned a failure."),
    ("unknown", "ApiException", ""),
    ("unknown", "", ""),
]

KFP = [
    ("run-cancelled", Attempt(reason="CANCELED")),
    ("workflow-shutdown", Attempt(message="workflow shutdown with strategy:  Terminate")),
    ("pod-deleted", Attempt(message="pod deleted")),
    ("killed", Attempt(exit_code=137, message="main: Error (exit code 137)")),
    ("program-failed", Attempt(exit_code=1, message="main: Error (exit code 1)")),
    (
        "rpc-unavailable",
        Attempt(message="failed to create execution: rpc error: code = Unavailable desc = name resolver error"),
    ),
    ("unknown", Attempt(reason="FAILED")),
]

FULL = ContainerUse(container="main", memory=GIB, memory_limit=GIB)
HALF = ContainerUse(container="main", memory=GIB // 2, memory_limit=GIB)

PODS = [
    ("deadline-exceeded", Attempt(reason="DeadlineExceeded")),
    ("evicted", Attempt(reason="Evicted", exit_code=137)),
    ("preempted", Attempt(reason="Preempting")),
    ("disrupted", Attempt(reason="DeletionByTaintManager")),
    ("node-shutdown", Attempt(reason="Terminated")),
    ("node-lost", Attempt(reason="NodeLost")),
    ("not-admitted", Attempt(reason="OutOfcpu")),
    ("out-of-memory", Attempt(reason="Error", exit_code=137, containers=(HALF, FULL))),
    ("killed", Attempt(reason="Error", exit_code=137, containers=(HALF,))),
    ("program-failed", Attempt(reason="Error", exit_code=1, containers=(FULL,))),
]

CASES = [
    *(("airflow", name, Attempt(reason=reason, message=message)) for name, reason, message in AIRFLOW),
    *(("kfp", name, attempt) for name, attempt in KFP),
    *(("argo", name, attempt) for name, attempt in PODS),
]
