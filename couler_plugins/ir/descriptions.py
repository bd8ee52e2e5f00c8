"""What JSON schemas say for people: the words of the docstrings, field by field."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

import msgspec

ENTRY = re.compile(r"^    (\w[\w, ]*): (.*(?:\n {8}.*)*)", re.MULTILINE)
"""One entry of the Attributes section of a docstring: a name, or several with commas, and the text."""


def meanings_of(cls: type) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say of each attribute."""
    return {
        name: " ".join(text.split())
        for base in reversed(cls.__mro__)
        for names, text in ENTRY.findall(inspect.cleandoc(base.__doc__ or "").partition("Attributes:\n")[2])
        for name in names.split(", ")
    }


def describe_fields(definitions: Mapping[str, Any], modules: Iterable[ModuleType]) -> None:
    """Move what docstrings say of fields to the fields of a schema, whatever Python does with their indentation.

    Args:
        definitions: the schema's definitions by name, which change.
        modules: the modules that have their types.
    """
    for kind in (kind for module in modules for kind in vars(module).values() if isinstance(kind, type)):
        definition = definitions.get(kind.__name__)
        if definition is None or not issubclass(kind, msgspec.Struct):
            continue
        if "description" in definition:
            definition["description"] = inspect.cleandoc(kind.__doc__ or "").partition("Attributes:\n")[0].strip()
        meanings = meanings_of(kind)
        for field in msgspec.structs.fields(kind):
            if field.name in meanings and field.encode_name in definition["properties"]:
                definition["properties"][field.encode_name]["description"] = meanings[field.name]
