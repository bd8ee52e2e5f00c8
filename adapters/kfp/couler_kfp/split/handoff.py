"""The task that ends a part: it writes down what other parts read of it, where whoever starts those finds it.

KFP's API does not tell what a run has put out (kubeflow/pipelines#9858), and an importer takes its URI from an input of
its pipeline only (`importer_launcher.go`). So the values, the URIs and the metadata of artifacts go into a file in the
folder of the run, `<pipeline root>/<pipeline>/<run id>/couler-handoff.json`; KFP's launcher stores it there, as it does
with every artifact whose URI a component has changed (`uploadOutputArtifacts` in `launcher_v2.go`).

The program needs nothing but Python: no `kfp` in its image, and no network.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from couler_kfp.structures import named, rest_of, write_structure
from couler_plugins.documents.mappings import Mapped
from couler_plugins.errors import EngineError, restating
from couler_plugins.ir import (
    AllOf,
    Argument,
    Call,
    Container,
    Literal,
    Native,
    Need,
    Operation,
    Output,
    Port,
    Reference,
    Step,
)

HANDOFF = "couler-handoff"
"""The task; its component is called `comp-couler-handoff`."""
COMPONENT = f"comp-{HANDOFF}"
FILE = f"{HANDOFF}.json"
ACCESS = ("imagePullPolicy", "imagePullSecret", "securityContext")
"""Platform configuration that an image may not be pulled, or not be started, without."""
ARTIFACT = {"artifactType": {"schemaTitle": "system.Artifact", "schemaVersion": "0.0.1"}}
PROGRAM = """
# Writes what other parts read of this one. It does what kfp.dsl.executor_main does for a component, without kfp.
import json, os, sys

given = json.loads(sys.argv[sys.argv.index("--executor_input") + 1])
inputs, outputs = given.get("inputs", {}), given["outputs"]
(handoff,) = outputs["artifacts"]["handoff"]["artifacts"]
handoff["uri"] = handoff["uri"].rsplit("/couler-handoff/", 1)[0] + "/couler-handoff.json"
path = handoff["uri"]
for scheme, folder in (("gs://", "/gcs/"), ("minio://", "/minio/"), ("s3://", "/s3/")):
    if path.startswith(scheme):
        path = folder + path[len(scheme):]
artifacts = {
    name: {"uri": item["uri"], "metadata": item.get("metadata", {})}
    for name, listed in inputs.get("artifacts", {}).items()
    for item in listed["artifacts"]
}
content = {"schema": "couler.handoff/v1", "parameters": inputs.get("parameterValues", {}), "artifacts": artifacts}
for name, data in ((path, content), (outputs["outputFile"], {"artifacts": outputs["artifacts"]})):
    os.makedirs(os.path.dirname(name) or ".", exist_ok=True)
    with open(name, "w", encoding="utf-8") as stream:
        json.dump(data, stream)
"""


class Pod(NamedTuple):
    """What runs the program.

    Attributes:
        image: of its container.
        platforms: its configuration, by platform.
    """

    image: str
    platforms: Mapped


class Crossing(msgspec.Struct, frozen=True, kw_only=True):
    """What a part has handed out.

    Attributes:
        parameters: the values, by name.
        artifacts: `uri` and `metadata` of each, by name.
    """

    schema: str = "couler.handoff/v1"
    parameters: dict[str, object] = {}
    artifacts: dict[str, dict[str, object]] = {}


def read_handoff(text: bytes, where: str) -> Crossing:
    """What a hand-off file says.

    Raises:
        EngineError: it is none.
    """
    with restating(msgspec.MsgspecError, f"{where} is no hand-off", EngineError, engine="kfp"):
        crossing = msgspec.json.decode(text, type=Crossing)
    if any(not isinstance(item.get("uri"), str) for item in crossing.artifacts.values()):
        raise EngineError(f"{where} is no hand-off: an artifact has no URI", engine="kfp")
    return crossing


def handoff_operation(ports: Iterable[Port], pod: Pod) -> Operation:
    """The component that writes these values down.

    Args:
        ports: what it is given, each with its type.
        pod: one with Python.
    """
    executor_input = Reference(to="run", name="executor_input", native="{{$}}")
    return Operation(
        name=COMPONENT,
        kind="container",
        inputs=tuple(ports),
        outputs=(Output(name="handoff", kind="artifact", native_extra=Native.of(ARTIFACT)),),
        containers=(
            Container(
                image=Literal(value=pod.image),
                command=(Literal(value="python3"), Literal(value="-c"), Literal(value=PROGRAM)),
                args=(Literal(value="--executor_input"), executor_input),
            ),
        ),
        native_extra=rest_of({"platforms": pod.platforms} if pod.platforms else {}),
    )


def handoff_step(outputs: Iterable[Output]) -> Step:
    """The task that is given these outputs of a part."""
    arguments = []
    needed: dict[str, None] = {}
    for output in outputs:
        assert isinstance(output.value, Reference)
        arguments.append(Argument(name=output.name, kind=output.kind, value=output.value))
        needed[output.value.step] = None
    needs = tuple(Need(step=step, outcomes=("succeeded",)) for step in needed)
    return Step(
        name=HANDOFF,
        call=Call(name=COMPONENT),
        arguments=tuple(sorted(arguments, key=lambda item: item.kind != "parameter")),
        needs=needs[0] if len(needs) == 1 else AllOf(needs=needs),
        native_extra=Native.of({"cachingOptions": {}}),  # its file belongs to this run
    )


def pod_of(operations: Iterable[Operation]) -> Pod:
    """A pod with Python that the pipeline runs anyway; KFP's default image where none says that it has Python."""
    for operation in operations:
        for container in operation.containers:
            command = [part.value for part in container.command if isinstance(part, Literal)]
            if any("kfp.dsl.executor_main" in str(part) for part in command) and isinstance(container.image, Literal):
                return Pod(str(container.image.value), _access(operation))
    return Pod("python:3.11", {})


def _access(operation: Operation) -> Mapped:
    """What the platform configuration of an operation says of pulling and starting its image, as constants."""
    rest = {} if operation.native_extra is None else write_structure(operation.native_extra)
    access = {}
    for platform, configured in rest.get("platforms", {}).items():
        kept = {key: configured[key] for key in ACCESS if key in configured}
        if kept and not any(named(rest_of(kept))):
            access[platform] = kept
    return access
