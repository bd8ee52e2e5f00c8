"""The steps of a chain with all variables filled in by symbols, so that a chain can be compared with its tasks.

After `docs/variables.md` and `docs/workspaces.md`, with nothing of the adapter: a result is `<TASK.NAME>` wherever it
is read, the file of it `<file TASK.NAME>`, and a workspace `<WORKSPACE/SUBPATH>`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["steps_of_chain", "steps_of_tasks"]

Data = dict[str, Any]
VARIABLE = re.compile(r"""\$\(([a-z][\w-]*(?:\.[\w*-]+|\["[^"]+"\]|\[[\d*]+\])+)\)""")
HANDED = re.compile(r'hand "\$\(results\.([\w-]+)\.path\)" "\$\(step\.results\.\1\.path\)"')
NO_MATTER = ("name", "workspaces", "computeResources")


def steps_of_tasks(pipeline: Data, tasks: Mapping[str, Data], names: Sequence[str]) -> list[Data]:
    """Return the steps of some tasks, in their order."""
    by_name = {task["name"]: task for task in pipeline["tasks"]}
    steps = []
    for name in names:
        task = by_name[name]
        spec = task.get("taskSpec") or tasks[task["taskRef"]["name"]]
        symbols = {item["name"]: f"{name}.{item['name']}" for item in spec.get("results", ())}
        steps += _steps(task, spec, symbols, {}, embedded="taskSpec" in task)
    return steps


def steps_of_chain(pipeline: Data, name: str, results: Sequence[str]) -> list[Data]:
    """Return the steps of a task that does the work of several, but those that hand results on.

    Args:
        pipeline: what it is in.
        name: the task.
        results: `TASK.NAME` of each result of the several tasks, in their order.
    """
    (task,) = (item for item in pipeline["tasks"] if item["name"] == name)
    spec = task["taskSpec"]
    symbols = dict(zip([item["name"] for item in spec.get("results", ())], results, strict=True))
    inside = {}
    for step in spec["steps"]:
        for result in HANDED.findall(step.get("script", "")):
            inside[f"steps.{step['name']}.results.{result}"] = f"<{symbols[result]}>"
    spec = {**spec, "steps": [step for step in spec["steps"] if not HANDED.search(step.get("script", ""))]}
    return _steps(task, spec, symbols, inside, embedded=True)


def _steps(
    task: Data, spec: Data, results: Mapping[str, str], inside: Mapping[str, str], *, embedded: bool
) -> list[Data]:
    passed = {item["name"]: _filled(item["value"], {}) for item in task.get("params", ())}
    usual = {item["name"]: item["default"] for item in spec.get("params", ()) if "default" in item}
    known: Data = {f"params.{key}": value for key, value in {**usual, **passed}.items()} | dict(inside)
    for key, value in list(known.items()):
        if isinstance(value, list):
            known[f"{key}[*]"] = value
        if isinstance(value, dict):
            known |= {f"{key}.{inner}": content for inner, content in value.items()}
    known |= {f"results.{name}.path": f"<file {symbol}>" for name, symbol in results.items()}
    bound = {
        item["name"]: f"<{item.get('workspace', item['name'])}/{item.get('subPath', '')}>"
        for item in task.get("workspaces", ())
    }
    for item in spec.get("workspaces", ()):
        known[f"workspaces.{item['name']}.path"] = bound.get(item["name"], "")
        known[f"workspaces.{item['name']}.bound"] = str(item["name"] in bound).lower()
    template = spec.get("stepTemplate", {})
    return [
        {key: _filled(content, known) for key, content in {**template, **step}.items() if key not in NO_MATTER}
        for step in json.loads(json.dumps(spec["steps"]))
    ]


def _filled(content: Any, known: Mapping[str, Any]) -> Any:
    match content:
        case dict():
            return {key: _filled(inner, known) for key, inner in content.items()}
        case list():
            return [each for inner in content for each in _items(inner, known)]
        case str():
            return VARIABLE.sub(lambda match: str(_symbol(match[1], match[0], known)), content)
    return content


def _items(content: Any, known: Mapping[str, Any]) -> list[Any]:
    whole = VARIABLE.fullmatch(content) if isinstance(content, str) else None
    value = known.get(whole[1]) if whole else None
    return value if isinstance(value, list) else [_filled(content, known)]


def _symbol(variable: str, native: str, known: Mapping[str, Any]) -> Any:
    if match := re.fullmatch(r"tasks\.([\w-]+)\.results\.([\w-]+)", variable):
        return f"<{match[1]}.{match[2]}>"
    if re.match(r"steps\.[\w-]+\.(exitCode|results)", variable) and variable not in known:
        return f"<step {variable.rpartition('.')[2]}>"
    return known.get(variable, native)
