"""What references mean: to inputs, to steps of a graph that have ended, to the item of a loop, to the run.

What goes into a callee, and what comes out of a graph.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from couler_plugins.hookspecs.local import Ended, File, Local, NotThere
from couler_plugins.ir import Argument, Callable, Graph, Port, PortKind, Reference

Inputs = Mapping[tuple[PortKind, str], str | File]
MISSING = object()


@dataclass
class Whole:
    """What everything in a run sees.

    Attributes:
        parameters: of the workflow.
        facts: of the run; see `Local.fact`.
        exported: outputs that steps have given to the whole run.
    """

    parameters: Mapping[str, str]
    facts: dict[str, str]
    exported: dict[tuple[str, str], str | File] = field(default_factory=dict)


@dataclass
class Scope:
    """Where references of one graph or operation are looked up.

    Attributes:
        facet: what the engine knows.
        whole: what the whole run sees.
        owner: the graph or operation; None outside of all.
        inputs: its inputs.
        ended: its steps that have ended.
        item: the item of the loop that is gone through.
        outer: the scope around it, for what is written at its call site.
    """

    facet: Local
    whole: Whole
    owner: Callable | None = None
    inputs: Inputs = field(default_factory=dict)
    ended: dict[str, Ended] = field(default_factory=dict)
    item: Any = MISSING
    outer: Scope | None = None

    def with_item(self, item: Any) -> Scope:
        """The same, while a loop is at an item."""
        return replace(self, item=item)

    def look(self, reference: Reference) -> Any:
        """What a reference stands for.

        Raises:
            NotThere: nothing, or nothing yet.
        """
        try:
            return self._own(reference)
        except NotThere:
            if self.outer is None:
                raise
            return self.outer.look(reference)

    def _own(self, reference: Reference) -> Any:
        name = reference.native or reference.name
        match reference.to:
            case "parameter" if reference.name in self.whole.parameters:
                return self.whole.parameters[reference.name]
            case "input":
                return self._input(reference)
            case "output" if not reference.step:
                return self._path_of(reference)
            case "output" if reference.step in self.ended:
                return self._output(reference, self.ended[reference.step])
            case "status" if reference.step in self.ended:
                return self.facet.fact(reference, self.ended[reference.step], self.whole.facts)
            case "item" if self.item is not MISSING:
                return self._item(reference)
            case "run":
                return self.facet.fact(reference, None, self.whole.facts)
            case "global" if (reference.kind, reference.name) in self.whole.exported:
                return self.whole.exported[reference.kind, reference.name]
        raise NotThere(f"{name!r} is not there")

    def _input(self, reference: Reference) -> Any:
        if reference.kind == "artifact" and reference.path == ("path",):
            return self._path_of(reference)
        for kind in ("parameter", "artifact"):
            if kind == reference.kind and (kind, reference.name) in self.inputs and not reference.path:
                return self.inputs[kind, reference.name]
        raise NotThere(f"there is no input {reference.name!r}")

    def _path_of(self, reference: Reference) -> str:
        """Where an operation finds an input, or leaves an output: the path in its own world."""
        if self.owner is not None and reference.path == ("path",):
            ports = self.owner.inputs if reference.to == "input" else self.owner.outputs
            for port in ports:
                if (port.kind, port.name) == (reference.kind, reference.name):
                    return self.facet.path(port, self.look)
        raise NotThere(f"{reference.native or reference.name!r} has no path")

    def _output(self, reference: Reference, ended: Ended) -> Any:
        if ended.every is not None:
            return self.facet.gathered(reference, ended.every)
        if reference.kind == "result" and ended.result is not None and not reference.path:
            return ended.result
        parts: Mapping[str, str | File] = ended.artifacts if reference.kind == "artifact" else ended.parameters
        if reference.name in parts and not reference.path:
            return parts[reference.name]
        why = f" ({ended.outcome})" if ended.outcome != "succeeded" else ""
        raise NotThere(f"{reference.step!r}{why} has left no {reference.kind or 'output'} {reference.name!r}")

    def _item(self, reference: Reference) -> Any:
        item = self.item
        for key in filter(None, (reference.name, *reference.path)):
            if not isinstance(item, Mapping) or key not in item:
                raise NotThere(f"the item has no {key!r}")
            item = item[key]
        return item


def passed(ports: Iterable[Port], arguments: Iterable[Argument], scope: Scope) -> Inputs:
    """What a callee gets: what its caller passes, else what its port holds, else its default.

    Raises:
        NotThere: there is nothing for a port that needs something.
    """
    values = {(item.kind, item.name): item.value for item in reversed(tuple(arguments))}
    inputs: dict[Any, Any] = {}
    for port in ports:
        around = Scope(scope.facet, scope.whole, scope.owner, dict(inputs), outer=scope)
        here = values.get((port.kind, port.name))
        content: Any = None
        try:
            if port.kind == "artifact":
                value = here if here is not None else port.value if port.value is not None else port.origin
                content = (
                    None
                    if value is None
                    else scope.facet.artifact(value, scope.look if here is not None else around.look)
                )
            elif here is not None:
                content = scope.facet.text(here, scope.look)
            elif port.value is not None:
                content = scope.facet.text(port.value, around.look)
        except NotThere:
            if port.default is None and not (port.optional and isinstance(here, Reference)):
                raise
        if content is None and port.default is not None:
            content = scope.facet.text(port.default, around.look)
        if content is not None:
            inputs[port.kind, port.name] = content
        elif not port.optional:
            raise NotThere(f"nothing is passed to the {port.kind} {port.name!r}")
    return inputs


def handed_out(graph: Graph, scope: Scope) -> Ended:
    """What a graph hands out whose steps have ended.

    Raises:
        NotThere: one of its parameters is not there, and has no default.
    """
    parameters: dict[str, str] = {}
    artifacts: dict[str, File] = {}
    for output in graph.outputs:
        try:
            if output.value is None:
                continue
            if output.kind == "parameter":
                parameters[output.name] = scope.facet.text(output.value, scope.look)
            elif isinstance(file := scope.facet.artifact(output.value, scope.look), File):
                artifacts[output.name] = file
        except NotThere:
            if output.default is None:
                if output.kind == "artifact":  # an engine notices where somebody reads it
                    continue
                raise
            parameters[output.name] = scope.facet.text(output.default, scope.look)
    return Ended(outcome="succeeded", parameters=parameters, artifacts=artifacts)
