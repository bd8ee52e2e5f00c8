"""Pipelines whose components say that they run, and pipelines with their commands wrapped."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from couler_plugins.api import Text, optimize

__all__ = ["LOG", "PIPELINE", "containers", "program", "ran", "wrapped"]

PIPELINE = "cache{via=wrapper,store=s3://bucket/cache,program=couler}"
LOG = "COULER_TEST_LOG"
"""The variable that says where components write down that they run."""
IMAGE = "example/tool@sha256:" + "0" * 64


def wrapped(text: Text, store: Path | str, options: str = "") -> str:
    """The file with its commands wrapped, and a store that one machine has."""
    pipeline = PIPELINE.replace("}", f",{options}}}") if options else PIPELINE
    (file,) = optimize(text, pipeline).files
    assert file.error is None, file.error
    assert file.text is not None
    return file.text.replace("s3://bucket/cache", str(store))


def program(folder: Path) -> dict[str, str]:
    """Variables with a `PATH` on which `couler` is, as in an image that has it, and where runs are written down."""
    import os

    path = folder / "bin/couler"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'from couler_plugins.cli import main; main()' \"$@\"\n")
    path.chmod(0o755)
    (folder / "log").touch()
    others = [folder for folder in os.environ["PATH"].split(":") if not Path(folder, "couler").exists()]
    return {"PATH": ":".join((str(path.parent), *others)), LOG: str(folder / "log")}


def ran(folder: Path) -> list[str]:
    """The components that have run since this was last called."""
    names = (folder / "log").read_text().split()
    (folder / "log").write_text("")
    return names


def containers(command: list[str] | None = None, **more: Any) -> dict[str, Any]:
    """Container components, as data: an importer, and what reads its artifact.

    Args:
        command: before the script; a shell unless given.
        more: of the executor's container.
    """
    script = (
        'printf "use " >>"$COULER_TEST_LOG"; cp "$0" "$1"; wc -c <"$0" | tr -d " \\n" >"$2"; printf "%s" "$3" >>"$1"'
    )
    args = [
        "{{$.inputs.artifacts['data'].path}}",
        "{{$.outputs.artifacts['copy'].path}}",
        "{{$.outputs.parameters['size'].output_file}}",
        "{{$.inputs.parameters['word']}}",
    ]
    dataset = {"artifactType": {"schemaTitle": "system.Dataset", "schemaVersion": "0.0.1"}}
    container = {"image": IMAGE, "command": [*(command or ["sh", "-c"]), script], "args": args, **more}
    importer = {"artifactUri": {"constant": "s3://bucket/data.txt"}, "typeSchema": dataset["artifactType"]}
    made = {"taskOutputArtifact": {"producerTask": "load", "outputArtifactKey": "artifact"}}
    tasks: dict[str, Any] = {
        "load": {
            "cachingOptions": {"enableCache": True},
            "componentRef": {"name": "comp-load"},
            "taskInfo": {"name": "load"},
        },
        "use": {
            "cachingOptions": {"enableCache": True},
            "componentRef": {"name": "comp-use"},
            "dependentTasks": ["load"],
            "inputs": {"artifacts": {"data": made}, "parameters": {"word": {"runtimeValue": {"constant": "!"}}}},
            "taskInfo": {"name": "use"},
        },
    }
    components = {
        "comp-load": {"executorLabel": "exec-load", "outputDefinitions": {"artifacts": {"artifact": dataset}}},
        "comp-use": {
            "executorLabel": "exec-use",
            "inputDefinitions": {"artifacts": {"data": dataset}, "parameters": {"word": {"parameterType": "STRING"}}},
            "outputDefinitions": {"artifacts": {"copy": dataset}, "parameters": {"size": {"parameterType": "STRING"}}},
        },
    }
    executors = {"exec-load": {"importer": importer}, "exec-use": {"container": container}}
    spec = {
        "pipelineInfo": {"name": "containers"},
        "schemaVersion": "2.1.0",
        "deploymentSpec": {"executors": executors},
        "components": components,
        "root": {"dag": {"tasks": tasks}},
    }
    return {"spec": spec, "platform": {}}
