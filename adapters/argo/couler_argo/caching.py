"""What Argo knows of a step that decides whether its result may be reused; the facet for the `cache` optimizer.

The annotations, on a template or on the workflow:

- `couler.io/cache`: `pure`, `ttl=24h`, `always` or `never`; for one step, on the workflow: `couler.io/cache.GRAPH.STEP`
- `couler.io/cache-version`: a version that its owner declares, for a template without inputs
- `couler.io/max-output-bytes`: how many bytes all output parameters of one run have at most
- `couler.io/max-items`: how often a loop runs the template at most, where only the run knows
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from couler_argo.codec import Mapped
from couler_argo.footprint import items_of
from couler_argo.key_specs import KEY_SPEC
from couler_argo.material import JOINED, content_of, reads_of, spec_of_run
from couler_argo.memoize import config_map
from couler_argo.ports import LOCATIONS
from couler_argo.spelling import write, write_native
from couler_argo.traces import without_traces
from couler_plugins.caching.rules import reference_objection
from couler_plugins.hookspecs.caching import Material, Objection
from couler_plugins.ir import Argument, Call, Graph, Literal, Operation, Step, Template, Workflow, callables

__all__ = ["KNOWN", "ArgoCaching", "lost_annotations"]

CACHE = "couler.io/cache"
VERSION = "couler.io/cache-version"
MAX_OUTPUT = "couler.io/max-output-bytes"
MAX_ITEMS = "couler.io/max-items"
KNOWN = frozenset({CACHE, VERSION, MAX_OUTPUT, MAX_ITEMS, KEY_SPEC})
"""Our annotations."""

LARGEST_OUTPUT = 16 * 1024

KINDS = frozenset({"container", "script", "containerSet"})
SHARD_BYTES = 1024 * 1024
ENTRY_BYTES, ARTIFACT_BYTES, PARAMETER_BYTES = 512, 768, 160
"""Upper estimates of what one memo entry takes: for itself, for each artifact (its whole location), each parameter."""

PLAIN_DEFAULTS = frozenset(
    {
        *("container", "script", "serviceAccountName", "securityContext", "podSpecPatch", "metadata", "metrics"),
        *("retryStrategy", "timeout", "activeDeadlineSeconds", "parallelism", "failFast", "hostAliases"),
        *("nodeSelector", "affinity", "tolerations", "schedulerName", "priority", "priorityClassName"),
        *("automountServiceAccountToken", "executor", "synchronization"),
    }
)
"""What `templateDefaults` may hold; anything else would have to be joined with the template's own as Argo does."""

CONFIGURED = re.compile(r"\b(secretKeyRef|configMapKeyRef|fieldRef|resourceFieldRef|secretRef|configMapRef)\b")
SECRETS = re.compile(r'"(\w*(?:[sS]ecret|sshPrivateKey|accessKey)\w*)":')
PINNED = re.compile(r"[0-9a-f]{40}\Z")
PODS_OWN = re.compile(r"\bvolumes?\b|\bvolumeMounts\b|\bhostPath\b|\benvFrom\b")


