"""What only the run knows: outputs of steps, parameters, items. They can stand in texts, also inside of f-strings.

In a text, a value is a mark around the JSON of its reference: `f"--model={model}"` is cut at the marks again when the
workflow is built. The characters that make the mark are of Unicode's private use area.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from typing import Any, NoReturn

import msgspec

from couler_plugins.authoring.places import said_where, shown
from couler_plugins.authoring.scoped_reference import Given
from couler_plugins.errors import InvalidInput, restating
from couler_plugins.ir import Literal, Reference, Template, Value, replace

OPEN, CLOSE = "\ue000", "\ue001"
SPOILT = re.compile(r"\\u[eE]000|<(?:input|item|output|parameter)[^<>]* of the run>")
"""What is left of a value in JSON that escapes it, in `repr`, and in a list that was turned into a text."""
MARKED = re.compile(f"{OPEN}([^{OPEN}{CLOSE}]*){CLOSE}")


class RunValue:
    """A text that is only known at run time.

    Args:
        reference: what it stands for.
    """

    def __init__(self, reference: Reference) -> None:
        self.reference = reference

    def __str__(self) -> str:
        return f"{OPEN}{msgspec.json.encode(self.reference).decode()}{CLOSE}"

    def __repr__(self) -> str:
        reference = self.reference
        return f"<{'.'.join(filter(None, (reference.to, reference.step, reference.name)))} of the run>"

    @said_where
    def __bool__(self) -> NoReturn:
        raise _unknown(self, "decided on")

    @said_where
    def __int__(self) -> NoReturn:
        raise _unknown(self, "turned into a number")

    __float__ = __index__ = __int__

    @said_where
    def _compute(self, other: object) -> NoReturn:
        raise _unknown(self, "computed with")

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _compute
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = _compute
    __lt__ = __gt__ = __le__ = __ge__ = _compute

    @said_where
    def __eq__(self, other: object) -> NoReturn:
        """A comparison would never hold here, whatever the step gives: `if result == "heads"` is refused."""
        raise _unknown(self, "compared")

    __ne__ = __contains__ = __eq__
    __hash__ = object.__hash__

    @said_where
    def __format__(self, spec: str) -> str:
        if spec:
            raise _unknown(self, f"formatted ({shown(spec)})")
        return str(self)


class Returned(RunValue):
    """What a step gives: as a value its first declared output, or what it prints where it declares none.

    Args:
        step: the step's name.
        outputs: what it declares, by name.
        printed: what it prints.
    """

    def __init__(self, step: str, outputs: Mapping[str, RunValue], printed: RunValue) -> None:
        super().__init__(next(iter(outputs.values()), printed).reference)
        self.step = step
        self.printed = printed
        self._outputs = dict(outputs)

    def of_step(self, step: str) -> Returned:
        """The same of another step."""
        outputs = {name: _of_step(value, step) for name, value in self._outputs.items()}
        return Returned(step, outputs, _of_step(self.printed, step))

    @said_where
    def __getitem__(self, name: str | int) -> RunValue:
        names = list(self)
        if isinstance(name, int) and -len(names) <= name < len(names):
            return names[name]
        if isinstance(name, str) and name in self._outputs:
            return self._outputs[name]
        hint = f"it has {', '.join(map(repr, self._outputs)) or 'none but what it prints'}"
        raise InvalidInput(f"{self.step!r} has no output {shown(name)}", step=self.step, hint=hint)

    def __iter__(self) -> Iterator[RunValue]:
        return iter(self._outputs.values() or [self.printed])


def _of_step(value: RunValue, step: str) -> RunValue:
    changed = copy.copy(value)
    changed.reference = replace(value.reference, step=step)
    return changed


def as_value(content: Any, what: str) -> Value:
    """A text, a number or a value of the run as the IR has it.

    Args:
        content: the text.
        what: what to call it in errors.

    Raises:
        InvalidInput: it is nothing of these.
    """
    if isinstance(content, RunValue):
        return checked_as_text(content.reference, what)
    if isinstance(content, (int, float)) and not isinstance(content, bool):
        content = _digits(content, what)
    if not isinstance(content, str):
        hint = "give a text, a number, or what a step returned"
        raise InvalidInput(f"{what} is {shown(content)}, a {type(content).__name__}", hint=hint)
    if SPOILT.search(content):
        hint = "put each into an f-string as it is: its text is only known at run time"
        raise InvalidInput(f"{what} holds a value of the run that was turned into JSON or shown by repr()", hint=hint)
    pieces = MARKED.split(content)
    if any(mark in piece for piece in pieces[::2] for mark in (OPEN, CLOSE)):
        raise InvalidInput(f"{what} has a character that stands for values of the run", hint="leave U+E000 out")
    parts = tuple(_reference(piece, what) if number % 2 else piece for number, piece in enumerate(pieces) if piece)
    match parts:
        case ():
            return Literal(value="")
        case (str(text),):
            return Literal(value=text)
        case (Reference() as reference,):
            return reference
    return Template(parts=parts)


def checked_as_text(reference: Reference, what: str) -> Reference:
    """A reference to a text, and to no file.

    Raises:
        InvalidInput: it is an artifact.
    """
    if reference.kind == "artifact":
        hint = "give it by itself in args, or as input=, and its place in the container by .path"
        raise InvalidInput(f"{what} is the artifact {reference.name!r}, which is a file and no text", hint=hint)
    return reference


def _digits(number: float, what: str) -> str:
    try:
        return str(number)
    except ValueError as error:
        raise InvalidInput(f"{what} is a number of too many digits", hint="give it as a text") from error


def check_no_mark(content: Any, what: str) -> None:
    """Looks for a value in a text where only constants can stand: a path, the name of a variable, a label.

    Raises:
        InvalidInput: there is one, or a text that no file can hold.
    """
    with restating(
        UnicodeEncodeError,
        f"{what!r} has a text with a lone surrogate, which is no character",
        reason=False,
        step=what,
        hint="replace the character",
    ):
        text = msgspec.json.encode(content).decode()
    if OPEN in text or CLOSE in text:
        message = f"{what!r} must be a constant, but has a value that is only known at run time"
        raise InvalidInput(message, step=what, hint="values go into args, env, and the texts of scripts and manifests")


def listed(content: Any) -> list[Any]:
    """What a user gave as one or as several: None is nothing, lists in lists are taken apart.

    A set has no order, and bytes would be numbers: these are one thing, which whoever takes it refuses.
    """
    if content is None:
        return []
    if isinstance(content, (str, bytes, RunValue, Mapping, Set)) or not isinstance(content, Iterable):
        return [content]
    return [inner for item in content for inner in listed(item)]


def _reference(text: str, what: str) -> Reference:
    with restating(
        msgspec.DecodeError,
        f"{what} holds a value of the run that was changed",
        reason=False,
        hint="put it into a text as it is: its value is only known at run time",
    ):
        return checked_as_text(msgspec.json.decode(text, type=Reference | Given), what)


def _unknown(value: RunValue, doing: str) -> InvalidInput:
    hint = "it is only known at run time: use when() and equal(), or do it in a step"
    return InvalidInput(f"{value!r} cannot be {doing} while the workflow is written", hint=hint)
