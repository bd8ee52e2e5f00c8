"""The pass behind `couler resume`: steps that are done leave their graphs, and readers get what they gave.

It is no plugin's: without a run there is nothing to resume.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, TypeVar

from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs import Context
from couler_plugins.hookspecs.resuming import Ended, PastRun
from couler_plugins.ir import (
    Call,
    Dynamic,
    Graph,
    GraphView,
    Need,
    Node,
    Operation,
    Step,
    Workflow,
    all_of,
    call_sites,
    callables,
    callee_of,
    callees_of,
    conjuncts,
    fresh_name,
    inline_callees,
    needed,
    rebuild,
    remove_callables,
    replace,
    replace_callables,
)
from couler_plugins.plan import Decision, Plan
from couler_plugins.resuming.inlining import inlined, needs_left
from couler_plugins.resuming.verdicts import RUNS_AGAIN, Judgement, Resumption, Verdict, exported

N = TypeVar("N", bound=Node)
SUCCEEDED = Ended(outcome="succeeded")
BUILT = {"option": False}
"""Of what no text can give."""


@dataclass(frozen=True)
class Resume:
    """Take out what a run has done.

    Attributes:
        past: the run.
        original: what ran, lifted.
        verdicts: is filled with what becomes of each step.
        notes: is filled with what its owner has to know.
    """

    name: ClassVar[str] = "resume"
    is_command: ClassVar[bool] = True

    past: PastRun = field(metadata=BUILT)
    original: Workflow = field(metadata=BUILT)
    verdicts: list[Verdict] = field(default_factory=list, metadata=BUILT)
    notes: list[str] = field(default_factory=list, metadata=BUILT)

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Return the plan with the workflow that ran as a new run.

        Raises:
            InvalidInput: there are several that could be meant, or all is done.
        """
        runs = [item for item in plan.workflows if item.entry is not None and not item.library]
        if not runs:  # its file was refused, say
            return plan
        if len(runs) > 1:
            hint = f"give the file with the workflow of the run {self.past.name} alone"
            raise InvalidInput(f"there are {len(runs)} workflows that run", hint=hint)
        (old,) = runs
        new, self.verdicts[:] = resumed(old, self.original, self.past)
        self.notes[:] = [*self.past.notes, *_notes(old, new, self.past)]
        before, now = ((item.name or item.prefix).rstrip("-.") for item in (self.original, old))
        if not before.startswith(now):  # the run of a schedule has more to its name
            self.notes.append(f"the file has {old.label}, and {self.past.name} was a run of {self.original.label}")
        decisions = [
            Decision(
                optimizer=self.name,
                workflow=old.label,
                subject="/".join(item.place),
                action="take over" if item.action == "done" else "",
                reason=item.reason,
            )
            for item in self.verdicts
        ]
        whole = Decision(optimizer=self.name, workflow=old.label, action="resume", reason=f"{self.past.name} ended")
        return plan.with_workflow(old, new, whole, *decisions)


def _notes(old: Workflow, new: Workflow, past: PastRun) -> Iterator[str]:
    if new.handlers or any(graph.finalizers for graph in new.graphs):
        yield "exit handlers and finalizers run again"
    remaining = {output.name for graph in new.graphs for output in graph.outputs}
    names = [output.name for graph in old.graphs for output in graph.outputs if output.name not in remaining]
    if names and past.drops_outputs:
        yield f"results that are of {past.name} only: {', '.join(names)}"


def resumed(workflow: Workflow, original: Workflow, past: PastRun) -> tuple[Workflow, list[Verdict]]:
    """A workflow as a new run without what a past run has done, and what becomes of each step.

    Args:
        workflow: what is to run; its parameters get the values of the run.
        original: what ran.
        past: the run.

    Raises:
        InvalidInput: all is done, or the workflow calls no graph of its own.
    """
    ports = {(port.kind, port.name): port for port in (*workflow.parameters, *original.parameters)}
    workflow = replace(workflow, parameters=tuple(ports.values()))
    by_name, entry, first = callables(workflow), workflow.entry, original.entry
    assert entry is not None
    callee, was = callee_of(entry, by_name), first and callee_of(first, callables(original))
    if not isinstance(callee, Graph) or was is None:
        hint = "give a file that has its steps, too; a workflow of one step has to start anew"
        raise InvalidInput(f"{workflow.label} has no graph whose steps could be taken over", hint=hint)
    if not {step.name for step in callee.steps} & {step.name for step in getattr(was, "steps", ())}:
        message = f"{workflow.label} has none of the steps of {past.name}, which was a run of {original.label}"
        raise InvalidInput(message, hint=f"give the file that {past.name} was made from, or start the other one anew")
    top = Judgement(workflow, original, past).of_graph(callee.name, was.name, around=(callee.name,))
    if all(step.name in top.done or step.name in callee.finalizers for step in callee.steps):
        finals = (name for name in callee.finalizers if past.steps.get((name,), SUCCEEDED).outcome in RUNS_AGAIN)
        names = ", ".join((*finals, *past.failed_handlers))
        what = f", and only {names} failed, which runs in every run" if names else ""
        raise InvalidInput(
            f"all steps of {past.name} are done{what}",
            hint="there is nothing to resume: a new run does all steps again"
            if names
            else "start it anew if it is to run again",
        )
    new = _Writing(workflow, past).with_resumed(top)
    return past.resumed(new), list(top.verdicts())


