"""The texts that models are given, one a file, in a package of their own beside who asks."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import Template


def prompt(package: str, name: str, **values: str) -> str:
    """A prompt of a package by its name, with values put in."""
    return _template(package, name).substitute(values)


@cache
def _template(package: str, name: str) -> Template:
    return Template(files(package).joinpath(f"{name}.md").read_text("utf-8").strip())
