"""What a conversion does about what its target cannot say: it leaves a field out, or puts a placeholder there."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from couler_plugins.engine_kit.legalize.native_fields import only_field, without_field
from couler_plugins.engine_kit.legalize.passes import reached
from couler_plugins.engine_kit.legalize.placeholders import placeholder
from couler_plugins.errors import CoulerError, Unsupported
from couler_plugins.ir import (
    Bundle,
    Call,
    Container,
    Graph,
    Loop,
    Node,
    Operation,
    Output,
    Port,
    Reference,
    Retry,
    Step,
    Workflow,
    callables,
    map_steps,
    rebuild,
    references,
    replace,
    replace_callables,
    take_name,
)
from couler_plugins.ir.values import Source

NODES: dict[str, type[Node]] = {
    kind.__name__: kind for kind in (Workflow, Graph, Operation, Step, Container, Port, Output, Loop, Retry)
}
ENTRY = "main"
ORIGINAL_LINES = 60
"""Lines of the original that a placeholder shows."""
SCHEDULED = "CronWorkflow"
BARE = 2
"""From this time on, a placeholder for a step alone did not do."""


def without(workflow: Workflow, error: Unsupported) -> Workflow:
    """Return a workflow without what an error is about; the same one where nothing of it is there.

    Args:
        workflow: the workflow.
        error: it names a field of the IR (`Operation.memoized`), or the engine's own fields in a structure.
    """
    kind, _, field = (error.feature or "").partition(".")
    node_type = NODES.get(kind)
    if node_type is None or field not in node_type.__struct_fields__:
        return workflow

    def change(node: Node) -> Node:
        if type(node) is not node_type:
            return node
        if isinstance(node, Workflow) and field == "kind":  # of what starts it by itself, what it starts stays
            return replace(node, kind="Workflow", native_extra=only_field(node.native_extra, "spec", "workflowSpec"))
        if field == "handlers":  # what an engine has no words for is often a hook alone
            ends = tuple(item for item in getattr(node, field) if item.event == "exit" and item.condition is None)
            return replace(node, handlers=() if ends == getattr(node, field) else ends)
        if field != "native_extra":
            return replace(node, **{field: _default(node_type, field)})
        rest = getattr(node, field)
        for name in error.fields:
            rest = without_field(rest, name)
        return node if rest == getattr(node, field) else replace(node, native_extra=rest)

    subject = (error.step or "").rpartition("/")[2]
    if node_type is Workflow or subject in ("", workflow.label):
        changed = _of_workflow(workflow, change) if node_type is Workflow else rebuild(workflow, change)
    else:
        called = {
            getattr(step.call, "name", "") for graph in workflow.graphs for step in graph.steps if step.name == subject
        }
        named = (Step,) if node_type is Step else (Graph, Operation)  # what holds the field, or what a step calls

        def within(node: Node) -> Node:
            name = getattr(node, "name", None)
            is_about = isinstance(node, named) and (name == subject or (node_type is not Step and name in called))
            return rebuild(node, change) if is_about else node

        changed = rebuild(workflow, within)
    return workflow if changed == workflow else changed


def _of_workflow(workflow: Workflow, change: Callable[[Node], Node]) -> Workflow:
    changed = change(workflow)
    assert isinstance(changed, Workflow)
    return changed


def _default(node_type: type[Node], field: str) -> Any:
    (one,) = (item for item in msgspec.structs.fields(node_type) if item.name == field)
    return one.default


class Placeholders:
    """Puts placeholders into the workflows of one file, more of them where fewer did not do.

    Args:
        bundle: has the texts of the originals.
        originals: the workflows as they were read.
        image: what placeholders run in.
    """

    def __init__(self, bundle: Bundle, originals: Iterable[Workflow], image: str) -> None:
        self._bundle = bundle
        self._image = image
        self._sources: dict[str, Source] = {}
        for workflow in originals:
            steps = (step for graph in workflow.graphs for step in graph.steps)
            for item in (workflow, *callables(workflow).values(), *steps):
                if item.source is not None:
                    self._sources.setdefault(item.label if isinstance(item, Workflow) else item.name, item.source)
        self._tries: dict[tuple[str, str], int] = {}

    def replace(self, workflow: Workflow, error: CoulerError) -> tuple[Workflow, str]:
        """Return a workflow with a placeholder for the step, or else the graph, that an error names, and its name.

        The second time also its loop, its condition and what it waits for beside the end of steps go, then the graph
        that it is in, and then all of the workflow. The same one comes back where the error names nothing in it.
        """
        subject = (error.step or "").rpartition("/")[2]
        by_name = callables(workflow)
        steps = [(graph.name, step) for graph in workflow.graphs for step in graph.steps if _is_about(step, subject)]
        handlers = [handler for handler in workflow.handlers if _is_about(handler.step, subject)]
        if not (steps or handlers or subject in ("", workflow.label, *by_name) or _is_entry(workflow, subject)):
            return workflow, ""
        level = self._tries[workflow.label, subject] = self._tries.get((workflow.label, subject), -1) + 1
        if level < BARE and (steps or handlers):
            ids = {id(step) for _, step in steps} | {id(handler.step) for handler in handlers}
            return self._at_steps(workflow, ids, error, bare=level > 0), subject
        if level == BARE and handlers:
            others = tuple(handler for handler in workflow.handlers if handler not in handlers)
            return _settled(replace(workflow, handlers=others)), subject
        holders = {name for name, _ in steps} | ({subject} if isinstance(by_name.get(subject), Graph) else set())
        entry = getattr(workflow.entry and workflow.entry.call, "name", "")
        if level <= BARE and holders and entry not in holders:
            changed = {name: self._of(name, workflow, error, name, by_name[name].outputs) for name in holders}
            workflow = map_steps(replace_callables(workflow, changed), lambda step: _without_values(step, holders))
            return _settled(workflow), ", ".join(sorted(holders))
        return self.whole(workflow, error), workflow.label

    def line_of(self, subject: str) -> int | None:
        """Return the line, from 1, where something stands by its name; None where it is not known."""
        source = self._sources.get(subject.rpartition("/")[2])
        if source is None or not source[1:]:
            return None
        return self._bundle.documents[int(source[0])].line_of(source[1:])

    def whole(self, workflow: Workflow, error: CoulerError) -> Workflow:
        """Return a workflow of one placeholder."""
        operation = self._of(ENTRY, workflow, error, workflow.label)
        return replace(
            workflow,
            kind="Workflow" if workflow.kind == SCHEDULED else workflow.kind,
            library="",
            parameters=(),
            entry=Step(name=ENTRY, call=Call(name=ENTRY)),
            handlers=(),
            graphs=(),
            operations=(operation,),
            native_extra=None,
        )

    def _at_steps(self, workflow: Workflow, ids: set[int], error: CoulerError, *, bare: bool) -> Workflow:
        names = set(callables(workflow))
        added: list[Operation] = []
        read = {(item.step, item.kind or "parameter", item.name) for item in _outputs_read(workflow)}

        def changed(step: Step) -> Step:
            if id(step) not in ids:
                return step
            outputs = [
                Output(name=name, kind="artifact" if kind == "artifact" else "parameter")
                for of, kind, name in sorted(read)
                if of == step.name and kind != "result"
            ]
            operation = self._of(take_name(f"{step.name or ENTRY}-todo", names), workflow, error, step.name, outputs)
            added.append(operation)
            stripped = Step(name=step.name, call=Call(name=operation.name), needs=step.needs, source=step.source)
            if bare:
                return stripped
            return replace(stripped, condition=step.condition, loop=step.loop, tolerates=step.tolerates, role=step.role)

        graphs = tuple(replace(graph, steps=tuple(map(changed, graph.steps))) for graph in workflow.graphs)
        handlers = tuple(replace(handler, step=changed(handler.step)) for handler in workflow.handlers)
        workflow = replace(workflow, graphs=graphs, handlers=handlers)
        return _settled(replace(workflow, operations=(*workflow.operations, *added)))

    def _of(
        self,
        name: str,
        workflow: Workflow,
        error: CoulerError,
        original: str,
        outputs: Sequence[Output] = (),
    ) -> Operation:
        place = f"{error.step or workflow.label} of {workflow.label}: {error.message.splitlines()[0]}"
        lines = list(self._lines(self._sources.get(original)))
        return placeholder(name, place, original=lines, outputs=outputs, image=self._image)

    def _lines(self, source: Source | None) -> Iterator[str]:
        """Yield the lines of what stands at a place, below one that says where that is."""
        if source is None or int(source[0]) >= len(self._bundle.documents):
            return
        document = self._bundle.documents[int(source[0])]
        line = document.line_of(source[1:]) if source[1:] else document.line
        lines = self._bundle.file_of(int(source[0])).text.splitlines()
        if line is None or line > len(lines) or document.data is None:
            return
        yield f"line {line} of {self._bundle.name_of(int(source[0]))}:"
        first = lines[line - 1]
        depth = len(first) - len(first.lstrip())
        for number, text in enumerate(lines[line - 1 : line - 1 + ORIGINAL_LINES]):
            if number and text.strip() and (len(text) - len(text.lstrip()) <= depth or text.startswith("---")):
                break
            yield text[depth:]


def _is_about(step: Step, subject: str) -> bool:
    """Return whether a step, or what it calls, has the name that an error is about."""
    return bool(subject) and subject in (step.name, getattr(step.call, "name", ""))


def _is_entry(workflow: Workflow, subject: str) -> bool:
    return workflow.entry is not None and _is_about(workflow.entry, subject)


def _without_values(step: Step, names: set[str]) -> Step:
    return replace(step, arguments=()) if getattr(step.call, "name", "") in names else step


def _outputs_read(workflow: Workflow) -> Iterator[Reference]:
    return (item for item in references(workflow.graphs) if item.to == "output" and item.step)


def _settled(workflow: Workflow) -> Workflow:
    """Return a workflow without what nothing calls any more."""
    return workflow if workflow.library else reached(workflow)
