"""Runs that fail somewhere, resumed in symbols: what the IR's interpreter computes before and after."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.test_optimizing_laws import entry_of, runs_here
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.resuming import Ended, PastRun
from couler_plugins.ir import (
    Expression,
    Literal,
    Native,
    Reference,
    Step,
    Template,
    Value,
    Workflow,
    replace,
)
from couler_plugins.resuming.optimizer import resumed
from couler_plugins.resuming.verdicts import Verdict
from ir.interpreter import Judge, MissingValueError, Ports, Result, Scope

Place = tuple[str, ...]
PHASES = {"succeeded": "Succeeded", "failed": "Failed", "errored": "Error", "skipped": "Skipped", "omitted": "Omitted"}
"""What engines call outcomes."""


class Recorder(Judge):
    """Notes by place how each step ended, what it gave, and what it computed.

    Args:
        workflow: what runs.
        failures: as for `run`.
        tokens: what constants stand for that were written in the place of references.
    """

    def __init__(self, workflow: Workflow, failures: int, tokens: Mapping[str, Any] | None = None) -> None:
        super().__init__(workflow, failures, {})
        self.tokens = tokens or {}
        self.place: Place = ()
        self.ended: dict[Place, tuple[str, Ports]] = {}
        self.computed: dict[Place, Counter[tuple[str, str]]] = {}

    def step(self, step: Step, scope: Scope) -> tuple[str, Ports]:
        around, before = self.place, Counter(self.result.ran)
        self.place = (*around, step.name)
        self.ended[self.place] = super().step(step, scope)
        self.computed[self.place] = bare(self.result.ran - before)
        outcome = self.ended[self.place]
        self.place = around
        return outcome

    def value(self, value: Any, scope: Scope) -> Any:
        """What a value is, however it is spelled: a constant text and a reference that gives it are the same."""
        match value:
            case Literal(value=str(text)):
                return self.tokens.get(text, text)
            case Template() | Expression():
                as_text = json.dumps if isinstance(value, Expression) else str
                text = "".join(
                    self.rendered(part, scope, as_text, isinstance(value, Expression)) for part in value.parts
                )
                return self.tokens.get(text, text)
            case Native():
                text = "".join(
                    self.rendered(part, scope, lambda one: json.dumps(one)[1:-1], False) for part in value.parts
                )
                return self.tokens.get(text, ("native", text))
        return super().value(value, scope)

    def look_up(self, reference: Reference, scope: Scope) -> Any:
        found = super().look_up(reference, scope)
        if reference.path == ("*",):  # all of a list is the list
            return found[-1]
        return PHASES[found] if reference.to == "status" and found in PHASES else found

    def rendered(self, part: Any, scope: Scope, as_text: Callable[[str], str], lenient: bool) -> str:
        if isinstance(part, str):
            return part
        try:
            found = self.value(part, scope)
        except MissingValueError:
            if not lenient:
                raise
            found = "<missing>"
        text = found if isinstance(found, str) else json.dumps(found, separators=(",", ":"))
        return text if isinstance(part, (Template, Expression)) else as_text(text)


def bare(ran: Counter[tuple[str, str, str]]) -> Counter[tuple[str, str]]:
    """What was computed, whatever became of it."""
    counts: Counter[tuple[str, str]] = Counter()
    for (name, digest, _), count in ran.items():
        counts[name, digest] += count
    return counts


class SymbolicRun(PastRun):
    """A run of the interpreter: each value has a token, which stands for it in the new workflow."""

    def __init__(self, recorder: Recorder, lost: frozenset[tuple[Place, str]] = frozenset()) -> None:
        self.tokens: dict[str, Any] = {}
        steps = {
            place[1:]: Ended(
                outcome=outcome,
                outputs={key: self.token(value) for key, value in outputs.items() if (place[1:], key[1]) not in lost},
                lost={key: "it was deleted" for key in outputs if (place[1:], key[1]) in lost},
                facts={"": outcome},
            )
            for place, (outcome, outputs) in recorder.ended.items()
        }
        super().__init__("run-1", None, steps)

    def token(self, value: Any) -> Literal:
        name = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        self.tokens[name] = value
        return Literal(value=name)

    def read(self, ended: Ended, reference: Reference) -> Value | None:
        if reference.to == "status":
            phase = PHASES[ended.outcome]
            return self.token((*reference.path, phase) if reference.path else phase)
        whole = ended.outputs.get((reference.kind, reference.name))
        if not isinstance(whole, Literal) or reference.path in ((), ("*",)):
            return whole
        return self.token((*reference.path, self.tokens[str(whole.value)]))

    def resumed(self, workflow: Workflow) -> Workflow:
        return workflow


def ran(recorder: Recorder, workflow: Workflow) -> Result:
    """What a workflow does, its handlers left out: they run in each run."""
    given: Ports = {(port.kind, port.name): ("given", port.name) for port in workflow.parameters}
    assert workflow.entry is not None
    outcome, outputs = recorder.step(workflow.entry, Scope({}, run=given))
    recorder.result.outcome, recorder.result.outputs = outcome, tuple(sorted(outputs.items()))
    return recorder.result


@dataclass
class Point:
    """A run that failed, and what became of it.

    Attributes:
        verdicts: on each step.
        first, second, whole: the run that failed, the one that resumed it, and one that did not fail.
        new: the workflow of the second one.
    """

    verdicts: list[Verdict]
    first: Recorder
    second: Recorder
    whole: Recorder
    new: Workflow

    @property
    def done(self) -> list[Verdict]:
        return [item for item in self.verdicts if item.action == "done"]

    def check(self, drops: bool = False) -> None:
        """Nothing that was done is computed again, nothing is left out, and the results are those of a whole run.

        Args:
            drops: whether results may be missing that are those of the run before.
        """
        outputs, whole = self.second.result.outputs, self.whole.result.outputs
        assert outputs == whole or (drops and set(outputs) <= set(whole))
        assert self.second.result.outcome == self.whole.result.outcome
        before: Counter[tuple[str, str]] = Counter()
        for item in self.done:
            before += self.first.computed["entry", *item.place]
        assert bare(self.second.result.ran) + before == bare(self.whole.result.ran)


def point(workflow: Workflow, failures: int, edited: Workflow | None = None, lost: Any = frozenset()) -> Point | None:
    """A run of a workflow that fails, resumed; None where it does not fail, or has nothing to resume.

    Raises:
        MissingValueError: it needs what the interpreter does not have.
    """
    first = Recorder(workflow, failures)
    ran(first, workflow)
    past = SymbolicRun(first, lost)
    try:
        new, verdicts = resumed(edited or workflow, workflow, past)
    except InvalidInput:
        return None
    second, whole = Recorder(new, 0, past.tokens), Recorder(edited or workflow, 0, past.tokens)
    ran(second, new)
    ran(whole, edited or workflow)
    return Point(verdicts, first, second, whole, new)


def points(workflow: Workflow, seeds: range) -> Iterator[Point]:
    """The points of a workflow at which a quarter of what it computes fails, by these seeds."""
    entry = replace(workflow.entry or entry_of(workflow), name="entry")
    workflow = replace(workflow, entry=entry, library="")
    if not runs_here(workflow):
        return
    for seed in seeds:
        try:
            found = point(workflow, seed)
        except MissingValueError:
            return
        if found is not None and (found.done or any(item.action == "inside" for item in found.verdicts)):
            yield found


def lines(verdicts: list[Verdict]) -> str:
    """What is decided, for messages."""
    return json.dumps(verdicts, indent=1)
