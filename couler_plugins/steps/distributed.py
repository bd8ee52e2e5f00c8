"""Training on several pods, by Kubeflow's operators.

Source: kubeflow/training-operator, release 1.9: pkg/apis/kubeflow.org/v1, pkg/webhooks (containers have to be called
tensorflow and pytorch), pkg/controller.v1 (a pod that has failed, and is not restarted, fails the job);
kubeflow/mpi-operator, 0.8: pkg/apis/kubeflow/v2beta1, pkg/controller.
"""

from __future__ import annotations

from typing import Any

from couler_plugins.engine_kit.legalize.jobs import JOB_OUTPUTS
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.steps import StepInput
from couler_plugins.steps.arguments import Constants
from couler_plugins.steps.declared import count
from couler_plugins.steps.jobs import JOB_INPUTS, JOB_NAME, Job, JobStep, any_failed, container_of, pods_of

CLEAN = StepInput(
    name="clean",
    description="Which pods go once the job has ended.",
    default="Running",
    choices=("None", "Running", "All"),
    constant=True,
)


def tensorflow_job(shape: Constants) -> Job:
    """A TFJob. It has succeeded once its chief has; without one, once all of its workers have."""
    kinds = _counted(
        shape,
        Chief=1 if shape["chief"] else 0,
        Worker=shape["workers"],
        PS=shape["parameter-servers"],
        Evaluator=shape["evaluators"],
    )
    if not kinds.keys() & {"Chief", "Worker"}:
        raise _refused(shape, "has neither a chief nor workers", "give it workers, or chief=True")
    container = container_of(shape, "tensorflow")
    spec: dict[str, Any] = {"runPolicy": {"cleanPodPolicy": shape["clean"]}}
    if not shape["chief"]:
        spec["successPolicy"] = "AllWorkers"
    spec["tfReplicaSpecs"] = {kind: pods_of(number, container) for kind, number in kinds.items()}
    last = "Chief" if shape["chief"] else "Worker"
    return _job("kubeflow.org/v1", "TFJob", spec, f"{last}.succeeded == {kinds[last]}", kinds)


def pytorch_job(shape: Constants) -> Job:
    """A PyTorchJob. It has succeeded once its master has."""
    kinds = _counted(shape, Master=1, Worker=shape["workers"])
    container = container_of(shape, "pytorch")
    spec = {
        "runPolicy": {"cleanPodPolicy": shape["clean"]},
        "pytorchReplicaSpecs": {kind: pods_of(number, container) for kind, number in kinds.items()},
    }
    return _job("kubeflow.org/v1", "PyTorchJob", spec, "Master.succeeded == 1", kinds)


def mpi_job(shape: Constants) -> Job:
    """An MPIJob. Its launcher runs the command; the workers wait for it, as their image does."""
    kinds = _counted(shape, Launcher=1, Worker=shape["workers"])
    if "Worker" not in kinds:
        raise _refused(shape, "has no workers", "give it some")
    container = container_of(shape, "mpi")
    worker = {key: value for key, value in container.items() if key not in ("command", "args")}
    spec = {
        "slotsPerWorker": shape["slots"],
        "runPolicy": {"cleanPodPolicy": shape["clean"], "backoffLimit": 0},
        "mpiReplicaSpecs": {"Launcher": pods_of(1, container), "Worker": pods_of(shape["workers"], worker)},
    }
    return _job("kubeflow.org/v2beta1", "MPIJob", spec, "Launcher.succeeded == 1", ("Launcher",))


def _counted(shape: Constants, **kinds: int) -> dict[str, int]:
    """Those kinds of pods of which there are some."""
    for kind, number_of in kinds.items():
        if number_of < 0:
            raise _refused(shape, f"has {number_of} pods of the kind {kind}", "give a number that is not negative")
    return {kind: number_of for kind, number_of in kinds.items() if number_of}


def _refused(shape: Constants, problem: str, hint: str) -> InvalidInput:
    return InvalidInput(f"the step {shape['step']!r} {problem}", step=shape["step"], hint=hint)


def _job(version: str, kind: str, spec: dict[str, Any], success: str, watched: Any) -> Job:

    manifest = {"apiVersion": version, "kind": kind, "spec": spec}
    outputs = {JOB_NAME.name: JOB_OUTPUTS[JOB_NAME.name]}
    return Job(manifest, f"status.replicaStatuses.{success}", any_failed(watched), outputs)


TENSORFLOW_TRAIN = JobStep(
    name="tensorflow-train",
    description="Trains with TensorFlow on several pods: a TFJob of Kubeflow's training operator, by Argo only.",
    tags=("train", "tensorflow", "distributed", "kubeflow", "argo", "deep-learning", "gpu"),
    inputs=(
        *JOB_INPUTS,
        count("workers", "How many workers.", 1),
        count("parameter-servers", "How many parameter servers.", 0),
        count("evaluators", "How many evaluators.", 0),
        StepInput(
            name="chief", description="Whether a chief leads the workers.", type="bool", default=False, constant=True
        ),
        CLEAN,
    ),
    outputs=(JOB_NAME,),
    job=tensorflow_job,
)

PYTORCH_TRAIN = JobStep(
    name="pytorch-train",
    description="Trains with PyTorch on several pods: a PyTorchJob of Kubeflow's training operator, by Argo only.",
    tags=("train", "pytorch", "distributed", "kubeflow", "argo", "deep-learning", "gpu"),
    inputs=(*JOB_INPUTS, count("workers", "How many workers beside the master.", 1), CLEAN),
    outputs=(JOB_NAME,),
    job=pytorch_job,
)

MPI_TRAIN = JobStep(
    name="mpi-train",
    description="Runs mpirun over several pods: an MPIJob of Kubeflow's MPI operator, by Argo only.",
    tags=("train", "mpi", "horovod", "distributed", "kubeflow", "argo", "gpu"),
    inputs=(
        *JOB_INPUTS,
        count("workers", "How many workers.", 2),
        count("slots", "How many processes each worker runs.", 1),
        CLEAN,
    ),
    outputs=(JOB_NAME,),
    job=mpi_job,
)

DISTRIBUTED = (TENSORFLOW_TRAIN, PYTORCH_TRAIN, MPI_TRAIN)
"""From the most common to the least."""
