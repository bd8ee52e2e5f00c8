"""Writes results: to stdout, to a file, into a folder, or in place; a file is replaced whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from couler_plugins.cli.messages import write_bytes
from couler_plugins.driver.results import FileResult, Result, join_documents
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.inputs.files import real_path, replace_file
from couler_plugins.inputs.sources import Input

ADDED = "added.yaml"
"""The file, in a folder of results, of documents that belong to no input."""
NAMED = 12
"""How many names are printed of many."""
SIZES = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3))
TIMES = (("hours", 3600.0), ("minutes", 60.0))


class Destination(msgspec.Struct, frozen=True):
    """Where the results of a call go.

    Attributes:
        place: a file, a folder, or None for stdout.
        in_place: whether the inputs themselves are replaced.
        folder: whether the place is a folder.
    """

    place: Path | None = None
    in_place: bool = False
    folder: bool = False

    @classmethod
    def of(cls, output: str | None, in_place: bool, arguments: Sequence[str], inputs: Sequence[Input]) -> Destination:
        """What the flags mean for these inputs.

        Raises:
            click.UsageError: they contradict each other or the inputs.
            InvalidInput: two inputs would be written to one file.
        """
        several = len(inputs) != 1 or any(Path(argument).is_dir() for argument in arguments)
        if in_place:
            if output is not None:
                raise click.UsageError("Give either -o or --in-place.")
            if any(item.path is None for item in inputs):
                raise click.UsageError("--in-place cannot write to stdin.")
            return cls(in_place=True)
        if output in (None, "-"):
            if several and len(inputs) != 1:
                raise click.UsageError(f"There are {len(inputs)} files: give -o FOLDER, or --in-place.")
            return cls()
        place = Path(str(output))
        if not several and not place.is_dir() and not str(output).endswith(os.sep):
            refuse_inputs([place], inputs)
            return cls(place)
        if place.exists() and not place.is_dir():
            raise click.UsageError(f"{output} is a file: several results need a folder.")
        names: dict[str, str] = {}
        for item in inputs:
            other = names.setdefault(item.relative, item.name)
            if other != item.name:
                message = f"{other} and {item.name} would both be written to {place / item.relative}"
                raise InvalidInput(message, hint="give the folder that holds both, or call couler twice")
        refuse_inputs([place / item.relative for item in inputs], inputs)
        return cls(place, folder=True)


def refuse_inputs(places: Sequence[Path], inputs: Sequence[Input]) -> None:
    """Makes sure that no input is overwritten by what was asked to go elsewhere.

    Raises:
        click.UsageError: one would be.
    """
    own = {real_path(item.path) for item in inputs if item.path is not None}
    for place in places:
        if real_path(place) in own:
            raise click.UsageError(f"{place} is an input: write elsewhere, or optimize it with --in-place.")


def write_result(result: Result, destination: Destination) -> list[Path]:
    """Writes everything that is not refused, and returns the files that were written.

    Raises:
        InvalidInput: a file cannot be written, or lies outside the folder.
        Unsupported: there are new documents, and no place for them.
    """
    good = [file for file in result.files if file.text is not None]
    if destination.in_place:
        if result.added:
            hint = "give -o FOLDER; 'fuse{keep-original=false}' adds none"
            raise Unsupported("there are new documents, which have no place of their own", hint=hint)
        if any(file.path is None for file in good):
            raise Unsupported("a workflow of another engine needs a file of its own", hint="give -o, not --in-place")
        return [replace_file(file.path, file.text or "") for file in good if file.status == "changed" and file.path]
    if not destination.folder:
        return _write_one(good, result.added, destination.place)
    assert destination.place is not None
    pairs = [(file.relative, file.text or "") for file in good]
    if result.added:
        pairs.append((ADDED, result.added))
        if any(file.relative == ADDED for file in result.files):
            raise InvalidInput(f"{ADDED} is needed for new documents, but is an input as well", hint="rename it")
    paths = [inside(destination.place, relative) for relative, _ in pairs]  # all are looked at before one is written
    return [replace_file(path, text) for path, (_, text) in zip(paths, pairs, strict=True)]


def write_text(text: str | bytes, place: str | Path | None) -> None:
    """Writes to a file; to stdout where that is `-` or none is named."""
    if place is None or str(place) == "-":
        write_bytes(text if isinstance(text, str) else text.decode())
    else:
        replace_file(Path(place), text)


def _write_one(good: Sequence[FileResult], added: str, place: Path | None) -> list[Path]:
    if not good:
        return []
    text = join_documents(good[0].text or "", added) if added else good[0].text or ""
    if place is not None:
        return [replace_file(place, text)]
    write_bytes(text)
    return []


def inside(folder: Path, relative: str) -> Path:
    """The path in the folder; links that lead out of it are not followed."""
    path = folder / relative
    if not real_path(path).is_relative_to(real_path(folder)):
        raise InvalidInput(f"{path} leads out of {folder}", hint="remove the link, or choose another folder")
    return path


def names(items: Sequence[str], most: int = NAMED) -> str:
    """Return the first names, and how many more there are."""
    more = f" and {len(items) - most:,} more" if len(items) > most else ""
    return ", ".join(name or "the entry or a handler" for name in items[:most]) + more


def columns(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The lines of a table: its first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    for name, *cells in (head, *rows):
        line = [name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(cells, widths[1:], strict=True))]
        yield "  ".join(line).rstrip()


def printable(text: str) -> str:
    """Return what somebody has said, so that it neither ends the line nor moves the cursor."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def number_text(value: object) -> str:
    """A figure for people: thousands apart, and no digits behind the point that say nothing."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    text = f"{value:,.1f}" if isinstance(value, float) and abs(value) >= 1000 else f"{value:,}"
    return text.removesuffix(".0")


def size_text(size: float) -> str:
    """A number of bytes for a person: 4.3 GB."""
    return next((f"{_short(size / factor)} {unit}" for unit, factor in SIZES if size >= factor), f"{size:.0f} B")


def time_text(seconds: float) -> str:
    """A time for a person: 212 hours."""
    unit, factor = next(((unit, factor) for unit, factor in TIMES if seconds >= 2 * factor), ("seconds", 1.0))
    return f"{_short(seconds / factor)} {unit}"


def utc_text(seconds: float) -> str:
    """A time in UTC, of seconds since 1970."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _short(value: float) -> str:
    """Three digits, as far as they say something."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
