"""Where in a user's file something was called: for messages only, nothing is identified by it."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar

from couler_plugins.errors import CoulerError

__all__ = ["PACKAGE", "Place", "place", "said_where"]

P = ParamSpec("P")
T = TypeVar("T")
PACKAGE = str(Path(__file__).parent)


class Place(NamedTuple):
    """A line of a file."""

    file: str
    line: int


def place() -> Place:
    """The innermost call from outside of this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(PACKAGE):
        frame = frame.f_back
    return Place(frame.f_code.co_filename, frame.f_lineno)


def said_where(function: Callable[P, T]) -> Callable[P, T]:
    """Gives errors of a function the file and line of its call, where they have none."""

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except CoulerError as error:
            if error.file is None:
                error.file, error.line = place()
            raise

    return called
