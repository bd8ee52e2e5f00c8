"""What goes into a callee, and what comes out of a graph."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from couler_plugins.hookspecs.local import Ended, File, NotThere
from couler_plugins.ir import Argument, Graph, Port, Reference
from couler_plugins.running.local.scope import Inputs, Scope


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
