"""What steps call, directly and through others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from couler_plugins.ir import Call, External, Graph, Operation, Step

__all__ = ["calls_elsewhere", "reached"]


def reached(by_name: Mapping[str, Graph | Operation], steps: Iterable[Step | None]) -> set[str]:
    """The names of the graphs and operations that these steps call, directly or through others."""
    pending = [step for step in steps if step is not None]
    names: set[str] = set()
    while pending:
        step = pending.pop()
        pending.extend(handler.step for handler in step.handlers)
        callee = by_name.get(step.call.name) if isinstance(step.call, Call) else None
        if callee is not None and callee.name not in names:
            names.add(callee.name)
            pending.extend(callee.steps if isinstance(callee, Graph) else ())
    return names


def calls_elsewhere(by_name: Mapping[str, Graph | Operation], steps: Iterable[Step | None]) -> bool:
    """Whether these steps call a template of another document, directly or through others."""
    own = [step for step in steps if step is not None]
    inner = [by_name[name] for name in reached(by_name, own)]
    every = [*own, *(step for item in inner if isinstance(item, Graph) for step in item.steps)]
    sites = [*every, *(handler.step for step in every for handler in step.handlers)]
    return any(isinstance(site.call, External) for site in sites)
