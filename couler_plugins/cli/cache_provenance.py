"""Options that say where a result comes from."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from couler_plugins.cli.cache_options import TEXT

__all__ = ["provenance_options"]

Function = Callable[..., Any]
FIELDS = ("family", "step", "run", "parents")
LONGEST = 1024  # characters; see `Meta`

_options = (
    click.option(
        "--family", type=TEXT, default="", metavar="NAME", help="The workflow that it belongs to, for policies."
    ),
    click.option("--step", type=TEXT, default="", metavar="NAME", help="The step of that workflow."),
    click.option("--run", type=TEXT, default="", metavar="NAME", help="The run that made it."),
    click.option(
        "--parent", "parents", type=TEXT, multiple=True, metavar="KEY", help="A result that it was computed from."
    ),
)


def provenance_options(function: Function) -> Function:
    """Gives a command these options, and calls it with what they say as `meta`."""

    @functools.wraps(function)
    def wrapper(**arguments: Any) -> Any:
        from couler_plugins.caching.artifacts import Meta

        said = {name: arguments.pop(name) for name in FIELDS}
        if any(len(text) > LONGEST for text in (said["family"], said["step"], said["run"])):
            raise click.UsageError(f"--family, --step and --run take at most {LONGEST:,} characters.")
        return function(meta=Meta(type=said["step"], made_by="couler cache", **said), **arguments)

    for option in reversed(_options):
        wrapper = option(wrapper)
    return wrapper
