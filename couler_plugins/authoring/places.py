"""Places in a user's files, and how errors quote what a user gave."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple, ParamSpec, TypeVar

from couler_plugins.errors import CoulerError, InvalidInput

WIDTH = 80


def shown(value: object) -> str:
    """It as Python shows it, where that is possible, and at most so long that the error stays readable."""
    try:
        text = repr(value)
    except Exception:  # noqa: BLE001  # a number of ten thousand digits, or somebody's own class
        text = f"<{type(value).__name__}>"
    return text if len(text) <= WIDTH else f"{text[: WIDTH - 1]}…"


P = ParamSpec("P")
T = TypeVar("T")
STARRED = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
PACKAGE = str(Path(__file__).parent)


class Place(NamedTuple):
    """A line of a file."""

    file: str
    line: int


def place() -> Place:
    """The innermost call from outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and (frame.f_code.co_filename.startswith(PACKAGE) or _is_made(frame.f_code)):
        frame = frame.f_back
    return Place(frame.f_code.co_filename, frame.f_lineno)


def _is_made(code: CodeType) -> bool:
    """Whether this is the `__init__` that a dataclass has without a file."""
    return code.co_filename == "<string>" and code.co_name == "__init__"


def check_call(function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
    """Looks whether a function takes these arguments.

    Raises:
        InvalidInput: one is missing, or there is none like it.
    """
    try:
        parameters = inspect.signature(function)
    except (TypeError, ValueError):  # one of C, or a class: who calls it will see
        return
    try:
        parameters.bind(*args, **kwargs)
    except TypeError as error:
        name = getattr(function, "__name__", shown(function))
        names = ", ".join(str(item) if item.kind in STARRED else item.name for item in parameters.parameters.values())
        raise InvalidInput(f"{name}: {error}", hint=f"it takes {names or 'nothing'}") from error


def said_where(function: Callable[P, T]) -> Callable[P, T]:
    """Gives errors of a function the file and line of its call, where they have none; wrong arguments are such, too."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            check_call(function, *args, **kwargs)
            return function(*args, **kwargs)
        except CoulerError as error:
            if error.file is None:
                error.file, error.line = place()
            raise

    return called
