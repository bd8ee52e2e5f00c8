"""What each action does to a workflow of the IR."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from couler_plugins.driver.rewrite import Session
from couler_plugins.editing import fields, structure
from couler_plugins.editing.actions import (
    Action,
    AddStep,
    Connect,
    CopyStep,
    DeleteStep,
    Disconnect,
    PassInput,
    RenameStep,
    SetField,
)
from couler_plugins.editing.scope import ONE_STEP, Scope
from couler_plugins.errors import InvalidInput
from couler_plugins.ir import Workflow, clone_step, rename_steps
from couler_plugins.plan import Plan


def change(workflow: Workflow, action: Action, plan: Plan, session: Session) -> Workflow:
    """Return a workflow with an action carried out.

    Raises:
        CoulerError: the action makes no sense, or the engine cannot have what it asks for.
    """
    if not action.graph and not (isinstance(action, SetField) and action.field not in ("when", "over")):
        raise InvalidInput(f"{workflow.label} has no graph around this", hint=ONE_STEP)
    return CHANGES[type(action)](Scope(plan, workflow, action.graph), action, session)


def _copy(scope: Scope, action: CopyStep, session: Session) -> Workflow:
    step, name = scope.step(action.step), structure.checked_name(scope, action.name)
    return clone_step(scope.workflow, scope.graph.name, step.name, name)


def _rename(scope: Scope, action: RenameStep, session: Session) -> Workflow:
    step, name = scope.step(action.step), structure.checked_name(scope, action.name)
    return rename_steps(scope.workflow, scope.graph.name, {step.name: name})


CHANGES: dict[type, Callable[[Scope, Any, Session], Workflow]] = {
    AddStep: structure.add_step,
    Connect: structure.connect,
    CopyStep: _copy,
    DeleteStep: structure.delete_step,
    Disconnect: structure.disconnect,
    PassInput: fields.pass_input,
    RenameStep: _rename,
    SetField: fields.set_field,
}
