"""Facets: what an adapter can do, each by a method of its own or by a function that is imported on first use."""

from __future__ import annotations

import functools
import inspect
import logging
import pkgutil
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar, cast

from couler_plugins.errors import REPORT, PluginFailure, one_line

__all__ = ["FACETS", "Facet", "facet"]

log = logging.getLogger(__name__)
Method = TypeVar("Method", bound=Callable[..., Any])


class Facet(NamedTuple):
    """One row of the table of facets.

    Attributes:
        method: the method of `Adapter` that declares it: its name, its arguments, what it returns and what it is for.
        without: what happens for an adapter without it, in half a sentence.
    """

    method: Callable[..., Any]
    without: str

    @property
    def signature(self) -> str:
        """The call as adapters implement it, such as `footprint(workflow: Workflow) -> …`."""
        signature = inspect.signature(self.method)
        _, *parameters = signature.parameters.values()
        return f"{self.method.__name__}{signature.replace(parameters=parameters)}".replace("'", "")

    @property
    def purpose(self) -> str:
        """What it is for, in one sentence."""
        return " ".join((inspect.getdoc(self.method) or "").partition("\n\n")[0].split())


FACETS: dict[str, Facet] = {}
"""All facets of the contract by name; `Adapter` fills it."""


def facet(without: str, default: str = "") -> Callable[[Method], Method]:
    """Declare a method of `Adapter` as a facet. An adapter overrides it, or names a function in `Adapter.facets`.

    Args:
        without: what happens for an adapter that does neither.
        default: the place of a function that stands in then; the body of the method does where there is none.
    """

    def declare(method: Method) -> Method:
        name = method.__name__
        FACETS[name] = Facet(method, without)

        @functools.wraps(method)
        def call(self: Any, *arguments: Any, **named: Any) -> Any:
            place = self.facets.get(name, default)
            return (
                _imported(self.engine, name, place)(*arguments, **named) if place else method(self, *arguments, **named)
            )

        return cast("Method", call)

    return declare


@functools.cache
def _imported(engine: str, name: str, place: str) -> Callable[..., Any]:
    """Return the function at a place, such as `couler_argo.lint.lint:lint`.

    Raises:
        PluginFailure: it cannot be imported.
    """
    try:
        return cast("Callable[..., Any]", pkgutil.resolve_name(place))
    except (Exception, SystemExit) as error:
        log.info("the traceback of %s of the adapter %s:", name, engine, exc_info=error)
        message = f"the adapter {engine!r} has no {name}: {place} cannot be imported: {one_line(error)}"
        raise PluginFailure(message, engine=engine, hint=REPORT) from error