class _Writing:
    """Writes graphs without what is done. Graphs that are called once change where they are, others are copied.

    So is what is inside of a copy: the graph that was copied calls it, too.
    """

    def __init__(self, workflow: Workflow, past: PastRun) -> None:
        self._workflow = workflow
        self._past = past
        self._by_name = callables(workflow)
        self._names = set(self._by_name)
        calls = (site.step.call for site in call_sites(workflow))
        self._calls = Counter(call.name for call in calls if isinstance(call, Call))
        self._changed: dict[str, Graph | Operation] = {}
        self._added: list[Graph | Operation] = []

    def with_resumed(self, top: Resumption) -> Workflow:
        """The workflow with the graph of its entry resumed, without what nothing calls any more."""
        entry = self._workflow.entry
        assert entry is not None
        entry = replace(entry, call=Call(name=self._graph(top)))
        new = replace(replace_callables(self._workflow, self._changed, self._added), entry=entry)
        unused = _reached(self._workflow) - _reached(new)
        if any(isinstance(site.step.call, Dynamic) for site in call_sites(new)):  # it may name what has a name
            unused = {name for name in unused if self._by_name[name].inline}
        return remove_callables(new, unused)

    def _fresh(self, name: str) -> str:
        name = fresh_name(f"{name}-resumed", self._names)
        self._names.add(name)
        return name

    def _graph(self, item: Resumption, *, is_copied: bool = False) -> str:
        """Puts down a graph without what is done, which may be in a copied one; returns its name."""
        graph, name = item.graph, item.graph.name
        if not item.done and not item.inside:
            return name
        is_copied = is_copied or self._calls[name] > 1
        if is_copied:
            name = self._fresh(name)
        serving = _serving(item) if graph.stages is None else {}
        steps = tuple(
            self._step(step, item, serving.get(step.name, ()), is_copied)
            for step in graph.steps
            if step.name not in item.done
        )
        names = {step.name for step in steps}
        stages = graph.stages and tuple(
            kept for stage in graph.stages if (kept := tuple(step for step in stage if step in names))
        )
        regions = tuple(replace(one, steps=tuple(s for s in one.steps if s in names)) for one in graph.regions)
        outputs = exported(graph, item.done, self._past)
        targets = tuple(target for target in graph.targets if target not in item.done)
        new = replace(graph, name=name, steps=steps, stages=stages, regions=regions, outputs=outputs, targets=targets)
        if name == graph.name:
            self._changed[name] = new
        else:
            self._added.append(new)
        return name

    def _step(self, step: Step, item: Resumption, serving: Iterable[Need], is_copied: bool) -> Step:
        remaining = needs_left(step.needs, item.done)
        needs = all_of([*conjuncts(None if isinstance(remaining, bool) else remaining), *serving])
        inline = list(inline_callees(step, self._by_name))
        names = {callee.name: self._fresh(callee.name) for callee in inline if is_copied}
        for callee in inline:
            inner = {one.name for one in callee.steps} if isinstance(callee, Graph) else set()
            outer = {name: ended for name, ended in item.done.items() if name not in inner}
            new = inlined(callee, outer, self._past)
            if is_copied:
                self._added.append(replace(_calling(new, names), name=names[callee.name]))
            elif new is not callee:
                self._changed[callee.name] = new
        step = _calling(replace(inlined(step, item.done, self._past), needs=needs), names)
        if step.name in item.inside:
            step = replace(step, call=Call(name=self._graph(item.inside[step.name], is_copied=is_copied)))
        return step


def _calling(node: N, names: Mapping[str, str]) -> N:
    """A node with other names of what it calls."""
    return rebuild(node, lambda one: Call(name=names[one.name]) if isinstance(one, Call) and one.name in names else one)


def _serving(item: Resumption) -> dict[str, tuple[Need, ...]]:
    """What steps need of daemons that run again: those between them are gone."""
    daemons = item.serving & item.again.keys()
    if not daemons:
        return {}
    waits = {need.step: need for step in item.graph.steps for need in needed(step.needs) if need.step in daemons}
    view = GraphView(item.graph)
    direct = {step.name: {need.step for need in needed(step.needs)} for step in item.graph.steps}
    before = {step.name: view.ancestors(step.name) - direct[step.name] for step in item.graph.steps}
    return {name: tuple(waits[one] for one in sorted(ones & waits.keys())) for name, ones in before.items()}


def _reached(workflow: Workflow) -> set[str]:
    starts = [*filter(None, [workflow.entry]), *(handler.step for handler in workflow.handlers)]
    return set(callees_of(starts, callables(workflow)))
