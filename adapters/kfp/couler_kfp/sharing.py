"""Operations that were merged into one: their tasks keep components of their own, which share its executor.

KFP's local runner writes what a task makes into a folder with the name of its *component* (measured with 2.17.3: two
tasks that share one and write an artifact each leave one of these behind both). A backend keeps them apart by task,
but its newest versions make a task's own cache key unique by that name. The executor (image, command, source) is the
big part, and both look it up by its label, as they do platform configuration (the backend in
`backend/src/v2/compiler/visitor.go`), so that components may share one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from couler_kfp.components import label_of, sharing
from couler_kfp.mappings import rest_of, without
from couler_kfp.structures import write_structure
from couler_plugins.ir import Call, Operation, Step, Workflow, call_sites, map_steps, replace
from couler_plugins.plan import Decision


class Settled(NamedTuple):
    """A workflow as it is written, and what there is to say of that."""

    workflow: Workflow
    decisions: tuple[Decision, ...]


def settle(new: Workflow, old: Workflow, document: int, *, merge: bool) -> Settled:
    """The workflow with the component that each task had, where its call moved to an identical operation.

    Args:
        new: the workflow as it is to be.
        old: the workflow as it was lifted.
        document: the number of its document.
        merge: whether such tasks share a component instead; those with a cache key of their own still do not.
    """
    twins = _Twins(new, old)
    apart = map_steps(new, lambda step: step if merge and not _has_key(step) else twins.moved_back(step))
    if twins.made:
        called = _calls(apart)
        operations = (item for item in apart.operations if called[item.name] or not twins.is_new_target(item.name))
        apart = replace(apart, operations=(*operations, *twins.made.values()))
    said = (*twins.decisions(apart, document), *_remarks(old, apart, document))
    return Settled(apart, said)


class _Twins:
    """Operations that are gone, made anew with the executor of the one that tasks call in their place.

    Attributes:
        made: these operations, by name.
    """

    def __init__(self, new: Workflow, old: Workflow) -> None:
        self._called = {
            site.step.source: site.step.call.name
            for site in call_sites(old)
            if isinstance(site.step.call, Call) and site.step.source is not None
        }
        kept = {operation.source for operation in new.operations}
        self._gone = {operation.name: operation for operation in old.operations if operation.source not in kept}
        self._before = {operation.source: operation for operation in old.operations}
        self._names = {operation.name for operation in old.operations}
        self._there = {operation.name: operation for operation in new.operations}
        self._taken = {item.name for item in (*new.graphs, *new.operations)}
        self._targets: dict[str, str] = {}
        self.made: dict[str, Operation] = {}

    def moved_back(self, step: Step) -> Step:
        """The step with a call of what it called before, where it now calls something identical."""
        name = self._called.get(step.source or (), "")
        if not isinstance(step.call, Call) or name not in self._gone or name in self._taken:
            return step
        target = step.call.name
        if name not in self.made and self._is_identical(name, target):
            self._targets[name] = target
            self.made[name] = self._twin(self._gone[name], self._there[target])
        return replace(step, call=Call(name=name)) if self._targets.get(name) == target else step

    def _is_identical(self, name: str, target: str) -> bool:
        operation = self._there.get(target)
        before = self._before.get(operation.source) if operation is not None else None
        return before is not None and _nameless(before) == _nameless(self._gone[name])

    def _twin(self, gone: Operation, target: Operation) -> Operation:
        changed = target != self._before[target.source]
        twin = replace(target, name=gone.name, source=gone.source) if changed else gone
        return sharing(twin, label_of(target))

    def is_new_target(self, name: str) -> bool:
        """Whether an operation was made for tasks that have their own components again."""
        return name in self._targets.values() and name not in self._names

    def decisions(self, workflow: Workflow, document: int) -> Iterator[Decision]:
        for target, number in Counter(self._targets.values()).items():
            yield Decision(
                optimizer="kfp",
                workflow=workflow.label,
                subject=target,
                action="let them run its executor, and keep their components",
                reason="kfp.local keeps tasks apart by component; kfp{merge=components} is for backends only",
                figures=(("components", number),),
                document=document,
            )


def _nameless(operation: Operation) -> Operation:
    """The operation without its name, its label, an order, and what follows from its tasks."""
    rest = (
        without(write_structure(operation.native_extra), "executorLabel") if operation.native_extra is not None else {}
    )
    return replace(
        operation,
        name="",
        native_extra=rest_of(rest),
        inputs=tuple(sorted(operation.inputs, key=lambda port: (port.kind, port.name))),
        outputs=tuple(sorted(operation.outputs, key=lambda output: (output.kind, output.name))),
        memoized=None,
    )


def _has_key(step: Step) -> bool:
    options = write_structure(step.native_extra).get("cachingOptions") if step.native_extra is not None else None
    return isinstance(options, dict) and bool(options.get("cacheKey"))


def _remarks(old: Workflow, new: Workflow, document: int) -> Iterator[Decision]:
    """A remark for every operation with artifacts that more tasks share than before."""
    before, after = _calls(old), _calls(new)
    for operation in new.operations:
        name = operation.name
        if any(output.kind == "artifact" for output in operation.outputs) and after[name] > max(1, before[name]):
            yield Decision(
                optimizer="kfp",
                workflow=new.label,
                subject=name,
                action="let several tasks share it",
                reason="kfp.local mixes up their artifacts: run this pipeline on a backend",
                figures=(("tasks", after[name]),),
                document=document,
            )


def _calls(workflow: Workflow) -> Counter[str]:
    return Counter(site.step.call.name for site in call_sites(workflow) if isinstance(site.step.call, Call))
