"""Which fields of a workflow's spec its parts get, and which its parent keeps.

Source: `WorkflowSpec` in `pkg/apis/workflow/v1alpha1` of Argo 4.1.

How artifacts cross between parts: by the key under which they are stored, in the place that their template names.

Argo has no variable for the key of an artifact, and gives an artifact that a DAG hands out no global name. An
expression sees the artifact itself, whatever its kind, so the key leaves a part as a parameter.
Sources: `resolveParameter`, `resolveArtifact` in `workflow/controller/scope.go`; `Relocate` in `workflow_types.go`: an
artifact with nothing but a key lies in the repository of the workflow, whatever kind of location the key is written in.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

from couler_argo.documents import SPEC_PATHS, annotations_of, rest_of, spec_of
from couler_argo.ports import LOCATIONS
from couler_argo.references import native
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.ir import Expression, Graph, Native, Operation, Reference, Workflow, callee_of, replace
from couler_plugins.parallelism.cuts import base_name

OF_PODS = frozenset(
    {
        "affinity", "archiveLogs", "artifactGC", "artifactRepositoryRef", "automountServiceAccountToken",
        "dnsConfig", "dnsPolicy",
        "executor", "executorPlugins", "hostAliases", "hostNetwork", "imagePullSecrets", "nodeSelector",
        "podDisruptionBudget", "podGC", "podMetadata", "podPriorityClassName", "podResources", "podSpecPatch",
        "priority", "resourceClaims", "retryStrategy", "schedulerName", "securityContext", "serviceAccountName",
        "templateDefaults", "tolerations", "volumeClaimGC", "volumeClaimTemplates", "volumes",
    }
)  # fmt: skip
"""How pods run: parts get these, since that is where the pods are."""
CLAIMS = "volumeClaimTemplates"
OF_BOTH = frozenset({"activeDeadlineSeconds"})
"""What holds for the run as a whole, and so for each part as well."""
OF_TEMPLATES = frozenset(
    {"podSpecPatch", "retryStrategy", "templateDefaults", "volumeClaimGC", "volumeClaimTemplates", "volumes"}
)
"""What is meant for the workflow's own templates; a parent without any would only be disturbed by it."""


SPLIT = "couler.io/split"
"""The annotation of what starts parts: the name of the DAG that does."""
PART_OF = "couler.io/part-of"
"""The annotation of a part: what the workflow was called that it is a part of."""
RUN_ID = "couler-run"
"""The workflow parameter that names a run, so that a resubmitted parent finds the parts of an earlier one."""
LONGEST = 63
"""Characters of a workflow's name, and of a label."""


def part_name(workflow: Workflow, graph: str) -> str:
    """The name of a part: a long one is cut, and a digest tells it from others that begin alike."""
    base = base_name(workflow)
    name = f"{base}-{graph}"
    if len(name) <= LONGEST:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{base[: LONGEST - len(graph) - len(digest) - 2].rstrip('-.')}-{digest}-{graph}"


def name_of(claim: Any) -> str:
    """The name of a volume claim, which is that of the volume."""
    return str((claim.get("metadata") or {}).get("name"))


def account_of(workflow: Workflow) -> str:
    """The service account that resource templates act with."""
    spec = spec_of(workflow)
    executor = mapping_at(spec, "executor").get("serviceAccountName")
    return str(executor or spec.get("serviceAccountName") or "default")


def part_rest(workflow: Workflow, graph: str, mounted: Collection[str] | None = None) -> Native | None:
    """What a part's manifest says beside its templates.

    Args:
        workflow: what it is a part of.
        graph: the part's own graph, which starts parts if that workflow already does.
        mounted: the volumes that its templates mount; None where that is not to be seen. It gets no other claims.
    """
    spec = {key: content for key, content in spec_of(workflow).items() if key in OF_PODS | OF_BOTH}
    if mounted is not None and CLAIMS in spec:
        others = json.dumps({key: content for key, content in spec.items() if key != CLAIMS})  # a patch may name one
        claims = [claim for claim in spec[CLAIMS] if (name := name_of(claim)) in mounted or name in others]
        spec = {key: claims if key == CLAIMS else content for key, content in spec.items() if claims or key != CLAIMS}
    data = marked({"spec": spec} if spec else {}, PART_OF, family_of(workflow))
    return native(marked(data, SPLIT, graph) if SPLIT in annotations_of(workflow) else data)


