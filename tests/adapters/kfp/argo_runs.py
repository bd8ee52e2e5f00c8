"""Really runs Argo Workflows of dags and containers, one container after another, as processes of this machine.

It shares no code with the adapters. What is in `/tmp/kfp…` or `/tmp/tekton…` of a container is in a folder of its own
here; images are not looked at.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

__all__ = ["ArgoRun"]

TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
CHAIN = re.compile(r"\b(?:workflow|inputs|tasks|item)(?:\.[\w-]+|\['[^']*'\])+")
NEED = re.compile(r"([A-Za-z][\w-]*)(?:\.(Succeeded|Failed|Errored|Skipped|Omitted))?")
BARE = ("Succeeded", "Skipped")
"""What a name by itself accepts; nothing runs beside others here."""


class ArgoRun:
    """One run.

    Attributes:
        states: what became of each task, by its path (`name/name`).
        outputs: the values and files that each task gave, by its path and then by name.
    """

    def __init__(self, document: Any, folder: Path, **parameters: str) -> None:
        spec = document["spec"]
        self._templates = {item["name"]: item for item in spec["templates"]}
        self._folder = folder
        given = {item["name"]: item.get("value") for item in (spec.get("arguments") or {}).get("parameters", ())}
        self._globals = {f"workflow.parameters.{name}": value for name, value in {**given, **parameters}.items()}
        self._globals["workflow.uid"] = "uid"
        self._pods = 0
        self.states: dict[str, str] = {}
        self.outputs: dict[str, dict[str, Any]] = {}
        self.state, self.result = self._call(spec["entrypoint"], {}, "")

    def _call(self, name: str, given: Mapping[str, Any], path: str) -> tuple[str, dict[str, Any]]:
        template = self._templates[name]
        self._pods += 1
        scope = {**self._globals, "pod.name": f"P{self._pods}P"}
        own: dict[str, Any] = {}
        for port in (template.get("inputs") or {}).get("parameters", ()):
            plain = port.get("value", port.get("default"))
            plain = _filled(plain, scope) if "{{" in str(plain) else plain
            own[f"inputs.parameters.{port['name']}"] = given.get(port["name"], plain)
        scope |= own
        for port in (template.get("inputs") or {}).get("artifacts", ()):
            if port["name"] in given or not port.get("optional"):
                scope[f"inputs.artifacts.{port['name']}"] = given[port["name"]]
        if "dag" in template:
            return self._dag(template, scope, path)
        attempts = 1 + int((template.get("retryStrategy") or {}).get("limit", 0))
        for attempt in range(attempts):
            state, made = self._pod(template, scope, f"{path or name}-{attempt}")
            if state == "Succeeded":
                return state, made
        return "Failed", {}

    def _dag(self, template: Any, scope: dict[str, Any], path: str) -> tuple[str, dict[str, Any]]:
        pending = {task["name"]: task for task in template["dag"]["tasks"]}
        states: dict[str, str] = {}
        while pending:
            ready = [task for task in pending.values() if not _waited_for(task) & pending.keys()]
            assert ready, f"a cycle: {sorted(pending)}"
            for task in ready:
                del pending[task["name"]]
                inner = f"{path}/{task['name']}".lstrip("/")
                state, made = self._task(task, states, scope, inner)
                states[task["name"]] = self.states[inner] = state
                self.outputs[inner] = made
                scope[f"tasks.{task['name']}.status"] = state
                for name, value in made.items():
                    scope[f"tasks.{task['name']}.outputs.{name}"] = value
        failed = "Failed" in states.values()
        made = {} if failed else self._handed(template, scope)
        return ("Failed" if failed else "Succeeded"), made

    def _task(
        self, task: Any, states: Mapping[str, str], scope: dict[str, Any], path: str
    ) -> tuple[str, dict[str, Any]]:
        if task.get("depends") and not _holds(task["depends"], states):
            return "Omitted", {}
        if task.get("when") and not _runs(task["when"], scope):
            return "Skipped", {}
        items: list[Any] = [None]
        if "withItems" in task:
            items = task["withItems"]
        elif "withParam" in task:
            items = json.loads(_filled(task["withParam"], scope))
        state = "Succeeded"
        made: dict[str, Any] = {}
        each_made: list[dict[str, Any]] = []
        for number, item in enumerate(items):
            looped = {"item": _item(item)}
            if isinstance(item, dict):
                looped |= {f"item.{key}": _item(value) for key, value in item.items()}
            each = path if item is None else f"{path}({number})"
            found, made = self._call(task["template"], _arguments(task, {**scope, **looped}), each)
            self.outputs[each] = made
            each_made.append(made)
            state = found if found != "Succeeded" else state
        if items != [None]:
            made = {
                name: _gathered([one[name] for one in each_made]) for name in (made if state == "Succeeded" else ())
            }
        for hook in (task.get("hooks") or {}).values():
            self.states[f"{path}.exit"], self.outputs[f"{path}.exit"] = self._call(
                hook["template"], _arguments(hook, scope), f"{path}.exit"
            )
        return state, made

    @staticmethod
    def _handed(template: Any, scope: Mapping[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for plural, key in (("parameters", "valueFrom"), ("artifacts", None)):
            for port in (template.get("outputs") or {}).get(plural, ()):
                source = port[key] if key else port
                plain = source.get("parameter", source.get("from"))
                expression = source.get("expression", source.get("fromExpression"))
                value = _value(plain, scope) if plain else _evaluated(expression, scope)
                made[f"{plural}.{port['name']}"] = value
        return made

    def _pod(self, template: Any, scope: Mapping[str, Any], name: str) -> tuple[str, dict[str, Any]]:
        home = self._folder / re.sub(r"\W", "-", name)
        (home / "couler").mkdir(parents=True)

        def here(text: str) -> str:
            return re.sub("/tmp/(kfp|tekton|couler)", rf"{home}/\1", text).replace("/argo/staging", str(home))

        for port in (template.get("inputs") or {}).get("artifacts", ()):
            if (source := scope.get(f"inputs.artifacts.{port['name']}")) is not None:
                target = Path(here(port["path"]))
                target.parent.mkdir(parents=True, exist_ok=True)
                (shutil.copytree if Path(source).is_dir() else shutil.copy)(source, target)
                scope = {**scope, f"inputs.artifacts.{port['name']}.path": str(target)}
        containers = template.get("containerSet", {}).get("containers") or [
            template.get("container") or template["script"]
        ]
        for key, text in ((template.get("metadata") or {}).get("annotations") or {}).items():
            if key.startswith("couler.io/script-"):
                (home / key.removeprefix("couler.io/script-")).write_text(_filled(here(text), scope))
        done = self._process(containers[0], scope, home, here)
        for container in containers[1:]:  # each waits for the one before it
            done = done if done.returncode else self._process(container, scope, home, here)
        if done.returncode:
            (home / "stderr").write_bytes(done.stderr)
            return "Failed", {}
        results: dict[str, Any] = {"result": done.stdout.decode(errors="replace").removesuffix("\n")}
        for port in (template.get("outputs") or {}).get("parameters", ()):
            if "value" in port:
                results[f"parameters.{port['name']}"] = _filled(port["value"], scope)
            else:
                file = Path(here(port["valueFrom"]["path"]))
                results[f"parameters.{port['name']}"] = file.read_text().removesuffix("\n")
        for port in (template.get("outputs") or {}).get("artifacts", ()):
            results[f"artifacts.{port['name']}"] = here(port["path"])
            assert Path(results[f"artifacts.{port['name']}"]).exists()
        return "Succeeded", results

    @staticmethod
    def _process(container: Any, scope: Mapping[str, Any], home: Path, here: Any) -> Any:
        """A container of a pod, as it has ended."""
        own: dict[str, str] = {}
        for item in container.get("env", ()):
            if "value" in item:
                own[item["name"]] = _expanded(_filled(here(item["value"]), scope), own)
        words = (*container.get("command", ()), *container.get("args", ()))
        command = [_expanded(_filled(here(part), scope), own).replace("/couler-scripts", str(home)) for part in words]
        if "source" in container:
            (home / "script").write_text(_expanded(_filled(here(container["source"]), scope), {}))
            command.append(str(home / "script"))
        if installing := [number for number, part in enumerate(command) if "pip install" in part]:
            del command[installing[0] - 2 : installing[0] + 2]  # sh -c 'pip install … && "$0" "$@"'
            command.insert(installing[0] - 2, "sh")
        tools = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        return subprocess.run(command, env={**os.environ, **own, "PATH": tools}, capture_output=True, check=False)


def _item(item: Any) -> str:
    """An item as `Item.String` has it: as Go writes JSON, without quotes around it."""
    text = json.dumps(item, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    text = re.sub("[<>&\u2028\u2029]", lambda sign: f"\\u{ord(sign[0]):04x}", text)
    return text[1:-1] if isinstance(item, str) else text


def _gathered(values: list[Any]) -> str:
    """What all runs of a loop gave (`aggregatedJSONValueList`): structures if all of it is such, or else texts."""
    try:
        data = [json.loads(value) for value in values]
    except ValueError:
        data = [None]
    return json.dumps(data if all(isinstance(item, (list, dict)) for item in data) else values)


def _expanded(text: str, known: Mapping[str, str]) -> str:
    """A variable's value as Kubernetes sets it (`third_party/forked/golang/expansion`)."""
    return re.sub(
        r"\$\$|\$\(([^)]*)\)", lambda found: known.get(found[1], found[0]) if found[1] is not None else "$", text
    )


