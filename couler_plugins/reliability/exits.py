"""Rows of the table of causes by the reasons of pods, containers and engines, and by exit codes."""

from functools import partial

from couler_plugins.hookspecs import Cause

deterministic = partial(Cause, cause_class="deterministic")
infrastructure = partial(Cause, cause_class="infrastructure")

PREDICATES = "Kubernetes 1.34: pkg/kubelet/lifecycle/predicate.go; a restarted kubelet rejects running pods, too"
SHUTDOWN = "Kubernetes 1.34: pkg/kubelet/nodeshutdown/nodeshutdown_manager.go"
CONTAINERS = "Kubernetes 1.34: pkg/kubelet/kuberuntime/kuberuntime_container.go"
TASKRUNS = "Tekton 1.15: pkg/apis/pipeline/v1/taskrun_types.go"
PODS = "Airflow's provider cncf-kubernetes 10.5: operators/pod.py, utils/pod_manager.py"
START = "look at the command of the container, and whether the image has it"

REASONS = (
    infrastructure(
        name="evicted",
        reasons=("Evicted", "PodEvicted"),
        source=f"Kubernetes 1.34: pkg/kubelet/eviction/helpers.go; {TASKRUNS}",
        remedy="request as much memory and disk as it uses",
    ),
    infrastructure(
        name="preempted", reasons=("Preempting",), source="Kubernetes 1.34: pkg/kubelet/preemption/preemption.go"
    ),
    infrastructure(
        name="disrupted",
        reasons=(
            "PreemptionByScheduler",
            "DeletionByTaintManager",
            "EvictionByEvictionAPI",
            "DeletionByPodGC",
            "TerminationByKubelet",
        ),
        source="Kubernetes: pod disruption conditions",
    ),
    infrastructure(name="node-shutdown", reasons=("Terminated", "NodeShutdown", "Shutdown"), source=SHUTDOWN),
    infrastructure(name="node-lost", reasons=("NodeLost",), source="Kubernetes 1.34: pkg/util/node/node.go"),
    infrastructure(
        name="not-admitted",
        reasons=(
            "UnexpectedAdmissionError",
            "NodeAffinity",
            "OutOfcpu",
            "OutOfmemory",
            "OutOfpods",
            "OutOfephemeral-storage",
        ),
        source=PREDICATES,
    ),
    infrastructure(
        name="container-status-unknown",
        reasons=("ContainerStatusUnknown",),
        source="Kubernetes 1.34: pkg/kubelet/container/runtime.go; tektoncd/pipeline#9467",
    ),
    infrastructure(
        name="registry-unavailable",
        reasons=("RegistryUnavailable", "ImageInspectError"),
        source="Kubernetes 1.34: cri-api/pkg/errors/errors.go, pkg/kubelet/images/types.go",
    ),
    infrastructure(
        name="sandbox-not-created",
        reasons=("CreatePodSandboxError", "ConfigPodSandboxError"),
        source="Kubernetes 1.34: pkg/kubelet/container/sync_result.go",
    ),
    infrastructure(
        name="containers-beside-killed",
        engines=("tekton",),
        reasons=("SidecarFailed", "InitContainerFailed"),
        message="exited with code (137|143)",
        source=f"{TASKRUNS}, pkg/pod/status.go",
    ),
    infrastructure(
        name="pod-not-there",
        engines=("airflow",),
        reasons=("PodNotFoundException", "PodReattachFailure", "PodCredentialsExpiredFailure"),
        source=f"{PODS}; airflow#59626",
    ),
    infrastructure(
        name="pod-launch-timeout", engines=("airflow",), reasons=("PodLaunchTimeoutException",), source=PODS
    ),
    infrastructure(
        name="api-failed",
        engines=("airflow",),
        reasons=("ApiException",),
        message="^[(](409|500|502|503|504)[)]",
        source=f"{PODS}: should_retry_start_pod",
    ),
    infrastructure(
        name="connection-failed",
        reasons=(
            "BrokenPipeError",
            "ConnectTimeout",
            "ConnectionAbortedError",
            "ConnectionError",
            "ConnectionRefusedError",
            "ConnectionResetError",
            "ReadTimeout",
            "RemoteDisconnected",
            "Timeout",
            "TimeoutError",
        ),
        source="Airflow 3.3: example_retry_policy.py; Python: built-in exceptions; requests: exceptions.py",
    ),
    deterministic(
        name="image-invalid",
        reasons=("InvalidImageName", "ErrImageNeverPull", "SignatureValidationFailed"),
        source="Kubernetes 1.34: pkg/kubelet/images/types.go, cri-api/pkg/errors/errors.go",
        remedy="mend the name of the image",
    ),
    deterministic(
        name="container-config",
        reasons=("CreateContainerConfigError", "CreateContainerError"),
        source=CONTAINERS,
        remedy="look whether its Secrets, ConfigMaps and volumes are there",
    ),
    deterministic(
        name="not-executable",
        reasons=("StartError", "RunContainerError", "ContainerCannotRun"),
        source="containerd: internal/cri/server/helpers.go, errorStartReason",
        remedy=START,
    ),
    deterministic(
        name="hook-failed",
        reasons=("PostStartHookError", "PreStartHookError", "PreCreateHookError"),
        source=CONTAINERS,
        remedy="mend the hook of the container",
    ),
    deterministic(
        name="task-not-resolved",
        engines=("tekton",),
        reasons=("TaskRunResolutionFailed",),
        before_start=True,
        source=TASKRUNS,
        remedy="look whether the Task is where the reference says",
    ),
    deterministic(
        name="pod-not-created",
        engines=("tekton",),
        reasons=("PodCreationFailed",),
        source="Tekton 1.15: handlePodCreationError of pkg/reconciler/taskrun/taskrun.go",
        remedy="mend what the Task says of its pod",
    ),
    deterministic(
        name="containers-beside-failed",
        engines=("tekton",),
        reasons=("SidecarFailed", "InitContainerFailed"),
        source=f"{TASKRUNS}, pkg/pod/status.go",
        remedy="look at the log of that container",
    ),
    deterministic(
        name="api-refused",
        engines=("airflow",),
        reasons=("ApiException",),
        message="^[(](400|401|403|404|422)[)]",
        source=PODS,
        remedy="look at what the answer says",
    ),
    infrastructure(
        name="exit-status-lost",
        reasons=("Unknown",),
        exit_codes=(255,),
        source="containerd: internal/cri/server/helpers.go, unknownExitCode",
    ),
)