def parent_rest(workflow: Workflow, graph: str, alone: bool) -> Native | None:
    """What the parent's manifest says.

    Args:
        workflow: the parent.
        graph: its DAG that starts the parts.
        alone: whether nothing but parts is left in it to run.
    """
    data = _without(rest_of(workflow), SPEC_PATHS[workflow.kind]) if alone else rest_of(workflow)
    return native(marked(data, SPLIT, graph))


def marked(data: dict[str, Any], annotation: str, text: str) -> dict[str, Any]:
    """A manifest with an annotation."""
    metadata = data.get("metadata") or {}
    return {**data, "metadata": {**metadata, "annotations": {**(metadata.get("annotations") or {}), annotation: text}}}


def family_of(workflow: Workflow) -> str:
    """The name of a workflow, or of the one that it is a part of: what they cache is kept together."""
    return str(annotations_of(workflow).get(PART_OF) or workflow.name or workflow.prefix)


def _without(data: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    if not path:
        return {key: content for key, content in data.items() if key not in OF_TEMPLATES}
    inner = _without(data.get(path[0]) or {}, path[1:])
    return {**data, path[0]: inner} if inner else {key: content for key, content in data.items() if key != path[0]}


KEYS = {"s3": "key", "gcs": "key", "oss": "key", "azure": "blob"}
"""The kinds of location that artifacts can cross in, and which of their fields holds the key."""
GIVEN_KIND = "s3"
"""The kind in which a key in the workflow's own repository is written."""
DELETED = "OnWorkflowCompletion"


class Place(NamedTuple):
    """A location without its key, and how what lies there is packed.

    Attributes:
        kind: of the location.
        fields: of the location; none in the workflow's own repository.
        archive: what the output says of that; an artifact of a task takes it along, one that is found by its key does
            not, and what is no tarball by its looks would stay packed.
    """

    kind: str
    fields: Mapping[str, Any]
    archive: Mapping[str, Any] | None


def key_of(artifact: Reference) -> Expression:
    """The key of an artifact that a task has made. It fails where there is none.

    The artifact is looked at as JSON, which is Argo's interface, not as the structure of its source.
    """
    *kinds, last = (f"stored.{kind}?.{field}" for kind, field in KEYS.items())
    keys = " ?? ".join([*kinds, last.replace("?", "")])
    return Expression(
        language="expr", parts=("let stored = fromJSON(toJson(", replace(artifact, native=""), f")); {keys}")
    )


def located(place: Place, key: str) -> dict[str, Any]:
    """The location of an artifact with a key."""
    packed = {} if place.archive is None else {"archive": place.archive}
    return {place.kind: {**place.fields, KEYS[place.kind]: key}, **packed}


def place_of(by_name: Mapping[str, Graph | Operation], graph: Graph, artifact: Reference) -> Place | str:
    """Where an artifact of a step lies, or why another workflow could not find it there.

    Args:
        by_name: the workflow's graphs and operations.
        graph: the graph whose step makes it.
        artifact: the step's output.
    """
    step = next(step for step in graph.steps if step.name == artifact.step)
    callee = callee_of(step, by_name)
    if callee is None:
        return "its template is elsewhere, and where that stores it"
    output = next(
        (output for output in callee.outputs if output.kind == "artifact" and output.name == artifact.name), None
    )
    if output is None:
        return "its template does not declare it"
    rest = rest_of(output)
    if rest.get("optional"):
        return "it is optional, and cannot be passed on where there is none"
    if (rest.get("artifactGC") or {}).get("strategy") == DELETED:
        return "it is deleted when a workflow completes"
    if isinstance(callee, Graph):
        inner = output.value
        if not isinstance(inner, Reference) or inner.to != "output" or not inner.step:
            return "an expression chooses it"
        return place_of(by_name, callee, inner)
    return _declared(rest)


def _declared(rest: Mapping[str, Any]) -> Place | str:
    kind = next((kind for kind in LOCATIONS if kind in rest), GIVEN_KIND)
    if kind not in KEYS:
        return f"it is stored in a location of the kind {kind!r}"
    fields = {name: content for name, content in rest.get(kind, {}).items() if name != KEYS[kind]}
    return (
        "the run chooses where it is stored" if "{{" in json.dumps(fields) else Place(kind, fields, rest.get("archive"))
    )
