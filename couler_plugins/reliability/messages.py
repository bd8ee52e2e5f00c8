"""Rows of the table of causes by what engines and nodes say."""

from functools import partial

from couler_plugins.hookspecs import Cause
from couler_plugins.reliability.services import (
    CLOSED,
    DNS,
    REFUSED,
    REQUESTS,
    RESET,
    SLOW,
    SLOWER,
    TIMED_OUT,
    UNAVAILABLE,
)

deterministic = partial(Cause, cause_class="deterministic")
infrastructure = partial(Cause, cause_class="infrastructure")
throttled = partial(Cause, cause_class="throttled")

EVICTION = "Kubernetes 1.34: pkg/kubelet/eviction/helpers.go"
ARGO = "Argo 4.0.5: inferFailedReason of workflow/controller/operator.go"
POD_MANAGER = "Airflow's provider cncf-kubernetes 10.5: utils/pod_manager.py"

ENGINES = (
    deterministic(
        name="invalid-task",
        engines=("tekton",),
        reasons=(
            "TaskRunValidationFailed",
            "TaskValidationFailed",
            "InvalidParamValue",
            "ResourceVerificationFailed",
            "PodAdmissionFailed",
        ),
        before_start=True,
        source="Tekton 1.15: pkg/apis/pipeline/v1/taskrun_types.go",
        remedy="mend the Task or its parameters",
    ),
    deterministic(
        name="result-too-large",
        engines=("tekton",),
        reasons=("TaskRunResultLargerThanAllowedLimit",),
        source="Tekton 1.15: pkg/apis/pipeline/v1/taskrun_types.go",
        remedy="write large results into a workspace",
    ),
    deterministic(
        name="invalid-pod",
        engines=("airflow",),
        reasons=("PodMutationHookException", "PodReconciliationError"),
        before_start=True,
        source="Airflow's provider cncf-kubernetes 10.5: exceptions.py",
        remedy="mend the pod that the DAG or a hook describes",
    ),
    deterministic(
        name="program-error",
        reasons=(
            "AssertionError",
            "AttributeError",
            "ImportError",
            "IndexError",
            "KeyError",
            "ModuleNotFoundError",
            "NameError",
            "NotImplementedError",
            "SyntaxError",
            "SystemExit",
            "TypeError",
            "ValueError",
            "ZeroDivisionError",
        ),
        source="Python: built-in exceptions",
        remedy="mend the program",
    ),
    infrastructure(
        name="init-not-started",
        engines=("argo", "kfp"),
        message="^Pod failed before init container starts due to (PodInitializing|ContainerCreating)",
        before_start=True,
        source=f"{ARGO}; argo-workflows#13200",
    ),
    infrastructure(
        name="main-not-started",
        engines=("argo", "kfp"),
        message="^Pod failed before main container starts due to (PodInitializing|ContainerCreating)",
        source=f"{ARGO}; argo-workflows#13200; one that ran and was lost shows it too: kubelet_pods.go",
    ),
    infrastructure(
        name="containers-not-started",
        engines=("argo", "kfp"),
        message="^Pod failed before [^ ]+ container starts due to (PodInitializing|ContainerCreating)",
        source=f"{ARGO}; other containers of the pod may have run",
    ),
    infrastructure(
        name="init-killed",
        engines=("argo", "kfp"),
        message="^init: [A-Za-z]+ [(]exit code (137|143)[)]",
        before_start=True,
        source=f"{ARGO}: main starts after init only",
    ),
    throttled(
        name="inputs-throttled",
        engines=("argo", "kfp"),
        message=f"(?s)^init: .*({SLOW}|{REQUESTS})",
        before_start=True,
        source=f"{ARGO}; workflow/artifacts/s3/errors.go",
        remedy=SLOWER,
    ),
    infrastructure(
        name="inputs-not-loaded",
        engines=("argo", "kfp"),
        message=f"(?s)^init: .*({DNS}|{TIMED_OUT}|{RESET}|{REFUSED}|{CLOSED}|{UNAVAILABLE}|please try again)",
        before_start=True,
        source=f"{ARGO}; util/errors/errors.go",
    ),
    infrastructure(
        name="executor-killed",
        engines=("argo", "kfp"),
        message="^(wait|supervisor): [A-Za-z]+ [(]exit code (137|143)[)]",
        source=ARGO,
    ),
    infrastructure(
        name="pod-deleted",
        engines=("argo", "kfp"),
        message="^(pod|container) deleted",
        source="Argo 4.0.5: workflow/controller/operator.go; docs/tolerating-pod-deletion.md",
    ),
    infrastructure(
        name="pod-failed-alone",
        engines=("argo", "kfp"),
        message="^pod failed: (neither main nor wait|main|wait) container",
        source=f"{ARGO}: the pod failed, no container did",
    ),
    infrastructure(
        name="pod-without-status",
        engines=("argo", "kfp"),
        message="find failed message for pod",
        source=f"{ARGO}: no container has a status",
    ),
    infrastructure(
        name="not-scheduled",
        engines=("airflow",),
        message="Pod took too long to be scheduled on the cluster",
        before_start=True,
        source=POD_MANAGER,
        remedy="raise schedule_timeout_seconds, or request less",
    ),
    infrastructure(
        name="slow-start",
        engines=("airflow",),
        message="Pod took too long to start|Pod took longer than",
        source=f"{POD_MANAGER}; a sidecar may be what was waited for",
        remedy="raise startup_timeout_seconds",
    ),
    infrastructure(
        name="heartbeat-lost",
        engines=("airflow",),
        message="did not emit heartbeat within time limit",
        source="Airflow 3.3: airflow/jobs/scheduler_job_runner.py",
        remedy="look whether the worker ran out of memory",
    ),
)

NODES = (
    infrastructure(
        name="pod-lost",
        engines=("tekton",),
        reasons=("Failed",),
        message="^build failed for unspecified reasons",
        source="Tekton 1.15: pkg/pod/status.go: no step has ended; seen where a node was removed",
    ),
    infrastructure(
        name="node-pressure", message="The node was low on resource", source=EVICTION, remedy="request what it uses"
    ),
    infrastructure(name="node-condition", message="The node had condition:", source=EVICTION),
    infrastructure(
        name="preempted-by-kubelet",
        message="Preempted in order to admit critical pod",
        source="Kubernetes 1.34: pkg/kubelet/preemption/preemption.go",
    ),
    infrastructure(
        name="disruption-in-text",
        message="PreemptionByScheduler|DeletionByTaintManager|EvictionByEvictionAPI|DeletionByPodGC|TerminationByKubelet",
        source="Kubernetes: pod disruption conditions",
    ),
    infrastructure(
        name="node-shutdown-in-text",
        message="terminated in response to imminent node shutdown|rejected as the node is shutting down"
        "|Node is shutting, evicting|progress of shutting down",
        source="Kubernetes 1.34: pkg/kubelet/nodeshutdown/nodeshutdown_manager.go; argo-workflows#9880",
    ),
    infrastructure(
        name="node-unresponsive",
        message="which was running pod",
        source="Kubernetes 1.34: pkg/util/node/node.go",
    ),
    infrastructure(
        name="container-lost",
        message="The container could not be located when the pod was",
        source="Kubernetes 1.34: pkg/kubelet/kubelet_pods.go, status/status_manager.go",
    ),
    infrastructure(
        name="pod-rejected",
        message="Node didn.t have enough resource|Predicate NodeAffinity failed|(Allocate|resources) failed due to",
        source="Kubernetes 1.34: pkg/kubelet/lifecycle/predicate.go; a restarted kubelet rejects running pods, too",
    ),
)
