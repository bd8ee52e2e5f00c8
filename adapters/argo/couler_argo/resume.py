"""Runs of Argo for `couler resume`: what was submitted, and what its nodes say of each step.

Sources: `workflow/controller/operator.go` (buildLocalScope, processAggregateNodeOutputs), `workflow/executor/executor.go`
(a result is cut at 256 KiB), `docs/key-only-artifacts.md`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from couler_argo.archive import CLUSTER, ArgoArchive
from couler_argo.attempts import Templates
from couler_argo.documents import rest_of, spec_of, with_annotation
from couler_argo.history import workflows_in
from couler_argo.nodes import attempts_of, nodes_of
from couler_argo.ports import LOCATIONS
from couler_argo.references import native
from couler_argo.run.jobs import HINTS, OF_CONTROLLER, WORKFLOW
from couler_argo.run.status import ended as has_ended
from couler_argo.spelling import expression_of
from couler_plugins.documents.mappings import Mapped
from couler_plugins.engine_kit.kubernetes.naming import RUN_LABEL, as_written
from couler_plugins.engine_kit.kubernetes.objects import Calls
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.hookspecs.past_runs import ArchiveSource, Wanted
from couler_plugins.hookspecs.resuming import RESUMES, Ended, PastRun, RunSource
from couler_plugins.ir import Graph, Literal, Native, Operation, Step, Value, Workflow, replace

OUTCOMES = {
    "Succeeded": "succeeded",
    "Failed": "failed",
    "Error": "errored",
    "Skipped": "skipped",
    "Omitted": "omitted",
}
LARGEST = 256 * 1024
"""Bytes of a printed result that Argo keeps: the last ones."""
ITEM = re.compile(r"(.+?)\((\d+):.*\)", re.DOTALL)
COMPLETED = "OnWorkflowCompletion"
OF_ALL = ("artifactRepositoryRef", "podSpecPatch", "serviceAccountName", "templateDefaults", "volumes")
CLAIMS = "volumeClaimTemplates"
OTHERS = {"Suspend": "a person", "HTTP": "a request", "Plugin": "a plugin"}
"""Nodes whose outputs are no program's."""


def resume(source: RunSource) -> PastRun:
    """A run of Argo.

    Raises:
        InvalidInput: there is no such run, it goes on, or its nodes are kept elsewhere.
        EngineError: the cluster or the server fails.
    """
    asked = (item for document in source.documents for item in workflows_in(document))
    runs = list(asked if source.documents else _asked(source.run, source.archive))
    runs = [item for item in runs if source.run in ("", item["metadata"].get("name"))]
    if len(runs) != 1:
        message = f"there are {len(runs)} workflows that could be meant" if runs else f"there is no run {source.run!r}"
        raise InvalidInput(message, engine="argo", hint="give its name, and --from with the server that archived it")
    return ArgoRun(runs[0])


def _asked(name: str, place: ArchiveSource) -> Iterator[Mapped]:
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
    """

    def __init__(self, manifest: Mapped) -> None:
        status, name = manifest.get("status") or {}, str(manifest["metadata"].get("name"))
        nodes = nodes_of(manifest)
        if not has_ended(manifest):
            hint = f"stop it first: couler stop --engine argo {name}"
            raise InvalidInput(f"the run {name} has not ended", engine="argo", hint=hint)
        if status.get("offloadNodeStatusVersion") and not nodes:
            hint = "give --from with the URL of Argo's server, which has them"
            raise InvalidInput(f"the nodes of {name} are kept elsewhere", engine="argo", hint=hint)
        self._spec = spec = status.get("storedWorkflowTemplateSpec") or manifest["spec"]
        claims = {
            str(item.get("name")): str((item.get("persistentVolumeClaim") or {}).get("claimName"))
            for item in status.get("persistentVolumeClaims") or ()
        }
        self._why = _why_claims_go(spec)
        self._lost_claims = [str(item["metadata"]["name"]) for item in spec.get(CLAIMS) or ()] if self._why else []
        self._claims = {} if self._why else claims
        self._repository = _repository(status.get("artifactRepositoryRef") or {})
        try:
            steps = dict(_Nodes(manifest, spec, nodes).steps())
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            message = f"the status of {name} is not what Argo writes ({type(error).__name__}: {error})"
            raise InvalidInput(
                message, engine="argo", hint="take it from `argo get -o json` or `kubectl get`"
            ) from error
        super().__init__(name, _submitted(manifest, spec), steps, tuple(self._notes(name)))

    def _notes(self, name: str) -> Iterator[str]:
        if self._claims:
            yield f"the new run uses {', '.join(sorted(self._claims.values()))}: keep {name} until it has ended"
        if (self._spec.get("artifactGC") or {}).get("strategy") == "OnWorkflowDeletion":
            yield f"artifacts of {name} are deleted with it: keep it until the new run has ended"

    def gone(self, step: Step, callees: Iterable[Graph | Operation]) -> Mapping[str, str]:
        """Claims that go with the run."""
        text = "".join(repr(item) for item in (step, *callees)) if self._lost_claims else ""
        return {f"the volume {name}": self._why for name in self._lost_claims if f'"{name}"' in text}

    def exported(self, value: Value) -> Value | None:
        """A constant is an expression here; an artifact would need a step that has it."""
        if isinstance(value, Native):
            return None
        return expression_of(value) if isinstance(value, Literal) else value

    def settings(self, workflow: Workflow) -> Any:
        """What all pods get that results may depend on."""
        return {key: content for key, content in spec_of(workflow).items() if key in (*OF_ALL, CLAIMS) and content}

    def resumed(self, workflow: Workflow) -> Workflow:
        """The workflow as a new run, in the same repository, with the claims that are there."""
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


def _why_claims_go(spec: Mapped) -> str:
    """Why the claims of a run are gone, or go while the new run needs them; empty where they stay."""
    if (spec.get("volumeClaimGC") or {}).get("strategy") == COMPLETED:
        return f"volumeClaimGC {COMPLETED}"
    if spec.get(CLAIMS) and {"secondsAfterCompletion", "secondsAfterFailure"} & (spec.get("ttlStrategy") or {}).keys():
        return "ttlStrategy deletes it with the old run"
    return ""


def _repository(status: Mapped) -> Mapped:
    """Where artifacts lie that nodes name by their keys alone; nothing where that is the controller's default."""
    return {} if status.get("default") else {key: status[key] for key in ("configMap", "key") if status.get(key)}


