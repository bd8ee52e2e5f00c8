"""Pipelines with chains of Python components, and what `fuse` makes of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from typing import Any

from adapters.kfp.local.running import Outcome
from couler_plugins.api import Text, optimize
from couler_plugins.driver.results import Result

__all__ = ["ALL", "FUSE", "actions", "apart", "fuse", "reasons", "uncached", "values_of"]

FUSE = "fuse{keep-original=false}"
ALL = "fuse{keep-original=false,allow=files}"


def uncached(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline whose tasks KFP does not cache."""
    changed = copy.deepcopy(dict(spec))
    for holder in (changed["root"], *changed["components"].values()):
        for task in holder.get("dag", {}).get("tasks", {}).values():
            task["cachingOptions"] = {}
    return changed


def apart(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A pipeline whose tasks have components of their own: `kfp.local` mixes up artifacts of those that share one."""
    changed = uncached(spec)
    components, executors = changed["components"], changed["deploymentSpec"]["executors"]
    for name, task in changed["root"]["dag"]["tasks"].items():
        component = components[task["componentRef"]["name"]]
        components[f"comp-of-{name}"] = {**component, "executorLabel": f"exec-of-{name}"}
        executors[f"exec-of-{name}"] = executors[component["executorLabel"]]
        task["componentRef"] = {"name": f"comp-of-{name}"}
    return changed


def fuse(spec: Mapping[str, Any], pipeline: str = ALL) -> Result:
    """A pipeline with its chains fused."""
    return optimize(Text(json.dumps(spec), "pipeline.yaml"), pipeline)


def actions(result: Result) -> list[str]:
    """What was done, for people."""
    return [item.action for file in result.files for item in file.decisions if item.action]


def reasons(result: Result) -> str:
    """Why links of chains stay."""
    return "\n".join(item.reason for file in result.files for item in file.decisions if not item.action)


def values_of(outcome: Outcome) -> Sequence[str]:
    """All that tasks have handed out, whatever they are called."""
    return sorted(json.dumps(value, sort_keys=True) for values in outcome.tasks.values() for value in values)