class ArgoCaching:
    """The facet for one workflow."""

    def __init__(self, workflow: Workflow) -> None:
        self._workflow = workflow
        self._spec = spec_of_run(workflow)
        rest = write_native(workflow.rest) if workflow.rest is not None else {}
        self._annotations = _annotations(rest)
        self._callables = callables(workflow)
        self._lost = [key for key in lost_annotations(workflow, self._annotations) if self._annotations[key] == "never"]
        self.shard_bytes: int | None = SHARD_BYTES

    def without_traces(self, workflow: Workflow) -> Workflow:
        """The workflow without what earlier caching left at places that its owner has edited since."""
        return without_traces(workflow)

    def shard(self, spec: str) -> str:
        """The ConfigMap that keeps the results of templates with this spec hash."""
        return config_map(self._workflow, spec)

    def declarations(self, graph: Graph | None, step: Step, operation: Operation) -> Sequence[tuple[str, str]]:
        """What the annotations say, those of the step first, then of its template, of its graph, of the workflow."""
        said = [(f"the annotation {key}, which names no step,", "never") for key in self._lost]
        if graph is not None and (text := self._annotations.get(f"{CACHE}.{graph.name}.{step.name}")) is not None:
            said.append((f"the workflow's annotation for {graph.name}/{step.name}", text))
        holders = [(f"the template {item.name!r}", _annotations(_rest(item))) for item in (operation, graph) if item]
        holders.append(("the workflow", self._annotations))
        return [*said, *((where, annotations[CACHE]) for where, annotations in holders if CACHE in annotations)]

    def own_declaration(self, operation: Operation) -> str | None:
        """What the template's own annotation says."""
        return _annotations(_rest(operation)).get(CACHE)

    def how_to_declare(self, operation: Operation) -> str:
        """The annotation to paste."""
        return f"metadata: {{annotations: {{{CACHE}: pure}}}}, in the template {operation.name!r}"

    def how_to_bound(self, operation: Operation) -> str:
        """The annotation to paste."""
        return f"metadata: {{annotations: {{{MAX_ITEMS}: …}}}}, in the template {operation.name!r}"

    def items(self, step: Step) -> int | None:
        """How often a step runs for its loop at most; None where only the run knows."""
        counted = items_of(step)
        callee = self._callables.get(step.call.name) if counted is None and isinstance(step.call, Call) else None
        return counted if callee is None else _number(_annotations(_rest(callee)).get(MAX_ITEMS))

    def place_objection(self, argument: Argument) -> Objection | None:
        """Why an artifact from outside of the workflow forbids caching."""
        content = write(argument.value)
        return _place_objection(content if isinstance(content, dict) else {}, f"its argument {argument.name!r}")

    def material(self, operation: Operation, *, result: bool) -> Material:
        """What a template is; see `couler_argo.material`."""
        content = content_of(self._workflow, operation, self._spec)
        template = content["template"]
        annotations = _annotations(_rest(operation))
        read = [item for item in reads_of(content) if item.to == "parameter"]
        version = annotations.get(VERSION)
        if version is not None:
            content["version"] = version
        if result:  # Argo keeps what is printed only where the workflow that runs reads it
            content["result"] = True
        objections = [*self._objections(operation, content), *self._storage(operation, annotations, result=result)]
        return Material(
            content=content,
            programs=tuple(_programs(template, self._spec)),
            reads=tuple(read),
            inputs=bool(operation.inputs or read or version is not None),
            entry_bytes=_entry_bytes(operation, self._bound(annotations), result=result),
            warnings=tuple(_mutable_images(operation)),
            objections=tuple(objections),
        )

    def _objections(self, operation: Operation, content: Mapped) -> Iterator[Objection]:
        if operation.kind not in KINDS:
            yield Objection("kind", f"it is a {operation.kind} template, whose effect is outside of its outputs")
        yield from _default_objections(self._spec, content["template"])
        for reference in reads_of(content):
            if (found := reference_objection(reference, "it")) is not None:
                yield found
        text = json.dumps(content)
        for pattern, rule in ((CONFIGURED, "configured"), (SECRETS, "secret")):
            if (name := pattern.search(text)) is not None:
                yield Objection(rule, f"it reads {name[1]}, whose content no key covers")
        yield from self._volumes(operation, content["template"])
        template = content["template"]
        for port in _ports(template, "inputs", "artifacts"):
            place = any(location in port for location in LOCATIONS)
            if place and (found := _place_objection(port, f"its input {port.get('name')!r}")) is not None:
                yield found
        for port in _ports(template, "inputs", "parameters"):
            if "valueFrom" in port:
                yield Objection("configured", f"its input {port.get('name')!r} comes from outside of the workflow")
        for port in _ports(template, "outputs", "artifacts"):
            if any(location in port for location in LOCATIONS):
                yield Objection("own-place", f"its output {port.get('name')!r} goes to a place of its owner's choice")
        for port in _ports(template, "outputs", "parameters"):
            origin = port.get("valueFrom") or {"path": ""}
            if not isinstance(origin, dict) or not {"path", "default"}.issuperset(origin):
                yield Objection("output", f"its output {port.get('name')!r} does not come from a file of its own")

    def _volumes(self, operation: Operation, template: Mapped) -> Iterator[Objection]:
        declared = [
            *_mappings(self._spec.get("volumes")),
            *_mappings(self._spec.get("volumeClaimTemplates")),
            *_mappings(_rest(operation).get("volumes")),  # a template's own come before those of the same name
        ]
        empty = {str(item.get("name")): "emptyDir" in item for item in declared}
        for mounts in _under(template, ("volumeMounts", "volumeDevices")):
            for mount in mounts if isinstance(mounts, list) else [mounts]:
                name = mount.get("name") if isinstance(mount, dict) else None
                if not empty.get(str(name)):
                    yield Objection("volume", f"it mounts {name!r}, whose content no key covers")
        patches = (template.get("podSpecPatch"), self._spec.get("podSpecPatch"))
        if any(isinstance(patch, str) and PODS_OWN.search(patch) for patch in patches):
            yield Objection("volume", "its podSpecPatch brings in what no key covers")

    def _storage(self, operation: Operation, annotations: Mapped, *, result: bool) -> Iterator[Objection]:
        """Why Argo cannot keep a result, although it may be reused."""
        parameters = [output.name for output in operation.outputs if output.kind == "parameter"]
        artifacts = [output for output in operation.outputs if output.kind == "artifact"]
        if parameters or result:
            what = f"its output {parameters[0]!r}" if parameters else "what it prints"
            bound = self._bound(annotations)
            if bound is None:
                reason = f"{what} has no bound, and a result that is too big fails the step: set {MAX_OUTPUT}"
                yield Objection("unbounded-output", reason, "storage")
            elif not 0 < bound <= LARGEST_OUTPUT:
                yield Objection("unbounded-output", f"{MAX_OUTPUT} has to be 1 to {LARGEST_OUTPUT}", "storage")
        for output in artifacts:
            collected = _rest(output).get("artifactGC")
            if isinstance(collected, dict) and collected.get("strategy") not in (None, "", "Never"):
                yield Objection("collected", f"its output {output.name!r} is garbage-collected", "storage")
        if artifacts and self._workflow.kind == "Workflow" and self._workflow.name:
            reason = "a later run of the same name would overwrite its artifacts: use generateName"
            yield Objection("fixed-name", reason, "storage")
        location = json.dumps(_rest(operation).get("archiveLocation") or {})
        if artifacts and '"key":' in location and not ("pod.name" in location and "workflow." in location):
            yield Objection("own-place", "its archiveLocation is the same in every run")

    def _bound(self, annotations: Mapped) -> int | None:
        return _number(annotations.get(MAX_OUTPUT, self._annotations.get(MAX_OUTPUT)))


