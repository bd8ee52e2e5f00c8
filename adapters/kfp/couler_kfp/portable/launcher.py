"""Runs a Python component of KFP without KFP's launcher: tells it what it is given, and keeps what it gives.

This text runs in the component's own image, by any Python that KFP supports: it imports the standard library only. No
two opening braces may stand next to each other in it, since Argo would take them for a tag.

    python3 -c TEXT DESCRIPTION VALUE... COMMAND...

The description is JSON: `parameters` (pairs of name and type, one for each value), `inputs` and `outputs` (types of
artifacts by name), `values` (types of parameters that go out by name), and the `folder` in which all of that is.
Sources: `kfp.dsl.executor` (what it reads and writes), KFP's `metadata/converter.go` (texts of parameters).
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ABSENT = "<absent>"
"""The value of an input that nothing was passed for, and that has no default."""
TOLD = "<executor-input>"
"""Where, in the command, the executor is told what it is given."""
GOOD = ("Succeeded", "Completed")
"""What engines call a run that succeeded."""
TRUE = ("1", "t", "T", "true", "TRUE", "True")


def parsed(text: Any, kind: str) -> Any:
    """A parameter's value from its text."""
    if kind == "STRING":
        return text
    if kind.startswith("LIST:"):  # the items are texts still, for each of them comes from a run of its own
        items = json.loads(text) if isinstance(text, str) else text
        return [parsed(item, kind[5:]) if isinstance(item, (str, list)) else item for item in items]
    if kind == "TASK_FINAL_STATUS":
        state = "SUCCEEDED" if text in GOOD else "FAILED"
        named = ("pipelineJobResourceName", "pipelineTaskName")
        status: Any = dict.fromkeys(named, "")
        status.update(state=state, error={})
        return status
    if not isinstance(text, str):
        return text
    text = text.strip()
    if kind == "BOOLEAN":
        return text in TRUE
    if kind in ("NUMBER_INTEGER", "NUMBER_DOUBLE"):
        number = float(text)
        return int(text) if text.lstrip("-").isdigit() else int(number) if kind == "NUMBER_INTEGER" else number
    return json.loads(text)


def spelled(value: Any) -> str:
    """A parameter's text from its value."""
    if isinstance(value, str):
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def described(description: Any, texts: Any) -> Any:
    """What the executor is told."""
    folder = Path(description["folder"])

    def artifacts(which: str) -> Any:
        artifacts_read: Any = {}
        for name, kind in description[which].items():
            path = folder / which / name
            if which == "outputs" or path.exists():
                item: Any = {"name": name, "type": kind, "uri": str(path), "metadata": {}}
                artifacts_read[name] = {"artifacts": [item]}
        return artifacts_read

    pairs = zip(description["parameters"], texts)  # noqa: B905  # not every Python here knows `strict`
    values = {name: parsed(text, kind) for (name, kind), text in pairs if text != ABSENT}
    outputs = {name: {"outputFile": str(folder / "values" / name)} for name in description["values"]}
    file = str(folder / "executor_output.json")
    return {
        "inputs": {"parameterValues": values, "artifacts": artifacts("inputs")},
        "outputs": {"parameters": outputs, "artifacts": artifacts("outputs"), "outputFile": file},
    }


def keep(description: Any, launch: Any) -> None:
    """Puts what the component made where it is looked for: a file for each output parameter, and each artifact.

    An artifact that was not written holds its metadata, as JSON: that is all that there is of metrics.
    """
    folder = Path(description["folder"])
    file = Path(launch["outputs"]["outputFile"])
    content = json.loads(file.read_text()) if file.exists() else {}
    values = content.get("parameterValues") or {}
    for name, kind in description["values"].items():
        path = folder / "values" / name
        if name not in values and path.exists():
            values[name] = parsed(path.read_text(), kind)
        if name in values:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(spelled(values[name]) + "\n")  # one newline is taken off
    for name in description["outputs"]:
        path = folder / "outputs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        listed = (content.get("artifacts") or {}).get(name, {}).get("artifacts") or [{}]
        for other in (listed[0].get("custom_path"), listed[0].get("uri")):
            if other and not path.exists() and Path(other).exists():
                shutil.move(other, str(path))
        if not path.exists():
            metadata = listed[0].get("metadata")
            path.write_text(json.dumps(metadata) if metadata else "")


def run(command: Any) -> None:
    """Runs a command to its end; exits as it did, where it failed."""
    process = subprocess.Popen(command)  # noqa: S603  # the component's own
    signal.signal(signal.SIGTERM, lambda number, frame: process.send_signal(number))
    code = process.wait()
    if code:
        sys.exit(code if code > 0 else 128 - code)


def main(told_of: str, *others: str) -> None:
    """Runs a component; exits as it did, where it failed."""
    description = json.loads(told_of)
    count = len(description["parameters"])
    launch = described(description, others[:count])
    command = [part.replace(TOLD, json.dumps(launch)) for part in others[count:]]
    run(command)
    keep(description, launch)


if __name__ == "__main__":
    main(*sys.argv[1:])
