"""Runs of Argo for `couler resume`: what was submitted, where its artifacts lie and its volumes are.

An artifact is known by its key alone: bucket and endpoint are those of the repository (`docs/key-only-artifacts.md`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from couler_argo.archive import ARCHIVED, CLUSTER, ArgoArchive
from couler_argo.documents import manifests, rest_of, spec_of, with_annotation
from couler_argo.history import workflows_in
from couler_argo.nodes import nodes_of
from couler_argo.references import native
from couler_argo.run.jobs import HINTS, OF_CONTROLLER, WORKFLOW
from couler_argo.run.status import ended as has_ended
from couler_argo.spelling import expression_of
from couler_argo.step_ends import COMPLETED, DELETED, HOOK, NodeEnds, why_deleted
from couler_plugins.documents.mappings import Mapped, mapping_at, without
from couler_plugins.engine_kit.kubernetes.naming import RUN_LABEL, as_written
from couler_plugins.engine_kit.kubernetes.objects import Calls
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted
from couler_plugins.hookspecs.resuming import RESUMES, PastRun, RunSource
from couler_plugins.ir import Graph, Literal, Native, Node, Operation, Step, Value, Workflow, rebuild, replace

N = TypeVar("N", bound=Node)
DEFAULTS: dict[str, tuple[Any, ...]] = dict.fromkeys(("arguments", "inputs", "name", "outputs", "resources"), ({}, ""))
"""What is the same as nothing, by the key that has it."""
OF_PODS = {"activeDeadlineSeconds", "affinity", "metadata", "nodeSelector", "priorityClassName", "tolerations"}
"""What templates say of when and where pods run, and what they are called: it changes no result."""
CLAIMS, REFERENCE = "volumeClaimTemplates", "workflowTemplateRef"
OF_NO_STEP = OF_PODS | {
    *("archiveLogs", "arguments", "artifactGC", "entrypoint", "hooks", "imagePullSecrets", "metrics", "onExit"),
    *("parallelism", "podDisruptionBudget", "podGC", "podPriority", "podPriorityClassName", "podResources", "priority"),
    *("retryStrategy", "schedulerName", "shutdown", "suspend", "synchronization", "templates", "timeout"),
    *("ttlStrategy", "volumeClaimGC", CLAIMS, REFERENCE),
}
"""What a spec says that changes no result of a step, or is compared elsewhere; all else may."""
OF_RUN = (
    "kubectl.kubernetes.io/last-applied-configuration",
    "workflows.argoproj.io/last-seen-version",
    "workflows.argoproj.io/pod-name-format",
)
"""Annotations that tools write; that of the time of a schedule stays, for `{{workflow.scheduledTime}}`."""


def resume(source: RunSource) -> PastRun:
    """A run of Argo.

    Raises:
        InvalidInput: there is no such run, it goes on, or its nodes are kept elsewhere.
        EngineError: the cluster or the server fails.
    """
    documents = source.documents or tuple(_fetched(source.run, source.archive))
    runs = [
        (item, (item["metadata"].get("name"), item["metadata"].get("uid")))
        for document in documents
        for item in workflows_in(document)
    ]
    run = source.only(runs, "argo", "give its name, and --from with the server that archived it")
    try:
        return ArgoRun(run, source.edited)
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        message = f"{run['metadata'].get('name')} is not what Argo writes ({error})"
        hint = "take it from `argo get -o json` or `kubectl get`"
        raise InvalidInput(message, engine="argo", hint=hint) from error


def _fetched(name: str, place: ArchiveSource) -> Iterator[Mapped]:
    if place.place == CLUSTER:
        calls = Calls(place.context, HINTS)
        live = calls.get(WORKFLOW, place.namespace or calls.namespace, name)
        yield from () if live is None else (live,)
    else:
        yield from (dict(item) for item in ArgoArchive(place).fetch(Wanted(workflows=(name,))))


class ArgoRun(PastRun):
    """One Workflow that has ended.

    Args:
        manifest: the Workflow with its status.
        edited: what FILE has; of the template that the run refers to, a new run is made.
    """

    of_run = frozenset({"workflow.creationTimestamp", "workflow.name", "workflow.uid"})

    def __init__(self, manifest: Mapped, edited: Iterable[Any] = ()) -> None:
        status, name = manifest.get("status") or {}, str(manifest["metadata"].get("name"))
        nodes = nodes_of(manifest)
        if not has_ended(manifest):
            hint = f"stop it first: couler stop --engine argo {name}"
            raise InvalidInput(f"the run {name} has not ended", engine="argo", hint=hint)
        if status.get("offloadNodeStatusVersion") and not nodes:
            hint = "give --from with the URL of Argo's server, which has them"
            raise InvalidInput(f"the nodes of {name} are kept elsewhere", engine="argo", hint=hint)
        if not nodes:
            message = f"no step of {name} ran: {status.get('message') or 'Argo does not say why'}"
            raise InvalidInput(message, engine="argo", hint="nothing can be taken over: mend it, and start it anew")
        self._spec = spec = status.get("storedWorkflowTemplateSpec") or manifest["spec"]
        claims = {
            str(item.get("name")): str((item.get("persistentVolumeClaim") or {}).get("claimName"))
            for item in status.get("persistentVolumeClaims") or ()
        }
        self.was_stopped = "shutdown" in manifest["spec"] or "activeDeadlineSeconds" in spec
        self._before = (manifest["metadata"].get("annotations") or {}).get(RESUMES)
        why = _why_claims_go(manifest, spec)
        self._claims = {} if why else claims
        names = [str(item["metadata"]["name"]) for item in spec.get(CLAIMS) or ()]
        self._lost_claims = {name: why or "its claim is gone" for name in names if name not in self._claims}
        self._repository = _repository(status.get("artifactRepositoryRef") or {})
        steps = dict(NodeEnds(manifest, spec, nodes).steps())
        self.failed_handlers = tuple(
            str(node["displayName"])
            for node in nodes.values()
            if not node.get("boundaryID")
            and node.get("phase") != "Succeeded"
            and HOOK.fullmatch(str(node.get("displayName")))
        )
        super().__init__(name, _submitted(manifest, spec), steps, tuple(self._notes(name)))
        same = (
            {**mapping_at(part.data, "spec"), **without(manifest["spec"], "arguments")}  # which the run gives to it
            for document in edited
            for part in manifests(document)
            if part.library
            and mapping_at(part.data, "metadata").get("name") == mapping_at(manifest, "spec", REFERENCE).get("name", "")
        )
        self.edited = next((_submitted(manifest, whole) for whole in same), None)

    def _notes(self, name: str) -> Iterator[str]:
        if self._claims:
            yield f"the new run uses {', '.join(sorted(self._claims.values()))}: keep {name} until it has ended"
        if before := self._before:
            yield f"{name} uses what {before} has done: keep that one, too"
        if f'"{DELETED}"' in json.dumps(self._spec):
            yield f"artifacts of {name} are deleted with it: keep it until the new run has ended"

    def gone(self, step: Step, callees: Iterable[Graph | Operation]) -> Mapping[str, str]:
        """Claims that go with the run."""
        text = "".join(repr(item) for item in (step, *callees)) if self._lost_claims else ""
        return {f"the volume {name}": why for name, why in self._lost_claims.items() if f'"{name}"' in text}

    def exported(self, value: Value) -> Value | None:
        """A constant is an expression here; an artifact would need a step that has it."""
        if isinstance(value, Native):
            return None
        return expression_of(value) if isinstance(value, Literal) else value

    def plain(self, node: N) -> N:
        """Argo's controller writes numbers as texts, and empty fields that nobody wrote."""

        def change(item: Node) -> Node:
            if isinstance(item, Literal) and not isinstance(item.value, str):
                return Literal(value=json.dumps(item.value))
            if getattr(item, "native_extra", None) is None:
                return item
            rest = {
                key: part
                for key, part in rest_of(item).items()
                if key not in OF_PODS and part not in ([], *DEFAULTS.get(key, ()))
            }
            return msgspec.structs.replace(item, native_extra=native(rest) if rest else None)

        return rebuild(node, change)

    def settings(self, workflow: Workflow) -> Any:
        """What all pods get that results may depend on."""
        spec = spec_of(workflow)
        return _of_steps(spec | {"templateDefaults": _of_steps(mapping_at(spec, "templateDefaults"))})

    def resumed(self, workflow: Workflow) -> Workflow:
        """The workflow as a new run, in the same repository, with the claims that are there."""
        if workflow.kind != "Workflow":
            hint = "give a Workflow with its workflowSpec, or leave FILE out"
            raise InvalidInput(f"{workflow.label} is a {workflow.kind}, which would repeat the rest", hint=hint)
        rest = rest_of(workflow)
        spec = dict(rest.get("spec") or {})
        if self._repository:
            spec.setdefault("artifactRepositoryRef", self._repository)
        templates = spec.pop(CLAIMS, None) or []
        fresh = [item for item in templates if item["metadata"]["name"] not in self._claims]
        if fresh:
            spec[CLAIMS] = fresh
        bound = [
            {"name": name, "persistentVolumeClaim": {"claimName": claim}}
            for name, claim in self._claims.items()
            if any(item["metadata"]["name"] == name for item in templates)
        ]
        if bound:
            spec["volumes"] = [*(spec.get("volumes") or []), *bound]
        if spec or "spec" in rest:
            rest["spec"] = spec
        prefix = workflow.prefix or f"{workflow.name}-"
        new = replace(workflow, name="", prefix=prefix, native_extra=native(rest) if rest else None)
        return with_annotation(new, RESUMES, self.name)


