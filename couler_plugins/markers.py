"""The markers of the plugin system: `hookimpl` for plugins, `hookspec` for the contract in this package."""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from typing import Any

import pluggy

PROJECT = "couler_plugins"
"""pluggy's project name, and the entry-point group that plugins register in."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


def listed(*places: str) -> Callable[[], list[Any]]:
    """Return a hook that gives what is at some places, which are imported when it is called.

    Args:
        places: such as `my_module:MyPolicy`; where there is a list or a tuple, all that is in it is given.
    """

    def hook() -> list[Any]:
        things: list[Any] = []
        for thing in map(pkgutil.resolve_name, places):
            things.extend(thing if isinstance(thing, (list, tuple)) else [thing])
        return things

    return hookimpl(hook)
