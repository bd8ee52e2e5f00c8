"""Training on several pods, by Kubeflow's operators.

Source: kubeflow/training-operator, release 1.9: pkg/apis/kubeflow.org/v1, pkg/webhooks (containers have to be called
tensorflow and pytorch), pkg/controller.v1 (a pod that has failed, and is not restarted, fails the job);
kubeflow/mpi-operator, 0.8: pkg/apis/kubeflow/v2beta1, pkg/controller.

Steps that are Kubernetes resources of their own kind: an operator runs their pods, and the step waits for them.

Of our engines only Argo creates resources; the others refuse these steps by name. The service account of the workflow
has to be allowed to create and to get the resource.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from couler_plugins.engine_kit.legalize.jobs import JOB_OUTPUTS, job_operation, manifest_of
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.steps import Built, StepInput, StepOutput
from couler_plugins.ir import Expression, Reference
from couler_plugins.steps.arguments import Constants, checked, constants, passed, ports
from couler_plugins.steps.containers import container_inputs, secret_keys
from couler_plugins.steps.declared import count


class Job(NamedTuple):
    """A resource, and when it is done.

    Attributes:
        manifest: mappings and lists of scalars and values of the IR.
        success, failure: conditions, as Argo reads them.
        outputs: what is read of it at the end, in Argo's words, by the name of the output.
    """

    manifest: Mapping[str, Any]
    success: str
    failure: str
    outputs: Mapping[str, Mapping[str, str]]


class JobStep(msgspec.Struct, frozen=True, kw_only=True):
    """A step that creates a resource and waits for it.

    Attributes:
        name, description, tags, inputs, outputs: as for every ready-made step.
        job: the resource, for what shapes the step.
    """

    name: str
    description: str
    tags: tuple[str, ...] = ()
    inputs: tuple[StepInput, ...] = ()
    outputs: tuple[StepOutput, ...] = ()
    job: Callable[[Constants], Job]

    def build(self, arguments: Mapping[str, Any]) -> Built:
        """As for every ready-made step.

        Raises:
            InvalidInput: an argument is missing, unknown, of another type, or makes no sense.
        """
        values = checked(self, arguments)
        job = self.job({**constants(self, values), "step": self.name})
        named = {"generateName": f"{self.name}-", **job.manifest.get("metadata", {})}
        operation = job_operation(
            manifest_of({**job.manifest, "metadata": named}),
            name=self.name,
            success=job.success,
            failure=job.failure,
            inputs=ports(self),
            outputs=job.outputs,
        )
        return Built(operation, *passed(self, values))


IMAGE, CPU, MEMORY, SECRETS = container_inputs("")

JOB_INPUTS = (
    msgspec.structs.replace(IMAGE, default=None, description="The container image, with the program in it."),
    StepInput(
        name="command", description="What runs; none for what the image runs.", type="list", default=(), constant=True
    ),
    StepInput(name="arguments", description="What the command is given.", type="list", default=()),
    msgspec.structs.replace(CPU, default="1", description="Cores of each pod."),
    msgspec.structs.replace(MEMORY, default="2Gi", description="Memory of each pod."),
    count("gpus", "GPUs of each pod.", 0),
    SECRETS,
)
"""The inputs of every job; its pods are alike."""

JOB_NAME = StepOutput(name="job-name", description="The name of the resource in the cluster.")


def container_of(shape: Constants, name: str) -> dict[str, Any]:
    """The container of a pod of a job.

    Args:
        shape: what is said of the inputs that all jobs have.
        name: of the container, which some operators insist on.
    """
    needs = {"cpu": shape["cpu"], "memory": shape["memory"]}
    gpus = {"nvidia.com/gpu": shape["gpus"]} if shape["gpus"] else {}
    keys = secret_keys(shape["step"], shape["secrets"])
    variables = [{"name": name, **source} for name, source in keys.items()]
    return {
        "name": name,
        "image": shape["image"],
        **({"command": list(shape["command"])} if shape["command"] else {}),
        "args": whole_list("arguments"),
        **({"env": variables} if variables else {}),
        "resources": {"requests": needs, "limits": {**needs, **gpus}},
    }


def pods_of(count: int, container: Mapping[str, Any]) -> dict[str, Any]:
    """So many pods of one kind, for Kubeflow's operators. A pod that fails is not replaced.

    Otherwise nothing in the status would tell a pod that is being replaced from a job that has failed; retry the step.
    """
    return {"replicas": count, "restartPolicy": "Never", "template": {"spec": {"containers": [container]}}}


def whole_list(name: str) -> Expression:
    """The list in an input, read and written anew, so that no text in it can say more than itself."""
    value = Reference(to="input", kind="parameter", name=name)
    return Expression(language="expr", parts=("toJson(jsonpath(", value, ", '$'))"))


def any_failed(kinds: Iterable[str]) -> str:
    """That a pod of one of these kinds has failed."""
    return ", ".join(f"status.replicaStatuses.{kind}.failed > 0" for kind in kinds)


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
