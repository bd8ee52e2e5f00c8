"""Steps that are Kubernetes resources of their own kind: an operator runs their pods, and the step waits for them.

Of our engines only Argo creates resources; the others refuse these steps by name. The service account of the workflow
has to be allowed to create and to get the resource.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from couler_plugins.engine_kit.legalize.jobs import job_operation, manifest_of
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
