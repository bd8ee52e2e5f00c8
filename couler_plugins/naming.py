"""Things of plugins that a text names with their options, and whose fault it is when one of them fails."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from couler_plugins.errors import CoulerError, InvalidInput, PluginFailure, one_line
from couler_plugins.grammar import parse_items
from couler_plugins.options import build

__all__ = ["blaming", "hint_for", "parse_named"]

log = logging.getLogger(__name__)
T = TypeVar("T")


def parse_named(text: str, what: str, known: Iterable[str], find: Callable[[str], type[T]]) -> T:
    """The one thing that a text names, built from its options, such as `paper{rho=0.2}`.

    Args:
        text: what the user wrote.
        what: what it names, for errors ("policy").
        known: the names that there are.
        find: the class of a name.

    Raises:
        InvalidInput: it names none, or several, or nothing of that name is there, or it has no such option.
        PluginFailure: two plugins provide it.
    """
    items = parse_items(text, f"the {what}")
    if len(items) != 1:
        raise InvalidInput(f"{text!r} does not name one {what}", hint=f"name one of {', '.join(known)}")
    return build(find(items[0].name), items[0].options, f"the {what} {items[0].name!r}")


def hint_for(what: str) -> str:
    """What to do about a plugin's class that breaks its contract."""
    return f"report it to the {what}'s author, or choose another"


@contextmanager
def blaming(what: str, name: str) -> Iterator[None]:
    """Says which thing of a plugin it was that failed.

    Raises:
        PluginFailure: it raised anything but a CoulerError, or called exit.
    """
    try:
        yield
    except CoulerError:
        raise
    except (Exception, SystemExit) as error:  # a plugin may call exit
        log.info("the traceback of the %s %s:", what, name, exc_info=error)
        raise PluginFailure(f"the {what} {name!r} failed: {one_line(error)}", hint=hint_for(what)) from error
