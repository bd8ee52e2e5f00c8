"""Runs of Tekton for `couler resume`: a PipelineRun, what its TaskRuns gave, and the volumes that are still there.

Sources: `pkg/apis/pipeline/register.go` (labels), `pkg/reconciler/volumeclaim/pvchandler.go` (names of claims),
`docs/affinityassistants.md` (when claims are deleted).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from couler_plugins.documents.mappings import Mapped, mapping_at, without, without_empty
from couler_plugins.engine_kit.kubernetes.naming import RUN_LABEL, as_written
from couler_plugins.engine_kit.kubernetes.objects import SIDE, Calls
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.past_runs import MOST, ArchiveSource, Wanted
from couler_plugins.hookspecs.resuming import RESUMES, Ended, PastRun, RunSource
from couler_plugins.ir import (
    Graph,
    Literal,
    Native,
    Node,
    Operation,
    Reference,
    Step,
    Template,
    Value,
    Workflow,
    rebuild,
    replace,
)
from couler_tekton.archive import CLUSTER, OF_RUN, OF_TASKS, TektonArchive, kinds_in
from couler_tekton.attempts import condition_of
from couler_tekton.cache.declared import entries, rest_of
from couler_tekton.documents import objects
from couler_tekton.kinds import KINDS, V1BETA1, Kind
from couler_tekton.run.jobs import HINTS, PIPELINE_RUN
from couler_tekton.run.parts import WHOLE_LABEL
from couler_tekton.run.status import ended as has_ended
from couler_tekton.split.resolved_pipeline import workspaces_in
from couler_tekton.step_ends import steps_of
from couler_tekton.variables import Scope

N = TypeVar("N", bound=Node)
DEFAULTS: dict[str, tuple[Any, ...]] = {
    "computeResources": ({},),
    "spec": (None,),
    "type": ("string",),
}
"""What is the same as nothing, by the key that has it."""
OF_OTHERS = re.compile(
    r"tekton\.dev/((pipeline|task|custom)?[rR]un(UID|SpanContext)?|pipelineTask|pipeline|task|memberOf)"
    r"|results\.tekton\.dev/(?!(result|recordSummary)Annotations$).*"
    r"|chains\.tekton\.dev/(signed|retries|transparency|(payload|signature|cert|chain)-.*)"
    r"|(pipeline|pipelinesascode|triggers)\.tekton\.dev/.*"
)
"""Labels and annotations that say which run this was: of Tekton's controller, Results, Chains, and of what started it.
With them, Results would file the new run under the old one, Chains would not sign it, and Pipelines-as-Code would
report its status to an old commit."""
OF_NO_TASK = ("managedBy", "params", "pipelineRef", "pipelineSpec", "status", "timeout", "timeouts")
"""What a run says that changes no result of a task, or is compared elsewhere."""
CALLED, SPECS = ("description", "displayName", "metadata"), "taskRunSpecs"


def resume(source: RunSource) -> PastRun:
    """A run of Tekton.

    Raises:
        InvalidInput: there is no such run, it goes on, or it is a part of another one.
        EngineError: the cluster or the archive fails.
    """
    documents = source.documents or tuple(_fetched(source.run, source.archive))
    kinds = {**KINDS, "CustomRun": Kind("task", versions=(V1BETA1,))}
    every = [item.data for document in documents for item in objects(document, kinds)]
    runs = [
        (item, (item["metadata"].get("name"), item["metadata"].get("uid")))
        for item in every
        if item["kind"] == "PipelineRun" and item.get("status")
    ]
    run = source.only(runs, "tekton", "give the name of a PipelineRun, with its TaskRuns")
    live = not source.documents and source.archive.place == CLUSTER
    calls = Calls(source.archive.context, HINTS) if live else None
    try:
        return TektonRun(
            run, [item for item in every if item["kind"] in OF_TASKS], calls, is_gone=not (source.documents or live)
        )
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        message = f"{run['metadata'].get('name')} is not what Tekton writes ({error!s:.100})"
        hint = "take it from `kubectl get pipelineruns,taskruns -o json`"
        raise InvalidInput(message, engine="tekton", hint=hint) from error


def _fetched(name: str, place: ArchiveSource) -> Iterator[Any]:
    if place.place != CLUSTER:
        yield from TektonArchive(place).fetch(Wanted(newest=MOST))
        return
    calls = Calls(place.context, HINTS)
    namespace = place.namespace or calls.namespace
    if (run := calls.get(PIPELINE_RUN, namespace, name)) is not None:
        yield run
        for kind in kinds_in([run]):
            yield from calls.labelled(OF_TASKS[kind], kind, namespace, f"{OF_RUN}={name}")


class TektonRun(PastRun):
    """One PipelineRun that has ended.

    Args:
        run: the PipelineRun with its status.
        task_runs: its TaskRuns and CustomRuns, and maybe others.
        calls: of the cluster that has its volumes; None where nobody can be asked.
        is_gone: whether the cluster has it no longer.
    """

    of_run = frozenset({"context.pipeline.name", "context.pipelineRun.name", "context.pipelineRun.uid"})
    drops_outputs = True

    def __init__(self, run: Mapped, task_runs: Iterable[Mapped], calls: Calls | None, *, is_gone: bool = False) -> None:
        name = str(run["metadata"].get("name"))
        if not has_ended(run):
            hint = f"stop it first: couler stop --engine tekton {name}"
            raise InvalidInput(f"the run {name} has not ended", engine="tekton", hint=hint)
        if not mapping_at(run, "status", "pipelineSpec") and "pipelineSpec" not in run["spec"]:
            message = f"no task of {name} ran: {condition_of(mapping_at(run, 'status')).get('message')}"
            raise InvalidInput(message, engine="tekton", hint="nothing can be taken over: mend it, and start it anew")
        if WHOLE_LABEL in (run["metadata"].get("labels") or {}):
            hint = "start it again with the journal or the identity of the run, as `couler run` says"
            raise InvalidInput(f"{name} is a part of a pipeline that was split", engine="tekton", hint=hint)
        self._claims, self._lost = _workspaces(run, calls, is_gone)
        steps = dict(steps_of(run, {(item["kind"], str(item["metadata"].get("name"))): item for item in task_runs}))
        claims = ", ".join(sorted(self._claims.values()))
        notes = [f"the new run uses {claims}: keep {name} until it has ended"] if claims else []
        if before := mapping_at(run, "metadata", "annotations").get(RESUMES):
            notes.append(f"{name} uses what {before} has done: keep that one, too")
        super().__init__(name, _submitted(run), steps, tuple(notes))

    def read(self, ended: Ended, reference: Reference) -> Value | None:
        """A result, one of its items, or all of them."""
        value = super().read(ended, replace(reference, path=()))
        if value is None or not reference.path:
            return value if isinstance(value, Literal) else None
        content = value.data if isinstance(value, Native) else None
        for part in reference.path:
            if part == "*":
                return value if isinstance(value, Native) else None
            if isinstance(content, list) and part.isdigit() and int(part) < len(content):
                content = content[int(part)]
            else:
                content = content.get(part) if isinstance(content, dict) else None
        return Literal(value=content) if isinstance(content, str) else None

    def gone(self, step: Step, callees: Iterable[Graph | Operation]) -> Mapping[str, str]:
        """Workspaces that went with the run."""
        if not self._lost:
            return {}
        used = workspaces_in((step,), {item.name: item for item in callees})
        return {f"the workspace {name}": why for name, why in self._lost.items() if name in used}

    def exported(self, value: Value) -> Value | None:
        """A result of a pipeline has to begin with one of a task."""
        return None if isinstance(value, Template) and isinstance(value.parts[0], str) else value

    def plain(self, node: N) -> N:
        """Tekton's webhook writes defaults into what is submitted."""

        def change(item: Node) -> Node:
            if getattr(item, "native_extra", None) is None:
                return item
            rest = {
                key: part
                for key, part in rest_of(item).items()
                if key not in CALLED and part not in ([], *DEFAULTS.get(key, ()))
            }
            return msgspec.structs.replace(item, native_extra=Scope().rest(rest))

        return rebuild(node, change)

    def settings(self, workflow: Workflow) -> Any:
        """The account, the pods' settings, the volumes and what else all tasks get."""
        spec = mapping_at(rest_of(workflow), "spec")
        template = mapping_at(spec, "taskRunTemplate")
        each = [without(one, "computeResources", "metadata", "stepSpecs", "timeout") for one in entries(spec, SPECS)]
        account = template.get("serviceAccountName") or "default"
        volumes = {
            str(item.get("name")): item | dict.fromkeys({"volumeClaimTemplate"} & item.keys())  # it has its claim
            for item in entries(spec, "workspaces")
        }
        others = without_empty(without(spec, "taskRunTemplate", SPECS, "workspaces", *OF_NO_TASK))
        return account, without(template, "serviceAccountName"), [one for one in each if len(one) > 1], volumes, others

    def resumed(self, workflow: Workflow) -> Workflow:
        """The run under another name, with the claims that are there."""
        rest = rest_of(workflow)
        spec = {**mapping_at(rest, "spec")}
        if "workspaces" in spec:
            spec["workspaces"] = [self._bound(item) for item in entries(spec, "workspaces")]
        if SPECS in spec:  # Tekton fails a run that has one of a task that is not there
            names = {step.name for graph in workflow.graphs for step in graph.steps}
            spec[SPECS] = [one for one in spec[SPECS] if one.get("pipelineTaskName") in names]
        annotations = {**mapping_at(rest, "metadata", "annotations"), RESUMES: self.name}
        rest |= {"metadata": {**mapping_at(rest, "metadata"), "annotations": annotations}} | (
            {"spec": spec} if spec else {}
        )
        return replace(
            workflow, name="", prefix=workflow.prefix or f"{workflow.name}-", native_extra=Scope().rest(rest)
        )

    def _bound(self, item: Mapped) -> Mapped:
        """A workspace of the run, on the claim that was made for it."""
        claim = self._claims.get(str(item.get("name")))
        if claim is None or "volumeClaimTemplate" not in item:
            return item
        return {**without(item, "volumeClaimTemplate"), "persistentVolumeClaim": {"claimName": claim}}


