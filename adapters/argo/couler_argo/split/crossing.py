"""How artifacts cross between parts: by the key under which they are stored, in the place that their template names.

Argo has no variable for the key of an artifact, and gives an artifact that a DAG hands out no global name. An
expression sees the artifact itself, whatever its kind, so the key leaves a part as a parameter.
Sources: `resolveParameter`, `resolveArtifact` in `workflow/controller/scope.go`; `Relocate` in `workflow_types.go`: an
artifact with nothing but a key lies in the repository of the workflow, whatever kind of location the key is written in.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from couler_argo.metadata import rest_of
from couler_argo.ports import LOCATIONS
from couler_plugins.ir import Expression, Graph, Operation, Reference, callee_of, replace

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