def lost_annotations(workflow: Workflow, annotations: Mapping[str, str]) -> list[str]:
    """The annotations of a workflow that are meant for a step which it does not have."""
    per_step = {key for key in annotations if key.startswith(f"{CACHE}.")}
    if not per_step:
        return []
    steps = {f"{CACHE}.{graph.name}.{step.name}" for graph in workflow.graphs for step in graph.steps}
    return sorted(per_step - steps)


def _place_objection(content: Mapped, where: str) -> Objection | None:
    """Why an artifact at a place outside of the workflow forbids caching; None for one that cannot change."""
    match {key: content[key] for key in LOCATIONS if key in content}:
        case {"raw": dict(), **others} if not others and "{{" not in json.dumps(content):
            return None
        case {"git": {"revision": str(revision)}, **others} if not others and PINNED.match(revision):
            return Objection("secret", f"{where} needs credentials") if SECRETS.search(json.dumps(content)) else None
    return Objection("unversioned-input", f"{where} is at a place whose content may change under it")


def _default_objections(spec: Mapped, template: Mapped) -> Iterator[Objection]:
    """Why `templateDefaults` forbid caching: what they add is only judged where it is plain."""
    defaults = spec.get("templateDefaults")
    for key, part in defaults.items() if isinstance(defaults, dict) else ():
        if key not in PLAIN_DEFAULTS:
            yield Objection("defaults", f"templateDefaults give it {key!r}, which no key covers")
        elif key in ("container", "script") and isinstance(part, dict):
            both = [
                name for name, content in part.items() if isinstance(content, list) and JOINED in str(template.get(key))
            ]
            if both:
                yield Objection("defaults", f"it and templateDefaults both have {', '.join(sorted(both))}")


def _programs(template: Mapped, spec: Mapped) -> Iterator[str]:
    """The texts of a template that are, or may be, programs."""
    for key in ("container", "script", "containerSet", "initContainers", "sidecars"):
        yield from _texts(template.get(key))
    for patch in (template.get("podSpecPatch"), spec.get("podSpecPatch")):
        yield from _texts(patch)


def _texts(content: Any) -> Iterator[str]:
    """Every text in a part of a container; of an image only its name, since registries have names of all sorts."""
    if isinstance(content, str):
        yield content
    elif isinstance(content, list):
        for item in content:
            yield from _texts(item)
    elif isinstance(content, dict):
        for key, item in content.items():
            if key == "image" and isinstance(item, str):
                yield re.sub(r"[:@].*", "", item.rsplit("/", 1)[-1])
            elif key not in ("name", "resources"):
                yield from _texts(item)


def _entry_bytes(operation: Operation, bound: int | None, *, result: bool) -> int:
    artifacts = sum(1 for output in operation.outputs if output.kind == "artifact")
    parameters = len(operation.outputs) - artifacts
    printed = (bound or 0) if parameters or result else 0
    # JSON may write a byte as six (`\\u003c`).
    return ENTRY_BYTES + artifacts * ARTIFACT_BYTES + parameters * PARAMETER_BYTES + 6 * printed


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and re.fullmatch(r"\d{1,9}", text) else None


def _mutable_images(operation: Operation) -> Iterator[str]:
    for container in operation.containers:
        image = container.image
        if isinstance(image, Literal) and isinstance(image.value, str) and "@sha256:" not in image.value:
            yield "its image has no digest, and may change"
        elif isinstance(image, Template):
            yield "its image is only known at run time, and may change"


def _under(data: Any, keys: tuple[str, ...]) -> Iterator[Any]:
    """Whatever stands under one of these keys, anywhere in a structure."""
    if isinstance(data, dict):
        for key, part in data.items():
            if key in keys and part:
                yield part
            else:
                yield from _under(part, keys)
    elif isinstance(data, list):
        for part in data:
            yield from _under(part, keys)


def _ports(template: Mapped, side: str, kind: str) -> list[Mapped]:
    holder = template.get(side)
    return _mappings(holder.get(kind)) if isinstance(holder, dict) else []


def _mappings(content: Any) -> list[Mapped]:
    return [item for item in content if isinstance(item, dict)] if isinstance(content, list) else []


def _rest(node: Any) -> Mapped:
    data = write_native(node.rest) if node.rest is not None else {}
    return data if isinstance(data, dict) else {}


def _annotations(rest: Mapped) -> dict[str, str]:
    match rest:
        case {"metadata": {"annotations": dict(annotations)}}:
            return {key: text for key, text in annotations.items() if isinstance(text, str)}
    return {}
