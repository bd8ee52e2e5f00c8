"""A chain as a container set: each step in a container of its own, which waits for the one before it.

Only the last container, `main`, has inputs and outputs in files, and texts are complete before the pod starts: so
nothing is handed on. Kubernetes adds up what the containers ask for. A step that fails leaves its own exit code in its
container, and the executors of those behind it end with 64.
A container has no script: that is an annotation of the pod, which Kubernetes puts in a file as it is.
Sources: `pkg/apis/workflow/v1alpha1/container_set_template_types.go`, `addInputArtifactsVolumes` in
`workflow/controller/workflowpod.go`, `cmd/argoexec/commands/emissary.go`; argo#13951.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from couler_argo.codec import Context
from couler_argo.documents import rest_of
from couler_argo.fuse.rules import main_container, pod_settings
from couler_argo.references import native
from couler_argo.spelling import write
from couler_argo.templates import CONTAINER
from couler_plugins.documents.mappings import Mapped, by_key, entries
from couler_plugins.engine_kit.wiring import Wiring, wire
from couler_plugins.hookspecs.fusing import FUSED_STEPS, Chain, Fused, Member, Place, Refusal
from couler_plugins.ir import (
    Container,
    Graph,
    Operation,
    Reference,
    map_references,
    parse_quantity,
    references,
    replace,
    take_name,
)

T = TypeVar("T")
MAIN = "main"
OTHER = re.compile(r"[^a-z0-9]+")
LONGEST = 50
VOLUME, FOLDER = "couler-scripts", "/couler-scripts"
SCRIPT = "couler.io/script-"
"""How the annotations with the scripts begin."""
EXECUTABLE = 0o755
MOST = 128 * 1024
"""Bytes of scripts: half of what the annotations of a pod may have."""
MOST_ASKED = 2
"""How many times what its largest container asks for a pod may ask for."""


def set_refusals(
    graph: Graph, members: Sequence[Member], following: Member, own: Mapping[str, Collection[str]], patched: bool
) -> Iterator[Refusal]:
    """Yield every reason why a step cannot be the last container of a set.

    Args:
        graph: where the steps are.
        members: the containers in front of it.
        following: the step.
        own: by step, the names of the volumes that each pod has for itself.
        patched: whether the workflow patches its pods.
    """
    chain = [*members, following]
    steps = {member.step.name for member in chain}
    before = members[-1]
    if wire(chain).inner:
        what = f"{following.step.name!r} reads what another step of the pod makes, and a container of its own cannot"
        yield Refusal("value", what, remedy="with the same image, the steps may become one script")
    if before.operation.outputs or any(port.kind == "artifact" for port in before.operation.inputs):
        yield Refusal(
            "outputs", f"only the last container of a pod has outputs and files, and {before.step.name!r} has some"
        )
    outside = (graph.outputs, *(step for step in graph.steps if step.name not in steps))
    if any((item.step, item.kind) == (before.step.name, "result") for item in references(outside)):
        yield Refusal(
            "outputs", f"only the last container of a pod has a result, and {before.step.name!r} is asked for its own"
        )
    if patched or any("podSpecPatch" in rest_of(member.operation) for member in chain):
        yield Refusal("pod", "a podSpecPatch may mean its container `main`")
    mounts = [{item.get("name") for item in entries(rest_of(main_container(item)), "volumeMounts")} for item in chain]
    for member, names in zip(members, mounts, strict=False):
        if names & mounts[-1] & {*own[following.step.name]}:
            yield Refusal("volumes", f"it would find the files of {member.step.name!r} in a volume", word="files")
            break
    for kind, amounts in by_key(
        (kind, amount) for main in map(main_container, chain) for kind, amount in _asked(main)
    ).items():
        if sum(amounts) > MOST_ASKED * max(amounts):
            reason = f"Kubernetes adds up the {kind} that its containers ask for"
            yield Refusal("requests", reason, remedy="ask for less where less is used")
    if sum(len(str(main_container(member).script or "")) for member in chain) > MOST:
        yield Refusal("size", "the scripts of its pod are too long for annotations")


def container_set(chain: Chain) -> Fused:
    """Return a chain as a container set; `set_refusals` has nothing against it."""
    wiring = wire(chain.members)
    used = {MAIN, "wait", "init"}
    steps = [member.step.name for member in chain.members]
    names = [take_name(_container_name(step), used) for step in steps[:-1]] + [MAIN]
    scripts: dict[str, Any] = {}
    containers: list[Mapped] = []
    for number, (member, name) in enumerate(zip(chain.members, names, strict=True)):
        main = _renamed(main_container(member), member.step.name, wiring)
        if main.script is not None:
            scripts[name] = write(main.script)
        written = CONTAINER.write(replace(main, name=name, script=None), Context())
        if name in scripts:
            written["args"] = [*written.get("args", ()), f"{FOLDER}/{name}"]
            written["volumeMounts"] = [*written.get("volumeMounts", ()), {"name": VOLUME, "mountPath": FOLDER}]
        containers.append({**written, **({"dependencies": [names[number - 1]]} if number else {})})
    annotations = {FUSED_STEPS: ",".join(steps), **{f"{SCRIPT}{name}": text for name, text in scripts.items()}}
    rest = pod_settings(chain.members[0].operation, annotations)
    if scripts:
        rest["volumes"] = [*rest.get("volumes", ()), _volume(scripts)]
    last, final, _ = chain.members[-1]
    outputs: dict[Place, tuple[str, str]] = {
        (last.name, item.kind, item.name): wiring.outputs[last.name, item.kind, item.name] for item in final.outputs
    }
    operation = Operation(
        name=chain.name,
        kind="containerSet",
        inputs=wiring.inputs,
        outputs=_renamed(final.outputs, last.name, wiring),
        native_extra=native({**rest, "containerSet": {"containers": containers}}),
    )
    logs = ", ".join(f"{step} in container {name}" for step, name in zip(steps, names, strict=True))
    result = (last.name, "result", "result")
    return Fused(operation, wiring.arguments, {**outputs, result: ("result", "result")}, "a container set", logs)


def _asked(main: Container) -> Iterator[tuple[str, float]]:
    """What a container asks for: a limit is the request where there is none."""
    for kind, amount in {**dict(main.limits), **dict(main.requests)}.items():
        yield kind, parse_quantity(write(amount)) or 0.0


def _container_name(step: str) -> str:
    return OTHER.sub("-", step.lower())[:LONGEST].strip("-") or "step"


def _renamed(main: T, step: str, wiring: Wiring) -> T:
    def change(item: Reference) -> Reference:
        name = wiring.names.get((step, item.kind, item.name), item.name)
        return replace(item, name=name, native="") if item.to == "input" and name != item.name else item

    return map_references(main, change)


def _volume(scripts: Mapping[str, Any]) -> Mapped:
    items = [{"path": name, "fieldRef": {"fieldPath": f"metadata.annotations['{SCRIPT}{name}']"}} for name in scripts]
    return {"name": VOLUME, "downwardAPI": {"defaultMode": EXECUTABLE, "items": items}}
