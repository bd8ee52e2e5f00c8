"""In which order the steps of a graph run, and what each waits for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

__all__ = ["may_start", "steps_in_order", "tasks_in_order"]


def tasks_in_order(template: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    """The tasks in an order in which they may run, each with those that it has to wait for."""
    waiting = {task["name"]: task for task in template["dag"]["tasks"]}
    done: list[str] = []
    while waiting:
        for name, task in list(waiting.items()):
            words = re.findall(r"[A-Za-z][\w-]*(?:\.\w+)?", str(task.get("depends", "")))
            names = [*(word.partition(".")[0] for word in words), *task.get("dependencies", ())]
            if all(other in done for other in names):
                yield task, list(dict.fromkeys(names))
                done.append(name)
                del waiting[name]


def steps_in_order(template: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], list[str]]]:
    before: list[str] = []
    for stage in template["steps"]:
        for step in stage:
            yield step, before
        before = [step["name"] for step in stage] or before


def may_start(depends: str, status: Mapping[str, str]) -> bool:
    def holds(word: re.Match[str]) -> str:
        wanted = (word[2],) if word[2] else ("Succeeded", "Skipped")
        return str(status[word[1]] in wanted)

    text = re.sub(r"([A-Za-z][\w-]*)(?:\.(\w+))?", holds, depends).replace("&&", " and ").replace("||", " or ")
    return not depends or bool(eval(text.replace("!", " not ")))
