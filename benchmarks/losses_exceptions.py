"""Fields whose change means nothing to another engine, each with the reason; and losses that are not told yet."""

from __future__ import annotations

import re
from typing import Any

from benchmarks.losses_mutations import Field

EXCEPTIONS = {
    r"(.*\.)?parameterType": "others pass texts; KFP checks types when it compiles, and the values stay the same",
    r"(.*\.)?isOptional": "a default beside it says the same",
    r"(.*\.)?artifactType\.schema(Title|Version)": "others pass files; KFP checks types when it compiles",
    r"(.*\.)?sdkVersion": "who wrote the file is not what it does",
    r"kfp:metadata\.(name|namespace)|kfp:spec\.pipelineName": "the object registers the pipeline, which is carried",
    r"tekton:.*\.?steps\.\*\.name": "nothing reads the name of a step of a Task that has no results",
    r"tekton:.*\.?workspaces\.\*\.(name|workspace)": "it joins two places of the file, and others join them so too",
}
"""Why a change has no effect, by what the path (after `ENGINE:` where that counts) looks like as a whole."""
KNOWN = {
    r"kfp:.*\.cachingOptions\.cacheKey": "the adapter's note speaks of `is not cached`, and not of the key",
    r"kfp:.*\.parameterExpressionSelector": "a placeholder for an outer loop takes it away; its note names the loop",
    r"kfp:.*\.parameterIterator\..*": "a placeholder for an outer loop takes it away; its note names the loop",
}
"""Losses that adapters have to tell; this is to become empty."""
OWN = ("argoproj.io/", "tekton.dev/")


def reason_for(source: str, path: str, table: dict[str, str]) -> str:
    """Return why a table lists a path of an engine; empty where it does not."""
    names = (path, f"{source}:{path}")
    found = (why for pattern, why in table.items() if any(re.fullmatch(pattern, name) for name in names))
    return next(found, "")


def meaningless(field: Field, data: Any, source: str) -> bool:
    """Return whether another engine has nothing to do with a field, by EXCEPTIONS.

    An object of another kind in a list is told as a whole.
    """
    if field.path[0] == "items" and not str(data["items"][field.path[1]].get("apiVersion")).startswith(OWN):
        return True
    return bool(reason_for(source, field.schema_path, EXCEPTIONS))
