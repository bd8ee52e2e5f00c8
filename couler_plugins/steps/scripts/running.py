"""How a script gets its arguments and leaves its outputs, and where files are kept between steps.

A file is kept under a name that is the hash of its content, so that runs and attempts do not get in each other's way,
and a place that was handed on holds the same for as long as it is there.
"""

import hashlib
import inspect
import json
import shutil
import sys
import tempfile
import typing
from collections.abc import Callable, Mapping
from pathlib import Path

import fsspec


def run(main: Callable[..., Mapping[str, object]]) -> None:
    """Calls `main` with what the command line says, and writes what it returns into the folder of the outputs."""
    given = dict(argument.removeprefix("--").split("=", 1) for argument in sys.argv[1:])
    folder = Path(given.pop("outputs"))
    types = typing.get_type_hints(main)
    known = inspect.signature(main).parameters
    if unknown := [name for name in given if name.replace("-", "_") not in known]:
        sys.exit(f"there is no argument --{unknown[0]}")
    arguments = {
        name.replace("-", "_"): value_of(name, text, types[name.replace("-", "_")]) for name, text in given.items()
    }
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in main(**arguments).items():
        (folder / name).write_text(text_of(value), encoding="utf-8")


def value_of(name: str, text: str, wanted: object) -> object:
    """An argument as its type."""
    if wanted is bool:
        if text not in ("true", "false"):
            sys.exit(f"--{name} is {text!r}, neither true nor false")
        return text == "true"
    try:
        if wanted == list[str]:
            items = json.loads(text)
            if not isinstance(items, list):
                raise ValueError("no list")
            return [text_of(item) for item in items]
        return wanted(text) if wanted in (int, float) and callable(wanted) else text
    except ValueError as error:
        sys.exit(f"--{name} is {text!r}: {error}")


def text_of(value: object) -> str:
    """An output as the text that engines hand on."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def fetched(place: str) -> Path:
    """A local copy of the file at a URL or a path."""
    if "://" not in place:
        return Path(place)
    target = Path(tempfile.mkdtemp()) / (Path(place.partition("?")[0]).name or "file")
    with fsspec.open(place, "rb") as source, target.open("wb") as copy:
        shutil.copyfileobj(source, copy)
    return target


def kept(file: Path, store: str) -> str:
    """Puts a file into the store, and says where it is there."""
    with file.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
    place = f"{store.rstrip('/')}/{digest}{file.suffix}"
    if "://" in place:
        with file.open("rb") as content, fsspec.open(place, "wb") as target:
            shutil.copyfileobj(content, target)
        return place
    Path(store).mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=store, delete=False) as part, file.open("rb") as content:
        shutil.copyfileobj(content, part)
    Path(part.name).replace(place)
    return place


def scratch(name: str) -> Path:
    """A new local file of that name."""
    return Path(tempfile.mkdtemp()) / name
