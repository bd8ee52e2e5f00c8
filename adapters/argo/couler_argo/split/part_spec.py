"""Which fields of a workflow's spec its parts get, and which its parent keeps.

Source: `WorkflowSpec` in `pkg/apis/workflow/v1alpha1` of Argo 4.1.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from typing import Any

from couler_argo.documents import SPEC_PATHS
from couler_argo.metadata import annotations_of, rest_of, spec_of
from couler_argo.references import native
from couler_plugins.documents.mappings import mapping_at
from couler_plugins.ir import Native, Workflow
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