def _workspaces(run: Mapped, calls: Calls | None, is_gone: bool) -> tuple[dict[str, str], dict[str, str]]:
    """The claims that were made for a run, by workspace; and why other workspaces are gone."""
    metadata, claims, lost = run["metadata"], {}, {}
    cleans = (metadata.get("annotations") or {}).get("tekton.dev/auto-cleanup-pvc") == "true"
    for item in entries(run["spec"], "workspaces"):
        name = str(item.get("name"))
        if "emptyDir" in item:
            lost[name] = "an emptyDir goes with its pods"
        if not isinstance(template := item.get("volumeClaimTemplate"), dict):
            continue
        prefix = (template.get("metadata") or {}).get("name") or "pvc"
        claim = f"{prefix}-{hashlib.sha256((name + str(metadata.get('uid'))).encode()).hexdigest()[:10]}"
        if (
            cleans
            or is_gone
            or (
                calls is not None
                and calls.get(SIDE["PersistentVolumeClaim"], str(metadata.get("namespace")), claim) is None
            )
        ):
            lost[name] = f"the claim {claim} was deleted"
        else:
            claims[name] = claim
    return claims, lost


def _submitted(run: Mapped) -> Mapped:
    """What would give the same run again; a Pipeline of the cluster is written into it, as it was resolved."""
    thing = as_written(run, {RUN_LABEL})
    metadata = thing["metadata"]
    for key in ("labels", "annotations"):
        metadata[key] = {
            name: text for name, text in (metadata.get(key) or {}).items() if not OF_OTHERS.fullmatch(name)
        }
    kept = ("generateName", "name", "namespace", "labels", "annotations")
    metadata = {key: metadata[key] for key in kept if metadata.get(key)}
    if "generateName" in metadata:
        del metadata["name"]
    spec = without(thing["spec"], "status")
    if "pipelineSpec" not in spec:
        spec = without(spec, "pipelineRef") | {"pipelineSpec": run["status"].get("pipelineSpec") or {}}
    return {"apiVersion": run["apiVersion"], "kind": "PipelineRun", "metadata": metadata, "spec": spec}
