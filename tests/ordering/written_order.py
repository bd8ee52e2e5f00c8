"""The order that a manifest of Argo or Tekton says, read without adapter code: which steps are behind which."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["Written", "orders"]

NAME = re.compile(r"[A-Za-z0-9_][-\w]*")


class Written(NamedTuple):
    """The order of one graph.

    Attributes:
        behind: pairs of steps, the first of which has to have ended before the second starts.
        read: of these, those where the second reads the first.
        calls: what each step calls, by name.
    """

    behind: set[tuple[str, str]]
    read: set[tuple[str, str]]
    calls: Mapping[str, str]


def orders(document: Any) -> dict[str, Written]:
    """The graphs of a Workflow, a WorkflowTemplate or a Pipeline, by name."""
    if document["apiVersion"].startswith("tekton"):
        tasks = document["spec"]["tasks"]
        waits = {task["name"]: set(task.get("runAfter", ())) for task in tasks}
        return {document["metadata"]["name"]: _order(tasks, waits, "taskRef")}
    graphs = {}
    for template in document["spec"]["templates"]:
        if "dag" in template:
            tasks = template["dag"]["tasks"]
            waits = {
                task["name"]: {*task.get("dependencies", ())}
                | set(NAME.findall(re.sub(r"\.[A-Z]\w+", "", task.get("depends", ""))))
                for task in tasks
            }
            graphs[template["name"]] = _order(tasks, waits, "template")
        elif "steps" in template:
            waits, earlier = {}, set[str]()
            for stage in template["steps"]:
                waits |= {step["name"]: set(earlier) for step in stage}
                earlier |= {step["name"] for step in stage}
            steps = [step for stage in template["steps"] for step in stage]
            graphs[template["name"]] = _order(steps, waits, "template")
    return graphs


def _order(steps: list[Any], waits: Mapping[str, set[str]], call: str) -> Written:
    reads = {step["name"]: set(re.findall(r"(?:steps|tasks)\.([-\w]+)\.", json.dumps(step))) for step in steps}
    direct = {(before, name) for name in waits for before in waits[name] | reads[name]}
    behind = set(direct)
    while more := {(a, d) for a, b in behind for c, d in direct if b == c} - behind:
        behind |= more
    called = {step["name"]: step[call]["name"] if call == "taskRef" else step[call] for step in steps}
    return Written(behind, {(before, name) for name in reads for before in reads[name]}, called)
