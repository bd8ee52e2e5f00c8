"""Carry actions out: a text becomes the text with one action done, and only the lines that it is about change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from couler_plugins.documents import Finding, read
from couler_plugins.driver.linting import lint_inputs
from couler_plugins.driver.rewrite import Session, rewrite
from couler_plugins.editing import fields, reads, structure
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
from couler_plugins.errors import CoulerError, InvalidInput, Unsupported
from couler_plugins.hookspecs import Context
from couler_plugins.inputs.sources import Input
from couler_plugins.ir import Workflow, clone_step, rename_steps, verify
from couler_plugins.plan import Decision, Plan

STALE = "stale-key"
"""What lint calls a key of a cache that is out of date."""


class ActionError(InvalidInput):
    """An action is refused.

    Attributes:
        number: which one of those that were to be carried out, from 0.
    """

    number: int = 0


@dataclass(frozen=True)
class Edit:
    """Carry out one action of a person on the first file of a call.

    Attributes:
        action: what to do.
        session: has the adapters, and the catalogue of ready-made steps.
    """

    name: ClassVar[str] = "edit"
    is_command: ClassVar[bool] = True

    action: Action = field(metadata={"option": False})
    session: Session = field(metadata={"option": False})

    def run(self, plan: Plan, ctx: Context) -> Plan:
        """Return the plan with the action carried out.

        Raises:
            CoulerError: the action makes no sense, or the engine cannot have what it asks for.
        """
        numbers = plan.bundle.file_numbers
        own = [item for item in plan.workflows if item.source is not None and numbers[int(item.source[0])] == 0]
        if not own:
            return plan  # the file is refused for what is wrong in it
        if not 0 <= self.action.workflow < len(own):
            raise InvalidInput(f"the file has no workflow number {self.action.workflow}", hint="open the file again")
        old = own[self.action.workflow]
        new = _change(old, self.action, plan, self.session)
        _refuse_broken(old, new)
        decision = Decision(optimizer=self.name, workflow=old.label, action="edited", reason="a person did")
        return plan if new == old else plan.with_workflow(old, new, decision)


def apply_actions(
    name: str, text: str, actions: Sequence[Action], session: Session, others: Sequence[Input] = ()
) -> str:
    """Return the text of a file after some actions.

    Args:
        name: the name of the file.
        text: its text.
        actions: what to do, in order.
        session: what works on it.
        others: other files, which it may refer to.

    Raises:
        ActionError: an action is refused; the error says which.
        CoulerError: the file cannot be read or lifted.
    """
    for number, action in enumerate(actions):
        file = Input(name=name, relative=name, file=read(text, name))
        try:
            result = rewrite([file, *others], session, [Edit(action, session)]).to_write().files[0]
            if result.error is not None:
                raise result.error
            if not isinstance(action, Connect | Disconnect):  # they have checks of their own
                _refuse_new_errors([file, *others], result.text or "", session)
        except CoulerError as error:
            refused = ActionError(
                error.message, hint=_hint(action, error), file=name, line=error.line, engine=error.engine
            )
            refused.number = number
            raise refused from error
        text = result.text or ""
    return text


def _hint(action: Action, error: CoulerError) -> str | None:
    if isinstance(action, AddStep) and isinstance(error, Unsupported) and error.feature == "Port.value":
        return "the run has no value for this parameter: give the step's input one"
    return error.hint


def _refuse_new_errors(files: Sequence[Input], text: str, session: Session) -> None:
    """Refuse a text that an engine has more against than against the one before.

    It is a name that the engine does not take, a field beside one that it excludes, or an item without a loop. Keys of
    a cache that are out of date are what an edit is bound to leave: another call writes them.

    Raises:
        InvalidInput: it has more against it.
    """
    name = files[0].name
    after = [Input(name=name, relative=name, file=read(text, name)), *files[1:]]
    new = _errors(after, session)
    old = Counter(finding.code for finding in _errors(files, session)) if new else Counter()
    for finding in new:
        old[finding.code] -= 1
        if old[finding.code] < 0:
            raise InvalidInput(finding.message, hint=finding.hint, line=finding.line)


def _errors(files: Sequence[Input], session: Session) -> list[Finding]:
    return [item for item in lint_inputs(files, session).findings if item.severity == "error" and item.code != STALE]


def _refuse_broken(old: Workflow, new: Workflow) -> None:
    """Refuse a workflow with problems that it did not have before.

    Raises:
        InvalidInput: it has one.
    """
    before = {problem.message for problem in verify(old)}
    for problem in verify(new):
        if problem.message not in before:
            raise InvalidInput(problem.message, hint=problem.hint)


# What each action does to a workflow of the IR.


def _change(workflow: Workflow, action: Action, plan: Plan, session: Session) -> Workflow:
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
    PassInput: reads.pass_input,
    RenameStep: _rename,
    SetField: fields.set_field,
}
