"""How large the Argo workflow is that KFP's backend makes of a pipeline: upper estimates, additive over steps.

The backend keeps the JSON of each component, each executor and each task as text in arguments of the workflow, beside
two tasks (its driver and what runs) for every task. Components that are the same but for their names are there once.
Sources: `backend/src/v2/compiler/argocompiler` (`argo.go`, `dag.go`, `container.go`, `importer.go`) at 7b70c7b9. The
constants are measured on the 147 pairs of pipelines and workflows in KFP's own `test_data`: none of them is larger than
its estimate, which exceeds it by 8 % at the median and by 18 % at most.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from couler_kfp.components import Body, write_graph, write_operation
from couler_kfp.tasks import write_task
from couler_plugins.hookspecs import Footprint
from couler_plugins.ir import (
    Graph,
    Native,
    Operation,
    Step,
    Workflow,
    callables,
    callee_of,
    callees_of,
    conjuncts,
    replace,
)

FRAME = 8_600
"""Bytes of a workflow without tasks: what starts drivers and executors, and the entry."""
CONTAINER, COMPOSITE, IMPORTER = 950, 750, 1_000
"""Bytes that a task adds to the template of its dag, beside its own JSON and its names, by what it calls."""
LOOPED, RETRIED, LABELLED = 1_100, 2_400, 4_400
"""The same of a loop, which has two templates around its body, of a task that is repeated, and of labels of pods."""
TEMPLATE = 200
"""Bytes of the template of a dag without tasks."""
ARGUMENT = 240
"""Bytes around the JSON of a component with its executor: the names of the two arguments."""
NAMED, NEEDED = 9, 40
"""How often a task's name is written, and what a task before it takes beside its name."""
GO_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


class Pieces(NamedTuple):
    """What a step adds to its workflow.

    Attributes:
        own: bytes that nothing else has.
        called: bytes of each component that it calls, directly and through others, by what tells it from every other.
    """

    own: int
    called: Mapping[str, int]


class Footprints:
    """Measures the steps of one pipeline; what they share is looked at once."""

    def __init__(self, workflow: Workflow) -> None:
        self._by_name = callables(workflow)
        self._measured: dict[str, tuple[str, int]] = {}
        self._pods: dict[str, int | None] = {}

    def __call__(self, step: Step) -> Footprint:
        """The footprint of one step as it stands, all that it calls included.

        The pods are those of everything that it calls, for each item of its loop, or None where only the run can tell:
        a driver and the step itself, one for an importer.
        """
        pieces = self.pieces(step)
        return Footprint(bytes=pieces.own + sum(pieces.called.values()), steps=1, pods=self._pods_of(step))

    def pieces(self, step: Step) -> Pieces:
        """The same, with what can be shared apart from what cannot."""
        called = callees_of([step], self._by_name)
        return Pieces(self._task(step), dict(self._component(item) for item in called.values()))

    def whole(self, steps: Iterable[Step], head: int) -> int:
        """The bytes of a workflow with these steps, which has each component once.

        Args:
            steps: those of its root.
            head: the bytes of its root without them.
        """
        own = FRAME + head
        called: dict[str, int] = {}
        for step in steps:
            pieces = self.pieces(step)
            own += pieces.own
            called |= pieces.called
        return own + sum(called.values())

    def _task(self, step: Step) -> int:
        """A task: its JSON in its own template and in the component around it, and what runs it."""
        written = quoted(write_task(step))
        callee = callee_of(step, self._by_name)
        if isinstance(callee, Graph):
            size = COMPOSITE
        else:
            size = IMPORTER + len(quoted(_parts(callee)[1].executor)) if _is_importer(callee) else CONTAINER
        copies = 2
        if step.loop is not None:
            size, copies = size + LOOPED, copies + 2
        if step.retry is not None:
            size += RETRIED
        needs = [need for need in conjuncts(step.needs) if hasattr(need, "step")]
        names = sum(2 * len(need.step) + NEEDED for need in needs)
        return size + copies * len(written) + NAMED * len(step.name) + names

    def _component(self, item: Graph | Operation) -> tuple[str, int]:
        """What tells a component from others, and its bytes."""
        if item.name not in self._measured:
            self._measured[item.name] = self._graph(item) if isinstance(item, Graph) else self._operation(item)
        return self._measured[item.name]

    def _graph(self, graph: Graph) -> tuple[str, int]:
        bare = quoted(write_graph(replace(graph, steps=()), {}))
        inside = sum(map(self._task, graph.steps))
        return graph.name, TEMPLATE + ARGUMENT + len(bare) + 6 * len(graph.name) + inside

    @staticmethod
    def _operation(operation: Operation) -> tuple[str, int]:
        component, body = _parts(operation)
        platform = quoted(body.platforms) if body.platforms else ""
        texts = (quoted({**component, "executorLabel": ""}), quoted(body.executor), platform)
        size = ARGUMENT + sum(map(len, texts)) + len(body.label)
        if any(isinstance(config, dict) and "podMetadata" in config for config in body.platforms.values()):
            size += LABELLED
        return hashlib.sha256("\0".join(texts).encode()).hexdigest(), size

    def _pods_of(self, step: Step) -> int | None:
        items, callee = _items_of(step), callee_of(step, self._by_name)
        if items is None or callee is None:
            return None
        if callee.name not in self._pods:
            self._pods[callee.name] = None  # of what calls itself, only the run knows
            self._pods[callee.name] = self._pods_in(callee)
        inside = self._pods[callee.name]
        around = 1 if step.loop is not None else 0
        return None if inside is None else around + items * inside

    def _pods_in(self, callee: Graph | Operation) -> int | None:
        if isinstance(callee, Operation):
            return 1 if _is_importer(callee) else 2
        counts = [self._pods_of(step) for step in callee.steps]
        numbers = [number for number in counts if number is not None]
        return 1 + sum(numbers) if len(numbers) == len(counts) else None


def quoted(data: Any) -> str:
    """Data as KFP's backend, written in Go, keeps it in a manifest: JSON within a JSON string."""
    text = json.dumps(data, separators=(",", ":"), sort_keys=True, ensure_ascii=False).translate(GO_ESCAPES)
    return json.dumps(text, ensure_ascii=False)


def _parts(callee: Graph | Operation | None) -> tuple[dict[str, Any], Body]:
    return write_operation(callee) if isinstance(callee, Operation) else ({}, Body("", {}, {}))


def _is_importer(callee: Graph | Operation | None) -> bool:
    return isinstance(callee, Operation) and callee.kind == "importer"


def _items_of(step: Step) -> int | None:
    """How often a step runs; None where the run decides."""
    if step.loop is None:
        return 1
    values = step.loop.axes[0].values
    data = json.loads(str(values.parts[0])) if isinstance(values, Native) and len(values.parts) == 1 else None
    return len(data) if isinstance(data, list) else None
