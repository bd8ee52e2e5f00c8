"""A judge of edits: runs a workflow symbolically and says what every operation computed.

It knows the fields of the IR and nothing else of `couler_plugins`: no graph view, no walk, no edit. What an operation
gives is a hash of its name and of all that it reads, so two runs agree only where every value took the same way.
Nothing is timed: whatever may start is run at once, in the order of the steps.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from couler_plugins.ir import (
    AllOf,
    AnyOf,
    Call,
    Expression,
    FirstOf,
    Graph,
    Handler,
    Literal,
    Loop,
    Native,
    Need,
    Needs,
    Node,
    Operation,
    Output,
    Reference,
    Step,
    Template,
    Workflow,
)

__all__ = ["Result", "run"]

BAD = ("failed", "errored")
Ports = dict[tuple[str, str], Any]


class MissingValueError(Exception):
    """A value is looked up that no step gave."""


def digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


@dataclass
class Result:
    """What a run did: each computation with its outcome and how often, how the run ended, and what it handed out."""

    ran: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    outcome: str = ""
    outputs: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Scope:
    """What references are looked up in."""

    inputs: Mapping[tuple[str, str], Any]
    outcomes: Mapping[str, str] = field(default_factory=dict)
    outputs: Mapping[str, Mapping[tuple[str, str], Any]] = field(default_factory=dict)
    items: Mapping[str, Any] = field(default_factory=dict)
    run: Mapping[tuple[str, str], Any] = field(default_factory=dict)


class Judge:
    def __init__(self, workflow: Workflow, failures: int, aliases: Mapping[str, str]) -> None:
        self.aliases = aliases
        self.callables: dict[str, Graph | Operation] = {item.name: item for item in workflow.graphs}
        self.callables |= {item.name: item for item in workflow.operations}
        self.failures = failures
        self.result = Result()

    # --- values

    def value(self, value: Any, scope: Scope) -> Any:
        match value:
            case Literal():
                return (type(value.value).__name__, value.value)
            case Reference():
                return self.look_up(value, scope)
            case Template():
                return ("text", *(part if isinstance(part, str) else self.value(part, scope) for part in value.parts))
            case Native():
                return ("native", *(part if isinstance(part, str) else self.value(part, scope) for part in value.parts))
            case Expression():  # it may look at what is not there, and say something else
                return (value.language, *(self.lenient(part, scope) for part in value.parts))
            case FirstOf():
                for item in value.values:
                    try:
                        return self.value(item, scope)
                    except MissingValueError:
                        continue
                raise MissingValueError("none of several")
        raise TypeError(value)

    def lenient(self, part: Any, scope: Scope) -> Any:
        try:
            return part if isinstance(part, str) else self.value(part, scope)
        except MissingValueError:
            return "<missing>"

    def look_up(self, reference: Reference, scope: Scope) -> Any:
        key: Any = (reference.kind, reference.name)
        table: Mapping[Any, Any]
        match reference.to:
            case "output":
                table = scope.outputs.get(reference.step, {})
            case "status":
                table, key = scope.outcomes, reference.step
            case "item":
                table, key = scope.items, reference.name
            case "parameter":
                table = scope.run
            case _:
                table = scope.inputs
        if key not in table:
            raise MissingValueError(reference)
        return (*reference.path, table[key]) if reference.path else table[key]

    # --- needs

    def holds(self, needs: Needs | None, outcomes: Mapping[str, str]) -> bool:
        match needs:
            case None:
                return True
            case Need():
                return outcomes[needs.step] in needs.outcomes
            case AllOf():
                return all(self.holds(part, outcomes) for part in needs.needs)
            case AnyOf():
                return any(self.holds(part, outcomes) for part in needs.needs)
        return not self.holds(needs.need, outcomes)

    # --- running

    def call(self, step: Step, scope: Scope) -> tuple[str, Ports]:
        """Runs what a step calls once; its outcome and outputs."""
        try:
            passed: Ports = {(item.kind, item.name): self.value(item.value, scope) for item in step.arguments}
        except MissingValueError:
            return "errored", {}
        assert isinstance(step.call, Call)
        callee = self.callables[step.call.name]
        for port in callee.inputs:
            if (port.kind, port.name) not in passed and port.default is not None:
                passed[port.kind, port.name] = self.value(port.default, scope)
        if isinstance(callee, Graph):
            outer = scope if callee.inline else Scope({})
            return self.graph(callee, Scope(passed, outer.outcomes, outer.outputs, run=scope.run))
        body = replace(scope, inputs={**scope.inputs, **passed}) if callee.inline else Scope(passed, run=scope.run)
        try:
            read = [self.value(part, body) for part in body_values(callee)]
        except MissingValueError:
            return "errored", {}
        name = self.aliases.get(callee.name, callee.name)
        made = digest(name, sorted(passed.items(), key=repr), read)
        failed = self.failures and int(digest(made, self.failures), 16) % 4 == 0
        outcome = "failed" if failed else "succeeded"
        self.result.ran[name, made, outcome] += 1
        outputs: Ports = {(port.kind, port.name): digest(made, port.kind, port.name) for port in callee.outputs}
        return outcome, {} if failed else outputs

    def step(self, step: Step, scope: Scope) -> tuple[str, Ports]:
        if not self.holds(step.needs, scope.outcomes):
            return "omitted", {}
        try:
            if step.condition is not None and not truth(self.value(step.condition, scope)):
                return "skipped", {}
            rounds = [scope] if step.loop is None else [replace(scope, items=i) for i in self.items(step.loop, scope)]
        except MissingValueError:
            return "errored", {}
        ended = [self.call(step, each) for each in rounds]
        outcome = next((found for found, _ in ended if found in BAD), "succeeded")
        outputs = ended[0][1] if step.loop is None else collected([made for _, made in ended])
        self.handlers(
            step.handlers,
            replace(
                scope, outcomes={**scope.outcomes, step.name: outcome}, outputs={**scope.outputs, step.name: outputs}
            ),
        )
        return outcome, outputs

    def handlers(self, handlers: tuple[Handler, ...], scope: Scope) -> None:
        for handler in handlers:
            if handler.condition is None or truth(self.lenient(handler.condition, scope)):
                self.call(handler.step, scope)

    def items(self, loop: Loop, scope: Scope) -> list[dict[str, Any]]:
        columns = [(axis.name, entries(self.value(axis.values, scope))) for axis in loop.axes]
        names = [name for name, _ in columns]
        lists = [values for _, values in columns]
        rows = zip(*lists, strict=False) if loop.combine == "zip" else itertools.product(*lists)
        return [dict(zip(names, row, strict=True)) for row in rows]

    def graph(self, graph: Graph, scope: Scope) -> tuple[str, Ports]:
        own = {step.name for step in graph.steps}
        outcomes = {name: found for name, found in scope.outcomes.items() if name not in own}
        outputs = {name: found for name, found in scope.outputs.items() if name not in own}
        here = replace(scope, outcomes=outcomes, outputs=outputs)
        pending = list(graph.steps)
        while pending:
            ready = next((step for step in pending if self.may_start(step, graph, pending)), None)
            assert ready is not None, f"{[step.name for step in pending]} wait for each other"
            pending.remove(ready)
            outcomes[ready.name], outputs[ready.name] = self.step(ready, here)
        ended = [(outcomes[step.name], step.tolerates) for step in graph.steps]
        bad = any(outcome in BAD and outcome not in tolerated for outcome, tolerated in ended)
        handed: Ports = {}
        for port in graph.outputs:
            found = self.handed_out(port, here)
            if found is not None:
                handed[port.kind, port.name] = found
        return ("failed" if bad else "succeeded"), {} if bad else handed

    def handed_out(self, port: Output, scope: Scope) -> Any:
        try:
            return self.value(port.value, scope)
        except MissingValueError:
            return None

    def may_start(self, step: Step, graph: Graph, pending: list[Step]) -> bool:
        """Whether all that a step waits for has ended."""
        waiting = {other.name for other in pending if other is not step}
        if step.name in graph.finalizers and waiting - set(graph.finalizers):
            return False
        for stage in graph.stages or ():
            if step.name in stage:
                break
            if waiting & set(stage):
                return False
        return not waiting & set(self.names_in(step))

    def names_in(self, step: Step) -> Iterator[str]:
        """The steps that are named anywhere in a step, or in what is written inside it."""
        callee = self.callables.get(step.call.name) if isinstance(step.call, Call) else None
        pending: list[Any] = [step, callee if callee is not None and callee.inline else None]
        while pending:
            current = pending.pop()
            if isinstance(current, (Reference, Need)) and current.step:
                yield current.step
            if isinstance(current, tuple):
                pending.extend(current)
            elif isinstance(current, Node):
                pending.extend(getattr(current, name) for name in current.__struct_fields__)


def body_values(operation: Operation) -> Iterator[Any]:
    for container in operation.containers:
        yield from container.args
        yield from (variable.value for variable in container.env)


def truth(value: Any) -> bool:
    return value[1] if value[:1] == ("bool",) else bool(int(digest(value), 16) % 2)


def entries(value: Any) -> list[Any]:
    """The items of a list: those of a constant one, or two that stand for those of one that is computed."""
    if value[:1] == ("native",) and len(value) == 2:
        return [("item", item) for item in json.loads(value[1])]
    return [digest("item", value, number) for number in range(2)]


def collected(outputs: list[Ports]) -> Ports:
    keys = sorted({key for made in outputs for key in made})
    return {key: tuple(made.get(key) for made in outputs) for key in keys}


def run(workflow: Workflow, failures: int = 0, aliases: Mapping[str, str] | None = None) -> Result:
    """Runs a workflow from its entry.

    Args:
        workflow: what to run.
        failures: 0, or a number for which a quarter of the computations fail; others for each number.
        aliases: operations (by name) that compute what another one does.
    """
    judge = Judge(workflow, failures, aliases or {})
    given: Ports = {(port.kind, port.name): ("given", port.name) for port in workflow.parameters}
    assert workflow.entry is not None
    outcome, outputs = judge.step(workflow.entry, Scope({}, run=given))
    judge.handlers(workflow.handlers, Scope({}, run=given))
    judge.result.outcome, judge.result.outputs = outcome, tuple(sorted(outputs.items()))
    return judge.result
