"""Which steps may share a pod: what is asked of one step, of the pods of several, and of values between them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from couler_argo.cache.wrappable import main_of, normal, path_of
from couler_argo.documents import rest_of
from couler_argo.fuse.settling import is_pod_name, own_value
from couler_argo.spelling import write
from couler_plugins.documents.mappings import entries, mapping_at, without, without_empty
from couler_plugins.hookspecs.fusing import Member, Refusal
from couler_plugins.ir import (
    Container,
    Expression,
    Literal,
    Native,
    Operation,
    Output,
    Port,
    Reference,
    nodes,
    parse_quantity,
    references,
)

POD = {
    "affinity": "node",
    "annotations": "pod",
    "archiveLocation": "archive",
    "automountServiceAccountToken": "account",
    "executor": "account",
    "hostAliases": "pod",
    "podSpecPatch": "pod",
    "priority": "pod",
    "securityContext": "security",
    "serviceAccountName": "account",
    "tolerations": "node",
    "volumes": "volumes",
}
"""What a template may say of its pod, and the rule that wants it equal."""
SHARED = frozenset({"activeDeadlineSeconds", "metadata", "nodeSelector", "priorityClassName", "schedulerName"})
"""What `fuse` itself has compared: settings of any engine."""
CONTAINER = {
    "envFrom": "environment",
    "imagePullPolicy": "image",
    "ports": "pod",
    "resources": "resources",
    "securityContext": "security",
    "terminationMessagePath": "pod",
    "terminationMessagePolicy": "pod",
    "volumeDevices": "volumes",
    "volumeMounts": "volumes",
    "workingDir": "folder",
}
"""The same of its container."""
SUMS = ("cpu", "memory", "ephemeral-storage")
"""Resources of which a pod may have more than it needs for a while."""
OF_POD = re.compile(r'"fieldPath":"(?:metadata\.(?:name|uid)|status\.podIPs?)"')
KUBERNETES = re.compile(r"\$\(([^()\s]+)\)")
SERVICE = re.compile(r"[A-Z0-9_]+_(?:SERVICE_(?:HOST|PORT)|PORT)\w*")


def main_container(member: Member) -> Container:
    """Return the one container of a step that may be fused."""
    main = main_of(member.operation)
    assert main is not None, "a member without one was refused"
    return main


def place_of(port: Port | Output) -> str | None:
    """Return the path of a port, as far as it is the same in every run."""
    if isinstance(port, Output):
        return path_of(port)
    return normal(str(port.path.value)) if isinstance(port.path, Literal) and port.kind == "artifact" else None


def places_of(operation: Operation) -> list[str]:
    """Return where an operation leaves its outputs."""
    return [path for output in operation.outputs if (path := place_of(output)) is not None]


def member_refusals(member: Member, defaults: Mapping[str, Any]) -> Iterator[Refusal]:
    """Yield every reason why a step can be in no pod with others.

    Args:
        member: the step.
        defaults: what the workflow's `templateDefaults` say.
    """
    operation = member.operation
    main = main_of(operation)
    if operation.kind not in ("container", "script"):
        yield Refusal("kind", f"it is a {operation.kind}")
        return
    if main is None or len(operation.containers) != 1:
        yield Refusal("sidecars", "it has containers beside its main one")
        return
    if not main.command:
        yield Refusal("command", "it does not say which command its image runs", remedy="name its `command`")
    rest, inner = said(operation), said(main)
    if keys := said(member.step):
        yield Refusal("native", f"its call says something of its own: {', '.join(sorted(keys))}")
    for key in sorted(rest.keys() - POD.keys() - SHARED - {"inputs", "outputs"}):
        yield Refusal("native", f"its template has {key!r}")
    for key in sorted(inner.keys() - CONTAINER.keys()):
        yield Refusal("native", f"its container has {key!r}")
    if "inputs" in rest or "outputs" in rest:
        yield Refusal("native", "its inputs or outputs are not written as Argo has them")
    for key in sorted(defaults.keys() - POD.keys() - SHARED | {"activeDeadlineSeconds"} & defaults.keys()):
        yield Refusal("defaults", f"templateDefaults have {key!r}, of any pod", remedy="write it in the templates")
    pod = (operation.native_extra, main.native_extra, main.image, main.requests, main.limits)
    if any(item.to not in ("parameter", "global", "unknown") and not is_of_run(item) for item in references(pod)):
        yield Refusal("pod", "what it says of its pod depends on its inputs, or on the pod")
    yield from _environment(main)
    yield from _body(operation, main)
    yield from _ports(operation)
    structures = (member.step.arguments, *(node for node in nodes(operation) if isinstance(node, Expression | Native)))
    around = [item for item in references((operation.inputs, operation.outputs)) if not is_pod_name(item)]
    for item in (*around, *references(structures)):
        if (item.to == "run" and not is_of_run(item)) or (item.to, item.name) == ("status", ""):
            yield _other("own-name", item)


def is_of_run(item: Reference) -> bool:
    """Tell whether a reference is to something of the whole run, such as its name."""
    return (item.to, item.name) == ("run", "workflow")


def _other(rule: str, item: Reference) -> Refusal:
    return Refusal(rule, f"it reads {(item.native or item.name).strip()!r}, which is another in a pod with others")


def said(node: Any) -> dict[str, Any]:
    """Return what a node says beside its typed fields, without what is empty."""
    return without_empty({key: _write_out(item) for key, item in rest_of(node).items()})


def _write_out(content: Any) -> Any:
    return (
        without_empty({key: _write_out(item) for key, item in content.items()})
        if isinstance(content, dict)
        else content
    )


def _environment(main: Container) -> Iterator[Refusal]:
    texts = [json.dumps(write(item.value)) for item in main.env if isinstance(item.value, Native)]
    if any(OF_POD.search(text.replace(": ", ":")) for text in texts):
        yield Refusal("own-name", "its environment has the name or the address of its pod")


def _body(operation: Operation, main: Container) -> Iterator[Refusal]:
    inputs = {(port.kind, port.name) for port in operation.inputs}
    outputs = {(output.kind, output.name) for output in operation.outputs}
    states = tuple(filter(None, map(own_value, operation.outputs)))
    for item in references((main.command, main.args, main.script, main.env, states)):
        own = inputs if item.to == "input" else outputs if item.to == "output" and not item.step else set()
        is_path = item.path == ("path",) and (item.kind, item.name) in own
        is_value = item.to == "input" and item.kind == "parameter" and not item.path and (item.kind, item.name) in own
        is_global = item.to in ("parameter", "global", "unknown") or is_of_run(item)
        if not (is_path or is_value or is_global or is_pod_name(item)):
            yield _other("own-name" if item.to == "run" else "reference", item)
    text = json.dumps([write(word) for word in (*main.command, *main.args)])
    variables = {variable.name for variable in main.env}
    names = set(KUBERNETES.findall(text))
    if names & variables or any(map(SERVICE.fullmatch, names)) or (names and "envFrom" in rest_of(main)):
        yield Refusal("command", "Kubernetes fills variables into its command", remedy="let its shell do that")


def _ports(operation: Operation) -> Iterator[Refusal]:
    ports: tuple[Port | Output, ...] = (*operation.inputs, *operation.outputs)
    for port in ports:
        if isinstance(port, Output) and (text := own_value(port)) is not None:
            others = [item for item in references(text) if item.to in ("input", "output")]
            yield from (_other("reference", item) for item in others if (item.kind, item.path) != ("parameter", ()))
            continue
        read = (port.path, port.default, port.origin if isinstance(port, Port) else None, port.native_extra)
        if any(item.to == "input" for item in references((read, port.value))):
            yield Refusal("reference", f"its {port.kind} {port.name!r} depends on other inputs")
        elif place_of(port) is None and (isinstance(port, Output) or port.kind == "artifact"):
            yield Refusal("place", f"nobody knows beforehand where its {port.kind} {port.name!r} is")
    paths = places_of(operation)
    for path in paths:
        if any(other.startswith(f"{path}/") for other in paths):
            yield Refusal("place", f"its output at {path} has another one in it")


def pod_refusals(first: Member, following: Member) -> Iterator[Refusal]:
    """Yield how the pod of a step differs from that of the first step of its chain."""
    rests = [said(member.operation) for member in (first, following)]
    for key, rule in POD.items():
        if rests[0].get(key) != rests[1].get(key):
            yield Refusal(rule, f"its {key!r} is not that of the steps before it")


def early_refusals(members: Sequence[Member], following: Member) -> Iterator[Refusal]:
    """Yield what a step reads when its pod starts, which one in front of it may write: an artifact, or a ConfigMap."""
    passed = {(item.kind, item.name): item.value for item in following.step.arguments}
    for port in following.operation.inputs:
        source = passed.get((port.kind, port.name), port.value if port.origin is None else port.origin)
        if isinstance(source, Native) and mapping_at(write(source)).keys() - {"raw"}:
            reason = f"its {port.kind} {port.name!r} would be looked up before {members[-1].step.name!r} has run"
            yield Refusal("early", reason, remedy="hand it on as an output of that step")


def container_refusals(first: Member, following: Member) -> Iterator[Refusal]:
    """Yield how the container of a step differs from that of the first step of its chain."""
    differs = "is not that of the steps before it"
    mains = [main_container(member) for member in (first, following)]
    if mains[0].image != mains[1].image:
        yield Refusal("image", f"its image {differs}")
    rests = [said(main) for main in mains]
    for key, rule in CONTAINER.items():
        if rests[0].get(key) != rests[1].get(key):
            yield Refusal(rule, f"its {key!r} {differs}")
    needs = [_amounts(main) for main in mains]
    for kind in sorted({kind for amounts in needs for kind in amounts}):
        texts = [amounts.get(kind) for amounts in needs]
        plain = all(text is None or parse_quantity(text) is not None for text in texts)
        if texts[0] != texts[1] and not (kind in SUMS and plain):
            yield Refusal("resources", f"its {kind!r} {differs}")


def _amounts(main: Container) -> dict[str, str]:
    """What a container asks for: a limit is the request where there is none."""
    return {kind: str(write(amount)) for kind, amount in (*main.limits, *main.requests)}


def mounts_of(main: Container) -> list[str]:
    """Return where volumes are mounted in a container."""
    return [str(normal(str(item.get("mountPath", "")))) for item in entries(rest_of(main), "volumeMounts")]


def is_at(path: str, folders: Iterable[str]) -> bool:
    """Tell whether a path is one of these, or in one."""
    return any(path == folder or path.startswith(f"{folder}/") for folder in folders)


def pod_settings(operation: Operation, annotations: Mapping[str, str]) -> dict[str, Any]:
    """Return what a template for several steps says of its pod: what this one says, and these annotations."""
    rest = without(rest_of(operation), "activeDeadlineSeconds")
    metadata = rest.get("metadata")
    own = metadata if isinstance(metadata, dict) else {}
    plain = {key: text for key, text in (own.get("annotations") or {}).items() if not key.startswith("couler.io/")}
    return {**rest, "metadata": {**own, "annotations": {**plain, **annotations}}}


def stays_inside(reference: Reference, kind: str) -> bool:
    """Tell whether a reference is to something that can be handed on inside of a pod."""
    kinds = ("parameter", "result") if kind == "parameter" else ("artifact",)
    return reference.to == "output" and reference.kind in kinds and not reference.path
