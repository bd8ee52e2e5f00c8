"""What runs around a function that is a step, the same on every engine: its source is copied to where the step runs.

It imports the standard library only, inside of functions, since the step's own function stands in the same module; and
it is plain Python 3.8. No two opening braces stand next to each other in it, and no `$` before a bracket: Argo and
Tekton would take them for references.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["NOT_PASSED", "in_pod", "safe_value", "sheltered", "typed", "typed_value"]

NOT_PASSED = "couler:none"
"""In place of a text: nothing was passed."""


def sheltered(text: str) -> str:
    """A text in an alphabet that no engine takes for anything: letters, digits and a few signs."""
    from urllib.parse import quote

    return f"couler:text:{quote(text)}:"


def safe_value(value: Any, inside: bool = False) -> Any:
    """JSON data with those texts sheltered that an engine would take for something else.

    Args:
        value: the data.
        inside: whether it is in a list or a mapping, of which an item may be passed on by itself as it stands in JSON.
    """
    import re

    odd = r"couler:|[{][{]|[$][($]|\n\Z|[\x00-\x08\x0b-\x1f\x7f]"
    if isinstance(value, str):
        return sheltered(value) if re.search(odd + r"|[\n\t\"\\<>&\u2028\u2029]" if inside else odd, value) else value
    if value is None and inside:
        return "couler:none"  # not every engine has one
    if isinstance(value, dict):
        return {safe_value(key, True): safe_value(item, True) for key, item in value.items()}
    return [safe_value(item, True) for item in value] if isinstance(value, list) else value


def typed_value(kind: str, value: Any, what: str) -> Any:
    """A value as it was declared, whatever an engine made of it on its way.

    Texts of other kinds are JSON, and other values for a text become JSON. A whole number inside of a list or a mapping
    is an `int`: not every engine tells 1 from 1.0.

    Args:
        kind: `text`, `int`, `float`, `bool`, `list` or `dict`.
        value: what has come.
        what: what to call it when talking to people.

    Raises:
        TypeError: it is of another kind.
        ValueError: it is no JSON.
    """
    import json
    import re
    from decimal import Decimal
    from urllib.parse import unquote

    def constant(name: str) -> Any:
        raise ValueError(f"{what} holds {name}, which JSON does not have")

    def plain(item: Any) -> Any:
        if isinstance(item, dict):
            return {plain(key): plain(inner) for key, inner in item.items()}
        if isinstance(item, list):
            return [plain(inner) for inner in item]
        if isinstance(item, str):
            if item == "couler:none":
                return None
            return re.sub("couler:text:([A-Za-z0-9_.~/%-]*):", lambda found: unquote(found[1]), item)
        return int(item) if isinstance(item, float) and item.is_integer() and abs(item) < 2**53 else item

    if kind != "text" and isinstance(value, str):
        if value.startswith("couler:list:"):
            inner, text = value[len("couler:list:") :].split(":", 1)
            return [typed_value(inner, item, what) for item in json.loads(text)]
        value = json.loads(value, parse_constant=constant)
    elif kind == "list" and not isinstance(value, (dict, int, float, type(None))):
        value = list(value)
    if kind == "text" and isinstance(value, float):
        return format(Decimal(json.dumps(value)), "f")  # as `in_pod` writes it
    value = plain(json.loads(json.dumps(value), parse_constant=constant))
    if kind == "text" and not isinstance(value, str):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if kind == "float" and type(value) is int:
        value = float(value)
    kinds: Any = {"text": str, "int": int, "float": float, "bool": bool, "list": list, "dict": dict}
    if type(value) is not kinds[kind]:
        raise TypeError(f"{what} is no {kind}: {value!r:.80}")
    return value


def typed(inputs: Mapping[str, str], outputs: Mapping[str, str]) -> Callable[[Callable[..., Any]], Any]:
    """Makes a function take and give values of these kinds; several outputs are given as a mapping."""
    import functools
    import inspect

    def decorated(function: Callable[..., Any]) -> Any:
        name = function.__name__

        def call(**values_passed: Any) -> Any:
            values = {
                key: typed_value(inputs[key], value, f"{key!r} of {name}")
                for key, value in values_passed.items()
                if value is not None and value != "couler:none"
            }
            product = function(**values)
            if not outputs:
                return None
            single = list(outputs) == ["result"]
            if single:
                product = {"result": product}
            elif isinstance(product, (tuple, list)) and len(product) == len(outputs):
                product = {key: product[number] for number, key in enumerate(outputs)}
            if not isinstance(product, dict) or set(product) != set(outputs):
                raise TypeError(f"{name} is to give {', '.join(outputs)}, and gave {product!r:.80}")
            results = {
                key: typed_value(kind, product[key], f"{key!r} that {name} gives") for key, kind in outputs.items()
            }
            return results["result"] if single else results

        wrapped: Any = functools.wraps(function)(call)
        wrapped.__signature__ = inspect.Signature(
            [inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=None) for key in inputs]
        )
        wrapped.__annotations__ = {}  # those of the function need not be known here
        return wrapped

    return decorated


def in_pod(function: Callable[..., Any], inputs: Mapping[str, str], outputs: Mapping[str, str], shelter: bool) -> None:
    """Calls a function with what is in the environment, and leaves what it gives in files.

    Args:
        function: a step's function, typed.
        inputs: the variable that holds the text of each parameter, by its name.
        outputs: the file for the text of each output, by its name.
        shelter: whether texts that an engine might change are written in an alphabet that none does.
    """
    import json
    import os
    from decimal import Decimal
    from pathlib import Path

    product = function(**{name: os.environ.pop(variable) for name, variable in inputs.items()})
    named = {"result": product} if list(outputs) == ["result"] else product
    for name, file in outputs.items():
        value = safe_value(named[name]) if shelter else named[name]
        if shelter and isinstance(value, str) and value[:1] in ("[", "{"):
            value = sheltered(value)  # where all runs of a loop give such texts, Argo takes them for JSON
        text = value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)
        if isinstance(value, float):
            text = format(Decimal(text), "f")  # Argo reads no exponents in conditions
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_bytes(f"{text}\n".encode())  # one newline at the end is taken off
