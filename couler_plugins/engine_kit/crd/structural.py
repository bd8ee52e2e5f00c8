"""Whether an object has the shape that its schema asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from couler_plugins.engine_kit.crd.conversion import json_schema
from couler_plugins.engine_kit.crd.messages import problems
from couler_plugins.engine_kit.crd.problem import Problem
from couler_plugins.engine_kit.crd.schema import Schema
from couler_plugins.errors import InvalidInput
from couler_plugins.extras import install_hint

__all__ = ["structural_check"]


def structural_check(schema: Schema) -> Callable[[Any], Iterator[Problem]]:
    """A function that finds what does not fit the schema.

    Raises:
        ValueError: the schema makes no sense.
        InvalidInput: jsonschema-rs is not installed.
    """
    try:
        from jsonschema_rs import Draft202012Validator, RegexOptions
    except ImportError as error:
        message = "a check against schemas needs the package jsonschema-rs, which is not installed"
        raise InvalidInput(message, hint=install_hint("lint")) from error

    # Rust's own regular expressions are those of Go, the API server's: no look-around, linear time.
    options = RegexOptions()
    validator = Draft202012Validator(json_schema(schema), validate_formats=True, pattern_options=options)

    return lambda data: problems(validator.iter_errors(data), schema, data)
