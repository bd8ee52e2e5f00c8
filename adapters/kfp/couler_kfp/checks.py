"""What makes a pipeline none: names that only differ in case, versions that we do not know, a file that was cut off.

Names that do not exist are found by `ir.verify`, as for every engine.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from couler_kfp.mappings import Mapped
from couler_plugins.documents import Path
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir import Graph, Operation, references

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


def check_bound(graphs: Iterable[Graph], operations: Iterable[Operation]) -> None:
    """Raises `Unsupported` where a platform configuration reads outputs of tasks in several graphs.

    An edit of one of these graphs would change what it says in the others.
    """
    bound = {item.name: item for item in operations if item.inline and any(item.step for item in references(item))}
    callers: dict[str, str] = {}
    for graph in graphs:
        for step in graph.steps:
            name = getattr(step.call, "name", "")
            if name in bound and callers.setdefault(name, graph.name) != graph.name:
                message = f"the platform configuration of {name!r} reads what is around it, in two graphs"
                hint = "give each task a component of its own"
                raise Unsupported(message, engine="kfp", path=(step.source or ())[1:], hint=hint)
