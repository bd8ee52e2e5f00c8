"""Which tasks of a pipeline can be steps of one Task, and which cannot.

Sources (Tekton 1.15): `docs/tasks.md`, `docs/workspaces.md`, `pkg/apis/pipeline/v1/container_validation.go` (where
results of steps may stand), `pkg/pod/status.go`, `pkg/entrypoint/entrypointer.go` (`UnmarshalJSON` of results), and of
Kubernetes 1.34 `pkg/kubelet/status/status_manager.go` (how many bytes of messages a pod has).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any

from couler_plugins.documents.mappings import Mapped, entries, mapping_at, without
from couler_plugins.engine_kit.wiring import wire
from couler_plugins.hookspecs.fusing import Member, Refusal
from couler_plugins.ir import Container, Graph, Reference, Template, Workflow, references
from couler_tekton.bodies import CONTAINER
from couler_tekton.cache.declared import rest_of
from couler_tekton.extracted import obstacle, own_obstacle
from couler_tekton.fuse.amounts import amount_objection
from couler_tekton.fuse.chains import (
    FILLED,
    images,
    join_workspaces,
    parameter,
    pod_metadata,
    results_read,
    shell,
    spec_of,
    texts,
)
from couler_tekton.variables import spell, write_value

OF_CALL = frozenset(["workspaces", "taskRef", "displayName", "description"])
OF_BINDING = frozenset(["name", "workspace", "subPath"])
OF_TASK = frozenset(["workspaces", "volumes", "stepTemplate", "metadata", "displayName", "description"])
OF_STEP = frozenset(
    ["workingDir", "securityContext", "volumeMounts", "volumeDevices", "imagePullPolicy", "envFrom"]
) | frozenset(["onError", "timeout", "results", "when", "displayName", "ref", "params"])
WORKSPACE = re.compile(r"/workspace(?![\w-])")
"""A folder that all steps of a pod share."""
OF_TASK_RUN = ("context.task", "artifacts", "step.artifacts")
"""How variables begin that would be another thing."""
STEP = re.compile(r"steps\.(step-)?([\w-]+)(\.(?:results|exitCode)\..+)")
PLAIN = re.compile(r"[A-Za-z0-9][\w-]*")
INITS, MESSAGES, STAMP, ROOM = 3, 12_288, 70, 256
"""Containers of Tekton's own in a pod; bytes of the messages of a pod, of which each container has an equal share; and
what a step writes there of its start, and for each result of its Task: a step repeats all that are there by then."""


def refuse_task(graph: Graph, member: Member, workflow: Workflow, by_runs: frozenset[str]) -> Iterator[Refusal]:
    """Return every reason why a task can be in no chain.

    Args:
        graph: the pipeline.
        member: the task.
        workflow: what holds the pipeline.
        by_runs: the names of the tasks that runs of the pipeline say something of.
    """
    step, operation, library = member
    rest = rest_of(step)
    beyond = [f"its pipeline says {key} of it" for key in _beyond(rest, OF_CALL)]
    beyond += [f"its workspace has {key}" for item in entries(rest, "workspaces") for key in _beyond(item, OF_BINDING)]
    beyond += [f"it has {key}" for key in _beyond(rest_of(operation), OF_TASK)]
    if operation.kind != CONTAINER:
        beyond.append(f"it is a {operation.kind}")
    for container in operation.containers:
        beyond += [f"a step of it has {key}" for key in _beyond(rest_of(container), OF_STEP)]
    if beyond:
        yield Refusal("native", beyond[0])
    if any(item.role != "main" for item in operation.containers):
        yield Refusal("sidecar", "it has a sidecar, which would run beside the steps of all")
    if any("ref" in rest_of(item) for item in operation.containers):
        yield Refusal(
            "step-action", "a step of it is a StepAction, which the cluster looks up", "", "write the step out"
        )
    reason = obstacle(operation, step, graph, workflow) if library is None else own_obstacle(operation)
    if reason:
        yield Refusal("around", reason, "", "declare it in the task, and pass it")
    variables = [item.name for item in references(operation) if item.to in ("run", "unknown")]
    if own := [name for name in variables if name.startswith(OF_TASK_RUN)]:
        yield Refusal("context", f"it reads $({own[0]}), which would be of another TaskRun")
    if odd := [name for name in variables if name.startswith("steps") and not STEP.fullmatch(name)]:
        yield Refusal("native", f"it reads $({odd[0]})")
    if "metadata." in json.dumps([_sources(item) for item in operation.containers]):
        yield Refusal("context", "it reads the name or the labels of its pod")
    if "/tekton/" in texts(member):
        yield Refusal("paths", "it names a folder of Tekton's (/tekton)", "", "use $(results.NAME.path) and the like")
    if step.name in by_runs:
        yield Refusal("run", "a PipelineRun says something of it (taskRunSpecs)", "", "say it in its taskRunTemplate")
    template = mapping_at(rest_of(operation), "stepTemplate")
    if "computeResources" in template or "$(" in json.dumps(template):
        yield Refusal("step-template", "its stepTemplate has parameters or computeResources", "", "say it in the steps")


def _beyond(content: Mapped, known: frozenset[str]) -> list[str]:
    """Return the keys that nobody knows here, but those that say nothing."""
    return sorted(key for key, value in content.items() if value and key not in known)


def _sources(container: Container) -> list[Any]:
    """Return where variables of a container come from, unless their text is written."""
    items = [item for item in entries(spec_item(container), "env") if "value" not in item]
    return [*items, *entries(rest_of(container), "envFrom")]


def spec_item(container: Container) -> Mapped:
    """Return the variables of a container that are no texts, as mappings."""
    native = [(item.name, write_value(item.value)) for item in container.env]
    return {"env": [{"name": name, **content} for name, content in native if isinstance(content, dict)]}


def refuse_pod(members: Sequence[Member], following: Member) -> Iterator[Refusal]:
    """Return every reason why a task cannot be in the pod of others, which run before it."""
    chain = (*members, following)
    name, first = following.step.name, members[0]
    if pod_metadata(first) != pod_metadata(following):
        yield Refusal("metadata", "its Task gives other labels or annotations to its pods")
    if rest_of(first.operation).get("stepTemplate") != rest_of(following.operation).get("stepTemplate"):
        yield Refusal("step-template", "it has another stepTemplate", "", "say it in the steps")
    yield from _refuse_volumes(members, following)
    if objection := join_workspaces(chain).objection:
        yield Refusal("workspaces", objection)
    front = "".join(map(texts, members))
    for image, text in images(following).items():
        plain = re.sub(r"(?<!^)[:@][^/]*$", "", text or "")
        if text is None or (plain and plain in front):
            reason = f"its image {image} may be made by a task in front of it, and is pulled before that runs"
            yield Refusal("image", reason)
    if WORKSPACE.search(texts(following)):
        yield Refusal("files", "it names /workspace, a folder that all steps of a pod share", "files")
    yield from _refuse_results(members, following)
    if objection := amount_objection([spec_of(item)["steps"] for item in chain]):
        yield Refusal("requests", objection)
    if len({item.step.timeout is None for item in chain}) > 1:
        reason = "some of them have a timeout, and Tekton's own default would hold for the sum of the others"
        yield Refusal("timeout", reason, "", "give each of them a timeout")
    wiring = wire(chain)
    count = INITS + sum(len(item.operation.containers) for item in chain) + len({place[0] for place in wiring.inner})
    room = (MESSAGES // count - STAMP) // max(1, len(wiring.outputs))
    if room < ROOM:
        yield Refusal("size", f"with {name!r} the pod has {count} containers, and {max(0, room)} bytes for each result")


def _refuse_volumes(members: Sequence[Member], following: Member) -> Iterator[Refusal]:
    """What a kubelet waits for before any step runs may be made by a step in front."""
    before = [item for member in members for item in entries(rest_of(member.operation), "volumes")]
    for volume in entries(rest_of(following.operation), "volumes"):
        temporary = {"emptyDir", "ephemeral"} & volume.keys()
        if volume in before and not temporary and "$(" not in json.dumps(volume):
            continue
        if volume.get("name") in [item.get("name") for item in before]:
            reason = f"it has a volume {volume.get('name')!r}, as a task in front of it has"
            yield Refusal("volumes", reason, "", "call one of them otherwise")
        elif not temporary:
            yield Refusal("mounts", f"its volume {volume.get('name')!r} has to be there before the first task runs")
    sources = [source for member in members for item in member.operation.containers for source in _sources(item)]
    fixed = [without(item, "name") for item in sources if "$(" not in json.dumps(item)]
    for container in following.operation.containers:
        for source in _sources(container):
            if without(source, "name") not in fixed:
                yield Refusal("mounts", f"its variable {source.get('name', '')!r} is read before the first task runs")


def _refuse_results(members: Sequence[Member], following: Member) -> Iterator[Refusal]:
    """What can be handed on in a pod: texts, which stand in variables and arguments of steps."""
    by_name = {member.step.name: member for member in members}
    spec = json.dumps(_unfilled(spec_of(following)), ensure_ascii=False)
    passed = [(argument.name, argument.value) for argument in following.step.arguments]
    passed = [(name, value) for name, value in passed if any(item.step in by_name for item in references(value))]
    for name, value in passed:
        port = next((item for item in following.operation.inputs if item.name == name), None)
        reason = "" if port is None or _is_text(port) else "it is a list or a mapping"
        reason = reason or ("" if isinstance(value, (Reference, Template)) else "it is passed a list or a mapping")
        if re.search(re.escape(json.dumps(parameter(name))[1:-2]) + r"[).\[]", spec):
            reason = reason or "it stands where Tekton fills in no result of a step, as in a script"
        if any(item.path for item in references(value) if item.step not in by_name):
            reason = reason or "it reads a part of a list or a mapping as well"
        for item in results_read(value, by_name):
            reason = reason or _result_objection(by_name[item.step], item)
        if reason:
            remedy = "read it from a variable (env) of the step" if "script" in reason else ""
            yield Refusal("results", f"its parameter {name!r} cannot be handed on in the pod: {reason}", "", remedy)
    if passed and shell((following, *reversed(members))) is None:
        yield Refusal("shell", "none of the images runs a shell script, which hands results on")
    bindings = rest_of(following.step).get("workspaces")
    if any(f"$(tasks.{name}." in json.dumps(bindings) for name in by_name):
        yield Refusal("workspaces", "its workspace is at a place that a task in front of it tells")


def _unfilled(spec: Mapped) -> Mapped:
    """Return what a task says where Tekton fills in nothing while the pod runs."""
    steps = [
        {**without(item, *FILLED), "env": [without(variable, "value") for variable in entries(item, "env")]}
        for item in spec["steps"]
    ]
    return {**spec, "steps": steps}


def _is_text(item: Any) -> bool:
    rest = rest_of(item)
    return rest.get("type", "string") == "string" and "properties" not in rest


def _result_objection(producer: Member, reference: Reference) -> str:
    """Return why a result cannot be handed on in a pod; empty where it can."""
    output = next((item for item in producer.operation.outputs if item.name == reference.name), None)
    if reference.to != "output" or reference.kind != "parameter" or reference.path or output is None:
        return f"{spell(reference)} is no text that {producer.step.name!r} declares as a result"
    if not _is_text(output) or output.value is not None or not PLAIN.fullmatch(output.name):
        return f"the result {output.name!r} of {producer.step.name!r} is no text in a file of its own"
    return ""
