"""What one run of `kfp.local` does, in a process of its own: see `running`, which starts it."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from couler_plugins.documents import read

__all__ = ["Recorder", "run", "without_installs"]

COLOUR = re.compile(r"\x1b\[\d+m")
TIMESTAMP = re.compile(r"-\d{4}(-\d\d){5}-\d{6}")
"""What `kfp.local` puts behind the name of a pipeline."""


def run(
    pipeline: str | Callable[[], Any], arguments: Mapping[str, Any], folder: Path, environment: Mapping[str, str]
) -> None:
    """Runs a compiled pipeline, or one that is made here, and writes what came out of it to `outcome.json`.

    Args:
        pipeline: the text of a compiled pipeline, or a function of a module that returns a component.
        arguments: what the pipeline is given.
        folder: where everything is written; what is printed goes to `log`.
        environment: the variables that there are.
    """
    os.environ.clear()
    os.environ.update(environment)
    os.setsid()  # so that whoever waits can end this together with the processes of its steps
    log = os.open(folder / "log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    (folder / "sitecustomize.py").write_text(
        "import random\nrandom.seed(1)\n", "utf-8"
    )  # coins fall as they did before
    os.environ.update(PIP_NO_INDEX="1", PIP_DISABLE_PIP_VERSION_CHECK="1", PYTHONPATH=str(folder))
    os.chdir(folder)
    recorder = Recorder(folder)
    recorder.start()
    outputs, error = {}, ""
    try:
        outputs = _outputs(pipeline, arguments, folder / "root")
    except Exception as caught:  # noqa: BLE001  # whatever a pipeline fails with is its outcome
        error = f"{type(caught).__name__}: {caught}"
    outcome = {
        "outputs": {name: recorder.plain(value) for name, value in sorted(outputs.items())},
        "tasks": recorder.tasks(),
        "error": recorder.plain(error),
    }
    (folder / "outcome.json").write_text(json.dumps(outcome), "utf-8")


def _outputs(pipeline: str | Callable[[], Any], arguments: Mapping[str, Any], root: Path) -> Any:
    from kfp import local

    local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=str(root), workspace_root=str(root / "ws"))
    if callable(pipeline):
        return pipeline()(**arguments).outputs
    from google.protobuf import json_format
    from kfp.local import pipeline_orchestrator
    from kfp.pipeline_spec import pipeline_spec_pb2

    spec = without_installs(read(pipeline, "pipeline").documents[0].data)
    proto = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    return pipeline_orchestrator.run_local_pipeline(proto, dict(arguments))


def without_installs(spec: dict[str, Any]) -> dict[str, Any]:
    """The spec with executors that install nothing: KFP's compiler puts that in front of what they run."""
    deployment = spec.get("deploymentSpec", {})
    executors = {label: _installing_nothing(executor) for label, executor in deployment.get("executors", {}).items()}
    return {**spec, "deploymentSpec": {**deployment, "executors": executors}}


def _installing_nothing(executor: dict[str, Any]) -> dict[str, Any]:
    container = executor.get("container", {})
    command = container.get("command", [])
    if command[:2] != ["sh", "-c"] or "pip install" not in "".join(command[2:3]):
        return executor
    return {**executor, "container": {**container, "command": command[3:]}}


class Recorder:
    """Notes what every task hands out, at that moment: later tasks may write over files of artifacts."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._seen: dict[str, list[Any]] = {}

    def start(self) -> None:
        """Has `kfp.local` tell of every output."""
        from kfp.local.io import IOStore

        put = IOStore.put_task_output

        def recording(store: IOStore, task_name: str, key: str, value: Any) -> None:
            task = re.sub(r"-iteration-\d+$", "", task_name)
            self._seen.setdefault(f"{task}.{key}", []).append(self.plain(value))
            put(store, task_name, key, value)

        IOStore.put_task_output = recording  # this process ends with the run

    def tasks(self) -> dict[str, list[Any]]:
        """What was handed out, by `task.output`; iterations of loops in no order."""
        return {name: sorted(values, key=json.dumps) for name, values in sorted(self._seen.items())}

    def plain(self, value: Any) -> Any:
        """A value as JSON: artifacts with their contents, and no path or time of this run."""
        from kfp.dsl import Artifact

        match value:
            case Artifact():
                content = _content(Path(value.path))
                return {
                    "name": self.plain(value.name),
                    "type": value.schema_title,
                    "metadata": self.plain(value.metadata),
                    "content": self.plain(content),
                }
            case str():
                return TIMESTAMP.sub("", COLOUR.sub("", value).replace(str(self._folder), "<folder>"))
            case list() | tuple():
                return [self.plain(item) for item in value]
            case dict():
                return {key: self.plain(item) for key, item in value.items()}
        return value


def _content(path: Path) -> Any:
    """What a file holds, or each file of a folder; None where there is nothing."""
    if path.is_dir():
        return {item.relative_to(path).as_posix(): _content(item) for item in sorted(path.rglob("*")) if item.is_file()}
    return path.read_bytes().decode("utf-8", "backslashreplace") if path.exists() else None
