"""Life-cycle hooks."""

from __future__ import annotations

from typing import Any

from couler_argo.lint.report import Report
from couler_plugins.documents import Path

__all__ = ["check_hooks", "has_exit_hook"]

Mapping = dict[str, Any]


def has_exit_hook(call: Mapping) -> bool:
    """Whether something is called when a step or task has ended."""
    return bool(call.get("onExit")) or "exit" in call.get("hooks", {})


def check_hooks(hooks: Mapping, path: Path, where: str, report: Report) -> None:
    """Hooks that would not know when to run."""
    for event, hook in hooks.items():
        if event != "exit" and not hook.get("expression"):
            message = f"{where}the hook {event!r} has no expression"
            report.error("hook-expression", (*path, event), message, "say when it runs, or name it `exit`")
