"""Runs the steps of a workflow in the order that their graphs say."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any

from couler_plugins.hookspecs.local import Ended, File, Local, NotThere, Outcome
from couler_plugins.ir import (
    AllOf,
    AnyOf,
    Argument,
    Call,
    Graph,
    GraphView,
    Handler,
    Need,
    Needs,
    Not,
    Output,
    Reference,
    Step,
    Workflow,
    callables,
    needed,
)
from couler_plugins.running.local.operations import Operations, Site
from couler_plugins.running.local.scope import Scope, Whole, handed_out, passed

# What the outcomes of steps come to: whether others may start, and how a loop has ended.


def met(needs: Needs | None, ended: Mapping[str, Ended]) -> bool:
    """Whether a step may start, once all that it needs have ended."""
    match needs:
        case None:
            return True
        case Need():
            return _fits(ended[needs.step], needs.outcomes)
        case Not():
            return not met(needs.need, ended)
        case AllOf():
            return all(met(need, ended) for need in needs.needs)
        case AnyOf():
            return any(met(need, ended) for need in needs.needs)


def _fits(ended: Ended, outcomes: tuple[str, ...]) -> bool:
    every = ended.every or (ended,)
    result: set[str] = {ended.outcome}
    if any(item.outcome == "succeeded" for item in every):
        result.add("any-succeeded")
    if all(item.outcome == "failed" for item in every):
        result.add("all-failed")
    return bool(result & set(outcomes))


def together(every: list[Ended]) -> Outcome:
    """How a step ended that ran for several items; for none it was skipped."""
    outcomes = {item.outcome for item in every} or {"skipped"}
    if len(outcomes) == 1:
        return outcomes.pop()
    bad = [item.outcome for item in every if item.bad]
    return bad[0] if bad else "succeeded"


UNNAMED = "onExit"
"""What a handler is called that its engine gives no name."""


class Engine:
    """One run of a workflow.

    Args:
        workflow: what to run; nothing in it is refused.
        facet: what its engine knows.
        whole: what the whole run sees.
        operations: what runs operations.
    """

    def __init__(self, workflow: Workflow, facet: Local, whole: Whole, operations: Operations) -> None:
        self._workflow, self._facet, self._whole, self._operations = workflow, facet, whole, operations
        self._by_name = callables(workflow)
        self._inline = {name: item for name, item in self._by_name.items() if item.inline}
        self._views: dict[str, GraphView] = {}

    async def run(self) -> Ended:
        """Runs the entry, then what runs at the end."""
        assert self._workflow.entry is not None
        outside = Scope(self._facet, self._whole)
        arguments = tuple(
            Argument(name=name, value=Reference(to="parameter", name=name)) for name in self._whole.parameters
        )
        entry = self._workflow.entry
        path = entry.call.name if isinstance(entry.call, Call) else entry.name
        ended = await self._once(entry, outside, Site(path, ("", entry.name)), arguments)
        self._whole.facts["outcome"] = ended.outcome
        for handler in self._workflow.handlers:
            after = await self._handled(handler, outside, path, arguments)
            if after is not None and after.bad and not ended.bad:
                ended = after
        return ended

    async def _graph(self, graph: Graph, scope: Scope, path: str) -> Ended:
        """Runs the steps of a graph."""
        try:
            limit = None if graph.parallelism is None else int(self._facet.text(graph.parallelism, scope.look))
        except (NotThere, ValueError) as error:
            return Ended(outcome="errored", message=f"{path}: its parallelism: {error}")
        turns = nullcontext() if not limit else asyncio.Semaphore(limit)
        steps = {step.name: step for step in graph.steps}
        last = set(graph.finalizers)
        view = self._views.setdefault(graph.name, GraphView(graph, self._inline))
        if graph.stages is not None:
            before: tuple[str, ...] = ()
            for stage in graph.stages:
                await _all(self._step(graph, steps[name], scope, path, turns, before) for name in stage)
                if any(
                    scope.ended[name].bad and scope.ended[name].outcome not in steps[name].tolerates for name in stage
                ):
                    break
                before = stage
        else:
            wanted = self._wanted(graph, view)
            ends = {name: asyncio.Event() for name in steps if name not in last}
            await _all(
                self._when_ready(graph, step, scope, path, turns, view, ends)
                for step in graph.steps
                if step.name in wanted and step.name not in last
            )
        await _all(self._step(graph, steps[name], scope, path, turns, tuple(scope.ended)) for name in graph.finalizers)
        outcome = self._facet.outcome(graph, scope.ended)
        if outcome != "succeeded":
            messages = [item.message for item in scope.ended.values() if item.bad and item.message]
            return Ended(outcome=outcome, message="; ".join(messages))
        try:
            return handed_out(graph, scope)
        except NotThere as error:
            return Ended(outcome="errored", message=f"{path}: {error}")

    def _wanted(self, graph: Graph, view: GraphView) -> set[str]:
        """The steps that run: the targets and what is before them."""
        if not graph.targets:
            return {step.name for step in graph.steps}
        targets = {str(name) for name in graph.targets}
        return targets.union(*(view.ancestors(name) for name in targets))

    async def _when_ready(
        self,
        graph: Graph,
        step: Step,
        scope: Scope,
        path: str,
        turns: Any,
        view: GraphView,
        ends: dict[str, asyncio.Event],
    ) -> None:
        """Runs a step of a graph without stages once those before it have ended, if it is to run then."""
        before = tuple(dict.fromkeys([*(need.step for need in needed(step.needs)), *view.reads[step.name]]))
        for name in before:
            await ends[name].wait()
        if met(step.needs, scope.ended):
            await self._step(graph, step, scope, path, turns, before)
        else:
            scope.ended[step.name] = self._without(f"{path}/{step.name}", Ended(outcome="omitted"))
        ends[step.name].set()

    async def _step(self, graph: Graph, step: Step, scope: Scope, path: str, turns: Any, before: Iterable[str]) -> None:
        """Runs a step for each of its items; how it ended is in the scope then."""
        parents = tuple(f"{path}/{name}" for name in before)
        site = Site(f"{path}/{step.name}", (graph.name, step.name), parents)

        async def once(item: Scope, name: str) -> Ended:
            async with turns:
                return await self._once(step, item, Site(name, site.call, parents), ())

        if step.loop is None:
            scope.ended[step.name] = await once(scope, site.path)
            return
        try:
            items = self._facet.items(step.loop, scope.look)
        except NotThere as error:
            scope.ended[step.name] = Ended(outcome="errored", message=f"{site.path}: {error}")
            return
        every = await _all(once(scope.with_item(item), f"{site.path}({n})") for n, item in enumerate(items))
        message = "; ".join(item.message for item in every if item.bad and item.message)
        scope.ended[step.name] = Ended(outcome=together(every), message=message, every=tuple(every))

    async def _once(self, step: Step, scope: Scope, site: Site, arguments: tuple[Argument, ...]) -> Ended:
        """Runs what a step calls, unless its condition does not hold; then what runs at its end."""
        assert isinstance(step.call, Call)
        callee = self._by_name[step.call.name]
        try:
            if step.condition is not None and not self._facet.holds(step.condition, scope.look):
                return self._without(site.path, Ended(outcome="skipped"))
            inputs = passed(callee.inputs, (*step.arguments, *arguments), scope)
        except NotThere as error:
            return self._without(site.path, Ended(outcome="errored", message=f"{site.path}: {error}"))
        inner = Scope(self._facet, self._whole, callee, inputs, outer=scope if callee.inline else None)
        if isinstance(callee, Graph):
            self._operations.progress.enclose(site.path, None)
            ended = await self._graph(callee, inner, site.path)
            self._operations.progress.enclose(site.path, ended)
        else:
            ended = await self._operations.run(callee, inner, scope, site)
        self._export(callee.outputs, ended, inner)
        around = replace(scope, ended={**scope.ended, step.name: ended})
        for handler in step.handlers:
            after = await self._handled(handler, around, site.path, ())
            if after is not None and after.outcome == "errored" and not ended.bad:
                return after
        return ended

    def _without(self, path: str, ended: Ended) -> Ended:
        """Note how a step ended that ran no program."""
        self._operations.progress.enclose(path, ended)
        return ended

    async def _handled(
        self, handler: Handler, scope: Scope, path: str, arguments: tuple[Argument, ...]
    ) -> Ended | None:
        """Runs a handler of what is at a path, if its condition holds; how it ended."""
        step = handler.step
        site = Site(f"{path}.{step.name or UNNAMED}", ("", step.name), (path,))
        try:
            if handler.condition is not None and not self._facet.holds(handler.condition, scope.look):
                return None
        except NotThere as error:
            return Ended(outcome="errored", message=f"{site.path}: {error}")
        return await self._once(step, scope, site, arguments)

    def _export(self, outputs: Iterable[Output], ended: Ended, scope: Scope) -> None:
        """Gives outputs that have a name for the whole run to the whole run."""
        for output in outputs:
            content: Mapping[str, str | File] = ended.parameters if output.kind == "parameter" else ended.artifacts
            if output.exported is not None and output.name in content:
                self._whole.exported[output.kind, self._facet.text(output.exported, scope.look)] = content[output.name]


async def _all(work: Iterable[Any]) -> list[Any]:
    """Runs all of these beside each other; one that is cancelled, or broken, ends the others."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(item) for item in work]
    return [task.result() for task in tasks]
