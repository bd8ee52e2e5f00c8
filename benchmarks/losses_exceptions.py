"""Fields whose change means nothing to another engine, each with the reason."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from benchmarks.losses_mutations import Field, other, value_at
from benchmarks.losses_tekton import is_overridden

EXCEPTIONS = {
    r"(.*\.)?parameterType": "others pass texts; KFP checks types when it compiles, and the values stay the same",
    r"(.*\.)?isOptional": "a default beside it says the same",
    r"(.*\.)?artifactType\.schema(Title|Version)": "others pass files; KFP checks types when it compiles",
    r"(.*\.)?sdkVersion": "who wrote the file is not what it does",
    r"argo:items\.\*\.apiVersion": "it says what the object is, as outside of a List",
    r"argo:.*\.(inputs|outputs)\.artifacts\.\*\.archive\..*": "how it is packed in its store; steps get it as it was",
    r"argo:.*\.initContainers\.\*\.name": "nothing reads the name of an init container",
    r"argo:.*\.inputs\.artifacts\.\*\.name": "it joins two places of the file, and one that is raw is joined to none",
    r"kfp:metadata\.(name|namespace)|kfp:spec\.pipelineName": "the object registers the pipeline, which is carried",
    r"tekton:(.*\.)?properties\.\*\.type": "Tekton takes no type but string for a part of an object",
    r"tekton:(.*\.)?workspaces\.\*\.optional": "a bound workspace is the same either way; an unbound one is told",
    r"tekton:(.*\.)?(params|results)\.\*\.type": "Tekton refuses a value, or a reference to one, of another type",
    r"tekton:status\..*": "a cluster writes it of a run; nobody sets it, and no run starts from it",
    r"tekton:.*\.?steps\.\*\.name": "nothing reads the name of a step of a Task that has no results",
    r"tekton:.*\.?workspaces\.\*\.(name|workspace)": "it joins two places of the file, and others join them so too",
}
"""Why a change has no effect, by what the path (after `ENGINE:` where that counts) looks like as a whole."""
INSTEAD = {
    r"argo:.*\.valueFrom\.default": "supplied",
    r"kfp:.*\.accelerator\.(count|type)": "resourceType",
    r"kfp:.*\.pvcMount\.\*\.componentInputParameter": "pvcNameParameter",
    r"kfp:.*\.secretAsEnv\.\*\.secretName": "secretNameParameter",
}
"""Fields that an engine reads only where there is no other one beside them."""
OWN = ("argoproj.io/", "tekton.dev/")


def reason_for(source: str, path: str, table: dict[str, str]) -> str:
    """Return why a table lists a path of an engine; empty where it does not."""
    names = (path, f"{source}:{path}")
    found = (why for pattern, why in table.items() if any(re.fullmatch(pattern, name) for name in names))
    return next(found, "")


def meaningless(field: Field, documents: Sequence[Any], source: str) -> bool:
    """Return whether another engine has nothing to do with a field, by EXCEPTIONS.

    An object of another kind in a list is told as a whole. Something else may count in place of a field of Tekton; and
    what a Pipeline passes to a Task in it by the same name, the Task reads anyway.
    """
    data = documents[field.document]
    holder = value_at(data, field.path[:-1])
    if reason_for(source, field.schema_path, INSTEAD) in (holder if isinstance(holder, dict) else ()):
        return True
    if source == "tekton" and re.fullmatch(r".*\.params\.\*\.name", field.schema_path):
        return "taskSpec" in value_at(data, field.path[:-3]) and holder.get("value") == f"$(params.{holder['name']})"
    if field.path[0] == "items" and not str(data["items"][field.path[1]].get("apiVersion")).startswith(OWN):
        return True
    if _is_unread_item(field, data) or _mirrors_nothing(field, data) or _is_always_given(field, data):
        return True
    is_overridden_here = source == "tekton" and is_overridden(field, documents)
    return is_overridden_here or bool(reason_for(source, field.schema_path, EXCEPTIONS))


def _is_always_given(field: Field, data: Any) -> bool:
    """Return whether a field is a default of a component of KFP for which each task gives a value."""
    if not re.fullmatch(r"components\.\*\.inputDefinitions\.parameters\.\*\.defaultValue", field.schema_path):
        return False
    graphs = [data["root"], *data["components"].values()]
    tasks = [task for graph in graphs for task in graph.get("dag", {}).get("tasks", {}).values()]
    inputs = [task.get("inputs", {}) for task in tasks if task["componentRef"]["name"] == field.path[1]]
    return all(field.path[4] in item.get("parameters", {}) for item in inputs)


def _mirrors_nothing(field: Field, data: Any) -> bool:
    """Return whether a container mirrors the mounts of a main one that has none."""
    places = [depth for depth, key in enumerate(field.path) if key == "templates"]
    template = value_at(data, field.path[: places[-1] + 2]) if places else {}
    main = template.get("container") or template.get("script") or {}
    return field.path[-1] == "mirrorVolumeMounts" and not main.get("volumeMounts")


def _is_unread_item(field: Field, data: Any) -> bool:
    """Return whether a field is an item, or a part of one, that no container reads: only how many there are counts."""
    for depth, key in enumerate(field.path):
        step = value_at(data, field.path[:depth])
        if key in ("withItems", "withParam"):
            part = str(field.path[depth + 2]) if len(field.path) > depth + 2 else ""
            return not _reads_item(step, part, data["spec"]["templates"])
        if key == "parameterIterator" and field.path[-1] == "raw":
            key_read = r"(?:, '\w+': 'parseJson\(string_value\)\[\"(.+?)\"\])?"
            reader = rf"componentInputParameter': '{step[key]['itemInput']}'{key_read}"
            return not _parts_changed(value_at(data, field.path)) & set(re.findall(reader, str(data)))
    return False


def _parts_changed(raw: str) -> set[str]:
    """Return the keys of items that a change of a list concerns; an empty one for items that are read as a whole."""
    pairs = zip(json.loads(raw), json.loads(other(raw, "raw")), strict=True)
    changed = [(old, new) for old, new in pairs if old != new and isinstance(old, dict)]
    return {"", *(key for old, new in changed for key in old if old[key] != new[key])}


def _reads_item(step: Any, part: str, templates: Sequence[Any]) -> bool:
    """Return whether a step of Argo, or what it calls, computes with an item, or with a part of it."""
    own = {key: inner for key, inner in step.items() if key not in ("arguments", "withItems", "withParam")}
    passed = [item for item in (step.get("arguments") or {}).get("parameters", ()) if "{{item" in str(item)]
    names = [item["name"] for item in passed if not part or f"item.{part}" in str(item) or "{{item}}" in str(item)]
    callee = next((dict(item) for item in templates if item["name"] == step.get("template")), {})
    callee.pop("metrics", None)  # no other engine has these, which is told
    return "{{item" in str(own) or any(f"inputs.parameters.{name}" in str(callee) for name in names)
