"""Table of causes: what failures look like on each engine, in the order in which they are looked for, with sources.

What says by itself that nothing can be repeated comes first: stops, then limits of time, of memory and of disks. Then
what messages say, the reasons of pods and engines, and exit codes, which say least. In patterns there is no quote and
no backslash: they stand in expressions of workflows as well.
"""

from functools import partial

from couler_plugins.hookspecs import Cause
from couler_plugins.reliability.exits import CODES, REASONS
from couler_plugins.reliability.messages import ENGINES, NODES
from couler_plugins.reliability.services import IMAGES, SERVICES, THROTTLED

__all__ = ["CAUSES"]

deterministic = partial(Cause, cause_class="deterministic")
resource = partial(Cause, cause_class="resource")
stopped = partial(Cause, cause_class="stopped")
timeout = partial(Cause, cause_class="timeout")
MEMORY = "give it more memory: `rightsize` sets limits from past peaks"
TIME = "give it more time, or find out what it waits for"
DISK = "raise the limit, or write less"

STOPS = (
    stopped(
        name="workflow-shutdown",
        engines=("argo", "kfp"),
        message="workflow shutdown with strategy|Stopped with strategy",
        source="Argo 4.0.5: workflow/controller/exec_control.go, operator.go",
    ),
    timeout(
        name="pipeline-timeout",
        engines=("tekton",),
        message="cancelled as the PipelineRun it belongs to has timed out",
        source="Tekton 1.15: pkg/apis/pipeline/v1/taskrun_types.go",
        remedy="raise timeouts.pipeline: the whole run was too long, not this step",
    ),
    stopped(
        name="taskrun-cancelled",
        engines=("tekton",),
        reasons=("TaskRunCancelled", "Cancelled", "CancelledRunFinally", "StoppedRunFinally"),
        source="Tekton 1.15: pkg/apis/pipeline/v1/taskrun_types.go, pipelinerun_types.go",
    ),
    stopped(
        name="task-terminated",
        engines=("airflow",),
        reasons=("AirflowTaskTerminated",),
        source="Airflow 3.3: airflow/sdk/exceptions.py, execution_time/task_runner.py",
    ),
    stopped(
        name="run-cancelled",
        engines=("kfp",),
        reasons=("CANCELED", "CANCELING", "CANCELLED"),
        source="KFP 2.17: backend/api/v2beta1/run.proto, RuntimeState",
    ),
    deterministic(
        name="task-refuses-retries",
        engines=("airflow",),
        reasons=("AirflowFailException",),
        source="Airflow 3.3: airflow/sdk/exceptions.py; it fails without a retry",
    ),
)

LIMITS = (
    timeout(
        name="pod-deadline",
        message="Pod was active on the node longer than the specified deadline",
        source="Kubernetes 1.34: pkg/kubelet/active_deadline.go",
        remedy=TIME,
    ),
    timeout(
        name="workflow-deadline",
        engines=("argo", "kfp"),
        message="exceeded its deadline|exceeded workflow deadline|Max duration limit exceeded",
        source="Argo 4.0.5: workflow/controller/operator.go, exec_control.go, workflowpod.go",
        remedy="raise activeDeadlineSeconds of the workflow, or maxDuration of its retries",
    ),
    timeout(
        name="template-timeout",
        engines=("argo", "kfp"),
        message="^timeout$",
        source="Argo 4.0.5: ErrTimeout of workflow/controller/operator.go",
        remedy="raise timeout of the template; it may have waited for a node or an image",
    ),
    timeout(
        name="taskrun-timeout",
        engines=("tekton",),
        reasons=("TaskRunTimeout", "PipelineRunTimeout"),
        source="Tekton 1.15: pkg/reconciler/taskrun/taskrun.go",
        remedy=TIME,
    ),
    timeout(
        name="step-timeout",
        engines=("tekton",),
        message="exited because the step exceeded the specified timeout limit",
        source="Tekton 1.15: pkg/pod/status.go",
        remedy=TIME,
    ),
    timeout(
        name="task-timeout",
        engines=("airflow",),
        reasons=("AirflowTaskTimeout", "TaskDeferralTimeout"),
        source="Airflow 3.3: airflow/sdk/exceptions.py",
        remedy=TIME,
    ),
    timeout(
        name="sensor-timeout",
        engines=("airflow",),
        reasons=("AirflowSensorTimeout",),
        source="Airflow 3.3: execution_time/task_runner.py; it fails without a retry",
        remedy="raise timeout of the sensor: what it waits for did not come",
    ),
    timeout(
        name="deadline-exceeded",
        reasons=("DeadlineExceeded",),
        source="Kubernetes 1.34: pkg/kubelet/active_deadline.go",
        remedy=TIME,
    ),
    resource(
        name="out-of-memory",
        reasons=("OOMKilled", "StepOOM"),
        source="containerd: internal/cri/server/helpers.go; Tekton 1.15: taskrun_types.go",
        remedy=MEMORY,
    ),
    resource(
        name="sidecar-out-of-memory",
        engines=("tekton",),
        reasons=("SidecarOOM", "InitContainerOOM"),
        source="Tekton 1.15: pkg/apis/pipeline/v1/taskrun_types.go",
        remedy="give the container beside the step more memory",
    ),
    resource(
        name="out-of-memory-in-text",
        message="OOMKilled|Likely out of memory error [(]OOM[)]",
        source="Argo 4.0.5: inferFailedReason; Tekton 1.15: pkg/pod/status.go; Airflow 3.3: supervisor.py",
        remedy=MEMORY,
    ),
    resource(
        name="memory-error",
        reasons=("MemoryError",),
        source="Python: built-in exceptions",
        remedy=MEMORY,
    ),
    resource(
        name="container-disk-limit",
        message="exceeded its local ephemeral storage limit",
        source="Kubernetes 1.34: pkg/kubelet/eviction/helpers.go",
        remedy=DISK,
    ),
    resource(
        name="pod-disk-limit",
        message="ephemeral local storage usage exceeds the total limit",
        source="Kubernetes 1.34: pkg/kubelet/eviction/helpers.go",
        remedy=DISK,
    ),
    resource(
        name="emptydir-limit",
        message="Usage of EmptyDir volume",
        source="Kubernetes 1.34: pkg/kubelet/eviction/helpers.go",
        remedy=DISK,
    ),
    resource(
        name="disk-full",
        message="[Nn]o space left on device",
        source="Linux: errno(3), ENOSPC",
        remedy="make the volume larger, or write less",
    ),
)

CAUSES = (*STOPS, *LIMITS, *ENGINES, *THROTTLED, *IMAGES, *NODES, *SERVICES, *REASONS, *CODES)
"""The built-in rows."""