def _submitted(manifest: Mapped, spec: Mapped) -> Mapped:
    """What would give the same run again."""
    thing = as_written(manifest, OF_CONTROLLER | {RUN_LABEL})
    metadata = thing["metadata"]
    notes = metadata.get("annotations") or {}
    metadata["annotations"] = {key: text for key, text in notes.items() if not key.startswith("workflows.argoproj.io/")}
    kept = {"name", "generateName", "namespace", "labels", "annotations"}
    metadata = {key: content for key, content in metadata.items() if key in kept and content}
    if "generateName" in metadata:
        del metadata["name"]
    spec = {key: content for key, content in spec.items() if key not in ("shutdown", "suspend", "workflowTemplateRef")}
    return {"apiVersion": WORKFLOW.api_version, "kind": "Workflow", "metadata": metadata, "spec": spec}


class _Nodes:
    """The nodes of a run as steps, by their places."""

    def __init__(self, manifest: Mapped, spec: Mapped, nodes: Mapping[str, Mapped]) -> None:
        self._nodes = nodes
        self._root = str(manifest["metadata"]["name"])
        self._templates = Templates(manifest)
        self._gc = str((spec.get("artifactGC") or {}).get("strategy"))
        self._is_limited = '"parallelism"' in json.dumps(spec)
        tried = {ident for node in nodes.values() for ident in attempts_of(node, nodes)}
        self._inside: dict[str, list[Mapped]] = {}
        for ident, node in nodes.items():
            if ident not in tried and not (node.get("nodeFlag") or {}).get("hooked"):
                self._inside.setdefault(str(node.get("boundaryID")), []).append(node)

    def steps(self) -> Iterator[tuple[tuple[str, ...], Ended]]:
        """How each step ended, those in graphs that run once included."""
        pending: list[tuple[tuple[str, ...], Mapped]] = [((), self._nodes[self._root])]
        while pending:
            place, node = pending.pop()
            whole, loops = self._of_graph(str(self._last(node)["id"]))
            for name, step in whole.items():
                items = loops.get(name)
                yield (*place, name), self._ended(step) if items is None else self._loop(items, step)
                if items is None and self._last(step).get("type") in ("DAG", "Steps"):
                    pending.append(((*place, name), step))

    def _of_graph(self, ident: str) -> tuple[dict[str, Mapped], dict[str, list[Mapped]]]:
        """The nodes of the steps of a graph by name, and the items of those that are loops."""
        whole: dict[str, Mapped] = {}
        items: dict[str, list[tuple[int, Mapped]]] = {}
        stages: dict[str, Mapped] = {}
        for node in self._inside.get(ident, ()):
            name = str(node.get("displayName"))
            if node.get("type") == "StepGroup":
                stages |= dict.fromkeys(node.get("children") or (), node)
            elif match := ITEM.fullmatch(name):
                items.setdefault(match[1], []).append((int(match[2]), node))
            else:
                whole[name] = node
                if node.get("type") == "TaskGroup":
                    items.setdefault(name, [])
        loops = {name: [node for _, node in sorted(each, key=lambda one: one[0])] for name, each in items.items()}
        for name, each in loops.items():  # a stage has no node for a loop
            if name not in whole:
                phases = [str(node.get("phase")) for node in each]
                worst = next((phase for phase in phases if phase not in ("Succeeded", "Skipped")), "Succeeded")
                stage = stages.get(str(each[0]["id"])) or {}
                is_whole = stage.get("phase") == "Succeeded" or (
                    stage.get("phase") in OUTCOMES and not self._is_limited
                )
                whole[name] = {**stage, "type": "TaskGroup", "phase": worst if is_whole else "Failed"}
        return whole, loops

    def _last(self, node: Mapped) -> Mapped:
        """The last attempt of a node that is retried, as Argo looks at it; else itself."""
        tried = attempts_of(node, self._nodes)
        return self._nodes[tried[-1]] if tried else node

    def _ended(self, node: Mapped) -> Ended:
        outputs: dict[tuple[str, str], Value] = {}
        lost: dict[tuple[str, str], str] = {}
        last = self._last(node)
        given, kind = last.get("outputs") or {}, str(last.get("type"))
        template = self._templates.of(last).template
        maker = OTHERS.get(kind) or ("a cluster" if isinstance(template, Mapping) and "resource" in template else "")
        outputs.update(self._values(given, lost))
        if maker:
            lost |= dict.fromkeys(outputs, f"it is the answer of {maker}, which may be another one by now")
            outputs = {}
        return Ended(
            outcome=OUTCOMES.get(str(node.get("phase")), "running"), outputs=outputs, lost=lost, facts=_facts(last)
        )

    def _values(self, given: Mapped, lost: dict[tuple[str, str], str]) -> Iterator[tuple[tuple[str, str], Value]]:
        """What a node gave; what cannot be had again is put into `lost`."""
        texts = {("parameter", str(item["name"])): item.get("value") for item in given.get("parameters") or ()}
        if "result" in given:
            texts["result", "result"] = given["result"]
        for key, text in texts.items():
            if text is None:
                continue
            text = text if isinstance(text, str) else json.dumps(text)
            if "{{" in text:
                lost[key] = "Argo would take it for a variable"
            elif key[0] == "result" and len(text.encode()) >= LARGEST:
                lost[key] = "Argo has cut it at 256 KiB"
            else:
                yield key, Literal(value=text)
        for item in given.get("artifacts") or ():
            key = ("artifact", str(item["name"]))
            own = str((item.get("artifactGC") or {}).get("strategy") or self._gc)
            if item.get("deleted") or own == COMPLETED:
                lost[key] = "artifactGC has deleted it"
            elif location := {name: item[name] for name in (*LOCATIONS, "archive") if name in item}:
                yield key, native(location)

    def _loop(self, items: Sequence[Mapped], group: Mapped) -> Ended:
        """A loop: what its items gave as lists, as Argo aggregates them."""
        each = [self._ended(item) for item in items if item.get("phase") == "Succeeded"]
        texts = [
            {key: str(value.value) for key, value in item.outputs.items() if isinstance(value, Literal)}
            for item in each
        ]
        rows = [{key[1]: text for key, text in sorted(row.items()) if key[0] == "parameter"} for row in texts]
        printed = [row["result", "result"] for row in texts if ("result", "result") in row]
        lists: dict[tuple[str, str], list[Any]] = {("parameter", ""): [row for row in rows if row]}
        for name in dict.fromkeys(name for row in rows for name in row):
            lists["parameter", name] = _structured([row[name] for row in rows if name in row])
        lost = {key: why for item in each for key, why in item.lost.items()}
        try:
            lists["result", "result"] = [json.loads(text) for text in printed]
        except ValueError:
            lost["result", "result"] = "an item printed no JSON"
        outputs = {key: Literal(value=_go_json(content)) for key, content in lists.items()}
        kept = {} if lost else outputs
        outcome = OUTCOMES.get(str(group.get("phase")), "running")
        return Ended(outcome=outcome, outputs=kept, lost=lost, facts=_facts(group))


def _facts(node: Mapped) -> dict[str, str]:
    """What can be read of a step that is no output; its pod's address is nobody's any more."""
    names = {"id": "id", "status": "phase", "startedAt": "startedAt", "finishedAt": "finishedAt"}
    facts = {fact: node.get(key) for fact, key in names.items()}
    facts["exitCode"] = (node.get("outputs") or {}).get("exitCode")
    return {fact: str(content) for fact, content in facts.items() if content is not None}


def _structured(values: list[str]) -> list[Any]:
    """Texts as Argo makes a list of them: as structures where all of them are lists or mappings."""
    try:
        read = [json.loads(text) for text in values]
    except ValueError:
        return values
    return read if all(isinstance(item, (dict, list)) for item in read) else list(values)


def _go_json(content: Any) -> str:
    """JSON as Go writes it."""
    text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
    return re.sub("[<>&\u2028\u2029]", lambda match: f"\\u{ord(match[0]):04x}", text)
