"""Options that `couler run` and `couler stop` share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

__all__ = ["KeyValue", "target_options"]

Function = Callable[..., Any]


class KeyValue(click.ParamType):  # type: ignore[type-arg,unused-ignore]  # generic since click 8.4
    """`name=value`; the value may be empty."""

    name = "name=value"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """The pair; a usage error where the text is none."""
        name, equals, content = str(value).partition("=")
        if not name or not equals:
            self.fail("it is not of the form NAME=VALUE", param, ctx)  # what it holds may be a secret
        try:
            content.encode()
        except UnicodeEncodeError:
            self.fail(f"the value of {name} is no text in UTF-8", param, ctx)
        return name, content


def target_options(function: Function) -> Function:
    """Gives a command `--namespace` and `--context`."""
    namespace = click.option("--namespace", default="", metavar="NAME", help="Where documents go that do not say it.")
    context = click.option("--context", default="", metavar="NAME", help="The context of the kubeconfig.")
    return namespace(context(function))
