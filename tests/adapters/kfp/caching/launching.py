"""What runs the tasks of a compiled pipeline as KFP's backend does: a container each, around which is the launcher.

Made after `backend/src/v2` of kubeflow/pipelines: `driver.go` (`provisionOutputs`, and that unknown configuration is
left out), `launcher_v2.go` (`compileCmdAndArgs`, `prepareOutputFolders`, `collectOutputParameters`, what is uploaded).
A container is a process here; paths of the container are in a folder of the task.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import uuid
from collections.abc import Mapping, Sequence
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Launcher", "TaskRun"]


class TaskRun(NamedTuple):
    """What is seen of a task that has run: its outputs, the metadata of its artifacts, and what it printed."""

    code: int
    parameters: dict[str, str]
    artifacts: dict[str, dict[str, Any]]
    log: str


class Launcher:
    """The backend, with its object store in a folder.

    Args:
        root: where everything is written.
        environment: of the containers, beside that of the tests.
        before: what stands before each command, such as another user.

    Attributes:
        environment: all of it.
    """

    def __init__(self, root: Path, environment: Mapping[str, str] = {}, before: Sequence[str] = ()) -> None:
        self._root, self._before = root, list(before)
        self.environment = {**os.environ, **environment}

    def run(self, spec: Mapping[str, Any], skipped: Sequence[str] = ()) -> dict[str, TaskRun]:
        """Run the tasks of the root, one after another; those that fail end the run."""
        tasks = spec["root"]["dag"]["tasks"]
        done: dict[str, TaskRun] = {}
        for name in TopologicalSorter(
            {name: task.get("dependentTasks", ()) for name, task in tasks.items()}
        ).static_order():
            done[name] = self._task(name, tasks[name], spec, done)
            if done[name].code:
                break
        return done

    def _task(
        self, name: str, task: Mapping[str, Any], spec: Mapping[str, Any], done: Mapping[str, TaskRun]
    ) -> TaskRun:
        component = spec["components"][task["componentRef"]["name"]]
        executor = spec["deploymentSpec"]["executors"][component["executorLabel"]]
        given = task.get("inputs", {})
        if "importer" in executor:
            uri = executor["importer"]["artifactUri"]["constant"]
            return TaskRun(0, {}, {"artifact": {"uri": uri, "metadata": {}, "name": "artifact"}}, "")
        defaults = component.get("inputDefinitions", {}).get("parameters", {})
        values = {key: port["defaultValue"] for key, port in defaults.items() if "defaultValue" in port}
        for key, source in given.get("parameters", {}).items():
            output = source.get("taskOutputParameter")
            values[key] = (
                done[output["producerTask"]].parameters[output["outputParameterKey"]]
                if output
                else source["runtimeValue"]["constant"]
            )
        artifacts = {}
        for key, source in given.get("artifacts", {}).items():
            output = source["taskOutputArtifact"]
            made = done[output["producerTask"]].artifacts[output["outputArtifactKey"]]
            artifacts[key] = {**made, "name": str(uuid.uuid4())}
        return self._container(name, component, executor["container"], values, artifacts)

    def _container(
        self,
        name: str,
        component: Mapping[str, Any],
        container: Mapping[str, Any],
        values: dict[str, Any],
        read: dict[str, Any],
    ) -> TaskRun:
        pod = self._root / "pods" / uuid.uuid4().hex
        place = f"s3://bucket/artifacts/{name}/{uuid.uuid4()}"
        outputs = component.get("outputDefinitions", {})
        written = {
            key: {"name": key, "type": port["artifactType"], "uri": f"{place}/{key}"}
            for key, port in outputs.get("artifacts", {}).items()
        }
        files = {key: str(pod / "tmp/kfp/outputs" / key) for key in outputs.get("parameters", {})}
        metadata = pod / "tmp/kfp_outputs/output_metadata.json"
        told = {
            "inputs": {
                "parameterValues": values,
                "artifacts": {key: {"artifacts": [one]} for key, one in read.items()},
            },
            "outputs": {
                "parameters": {key: {"outputFile": path} for key, path in files.items()},
                "artifacts": {key: {"artifacts": [one]} for key, one in written.items()},
                "outputFile": str(metadata),
            },
        }
        words = {"{{$}}": json.dumps(told)}
        words |= {f"{{{{$.inputs.parameters['{key}']}}}}": _text(value) for key, value in values.items()}
        words |= {f"{{{{$.outputs.parameters['{key}'].output_file}}}}": path for key, path in files.items()}
        for side, ones in (("inputs", read), ("outputs", written)):
            for key, one in ones.items():
                words[f"{{{{$.{side}.artifacts['{key}'].uri}}}}"] = one["uri"]
                words[f"{{{{$.{side}.artifacts['{key}'].path}}}}"] = str(self._local(pod, one["uri"]))
        for one in read.values():
            self._copy(self._stored(one["uri"]), self._local(pod, one["uri"]))
        for path in [*map(Path, files.values()), metadata, *(self._local(pod, one["uri"]) for one in written.values())]:
            path.parent.mkdir(parents=True, exist_ok=True)
        for folder in pod.rglob("*"):
            folder.chmod(0o777)
        own: list[str] = [*container.get("command", ()), *container.get("args", ())]
        command = [own[0], *(_filled(word, words) for word in own[1:])]
        environment = {**self.environment, **{item["name"]: item["value"] for item in container.get("env", ())}}
        ran = subprocess.run(
            [*self._before, *command], env=environment, capture_output=True, text=True, check=False, cwd="/"
        )
        if ran.returncode:
            return TaskRun(ran.returncode, {}, {}, ran.stdout + ran.stderr)
        told_of = json.loads(metadata.read_text()) if metadata.exists() else {}
        parameters = {key: _text(value) for key, value in told_of.get("parameterValues", {}).items()}
        parameters |= {key: Path(path).read_text() for key, path in files.items() if key not in parameters}
        artifacts = {}
        for key, one in written.items():
            (more,) = told_of.get("artifacts", {}).get(key, {}).get("artifacts", [{}])
            artifacts[key] = {
                "uri": more.get("uri", one["uri"]),
                "metadata": more.get("metadata", {}),
                "type": one["type"],
            }
            self._copy(self._local(pod, one["uri"]), self._stored(artifacts[key]["uri"]))
        return TaskRun(0, parameters, artifacts, ran.stdout + ran.stderr)

    def content(self, artifact: Mapping[str, Any]) -> str:
        """What is in an artifact that is a file."""
        return self._stored(artifact["uri"]).read_text()

    def put(self, uri: str, content: str) -> None:
        """Put a file into the object store."""
        self._stored(uri).parent.mkdir(parents=True, exist_ok=True)
        self._stored(uri).write_text(content)

    def _stored(self, uri: str) -> Path:
        return self._root / "store" / uri.removeprefix("s3://")

    def _local(self, pod: Path, uri: str) -> Path:
        return pod / "s3" / uri.removeprefix("s3://")

    def _copy(self, source: Path, target: Path) -> None:
        if source.is_dir():
            shutil.copytree(source, target)
        elif source.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if isinstance(value, str) else json.dumps(value)


def _filled(word: str, words: Mapping[str, str]) -> str:
    for placeholder, text in words.items():
        word = word.replace(placeholder, text)
    return word
