"""Stands for the pod of a Tekton task: runs what its steps run, in order, in a folder.

After Tekton 1.15: `pkg/reconciler/taskrun/resources/apply.go` (parameters, paths), `pkg/entrypoint/entrypointer.go` (in
which order a step's variables are filled in, when it is skipped, what it leaves behind where it fails), and, of
Kubernetes, what becomes of `$$` in arguments and of messages that are too long. Steps see no image: those that
are given `couler` run the command of this project, all others what this machine has.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from click.testing import CliRunner

__all__ = ["Ended", "Pod", "in_process", "in_processes"]

Run = Callable[[Sequence[str], Mapping[str, str]], tuple[int, str]]
STEP_RESULT = re.compile(r"\$\(steps\.([\w-]+)\.results\.([\w-]+)\)")
VARIABLE = re.compile(r"\$\(([^()\s]*)\)")
EXPANDED = re.compile(r"\$(?:(\$)|\((\w+)\))")
NAMES = re.compile(r"""\.?([^.\[\]"']+)|\["([^"]+)"\]""")
INITS = 3
POD_MESSAGE, CONTAINER_MESSAGE = 12_288, 4_096
STAMP = {"key": "StartedAt", "value": "2026-11-26T15:00:00.000Z", "type": 3}


def in_process(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Runs `couler` in this process."""
    from couler_plugins.cli.group import couler

    found = CliRunner(env={**dict.fromkeys(_ours()), **environment}).invoke(couler, arguments)
    return found.exit_code, found.output


def in_processes(arguments: Sequence[str], environment: Mapping[str, str]) -> tuple[int, str]:
    """Runs `couler` in a process of its own."""
    command = [sys.executable, "-c", "from couler_plugins.cli import main; main()", *arguments]
    around = {key: text for key, text in os.environ.items() if key not in _ours()}
    done = subprocess.run(command, env={**around, **environment}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def _ours() -> list[str]:
    return [name for name in os.environ if name.startswith("COULER_")]


@dataclass(frozen=True)
class Ended:
    """How a task has ended.

    Attributes:
        succeeded: whether it did.
        results: its results.
        ran: the names of the steps that were not skipped.
        said: what our steps said.
    """

    succeeded: bool
    results: dict[str, str]
    ran: list[str]
    said: str = ""


@dataclass
class Pod:
    """One pod.

    Attributes:
        folder: an empty folder, which stands for its file system.
        task: the spec of a task.
        params: what it is given: texts, lists and mappings.
        workspaces: where its workspaces are.
        couler: runs `couler`.
    """

    folder: Path
    task: Mapping[str, Any]
    params: Mapping[str, Any]
    workspaces: Mapping[str, Path]
    couler: Run = in_process
    _messages: dict[str, str] = field(default_factory=dict)

    def run(self) -> Ended:
        """Runs all steps."""
        (self.folder / "tekton/results").mkdir(parents=True)
        ran, said, succeeded = [], [], True
        steps = list(self.task["steps"])
        names = [step.get("name") or f"unnamed-{number}" for number, step in enumerate(steps)]
        for name in names:
            (self._home(name) / "results").mkdir(parents=True)
        for number, (name, step) in enumerate(zip(names, steps, strict=True)):
            code, output = self._step(number, name, step)
            if code is None:
                (self._home(name) / "exitCode").write_text("0")
                continue
            ran.append(name)
            said.append(output)
            careful = step.get("onError") == "continue"
            if not code or careful:
                (self._home(name) / "exitCode").write_text(str(code))
            if not self._report(step) or (code and not careful):
                succeeded = False
                break
        return Ended(succeeded, dict(self._messages) if succeeded else {}, ran, "".join(said))

    def _home(self, name: str) -> Path:
        return self.folder / "tekton/steps" / f"step-{name}"

    def _step(self, number: int, name: str, step: Mapping[str, Any]) -> tuple[int | None, str]:
        """The exit code of a step, and what it has said; no code where it was skipped."""
        filled = self._filled(step, name)
        environment = {item["name"]: item.get("value", "") for item in filled.get("env", ())}
        words = [*filled.get("command", ()), *filled.get("args", ())]
        # Kubernetes fills in the variables of the container, before Tekton's entrypoint begins.
        words = [EXPANDED.sub(lambda found: _expanded(found, environment), word) for word in words]
        whens = [dict(item) for item in filled.get("when", ())]
        try:
            environment = {key: self._with_results(text) for key, text in environment.items()}
            for item in whens:
                assert "cel" not in item, "CEL is not looked at here"
                item["values"] = [self._with_results(text) for text in item["values"]]
                item["input"] = self._with_results(item["input"])
            words = [self._with_results(word) for word in words]
        except FileNotFoundError:
            pass  # what follows stays as it is, as in Tekton
        if not all((item["input"] in item["values"]) is (item["operator"] == "in") for item in whens):
            return None, ""
        if words[:1] == ["couler"]:
            return self.couler(words[1:], environment)
        if "script" in filled:
            script = filled["script"]
            place = self.folder / f"script-{number}"
            place.write_text(script if script.startswith("#!") else f"#!/bin/sh\nset -e\n{script}")
            place.chmod(0o755)
            words = [str(place), *words]
        around = {"PATH": os.environ["PATH"], "HOME": str(self.folder), **environment}
        done = subprocess.run(words, env=around, cwd=self.folder, capture_output=True, text=True, check=False)
        return done.returncode, ""

    def _with_results(self, text: str) -> str:
        return STEP_RESULT.sub(lambda found: _as_text((self._home(found[1]) / "results" / found[2]).read_text()), text)

    def _report(self, step: Mapping[str, Any]) -> bool:
        """Takes over the results as they are after a step; whether they fit into its message."""
        own = {item["name"]: self._home(step.get("name", "")) / "results" for item in step.get("results", ())}
        own = {name: place / name for name, place in own.items()}
        results = {item["name"]: self.folder / "tekton/results" / item["name"] for item in self.task.get("results", ())}
        found = {name: place.read_text() for name, place in results.items() if place.is_file()}
        entries = [{"key": name, "value": text, "type": 1} for name, text in found.items()]
        entries += [
            {"key": name, "value": place.read_text(), "type": 4} for name, place in own.items() if place.exists()
        ]
        self._messages.update(found)
        containers = INITS + len(self.task["steps"]) + len(self.task.get("sidecars", ()))
        return len(json.dumps([STAMP, *entries], separators=(",", ":"))) <= min(
            CONTAINER_MESSAGE, POD_MESSAGE // containers
        )

    def _filled(self, content: Any, step: str) -> Any:
        """A part of a step, with what is known before any step runs."""
        if isinstance(content, dict):
            return {key: self._filled(item, step) for key, item in content.items()}
        if isinstance(content, list):
            return [item for one in content for item in self._items(one, step)]
        if isinstance(content, str):
            return VARIABLE.sub(lambda found: self._value(found[0], found[1], step), content)
        return content

    def _items(self, content: Any, step: str) -> list[Any]:
        if isinstance(content, str) and (found := re.fullmatch(r"\$\(params(.*)\[\*\]\)", content)):
            return list(self.params[_names(found[1])[0]])
        return [self._filled(content, step)]

    def _value(self, native: str, variable: str, step: str) -> str:
        match _names(variable):
            case ["params", name]:
                return str(self.params[name])
            case ["params", name, key]:
                return str(self.params[name][key])
            case ["results", name, "path"]:
                return str(self.folder / "tekton/results" / name)
            case ["step", "results", name, "path"]:
                return str(self._home(step) / "results" / name)
            case ["steps", name, "exitCode", "path"]:
                return str(self._home(name.removeprefix("step-")) / "exitCode")
            case ["workspaces", name, "path"]:
                return str(self.workspaces[name])
            case ["context", "taskRun", what]:
                return {"name": "run-1", "namespace": "default"}[what]
        return native


def _as_text(result: str) -> str:
    """What Tekton fills in for the result of a step: it reads each as JSON (`ParamValue.UnmarshalJSON`)."""
    with contextlib.suppress(ValueError):
        match json.loads(result or '""'):
            case str(text):
                return text
            case list(items) if result.startswith("[") and all(isinstance(item, str) for item in items):
                return ""
            case dict(items) if result.startswith("{") and all(isinstance(item, str) for item in items.values()):
                return ""
            case None:
                return ""
    return result


def _names(variable: str) -> list[str]:
    return [plain or quoted for plain, quoted in NAMES.findall(variable)]


def _expanded(found: re.Match[str], environment: Mapping[str, str]) -> str:
    return "$" if found[1] else environment.get(found[2], found[0])
