"""Four tasks in a chain, to be changed: what a workflow of two parts looks like before."""

from __future__ import annotations

from typing import Any

from adapters.argo.split.generating import workflow

__all__ = ["Chain"]


class Chain:
    """A workflow whose second half reads a parameter of its first.

    Attributes:
        data: the manifest.
    """

    def __init__(self, **spec: Any) -> None:
        self.data = workflow([[], [0], [1], [2]], **spec)
        del self.spec["templates"][2:]
        for task in self.tasks:
            task["template"] = "kind-0"
            task["arguments"] = {"parameters": [{"name": "x", "value": task["name"]}]}
        self.tasks[2]["arguments"]["parameters"][0]["value"] = "{{tasks.t1.outputs.parameters.o}}"

    @property
    def spec(self) -> Any:
        return self.data["spec"]

    @property
    def tasks(self) -> Any:
        return self.spec["templates"][0]["dag"]["tasks"]

    @property
    def leaf(self) -> Any:
        """The template of all tasks."""
        return self.spec["templates"][1]

    def entry(self, **fields: Any) -> Any:
        self.spec["templates"][0].update(fields)
        return self.data

    def dag(self, **fields: Any) -> Any:
        self.spec["templates"][0]["dag"].update(fields)
        return self.data

    def task(self, number: int, **fields: Any) -> Any:
        self.tasks[number].update(fields)
        return self.data

    def every(self, **fields: Any) -> Any:
        """All tasks run what has these fields; None takes one away."""
        self.leaf.update(fields)
        for name in [name for name, content in fields.items() if content is None]:
            del self.leaf[name]
        return self.data

    def crossing(self, **fields: Any) -> Any:
        """The third task reads the artifact of the second, which is declared so."""
        self.leaf["outputs"]["artifacts"][0].update(fields)
        artifact = {"name": "d", "from": "{{tasks.t1.outputs.artifacts.a}}"}
        self.tasks[2]["arguments"]["artifacts"] = [artifact]
        return self.data

    def handled(self, says: str = "1", **container: Any) -> Any:
        """A handler runs at the end."""
        handler = {"name": "bye", "container": {"image": "i", "command": ["bye"], "args": [says], **container}}
        self.spec["templates"].append(handler)
        self.spec["onExit"] = "bye"
        return self.data