CODES = (
    infrastructure(
        name="killed",
        exit_codes=(137,),
        source="SIGKILL: Kubernetes after the grace period, pkg/kubelet/kuberuntime",
        remedy="look whether memory was near its limit",
    ),
    infrastructure(name="terminated", exit_codes=(143,), source="SIGTERM: how Kubernetes ends pods"),
    infrastructure(
        name="ended-by-signal",
        engines=("tekton",),
        reasons=("Error",),
        exit_codes=(255,),
        source="Tekton 1.15: cmd/entrypoint/main.go, WaitStatus.ExitStatus: -1 for any signal; seen for deleted pods",
        remedy="look at the log: a program that crashed, or ended with 255 by itself, looks the same",
    ),
    deterministic(
        name="program-failed",
        exit_codes=(1, 2),
        source="sysexits(3) and shells; argo-workflows#10364",
        remedy="look at the log",
    ),
    deterministic(name="program-not-started", exit_codes=(126, 127, 128), source="POSIX: sh", remedy=START),
    deterministic(
        name="program-crashed",
        exit_codes=(134, 139),
        source="signal(7): SIGABRT, SIGSEGV",
        remedy="look at the log; some programs crash so without memory",
    ),
    deterministic(name="program-interrupted", exit_codes=(130,), source="signal(7): SIGINT"),
    deterministic(
        name="program-not-there",
        engines=("argo", "kfp"),
        exit_codes=(64,),
        source="Argo 4.0.5: cmd/argoexec/commands/emissary.go",
        remedy=START,
    ),
)
