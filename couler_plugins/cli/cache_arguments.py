"""What arguments of the form NAME=… say: which outputs there are, and what a result is computed from."""

from __future__ import annotations

import contextlib
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click

from couler_plugins.caching.artifacts.sources import check_output
from couler_plugins.caching.dataplane.contents import content_of, is_inside, resolved
from couler_plugins.caching.dataplane.places import Places
from couler_plugins.caching.dataplane.programs import Invocation, program_spec
from couler_plugins.cli.cache_options import TEXT
from couler_plugins.errors import InvalidInput

Function = Callable[..., Any]
OF_THE_RUN = "workflow."
"""How the names of values begin that belong to the whole run: keys cover them after a step's own inputs."""

_program = click.option(
    "--program",
    "programs",
    metavar="PATH",
    multiple=True,
    help="The program: a file, or a folder (without .git and __pycache__).",
)
_file = click.option(
    "--file",
    "files",
    type=TEXT,
    metavar="NAME=PATH",
    multiple=True,
    help="An input file or folder. Its content counts.",
)


place_option = click.option(
    "--place",
    "places",
    type=TEXT,
    metavar="NAME=WORDS=URL",
    multiple=True,
    help="A place that is read (in), written (out) or both (in,out): s3://bucket/folder. Its content counts.",
)


def program_options(function: Function) -> Function:
    """Gives a command `--program` and `--file`."""
    return _program(_file(function))


class Inputs(NamedTuple):
    """What a result is computed from.

    Attributes:
        values: by name, in the order in which keys cover them; of a file, its content.
        kinds: whether it is a `value`, a `file`, a `place`, or a `program`: a file that may be executed; by name.
    """

    values: Mapping[str, str]
    kinds: Mapping[str, str]


def inputs_of(values: Sequence[str], files: Sequence[str], places: Places | None = None) -> Inputs:
    """The inputs that `NAME=VALUE…`, `--file NAME=PATH…` and `--place NAME=WORDS=URL` name.

    Raises:
        click.UsageError: one is not of that form, or a name is given twice.
        InvalidInput: a file cannot be read.
        UnreadPlace: what is at a place cannot be told.
    """
    supplied = [(*named(text), "value") for text in values]
    supplied += [(name, _content(path), _kind(path)) for name, path in map(named, files)]
    if places is not None:
        there = places.contents()
        said = [(item.name, [*sorted(item.words), item.url, there.get(item.name, "")]) for item in places.places]
        supplied += [(name, "\n".join(texts), "place") for name, texts in said]
    if len({name for name, _, _ in supplied}) < len(supplied):
        raise click.UsageError("A name is given twice.")
    supplied.sort(key=lambda item: (item[0].startswith(OF_THE_RUN), item[0]))
    return Inputs({name: value for name, value, _ in supplied}, {name: kind for name, _, kind in supplied})


def spec_of(programs: Sequence[str], inputs: Inputs, invocation: Invocation | None = None) -> str:
    """The hash of what is run.

    Raises:
        InvalidInput: a program is neither a file nor a folder, or cannot be read.
    """
    with readable():
        return program_spec([Path(path) for path in programs], inputs.kinds, invocation)


def outputs_of(texts: Sequence[str]) -> dict[str, Path]:
    """The outputs that `NAME=PATH…` name.

    Raises:
        click.UsageError: one is not of that form, has no path, is inside of another, or a name is given twice.
        InvalidInput: a name is not one that outputs may have.
    """
    outputs: dict[str, Path] = {}
    for name, path in map(named, texts):
        if not path or check_output(name) in outputs:
            raise click.UsageError(f"The output {name!r} {'is given twice' if path else 'has no path'}.")
        outputs[name] = Path(path)
    if len({name.casefold() for name in outputs}) < len(outputs):
        raise click.UsageError(
            "Two outputs have names that differ in case only, which some file systems do not tell apart."
        )
    places = {name: resolved(path) for name, path in outputs.items()}
    for name, one in places.items():
        if any(one.is_relative_to(other) for other_name, other in places.items() if other_name != name):
            raise click.UsageError(f"The output {name!r} is inside of another one.")
    return outputs


def places_of(texts: Sequence[str]) -> dict[str, Path]:
    """The outputs that `NAME=PATH…` name, where a result may be put into place.

    Raises:
        click.UsageError: as `outputs_of`; or one is the current folder, or around it: who works there would work in a
            folder that is gone.
        InvalidInput: a name is not one that outputs may have.
    """
    outputs = outputs_of(texts)
    for name, path in outputs.items():
        if is_inside(Path(), resolved(path)):
            raise click.UsageError(f"The output {name!r} is the folder that this runs in, or around it.")
    return outputs


def refuse_inside(outputs: Mapping[str, Path], covered: Sequence[str]) -> None:
    """Makes sure that no output is in a folder that the key covers, or around what it covers.

    In the folder, it would change the key; and what an output has in it is set aside while the command runs.

    Raises:
        click.UsageError: one is.
    """
    for name, path in outputs.items():
        for item in covered:
            if is_inside(path, resolved(Path(item))):
                raise click.UsageError(f"The output {name!r} is in {item!r}, which the key covers: it would change it.")
            if is_inside(Path(item), resolved(path)):
                raise click.UsageError(f"{item!r} is in the output {name!r}: the command would not find it there.")


def named(text: str) -> tuple[str, str]:
    """The two sides of `NAME=VALUE`.

    Raises:
        click.UsageError: it is not of that form.
    """
    name, sign, value = text.partition("=")
    if not sign or not name:
        raise click.UsageError(f"{text!r} is not of the form NAME=VALUE.")
    return name, value


def _content(path: str) -> str:
    with readable():
        return content_of(Path(path))


def _kind(path: str) -> str:
    with readable():
        mode = Path(path).stat().st_mode
    return "program" if stat.S_ISREG(mode) and mode & stat.S_IXUSR else "file"


@contextlib.contextmanager
def readable() -> Iterator[None]:
    """Makes bad input of a file that cannot be read in the block.

    Raises:
        InvalidInput: there is one.
    """
    try:
        yield
    except OSError as error:
        raise InvalidInput(f"this cannot be read: {error.strerror or error}", file=error.filename) from error
