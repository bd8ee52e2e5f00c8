"""Built-in steps, run as their containers would run them: the very text of the script, on its command line."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from conversions import plugins
from couler_plugins.hookspecs import Built, CatalogueStep
from couler_plugins.ir import (
    Call,
    Container,
    Graph,
    Literal,
    Need,
    Port,
    Step,
    Template,
    Workflow,
    all_of,
    references,
    verify,
)
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Plan
from couler_plugins.steps.plugin import couler_steps

__all__ = ["Runs", "command_line", "step_named", "step_of", "steps", "workflow_of", "written"]


@cache
def steps() -> Mapping[str, CatalogueStep]:
    """The built-in steps by name."""
    return {step.name: step for step in couler_steps()}


def step_named(name: str) -> CatalogueStep:
    """A built-in step."""
    return steps()[name]


def workflow_of(*called: tuple[Step, Built]) -> Workflow:
    graph = Graph(name="main", steps=tuple(step for step, _ in called))
    operations = tuple({built.operation.name: built.operation for _, built in called}.values())
    parameters = dict.fromkeys(name for _, built in called for name in built.parameters)
    return Workflow(
        name="made",
        engine="authored",
        kind="Workflow",
        parameters=tuple(Port(name=name, value=Literal(value="s3://bucket/files")) for name in parameters),
        entry=Step(name="made", call=Call(name="main")),
        graphs=(graph,),
        operations=operations,
    )


def step_of(name: str, built: Built, condition: Any = None) -> Step:
    """A call of a step that waits for all that it reads from."""
    read = dict.fromkeys(item.step for item in references((built.arguments, condition)) if item.step)
    needs = all_of([Need(step=other) for other in read])
    return Step(
        name=name, call=Call(name=built.operation.name), arguments=built.arguments, needs=needs, condition=condition
    )


def written(workflow: Workflow, engine: str) -> str:
    """The file that an engine's adapter makes of a workflow that no engine has made."""
    assert list(verify(workflow)) == []
    adapter = plugins().adapter(engine)
    plan = Plan(bundle=Bundle.of(()), originals=(), workflows=(workflow,))
    return str(adapter.dump(adapter.lower(plan, adapter.options())).added)


def command_line(built: Built) -> tuple[Container, list[str]]:
    """The container of a step, and its arguments with what its call passes; all of that are texts."""
    (container,) = built.operation.containers
    given = {port.name: port.default for port in built.operation.inputs if port.default is not None}
    given |= {argument.name: argument.value for argument in built.arguments}  # texts, as it says
    line = []
    for value in container.args:
        if isinstance(value, Template):
            flag, reference = value.parts
            text = given[reference.name]  # type: ignore[union-attr]  # our own arguments are made of these two
            assert isinstance(text, Literal)
            line.append(f"{flag}{text.value}")
        else:
            assert isinstance(value, Literal)
            line.append(str(value.value))
    return container, line


class Runs:
    """Runs steps in one folder, which has their store."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.store = folder / "store"
        self._monkeypatch = monkeypatch
        monkeypatch.setattr(tempfile, "tempdir", str(folder))  # a container's own files go when it does
        self._number = 0

    def table(self, text: str, name: str = "table.csv") -> str:
        """The place of a new table."""
        file = self.folder / name
        file.write_text(text)
        return str(file)

    def __call__(self, name: str, /, **arguments: Any) -> dict[str, str]:
        """Runs a step, and returns its outputs; SystemExit where the script ends itself.

        Args:
            name: of the step.
            arguments: with `_` for `-`.
        """
        step = step_named(name)
        given = {key.replace("_", "-"): value for key, value in arguments.items()}
        if any(item.name == "store" for item in step.inputs):
            given.setdefault("store", str(self.store))
        container, line = command_line(step.build(given))
        program = container.command[-1]
        assert isinstance(program, Literal)
        self._number += 1
        outputs = self.folder / f"outputs-{self._number}"
        assert line[0] == "--outputs=/tmp/outputs"
        self._monkeypatch.setattr(sys, "argv", ["-c", f"--outputs={outputs}", *line[1:]])
        exec(compile(str(program.value), name, "exec"), {"__name__": "__main__"})
        found = {file.name: file.read_text() for file in sorted(outputs.iterdir())}
        assert sorted(found) == sorted(item.name for item in step.outputs)
        return found
