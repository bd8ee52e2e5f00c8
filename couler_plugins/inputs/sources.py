"""What a call is given: paths, folders, globs, texts and mappings; each becomes inputs, read or refused one by one.

Finds the scope of each file: the folder whose files are deployed together.

That is the nearest folder with a kustomization or a chart, or one of the outermost folders where the setting
`scope-depth` counts them. Objects of one name in two scopes are copies for two environments, and no mistake.
"""

from __future__ import annotations

import glob
import os
import sys
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import msgspec

from couler_plugins.documents import SourceFile, dump_yaml, read
from couler_plugins.documents.reader import FilePlace, version_in
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.inputs.remote import is_url, read_url
from couler_plugins.net.redacting import redact_url
from couler_plugins.options.fields import Size

if TYPE_CHECKING:
    from couler_plugins.inputs.scanning import Scan


SUFFIXES = (".yaml", ".yml", ".json")
"""What a file in a folder is called to be read."""

OF_LINES = 16  # times as many bytes as a document may a history have, which is read line by line
_UTF16 = (BOM_UTF16_LE, BOM_UTF16_BE)  # their text is full of zero bytes; `read` has an error of its own for them


@dataclass(frozen=True, slots=True)
class Text:
    """YAML or JSON given as text rather than by its path.

    Attributes:
        content: the text.
        name: what to call it in errors.
    """

    content: str | bytes
    name: str = "<text>"


