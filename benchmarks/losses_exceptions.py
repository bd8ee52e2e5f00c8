"""Fields whose change means nothing to another engine, each with the reason; and losses that are not told yet."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from benchmarks.losses_mutations import Field, value_at
from benchmarks.losses_tekton import is_overridden

EXCEPTIONS = {
    r"(.*\.)?parameterType": "others pass texts; KFP checks types when it compiles, and the values stay the same",
    r"(.*\.)?isOptional": "a default beside it says the same",
    r"(.*\.)?artifactType\.schema(Title|Version)": "others pass files; KFP checks types when it compiles",
    r"(.*\.)?sdkVersion": "who wrote the file is not what it does",
    r"kfp:metadata\.(name|namespace)|kfp:spec\.pipelineName": "the object registers the pipeline, which is carried",
    r"tekton:(.*\.)?properties\.\*\.type": "Tekton takes no type but string for a part of an object",
    r"tekton:(.*\.)?workspaces\.\*\.optional": "a bound workspace is the same either way; an unbound one is told",
    r"tekton:(.*\.)?(params|results)\.\*\.type": "Tekton refuses a value, or a reference to one, of another type",
    r"tekton:status\..*": "a cluster writes it of a run; nobody sets it, and no run starts from it",
    r"tekton:.*\.?steps\.\*\.name": "nothing reads the name of a step of a Task that has no results",
    r"tekton:.*\.?workspaces\.\*\.(name|workspace)": "it joins two places of the file, and others join them so too",
}
"""Why a change has no effect, by what the path (after `ENGINE:` where that counts) looks like as a whole."""
KNOWN = {
    r"kfp:.*\.parameterExpressionSelector": "a placeholder for an outer loop takes it away; its note names the loop",
    r"kfp:.*\.parameterIterator\..*": "a placeholder for an outer loop takes it away; its note names the loop",
    r"kfp:platforms\..*": "carried where the file itself is changed; the benchmark does not see its second document",
    r"kfp:root\.dag\.tasks\..*\.dependentTasks\..*": "an order that the data gives as well",
    r"argo:items\.\*\.apiVersion": "the version of an object in a List, of which there is one",
    r"argo:spec\.arguments\.parameters\.\*\.valueFrom\..*": "a parameter that no step reads; not told yet",
    r"argo:.*\.mirrorVolumeMounts": "the main container has no mounts; not told yet",
    r"argo:.*\.outputs\.parameters\.\*\.valueFrom\.(default|parameter)": "an output that nobody reads; not told yet",
    r"argo:.*\.(inputs\.artifacts\.\*\.path|outputs\.artifacts\.\*\.s3\.key)": "in KFP's own store; not told yet",
}
"""Losses that adapters have to tell; this is to become empty."""
INSTEAD = {r"kfp:.*\.secretAsEnv\.\*\.secretName": "secretNameParameter"}
"""Fields that KFP reads only where there is no other one beside them."""
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
    is_overridden_here = source == "tekton" and is_overridden(field, documents)
    return is_overridden_here or bool(reason_for(source, field.schema_path, EXCEPTIONS))