def _arguments(site: Any, scope: Mapping[str, Any]) -> dict[str, Any]:
    arguments = site.get("arguments") or {}
    given: dict[str, Any] = {item["name"]: _filled(item["value"], scope) for item in arguments.get("parameters", ())}
    assert not any("{{" in text for text in given.values()), "Argo would look up what is between braces"
    return given | {item["name"]: _value(item["from"], scope) for item in arguments.get("artifacts", ())}


def _waited_for(task: Any) -> set[str]:
    return {name for name, _ in NEED.findall(task.get("depends", ""))}


def _holds(depends: str, states: Mapping[str, str]) -> bool:
    text = NEED.sub(lambda need: str(states[need[1]] in ((need[2],) if need[2] else BARE)), depends)
    return bool(_python(text))


def _filled(text: Any, scope: Mapping[str, Any]) -> str:
    def fill(tag: re.Match[str]) -> str:
        if tag[1].startswith("="):
            value = _evaluated(tag[1][1:], scope)
            return value if isinstance(value, str) else json.dumps(value)
        return str(scope[tag[1].strip()])

    return TAG.sub(fill, str(text))


def _runs(when: str, scope: Mapping[str, Any]) -> bool:
    """Whether a condition holds: an expression in a tag, or numbers that are compared as plain text."""
    filled = _filled(when, scope)
    if when.startswith("{{="):
        return filled == "true"
    assert not re.search(r"\de|[A-Za-z]", filled), f"govaluate would read {filled!r} as something else"
    return bool(_python(filled))


def _value(text: str, scope: Mapping[str, Any]) -> Any:
    return scope[text[2:-2]] if TAG.fullmatch(text) and "=" not in text else _filled(text, scope)


def _evaluated(text: str, scope: Mapping[str, Any]) -> Any:
    """An expression of expr-lang, as far as the tests have such."""
    if " ? " in text:
        condition, _, others = text.partition(" ? ")
        one, _, other = others.partition(" : ")
        return _evaluated(one if _evaluated(condition, scope) else other, scope)
    named = CHAIN.sub(lambda found: repr(scope.get(re.sub(r"\['([^']*)'\]", r".\1", found[0]))), text)
    return _python(named)


def _python(text: str) -> Any:
    text = text.replace("&&", " and ").replace("||", " or ").replace("!(", " not (")
    functions = {"asInt": int, "asFloat": float, "jsonpath": _jsonpath}
    return eval(text, {"__builtins__": {}}, functions)  # what our own adapter wrote


def _jsonpath(text: str, path: str) -> Any:
    data = json.loads(text)
    for key in re.findall(r'\["([^"]*)"\]', path):
        data = data[key]
    return data
