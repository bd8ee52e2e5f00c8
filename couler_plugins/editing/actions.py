"""What an editor can do to a workflow: one action is one change that a person makes, and can undo.

An action names what it is about as people see it: the graph and the step. `couler_plugins.editing.apply` carries it
out. Actions travel as JSON, each with the field `do`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

__all__ = [
    "Action",
    "AddStep",
    "Connect",
    "CopyStep",
    "DeleteStep",
    "Disconnect",
    "Field",
    "Input",
    "PassInput",
    "RenameStep",
    "Scalar",
    "SetField",
]

Scalar = str | int | float | bool

Field = Literal[
    "image", "command", "args", "script", "env", "retry", "timeout", "requests", "limits", "when", "over", "cache"
]
"""What a form shows of a step, beside its inputs:

image, script: a text.
command, args: a list of texts.
env: texts by name; variables that come from elsewhere (Secrets) stay as they are.
retry: how often it is tried again, a number; None for none.
timeout: seconds, or a text as the engine writes times; None for none.
requests, limits: quantities by resource: `{"cpu": "500m", "memory": "1Gi"}`.
when: a `couler_plugins.generation.form.Comparison`, by its fields `left`, `op` and `right`; None for always.
over: a list of constants, or a reference, as in `couler_plugins.generation.form`; None for once. What takes one input
    takes the item.
cache: `pure`, `never`, or what else `couler.io/cache` can say; None for nothing.
"""


class _Action(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="do"):
    """A change of one workflow of a file.

    Attributes:
        workflow: the number of the workflow in its file, from 0.
        graph: the name of the graph that has the step; empty for the entry of a workflow without a graph.
    """

    workflow: int = 0
    graph: str = ""


class SetField(_Action, frozen=True, tag="set", kw_only=True):
    """Give a field of a step another value.

    Attributes:
        step: its name.
        field: which one.
        value: as `Field` says; None to remove it.
        container: the name of the container, where the step has several; empty for the main one.
    """

    step: str
    field: Field
    value: Scalar | list[Scalar] | dict[str, Scalar] | None = None
    container: str = ""


class Input(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a step is given for one input.

    Attributes:
        name: the input's name.
        value: a constant; a list where the input takes one.
        source: a reference, `step.output`, `inputs.name` or `item`; None where there is a value. `from` in JSON.
    """

    name: str
    value: Scalar | list[Scalar] | None = None
    source: str | None = msgspec.field(default=None, name="from")


class PassInput(_Action, frozen=True, tag="pass", kw_only=True):
    """Pass something to an input of a step: a constant, or what another step gives.

    Attributes:
        step: its name.
        input: the input with its value or reference; neither to pass nothing.
    """

    step: str
    input: Input


class AddStep(_Action, frozen=True, tag="add", kw_only=True):
    """Add a ready-made step.

    Attributes:
        step: the name that it is to have.
        use: the name of an entry of the catalogue.
        inputs: what it is given.
        needs: the steps that it waits for.
    """

    step: str
    use: str
    inputs: tuple[Input, ...] = ()
    needs: tuple[str, ...] = ()


class CopyStep(_Action, frozen=True, tag="copy", kw_only=True):
    """Add a copy of a step, with its inputs and needs.

    Attributes:
        step: the step to copy.
        name: the name of the copy.
    """

    step: str
    name: str


class RenameStep(_Action, frozen=True, tag="rename", kw_only=True):
    """Give a step another name, in all references too.

    Attributes:
        step: its name.
        name: its new name.
    """

    step: str
    name: str


class DeleteStep(_Action, frozen=True, tag="delete", kw_only=True):
    """Delete a step that no other reads from; what it runs goes too, where nothing else calls it.

    Attributes:
        step: its name.
    """

    step: str


class Connect(_Action, frozen=True, tag="connect", kw_only=True):
    """Make a step wait for another.

    Attributes:
        source: the step that comes first.
        target: the step that waits.
    """

    source: str
    target: str


class Disconnect(_Action, frozen=True, tag="disconnect", kw_only=True):
    """Make a step wait for another no longer; it must not read from it.

    Attributes:
        source, target: as for `Connect`.
    """

    source: str
    target: str


Action = SetField | PassInput | AddStep | CopyStep | RenameStep | DeleteStep | Connect | Disconnect
