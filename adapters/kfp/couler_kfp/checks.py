"""What makes a pipeline none: names that do not exist, names that only differ in case, versions that we do not know."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from couler_kfp.mappings import Mapped
from couler_plugins.documents import Path
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir import Argument, Call, Graph, Operation, Port, needed, references

__all__ = ["VERSION", "check_names", "check_references", "check_version"]

VERSION = "2.1.0"


def check_version(spec: Mapped, path: Path) -> None:
    """Raises `InvalidInput` where the spec is cut off, or of a version that the backend does not take either."""
    if "root" not in spec:
        hint = "the file may be cut off: compile the pipeline again"
        raise InvalidInput("the pipeline has no root", engine="kfp", path=path, hint=hint)
    version = spec.get("schemaVersion")
    if version is None:
        hint = "the file may be cut off: compile the pipeline again"
        raise InvalidInput("the pipeline has no schemaVersion", engine="kfp", path=path, hint=hint)
    if version != VERSION:
        message, hint = f"schemaVersion {version!r} is not supported", f"compile the pipeline for {VERSION}"
        raise InvalidInput(message, engine="kfp", path=(*path, "schemaVersion"), hint=hint)


def check_names(names: Collection[str], path: Path) -> None:
    """Raises `InvalidInput` where two names only differ in case: in Kubernetes they would be one."""
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            message = f"{other!r} and {name!r} only differ in case"
            raise InvalidInput(message, engine="kfp", path=(*path, name), hint="give one of them another name")


def check_references(graphs: Iterable[Graph], operations: Iterable[Operation]) -> None:
    """Raises an error where a task calls, waits for, or reads from something that is not there.

    Raises:
        InvalidInput: it names what does not exist.
        Unsupported: a platform configuration reads from tasks of several graphs.
    """
    graphs = tuple(graphs)
    items: tuple[Graph | Operation, ...] = (*graphs, *operations)
    by_name = {item.name: item for item in items}
    callers: dict[str, str] = {}
    for graph in graphs:
        tasks = {step.name for step in graph.steps}
        inputs = {(port.kind, port.name) for port in graph.inputs}
        for step in graph.steps:
            place = (step.source or ())[1:]
            if not isinstance(step.call, Call) or step.call.name not in by_name:
                name = getattr(step.call, "name", "")
                raise _dangling(f"the task {step.name!r} calls {name!r}, which is no component", name, by_name, place)
            for need in needed(step.needs):
                if need.step not in tasks:
                    message = f"the task {step.name!r} waits for {need.step!r}, which {graph.name!r} does not have"
                    raise _dangling(message, need.step, tasks, (*place, "dependentTasks"))
            callee = by_name[step.call.name]
            inline = callee if callee.inline else None
            bound = any(reference.step for reference in references(inline)) if inline else False
            if inline and bound and callers.setdefault(inline.name, graph.name) != graph.name:
                message = f"the platform configuration of {inline.name!r} reads what is around it, in two graphs"
                raise Unsupported(message, engine="kfp", path=place, hint="give each task a component of its own")
            held: tuple[Port | Argument, ...] = (*inline.inputs, *step.arguments) if inline else ()
            own = {(port.kind, port.name) for port in held}
            for reference in references((step, inline) if inline else step):
                if reference.step and reference.step not in tasks:
                    message = (
                        f"the task {step.name!r} reads from {reference.step!r}, which {graph.name!r} does not have"
                    )
                    raise _dangling(message, reference.step, tasks, (*place, "inputs") if not inline else place)
                if reference.to == "input" and (reference.kind, reference.name) not in inputs | own:
                    message = f"the task {step.name!r} reads an input {reference.name!r} that {graph.name!r} lacks"
                    raise _dangling(message, reference.name, [name for _, name in inputs], place)
        for reference in references(graph.outputs):
            if reference.step not in tasks:
                message = f"{graph.name!r} hands out what {reference.step!r} makes, which it does not have"
                raise _dangling(message, reference.step, tasks, (graph.source or ())[1:])


def _dangling(message: str, name: str, known: Iterable[str], path: Path) -> InvalidInput:
    close = difflib.get_close_matches(name.lower(), list(known), 1)
    hint = f"did you mean {close[0]!r}?" if close else "correct the name, or add what it names"
    return InvalidInput(message, engine="kfp", path=path, hint=hint)