Source = str | Path | Text | SourceFile | Mapping[str, Any] | Iterable["Source"]
"""A path (a file, a folder or a glob), a text, a file already read, a document as a mapping, or several of these.

Mappings that stand side by side belong together as the documents of one file do.
"""


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a call.

    Attributes:
        name: its path as given, or what stands for it.
        relative: its path relative to the folder that was given.
        path: where it can be written again; None where it is no file.
        file: what it holds; None where it cannot be read.
        error: why it cannot be read.
        named: whether somebody asked for it by name, and not for a folder that it is in.
    """

    name: str
    relative: str
    path: Path | None = None
    file: SourceFile | None = None
    error: CoulerError | None = None
    named: bool = True


def read_source(source: Source, max_bytes: int, scan: Scan | None = None) -> list[Input]:
    """Read everything that a source names; a file reached twice is read once.

    What cannot be read becomes an input with an error, so that it does not stop the rest.

    Args:
        source: paths, texts and mappings.
        max_bytes: the largest file that is read.
        scan: what folders are searched for; all manifests in visible folders unless given.

    Raises:
        InvalidInput: a mapping holds something that no document can.
    """
    inputs: dict[str, Input] = {}
    for number, item in enumerate(_read(source, max_bytes, scan)):
        # Not resolved: a link and what it points to are two inputs, each with an output of its own.
        other = f"<{number}>" if item.named else item.name  # of a folder, what a tool rendered
        key = os.path.abspath(item.path) if item.path else other  # noqa: PTH100  # resolve() would follow links
        inputs.setdefault(key, item)
    return list(inputs.values())


def read_stream(stream: BinaryIO, name: str, max_bytes: int) -> Input:
    """Reads a stream to its end, or to the limit."""
    return _attempt(name, name.strip("<>") + ".yaml", partial(_read_open, stream, name, max_bytes))


def _read(source: Source, max_bytes: int, scan: Scan | None) -> Iterator[Input]:
    match source:
        case str() | Path() if scan is not None and Path(source).is_dir():
            yield from _scanned(Path(source), scan)
        case str() if scan is None and is_url(source):
            yield _attempt(redact_url(source), Path(source).name, partial(_read_remote, source, max_bytes))
        case str() | Path():
            try:
                paths = list(_find(str(source), whole_folders=scan is not None))
            except InvalidInput as error:
                yield Input(name=str(source), relative=Path(source).name, error=error)
                return
            for path, relative in paths:
                if scan is not None and path.is_dir():
                    yield from _scanned(path, scan, relative)
                    continue
                yield _attempt(path_text(path), relative, partial(_read_path, path, max_bytes), path)
        case Text():
            reading = partial(_read_text, source.content, source.name, max_bytes)
            yield _attempt(source.name, source.name, reading)
        case SourceFile():
            yield Input(name=source.name, relative=source.name, file=source)
        case Mapping():
            yield _of_mappings([source])
        case _:
            for mappings, items in groupby(source, lambda item: isinstance(item, Mapping)):
                if mappings:
                    yield _of_mappings(items)
                else:
                    yield from chain.from_iterable(_read(item, max_bytes, scan) for item in items)


def _scanned(folder: Path, scan: Scan, above: str = "") -> Iterator[Input]:
    empty = True
    try:
        for member in scan.members(folder):
            empty = False
            name = member.file.name if member.file else (member.error and member.error.file) or path_text(member.path)
            path = member.path if member.path.is_file() else None
            relative = str(Path(above, member.relative))
            yield Input(name=name, relative=relative, path=path, file=member.file, error=member.error, named=False)
    except InvalidInput as error:
        yield Input(name=str(folder), relative=folder.name, error=error)
        return
    if empty:
        hint = "; ".join(scan.skips.lines()) or f"it is searched for {', '.join('*' + suffix for suffix in SUFFIXES)}"
        nothing = InvalidInput("no workflow found in this folder", file=str(folder), hint=hint)
        yield Input(name=str(folder), relative=folder.name, error=nothing)


def _of_mappings(mappings: Iterable[Any]) -> Input:
    """Documents that belong together as those of one file do: a platform document to its pipeline, say."""
    text = "---\n".join(dump_yaml(dict(item)) for item in mappings)  # so that nothing the caller holds is ever changed
    return Input(name="<mapping>", relative="<mapping>", file=_read_text(text, "<mapping>", sys.maxsize))


def _find(pattern: str, *, whole_folders: bool) -> Iterator[tuple[Path, str]]:
    """The files that a path or glob names, in order, each with its path relative to the folder that was given.

    The folders that a glob names are either given as they are, or by their files.
    """
    path = Path(pattern)
    if path.is_dir():
        yield from _in_folder(path, path)
    elif os.path.lexists(path) or not glob.has_magic(pattern):
        yield path, path.name
    else:
        parts = path.parts
        fixed = Path(*parts[: next(number for number, part in enumerate(parts) if glob.has_magic(part))])
        # Unlike Path.glob, this takes absolute patterns and leaves hidden files alone, as shells do.
        matches = sorted(Path(match) for match in glob.glob(pattern, recursive=True))  # noqa: PTH207  # as said above
        if not matches:
            raise InvalidInput("nothing matches this pattern", file=pattern, hint="check the path")
        for match in matches:
            # `**` names folders and the files in them alike: the folders add nothing then.
            if match.is_fifo():
                continue  # nobody asked for it by name, and it may never end
            if not match.is_dir():
                yield match, str(match.relative_to(fixed))
            elif "**" not in pattern:
                folder = [(match, str(match.relative_to(fixed)))]
                yield from folder if whole_folders else _in_folder(match, fixed)


def _in_folder(folder: Path, root: Path) -> Iterator[tuple[Path, str]]:
    paths = [
        Path(directory, name)
        for directory, folders, names in os.walk(folder, onerror=_refuse_folder)
        if _keep_visible(folders)
        for name in names
        if name.endswith((*SUFFIXES, ".jsonl")) and not name.startswith(".") and not Path(directory, name).is_fifo()
    ]
    if not paths:
        hint = f"it is searched for {', '.join('*' + suffix for suffix in SUFFIXES)}"
        raise InvalidInput("the folder holds no manifests", file=str(folder), hint=hint)
    for path in sorted(paths):
        yield path, str(path.relative_to(root))


def _keep_visible(folders: list[str]) -> bool:
    """Keeps os.walk out of hidden folders (.git, .venv); always true."""
    folders[:] = [name for name in folders if not name.startswith(".")]
    return True


def _refuse_folder(error: OSError) -> None:
    raise InvalidInput(f"the folder cannot be read: {error.strerror}", file=str(error.filename)) from error


def _read_path(path: Path, max_bytes: int) -> SourceFile:
    with path.open("rb") as stream:
        size = os.fstat(stream.fileno()).st_size
        max_bytes *= OF_LINES if path.suffix == ".jsonl" else 1
        if size > max_bytes:
            raise _too_large(path_text(path), f"{size:,} bytes", max_bytes)
        return _read_open(stream, path_text(path), max_bytes)


def _read_remote(url: str, max_bytes: int) -> SourceFile:
    max_bytes *= OF_LINES if url.endswith(".jsonl") else 1
    return _read_text(read_url(url, max_bytes), redact_url(url), max_bytes)


def path_text(path: Path) -> str:
    """A path as text: a file's name need not be UTF-8."""
    return str(path).encode("utf-8", "backslashreplace").decode()


