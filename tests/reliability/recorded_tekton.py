"""Failed attempts as Tekton writes them into statuses of TaskRuns, by the cause that they are of.

The texts are those of pkg/pod/status.go and pkg/reconciler/taskrun/taskrun.go.
"""

from __future__ import annotations

from msgspec.structs import replace

from couler_plugins.runs import Attempt
from couler_tekton.attempts import attempts_of

STEP = "step-train"
PULL = 'the step "train" in TaskRun "r" failed to pull the image "". The pod errored with the message: '
START = 'the step "train" in TaskRun "r" failed to start. The pod errored with the message: '
BACK_OFF = (
    'Back-off pulling image "train:2": ErrImagePull: rpc error: code = Unknown desc = failed to pull and unpack: '
)


def attempt(reason: str, message: str, code: int | None = None, of: str = "Error") -> Attempt:
    """What the reader of TaskRuns says of one with this condition, whose step ended with a code for a reason."""
    condition = {"type": "Succeeded", "status": "False", "reason": reason, "message": message}
    steps = [] if code is None else [{"name": "train", "terminated": {"exitCode": code, "reason": of}}]
    run = {"metadata": {"name": "r", "namespace": "ml"}, "status": {"conditions": [condition], "steps": steps}}
    (read,) = attempts_of(run)
    return replace(read, message=read.message or message)


def ended(code: int, of: str = "Error", reason: str = "StepFailed") -> Attempt:
    return attempt(reason, f'"{STEP}" exited with code {code}: {of}', code, of)


CASES = [
    ("tekton", name, read)
    for name, read in (
        (
            "pipeline-timeout",
            attempt(
                "TaskRunCancelled",
                'TaskRun "r" was cancelled. TaskRun cancelled as the PipelineRun it belongs to has timed out.',
            ),
        ),
        (
            "taskrun-cancelled",
            attempt(
                "TaskRunCancelled",
                'TaskRun "r" was cancelled. TaskRun cancelled as the PipelineRun it belongs to has been cancelled.',
            ),
        ),
        ("taskrun-cancelled", attempt("TaskRunCancelled", 'TaskRun "r" was cancelled. ', 137)),
        ("taskrun-timeout", attempt("TaskRunTimeout", 'TaskRun "r" failed to finish within "1h0m0s"')),
        (
            "taskrun-timeout",
            attempt("TaskRunTimeout", 'TaskRun "r" failed to finish within "1m0s"', 1, "TaskRunTimeout"),
        ),
        (
            "step-timeout",
            attempt("StepFailed", f'"{STEP}" exited because the step exceeded the specified timeout limit', 1),
        ),
        ("out-of-memory", ended(137, "OOMKilled", "StepOOM")),
        ("out-of-memory", ended(255, "OOMKilled", "StepOOM")),
        ("out-of-memory", ended(137, "OOMKilled", "Failed")),
        ("out-of-memory", attempt("Failed", "OOMKilled", 0, "OOMKilled")),
        ("sidecar-out-of-memory", attempt("SidecarOOM", '"sidecar-db" exited with code 137: OOMKilled', 137)),
        (
            "sidecar-out-of-memory",
            attempt("InitContainerOOM", 'init container failed, "prepare" exited with code 137: OOMKilled'),
        ),
        (
            "container-disk-limit",
            attempt("PodEvicted", 'Container step-train exceeded its local ephemeral storage limit "1Gi". ', 137),
        ),
        ("emptydir-limit", attempt("Failed", 'Usage of EmptyDir volume "ws" exceeds the limit "1Gi". ', 137)),
        (
            "invalid-task",
            attempt("TaskRunValidationFailed", "invalid input params for task t: missing values for: [a]"),
        ),
        ("invalid-task", attempt("PodAdmissionFailed", 'pods "r-pod" is forbidden: violates PodSecurity "restricted"')),
        (
            "result-too-large",
            attempt(
                "TaskRunResultLargerThanAllowedLimit", '[User error] TaskRun ""r"" failed: results exceed the size'
            ),
        ),
        ("too-many-requests", attempt("TaskRunImagePullFailed", f'{PULL}"{BACK_OFF}429 Too Many Requests."')),
        ("image-refused", attempt("TaskRunImagePullFailed", f'{PULL}"{BACK_OFF}train:2: not found."')),
        ("image-interrupted", attempt("TaskRunImagePullFailed", f'{PULL}"{BACK_OFF}500 Internal Server Error."')),
        ("image-not-pulled", attempt("TaskRunImagePullFailed", f'{PULL}"Back-off pulling image \\"train:2\\"."')),
        ("node-pressure", attempt("PodEvicted", "The node was low on resource: ephemeral-storage. ", 137)),
        ("node-shutdown-in-text", attempt("Failed", "Pod was terminated in response to imminent node shutdown.")),
        ("pod-rejected", attempt("Failed", "Pod was rejected: Node didn't have enough resource: memory, requested: 9")),
        ("container-status-unknown", ended(137, "ContainerStatusUnknown")),
        ("evicted", attempt("PodEvicted", "", 137)),
        (
            "containers-beside-killed",
            attempt("InitContainerFailed", 'init container failed, "prepare" exited with code 137: Error'),
        ),
        ("containers-beside-failed", attempt("SidecarFailed", '"sidecar-db" exited with code 1: Error')),
        (
            "connection-refused",
            attempt(
                "TaskRunResolutionFailed",
                "error requesting remote resource: dial tcp 10.0.0.1:443: connect: connection refused",
            ),
        ),
        (
            "task-not-resolved",
            attempt("TaskRunResolutionFailed", 'error when listing tasks for taskRun r: tasks "t" gone'),
        ),
        ("container-not-created", attempt("PodCreationFailed", f'{START}"context deadline exceeded."')),
        (
            "pod-not-created",
            attempt(
                "PodCreationFailed", 'failed to create task run pod "r": Pod "r-pod" is invalid. Maybe invalid TaskSpec'
            ),
        ),
        ("container-config", attempt("CreateContainerConfigError", f'{START}"secret \\"token\\" not found."')),
        ("killed", ended(137)),
        ("terminated", ended(143, reason="Failed")),
        ("ended-by-signal", ended(255)),
        ("program-failed", ended(1)),
        ("program-failed", ended(1, reason="Failed")),
        ("program-crashed", ended(139)),
        ("unknown", ended(64)),
        ("pod-lost", attempt("Failed", "build failed for unspecified reasons.")),
    )
]
