"""What runs at the end of a workflow, by how it ended."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any

from couler_plugins.authoring.conditions import Condition
from couler_plugins.authoring.context import recorder, whole
from couler_plugins.authoring.places import said_where
from couler_plugins.authoring.quoting import shown
from couler_plugins.authoring.scopes import Scope
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Literal, Reference

__all__ = ["WFStatus", "set_exit_handler"]

STATUS = Reference(to="run", name="workflow", path=("status",))


class WFStatus(Enum):
    """How a workflow ended."""

    Succeeded = "Succeeded"
    Failed = "Failed"
    Error = "Error"
    Always = ""
    """However it ended: the one that every engine has."""


@said_where
@whole
def set_exit_handler(status: WFStatus, function: Callable[[], Any]) -> None:
    """Runs what a function writes at the end of the workflow, where it ended like this.

    Args:
        status: how the workflow has to have ended.
        function: writes one step, or several.

    Raises:
        InvalidInput: there is no such end.
    """
    if not isinstance(status, WFStatus):
        hint = f"one of {', '.join(str(item) for item in WFStatus)}"
        raise InvalidInput(f"{shown(status)} is not a final status of a workflow", hint=hint)
    work = recorder()
    if work.scope is not work.main or work.scope.conditions:
        message = "an exit handler belongs to the whole workflow, and this one is inside of a loop or a condition"
        raise InvalidInput(message, hint="set it outside of them, and test the condition inside of the handler")
    scope = Scope(conditions=(Condition("==", Literal(value=status.value), STATUS),) if status.value else ())
    with work.inside(scope):
        work.run(function)
    work.handlers.append((status.value, scope))