def _of_steps(spec: Mapped) -> Mapped:
    """What is said of steps that their results may depend on; controllers write empty parts that nobody wrote."""
    return {key: part for key, part in spec.items() if key not in OF_NO_STEP and part not in (None, "", [], {})}


def _why_claims_go(manifest: Mapped, spec: Mapped) -> str:
    """Why the claims of a run are gone, or go while the new run needs them; empty where they stay."""
    if (spec.get("volumeClaimGC") or {}).get("strategy") == COMPLETED:
        return f"volumeClaimGC {COMPLETED}"
    return why_deleted(manifest, spec) if spec.get(CLAIMS) else ""


def _repository(status: Mapped) -> Mapped:
    """Where artifacts lie that nodes name by their keys alone; nothing where that is the controller's default."""
    return {} if status.get("default") else {key: status[key] for key in ("configMap", "key") if status.get(key)}


def _submitted(manifest: Mapped, spec: Mapped) -> Mapped:
    """What would give the same run again."""
    thing = as_written(manifest, OF_CONTROLLER | {RUN_LABEL, ARCHIVED})
    metadata = thing["metadata"]
    notes = metadata.get("annotations") or {}
    metadata["annotations"] = {key: text for key, text in notes.items() if key not in OF_RUN}
    kept = {"name", "generateName", "namespace", "labels", "annotations"}
    metadata = {key: content for key, content in metadata.items() if key in kept and content}
    if "generateName" in metadata:
        del metadata["name"]
    spec = {key: content for key, content in spec.items() if key not in ("shutdown", "suspend", REFERENCE)}
    return {"apiVersion": WORKFLOW.api_version, "kind": "Workflow", "metadata": metadata, "spec": spec}
