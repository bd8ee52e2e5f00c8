"""Attempts of steps from the nodes of a status: when and where each ran, how it ended, what its containers asked for.

A run may survive failures: a graph ends as its last tasks do, and one that did not run ends as what is before it.

Sources: `ContinuesOn` of pkg/apis/workflow/v1alpha1/workflow_types.go, `assessDAGPhase` of workflow/controller/dag.go,
`executeStepGroup` of steps.go and `operate` of operator.go beside it;
`inferFailedReason` and `podReconciliation` of workflow/controller/operator.go, `createWorkflowPod` of
workflow/controller/workflowpod.go, `GetTemplateScope` of workflow/templateresolution/context.go; for messages of
evictions pkg/kubelet/eviction/helpers.go of Kubernetes, of shutdowns and preemption nodeshutdown_manager.go and
preemption.go beside it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from couler_argo.codec import Mapped
from couler_argo.nodes import ATTEMPTS, pod_name, seconds_of, template_name
from couler_argo.templates import ROLES
from couler_plugins.caching.keys import digest
from couler_plugins.documents.mappings import by_key, mapping_at
from couler_plugins.runs import Attempt, ContainerUse
from couler_plugins.runs.usage import NOT_RUN, container_use, message_of

MAIN = "main"
DEPENDS = re.compile(r"(?<![.\w-])[\w-]+")
"""A task in `depends`, without the outcomes that count."""
ENDED = {"Succeeded": True, "Failed": False, "Error": False}
EXIT = re.compile(r"(?:([\w.-]+): )?(?P<reason>\w+) \(exit code (\d+)\)")
"""What a container ended with: `main: OOMKilled (exit code 137)`, without its name from older controllers."""
REASONS = (
    EXIT,
    re.compile(r"Pod (?:failed before \S+ container starts|auto-restarting) due to (?P<reason>\w+)"),
    re.compile(
        r"(?P<Evicted>The node (?:was low on resource|had condition)|Pod ephemeral local storage|Usage of EmptyDir"
        r"|Container \S+ exceeded its local ephemeral storage)"
        r"|(?P<DeadlineExceeded>Pod was active on the node longer than)"
        r"|(?P<WorkflowDeadline>Step exceeded its deadline)"
        r"|(?P<Timeout>timeout$)"
        r"|(?P<Deleted>pod deleted)"
        r"|(?P<Stopped>workflow shutdown with strategy|Stopped with strategy)"
        r"|(?P<Terminated>Pod was terminated in response to imminent node shutdown)"
        r"|(?P<NodeShutdown>Pod was rejected as the node is shutting down)"
        r"|(?P<Preempting>Preempted in order to admit critical pod)"
        r"|(?P<NodeLost>Node \S+ which was running pod)"
    ),
)
"""Words that the kubelet has for such messages; what it says of a pod takes the place of its reason in a node."""


class NodeTemplate(NamedTuple):
    """What a node ran.

    Attributes:
        library: the WorkflowTemplate that holds it; empty where that is the workflow, or what the run is of.
        template: the template, as far as the workflow holds it; else a list of its name.
        spec: a hash of it.
        containers: what its containers ask for.
        may_fail: `continueOn` of its calls, by their names.
        after: names of the calls that depend on a call, by the name of that.
    """

    library: str
    template: Any
    spec: str
    containers: tuple[ContainerUse, ...]
    may_fail: Mapping[str, Mapped]
    after: Mapping[str, Sequence[str]]


class Templates:
    """The templates of a run, its own ones and those that it has called in libraries.

    Args:
        workflow: the workflow.
    """

    def __init__(self, workflow: Mapped) -> None:
        status, own = workflow.get("status") or {}, workflow.get("spec") or {}
        stored = status.get("storedWorkflowTemplateSpec") or {}
        self._own = (own.get("workflowTemplateRef") or {}).get("name")
        spec = stored or own
        defaults = json.dumps(spec.get("templateDefaults") or {})
        self._is_patched = bool(spec.get("podSpecPatch")) or "resources" in defaults
        self._templates: dict[str, Any] = {}
        for item in [*(own.get("templates") or []), *(stored.get("templates") or [])]:
            self._templates.setdefault(str(item.get("name")), item)
        for key, item in sorted((status.get("storedTemplates") or {}).items()):
            parts = str(key).split("/")
            self._templates.setdefault("/".join(parts[-2:]), item)
            self._templates.setdefault(parts[-1], item)
        self._of_nodes: dict[tuple[str, str], NodeTemplate] = {}

    def library(self, node: Mapped) -> str:
        """Return the WorkflowTemplate that holds what a node ran; empty where that is the workflow, or what it is of.

        A template that is called without a reference is looked up where its caller was found.
        """
        scope, _, holder = str(node.get("templateScope") or "").partition("/")
        name = str((node.get("templateRef") or {}).get("name") or ("" if scope == "local" else holder))
        return "" if name == self._own else name

    def of(self, node: Mapped) -> NodeTemplate:
        """Return what a node ran."""
        place = self.library(node), template_name(node)
        if place not in self._of_nodes:
            name = "/".join(filter(None, place))
            template = self._templates.get(name, [name])
            graph = mapping_at({"": template}, "")
            stages = mapping_at(graph, "dag").get("tasks") or (), *(graph.get("steps") or ())
            calls = {str(call.get("name")): call for stage in stages for call in stage if isinstance(call, Mapping)}
            self._of_nodes[place] = NodeTemplate(
                library=place[0],
                template=template,
                spec=digest(template),
                containers=self._containers(template),
                may_fail={name: mapping_at(call, "continueOn") for name, call in calls.items()},
                after=by_key(
                    (before, name)
                    for name, call in calls.items()
                    for before in (*(call.get("dependencies") or ()), *DEPENDS.findall(str(call.get("depends") or "")))
                ),
            )
        return self._of_nodes[place]

    def _containers(self, template: Any) -> tuple[ContainerUse, ...]:
        """Return what the containers ask for, as far as it is not changed in the pod."""
        if not isinstance(template, Mapping):
            return ()
        is_known = not (self._is_patched or template.get("podSpecPatch"))
        items = [{**template[key], "name": MAIN} for key in ("container", "script") if template.get(key)]
        items += (template.get("containerSet") or {}).get("containers") or ()
        items += (item for key in ROLES for item in template.get(key) or ())
        named = ((str(item.get("name")), item.get("resources")) for item in items)
        return tuple(container_use(name, resources if is_known else None) for name, resources in named)


def attempt_of(workflow: Mapped, ident: str, node: Mapped, containers: tuple[ContainerUse, ...]) -> Attempt:
    """Return the attempt that a node is.

    Args:
        workflow: the workflow.
        ident: the id of the node.
        node: the node, of one of the types that run something, or one that failed before it could.
        containers: what its template asks for.
    """
    metadata = workflow.get("metadata") or {}
    succeeded = ENDED.get(str(node.get("phase")))
    message = "" if succeeded else str(node.get("message") or "")
    matches = [match for pattern in REASONS if message and (match := pattern.match(message))]
    reason = next((match.groupdict().get("reason") or str(match.lastgroup) for match in matches), "")
    exited = EXIT.match(message)
    code = (node.get("outputs") or {}).get("exitCode")
    if code is None and exited and exited[1] in (None, MAIN):
        code = exited[3]
    ran = node.get("type") in ATTEMPTS
    runs_in_pod = node.get("type") == "Pod" and bool(metadata.get("name"))
    return Attempt(
        start=seconds_of(node.get("startedAt")),
        end=seconds_of(node.get("finishedAt")),
        succeeded=succeeded,
        exit_code=None if code is None else int(code),
        reason=reason if ran else NOT_RUN,
        message=message_of(message),
        pod=pod_name(workflow, ident, node) if runs_in_pod else "",
        namespace=str(metadata.get("namespace") or ""),
        node=str(node.get("hostNodeName") or ""),
        containers=containers if ran else (),
    )


def place_of(node: Mapped) -> tuple[str, str]:
    """Return the node of the graph that a node is in, and the name of the call there."""
    return str(node.get("boundaryID", "")), str(node.get("displayName", "")).partition("(")[0]


def is_tolerated(
    node: Mapped,
    nodes: Mapping[str, Mapped],
    retries: Mapping[str, str],
    phases: Mapping[tuple[str, str], Sequence[Any]],
    templates: Templates,
) -> bool:
    """Return whether a graph around what failed ended well, lets this call fail, or went on with all that comes next.

    No graph fails of a hook. Of those of a workflow, only its exit handler makes its run fail.

    Args:
        node: what failed.
        nodes: all nodes of the run.
        retries: the Retry node that an attempt belongs to.
        phases: how nodes ended, by their places.
        templates: the templates of the run.
    """
    ident, name = place_of(node)
    if mapping_at(node, "nodeFlag").get("hooked"):
        return ident in nodes or not str(node.get("name")).endswith(".onExit")
    if ident not in nodes:
        return False
    graph, around = templates.of(nodes[ident]), nodes[retries.get(ident, ident)]
    after = [phases.get((ident, call), ("Omitted",)) for call in graph.after.get(name, ())]
    return (
        around.get("phase") == "Succeeded"
        or bool(graph.may_fail.get(name, {}).get(str(node.get("phase")).lower()))
        or (bool(after) and all({"Skipped", "Omitted"}.isdisjoint(some) for some in after))
        or is_tolerated(around, nodes, retries, phases, templates)
    )
