"""Workflows to split: tasks that read parameters and artifacts of others, whatever their graph."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

__all__ = ["layered", "workflow"]

KINDS = 5


def workflow(parents: Sequence[Sequence[int]], seed: int = 0, **spec: Any) -> dict[str, Any]:
    """A workflow with a task for each entry of `parents`: it depends on those, and reads what some of them make."""
    chance = random.Random(seed)
    tasks = [_task(number, list(above), chance) for number, above in enumerate(parents)]
    leaves = [
        {
            "name": f"kind-{kind}",
            "inputs": {"parameters": [{"name": "x"}], "artifacts": [{"name": "d", "path": "/in", "optional": True}]},
            "container": {"image": f"image-{kind}", "command": ["work"], "args": ["{{inputs.parameters.x}}"]},
            "outputs": {
                "parameters": [{"name": "o", "valueFrom": {"path": "/o"}}],
                "artifacts": [{"name": "a", "path": "/a"}],
            },
        }
        for kind in range(KINDS)
    ]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "big"},
        "spec": {
            "entrypoint": "main",
            "arguments": {"parameters": [{"name": "p", "value": "1"}]},
            "templates": [{"name": "main", "dag": {"tasks": tasks}}, *leaves],
            **spec,
        },
    }


def _task(number: int, above: list[int], chance: random.Random) -> dict[str, Any]:
    reads = [parent for parent in above if chance.random() < 0.7]
    texts = [f"{{{{tasks.t{parent}.outputs.parameters.o}}}}" for parent in reads]
    texts += ["{{workflow.parameters.p}}"] * (chance.random() < 0.2) + ["{{workflow.name}}"] * (chance.random() < 0.1)
    arguments: dict[str, Any] = {"parameters": [{"name": "x", "value": " ".join([str(number), *texts])}]}
    if above and chance.random() < 0.5:
        arguments["artifacts"] = [{"name": "d", "from": f"{{{{tasks.t{chance.choice(above)}.outputs.artifacts.a}}}}"}]
    task = {"name": f"t{number}", "template": f"kind-{chance.randrange(KINDS)}", "arguments": arguments}
    if above:
        task["depends"] = " && ".join(f"t{parent}" for parent in above)
    return task


def layered(steps: int, width: int, seed: int = 0) -> list[list[int]]:
    """Layers of a width, each task after one to three of the layer before."""
    chance = random.Random(seed)
    parents: list[list[int]] = []
    for number in range(steps):
        first = number // width * width
        before = range(max(0, first - width), first)
        parents.append(sorted(chance.sample(before, min(len(before), chance.randint(1, 3)))))
    return parents
