"""What a task passes: constants of the types that its callee takes, and references."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from couler_kfp.generating.calls import Read, argument_of, taken
from couler_kfp.generating.functions import constant, default_of
from couler_kfp.generating.refusing import refuse
from couler_kfp.generating.types import Types
from couler_plugins.engine_kit.legalize.python.functions import Kind
from couler_plugins.ir import Argument, Graph, Literal, Native, Operation, Reference, Step, Value, references, replace

__all__ = ["arguments_of"]

KindOf = Callable[[Value], Kind]


def arguments_of(
    step: Step, callee: Graph | Operation, read: Read, types: Types, kind_of: KindOf
) -> Iterator[Argument]:
    """The arguments of a step, as KFP passes them.

    Args:
        step: the step.
        callee: what it calls.
        read: what a reference in it stands for.
        types: of what is called.
        kind_of: the kind of a value that is passed.

    Raises:
        InvalidInput: a constant is of another kind than its parameter.
        Unsupported: something is missing, or is more than a text for what takes texts.
    """
    is_function = types.function(step) is not None
    for argument in taken(step, callee):
        kind = types.taken(callee, argument.name)
        if isinstance(argument.value, (Literal, Native)) and (is_function or kind != "text"):
            data = constant(argument.value, kind, step.name, argument.name)
            if data is not None:
                whole = {"constant": data} if isinstance(data, (list, dict)) else data
                yield replace(argument, value=default_of(whole))
        else:
            argument_made = argument_of(argument, step.name, read)
            if is_function and kind == "text":
                _check_text(argument_made.value, step, kind_of)
            yield argument_made


def _check_text(value: Value, step: Step, kind_of: KindOf) -> None:
    """Refuses a number, truth value or structure in a text, or for a text, that KFP would write in its own way."""
    fine = ("text", "int", "bool", "list", "dict") if isinstance(value, Reference) else ("text", "int")
    looped = step.loop is not None and isinstance(step.loop.axes[0].values, Reference)
    for item in references(value):
        unknown = looped and item.to == "item" and value != item
        kind = kind_of(item)
        if kind not in fine or unknown:
            reason = f"makes a text of {'an item' if unknown else f'a {kind}'}, which KFP does in its own way"
            raise refuse("Step.arguments", step.name, reason, "do that in the function")
