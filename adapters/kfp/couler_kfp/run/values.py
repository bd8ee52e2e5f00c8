"""Parameters of pipelines: from the text of the command line to values of the type that the pipeline declares."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from couler_plugins.errors import InvalidInput

__all__ = ["arguments_of", "inputs_of", "shown"]

HINTS = {
    "NUMBER_INTEGER": "a whole number",
    "NUMBER_DOUBLE": "a number",
    "BOOLEAN": "true or false",
    "LIST": 'a list as JSON: ["a", 1]',
    "STRUCT": 'a mapping as JSON: {"a": 1}',
}


def inputs_of(spec: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """The parameters that a pipeline declares, by name."""
    parameters: dict[str, dict[str, Any]] = spec["root"].get("inputDefinitions", {}).get("parameters", {})
    return parameters


def arguments_of(spec: Mapping[str, Any], texts: Mapping[str, str], pipeline: str) -> dict[str, Any]:
    """The arguments of a pipeline, from the texts of all that are given.

    Raises:
        InvalidInput: a text is none of the declared type, or a parameter is missing.
    """
    arguments = {}
    for name, definition in inputs_of(spec).items():
        if name in texts:
            arguments[name] = _value(name, texts[name], str(definition.get("parameterType")))
        elif "defaultValue" not in definition and not definition.get("isOptional"):
            message = f"the parameter {name!r} of {pipeline!r} is not given, and has no default"
            raise InvalidInput(message, engine="kfp", hint=f"give --parameter {name}=VALUE")
    return arguments


def _value(name: str, text: str, kind: str) -> Any:
    if kind == "STRING":
        return text
    wanted: dict[str, Any] = {
        "NUMBER_INTEGER": int,
        "NUMBER_DOUBLE": (int, float),
        "BOOLEAN": bool,
        "LIST": list,
        "STRUCT": dict,
    }
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, wanted.get(kind, object)) and (kind == "BOOLEAN" or not isinstance(value, bool)):
        return float(value) if kind == "NUMBER_DOUBLE" else value
    message = f"the value of the parameter {name!r} is no {kind}"
    raise InvalidInput(message, engine="kfp", hint=f"give {HINTS.get(kind, 'JSON')}")


def shown(value: Any) -> str:
    """A value as text; KFP keeps no order of a mapping's keys."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
