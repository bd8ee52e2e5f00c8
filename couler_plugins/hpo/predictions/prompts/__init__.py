"""The texts that models are given, one a file."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from string import Template

__all__ = ["prompt"]


def prompt(name: str, **values: str) -> str:
    """A prompt by its name, with values put in."""
    return _template(name).substitute(values)


@cache
def _template(name: str) -> Template:
    return Template(files(__name__).joinpath(f"{name}.md").read_text("utf-8").strip())