def _read_open(stream: BinaryIO, name: str, max_bytes: int) -> SourceFile:
    content = stream.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise _too_large(name, "more bytes", max_bytes)
    return _read_text(content, name, max_bytes)


def _read_text(content: str | bytes, name: str, max_bytes: int) -> SourceFile:
    if isinstance(content, bytes) and b"\0" in content[:8192] and not content.startswith(_UTF16):
        raise InvalidInput("this is a binary file", file=name, hint="give YAML or JSON")
    return read(content, name, max_bytes=max_bytes)


def _too_large(name: str, size: str, max_bytes: int) -> InvalidInput:
    message = f"the file has {size}, {Size(max_bytes)} are allowed"
    return InvalidInput(message, file=name, hint="allow more with --max-bytes")


def _attempt(name: str, relative: str, reading: Callable[[], SourceFile], path: Path | None = None) -> Input:
    try:
        return Input(name=name, relative=relative, path=path, file=reading())
    except CoulerError as error:
        return Input(name=name, relative=relative, path=path, error=error)
    except OSError as error:
        message = f"it cannot be read: {error.strerror or error}"
        return Input(name=name, relative=relative, path=path, error=InvalidInput(message, file=name))


MARKERS = ("kustomization.yaml", "kustomization.yml", "Kustomization", "Chart.yaml")
"""Files that make their folder a scope."""
RENDERED = "rendered"
"""Stands for the file that a tool made of a folder."""


def set_places(inputs: Iterable[Input], depth: int = 0) -> Iterator[Input]:
    """Yield the inputs, each file of them with its place.

    Args:
        inputs: files of one call.
        depth: how many folders below the one that was given make a scope; 0 to look for kustomizations and charts.
    """
    scopes: dict[Path, str] = {}
    for item in inputs:
        rendered = item.path is None and not item.named
        path = Path(item.name, RENDERED) if rendered else item.path
        if item.file is not None and path is not None:
            inner = Path(item.relative).parts[:-1]
            root = path.parents[min(len(inner), len(path.parents) - 1)]
            if depth:
                scope = str(Path(root, *inner[:depth]))
            else:
                scope = item.name if rendered else _scope(path.parent, root, scopes)
            item.file.place = FilePlace(path.parts, scope, version_in(inner), item.relative)
        yield item


def _scope(folder: Path, root: Path, scopes: dict[Path, str]) -> str:
    """The nearest folder with a marker, from a folder up to the one that was given; empty where there is none."""
    if folder not in scopes:
        if any(Path(folder, marker).is_file() for marker in MARKERS):
            scopes[folder] = str(folder)
        else:
            scopes[folder] = "" if folder == root else _scope(folder.parent, root, scopes)
    return scopes[folder]
