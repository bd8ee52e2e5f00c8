"""How a script gets its arguments and leaves its outputs."""

import inspect
import json
import sys
import typing
from collections.abc import Callable, Mapping
from pathlib import Path


def run(main: Callable[..., Mapping[str, object]]) -> None:
    """Calls `main` with what the command line says, and writes what it returns into the folder of the outputs."""
    options = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])
    folder = Path(options.pop("outputs"))
    types = typing.get_type_hints(main)
    parameters = inspect.signature(main).parameters
    if unknown := [name for name in options if name.replace("-", "_") not in parameters]:
        sys.exit(f"there is no argument --{unknown[0]}")
    arguments = {
        name.replace("-", "_"): value_of(name, text, types[name.replace("-", "_")]) for name, text in options.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in main(**arguments).items():
        (folder / name).write_text(text_of(value), encoding="utf-8")


def value_of(name: str, text: str, wanted: object) -> object:
    """An argument as its type; ends the script where it is none."""
    try:
        if wanted in (int, float) and callable(wanted):
            return wanted(text)
        if wanted is bool:
            if text not in ("true", "false"):
                raise ValueError("it is true or false")
            return text == "true"
        origin = typing.get_origin(wanted)
        if origin is list or origin is dict:
            items = json.loads(text)
            if not isinstance(items, origin):
                raise ValueError(f"it is no {origin.__name__}")
            return [text_of(item) for item in items] if isinstance(items, list) else items
        if origin is typing.Literal and text not in typing.get_args(wanted):
            raise ValueError(f"there is {', '.join(typing.get_args(wanted))}")
    except ValueError as error:
        sys.exit(f"--{name} is {text!r}: {error}")
    return text


def text_of(value: object) -> str:
    """An output as the text that engines hand on."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
