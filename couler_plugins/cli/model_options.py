"""Options that name a language model, and how it is asked."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

__all__ = ["model_options"]

Function = Callable[..., Any]
NAMES = ("model", "url", "key_variable", "timeout", "calls", "tokens", "record", "replay")


def model_options(function: Function) -> Function:
    """Gives a command the options of a model, and calls it with them as `access`, as `ModelAccess` takes them."""

    @click.option("--model", default="", metavar="NAME", help="The language model, as its server calls it.")
    @click.option(
        "--url", default="", metavar="URL", help="Where OpenAI's protocol is spoken: http://localhost:8000/v1."
    )
    @click.option(
        "--key-variable",
        default="OPENAI_API_KEY",
        show_default=True,
        metavar="NAME",
        help="The environment variable with the key.",
    )
    @click.option("--timeout", type=click.FloatRange(0.01, 86_400), default=120.0, help="Seconds of one answer.")
    @click.option("--calls", type=click.IntRange(0), default=20, show_default=True, help="Questions in all.")
    @click.option("--tokens", type=click.IntRange(0), help="Tokens in all, of questions and answers.")
    @click.option("--record", default="", metavar="FILE", help="Add all questions and answers to this file.")
    @click.option("--replay", default="", metavar="FILE", help="Take the answers of such a file; no model is asked.")
    @functools.wraps(function)
    def wrapper(**arguments: Any) -> Any:
        access = {name: arguments.pop(name) for name in NAMES}
        return function(access=access, **arguments)

    return wrapper
