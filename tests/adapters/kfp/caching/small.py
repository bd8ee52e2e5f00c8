"""Small compiled pipelines, as data: two tasks, one after another, of which a test changes something."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from couler_kfp.cache.cache import KfpCache
from couler_plugins.api import Text, lift, optimize

__all__ = ["MADE", "change", "decisions", "document", "known_of", "pipeline", "pure", "rules", "text"]

CONTAINER: dict[str, Any] = {
    "image": "example/tool@sha256:" + "0" * 64,
    "command": ["tool"],
    "args": ["{{$.inputs.parameters['number']}}", "{{$.outputs.artifacts['out'].uri}}"],
}
MADE = {"taskOutputArtifact": {"producerTask": "make", "outputArtifactKey": "out"}}
DATASET = {"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}}
ON = {"enableCache": True}


def pipeline() -> dict[str, Any]:
    """`make` makes an artifact of a constant, `use` a value of that; both are on, as the SDK leaves them."""
    make = {
        "cachingOptions": ON,
        "componentRef": {"name": "comp-make"},
        "inputs": {"parameters": {"number": {"runtimeValue": {"constant": 5}}}},
        "taskInfo": {"name": "make"},
    }
    use = {
        "cachingOptions": ON,
        "componentRef": {"name": "comp-use"},
        "dependentTasks": ["make"],
        "inputs": {"artifacts": {"data": MADE}},
        "taskInfo": {"name": "use"},
    }
    components = {
        "comp-make": {
            "executorLabel": "exec-make",
            "inputDefinitions": {"parameters": {"number": {"parameterType": "NUMBER_INTEGER"}}},
            "outputDefinitions": {"artifacts": {"out": DATASET}},
        },
        "comp-use": {
            "executorLabel": "exec-use",
            "inputDefinitions": {"artifacts": {"data": DATASET}},
            "outputDefinitions": {"parameters": {"Output": {"parameterType": "STRING"}}},
        },
    }
    spec = {
        "pipelineInfo": {"name": "small"},
        "schemaVersion": "2.1.0",
        "deploymentSpec": {"executors": {"exec-make": {"container": CONTAINER}, "exec-use": {"container": CONTAINER}}},
        "components": components,
        "root": {"dag": {"tasks": {"make": make, "use": use}}},
    }
    return {"spec": json.loads(json.dumps(spec)), "platform": {}}  # nothing in it is shared


def change(data: dict[str, Any], path: str, content: Any) -> dict[str, Any]:
    """The pipeline with something else at a place, such as `spec/root/dag/tasks/make`; changed in place."""
    keys = path.split("/")
    holder = data
    for key in keys[:-1]:
        holder = holder.setdefault(key, {})
    holder[keys[-1]] = copy.deepcopy(content)
    return data


def pure(data: dict[str, Any], *labels: str, said: str = "pure", **more: str) -> dict[str, Any]:
    """The pipeline with what an owner says of some executors."""
    for label in labels:
        path = f"platform/platforms/kubernetes/deploymentSpec/executors/{label}"
        change(data, f"{path}/podMetadata", {"annotations": {"couler.io/cache": said, **more}})
    return data


def text(data: Mapping[str, Any]) -> Text:
    """The file."""
    documents = [data["spec"], *([data["platform"]] if data["platform"] else ())]
    return Text("\n---\n".join(map(json.dumps, documents)))


def document(data: Mapping[str, Any], options: str = "cache") -> dict[str, Any]:
    """The PipelineSpec after an optimizer."""
    (file,) = optimize(text(data), options).files
    if file.error is not None:
        raise file.error
    found: dict[str, Any] = file.documents[0]
    return found


def decisions(data: Mapping[str, Any], options: str = "cache") -> dict[str, Any]:
    """The decisions about tasks, by task."""
    (file,) = optimize(text(data), options).files
    assert file.error is None, file.error
    return {item.subject.removeprefix("root/"): item for item in file.decisions if item.subject}


def rules(data: Mapping[str, Any], options: str = "cache") -> dict[str, tuple[str, bool]]:
    """The rule about each task (empty where it is cached), and whether it is on afterwards."""
    tasks = document(data, options)["root"]["dag"]["tasks"]
    return {
        name: (str(dict(item.figures).get("rule", "")), tasks[name].get("cachingOptions", {}).get("enableCache", False))
        for name, item in decisions(data, options).items()
        if name in tasks
    }


def known_of(data: dict[str, Any], path: Path, **result: Any) -> Path:
    """A record with one result, of `make`, under its real key."""
    (workflow,) = lift(text(data)).workflows
    key = KfpCache(workflow).result_keys()["root", "make"]
    path.write_text(json.dumps({"schema": "couler.known-results/v1", "results": [{"key": key, **result}]}), "utf-8")
    return path
