"""Whose fault it is when something of a plugin fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from couler_plugins.errors import CoulerError, PluginFailure, one_line

log = logging.getLogger(__name__)


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
