"""What is stored: values and files, as a size that is known beforehand and chunks of bytes."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from couler_plugins.caching.artifacts.names import check_output
from couler_plugins.errors import InvalidInput

CHUNK = 1 << 20
"""Bytes that are read, hashed and written at a time."""


Chunks: TypeAlias = Iterator[bytes]
"""Bytes in pieces."""


class Source(Protocol):
    """Bytes whose number is known before they are read; a folder as an archive, for example."""

    @property
    def bytes(self) -> int:
        """How many there are, exactly."""

    def chunks(self) -> Chunks:
        """The bytes, in pieces. What fails raises OSError."""


@dataclass(frozen=True)
class Content:
    """An output with its codec: how its reader decodes the bytes. The cache gives the name of a codec no meaning."""

    value: bytes | Path | Source
    codec: str = "bytes"


Outputs: TypeAlias = Mapping[str, bytes | Path | Content]
"""The outputs of a result by name: bytes, or the path of a file."""


class _Value:
    def __init__(self, value: bytes) -> None:
        self._value = value
        self.bytes = len(value)

    def chunks(self) -> Chunks:
        for start in range(0, len(self._value), CHUNK):
            yield self._value[start : start + CHUNK]


class _File:
    def __init__(self, path: Path) -> None:
        self._path = path
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise OSError(f"{path.name} is no regular file")
        self._status = status
        self.bytes = status.st_size

    def chunks(self) -> Chunks:
        with self._path.open("rb", buffering=0) as file:
            if hasattr(os, "posix_fadvise"):
                os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_SEQUENTIAL)
            while chunk := file.read(CHUNK):
                yield chunk
            if not same_file(self._status, os.fstat(file.fileno())):
                raise OSError("it was changed while it was read")


def same_file(one: os.stat_result, other: os.stat_result) -> bool:
    """Whether two statuses are of one file that nobody has written between them."""
    names = ("st_dev", "st_ino", "st_size", "st_mtime_ns", "st_ctime_ns")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def chunks_of(source: Source) -> Chunks:
    """The chunks of a source, held to the number of bytes that it announced.

    Raises:
        OSError: there are fewer or more: it was changed while it was read.
    """
    remaining = source.bytes
    for chunk in source.chunks():
        remaining -= len(chunk)
        if remaining < 0:
            break
        yield chunk
    if remaining:
        raise OSError("it was changed while it was read")


def sources(outputs: Outputs) -> list[tuple[str, str, Source]]:
    """The outputs as (name, codec, source), in the order of their names.

    Raises:
        InvalidInput: a name breaks the rules, two differ in case only, or a value is none of what can be stored.
        OSError: a file cannot be read.
    """
    if len({name.casefold() for name in outputs}) < len(outputs):
        raise InvalidInput("two outputs differ in case only", hint="that is one name to some file systems")
    sources = []
    for name, output in sorted(outputs.items()):
        check_output(name)
        content = output if isinstance(output, Content) else _content(name, output)
        sources.append((name, content.codec, _source(name, content.value)))
    return sources


def _content(name: str, value: bytes | Path) -> Content:
    return Content(value, "file" if isinstance(value, Path) else "bytes")


def _source(name: str, value: bytes | Path | Source) -> Source:
    if isinstance(value, Path):
        return _File(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return _Value(bytes(value))
    if hasattr(value, "chunks") and hasattr(value, "bytes"):
        return value
    raise InvalidInput(f"the output {name!r} is {type(value).__name__}", hint="give bytes, a Path or a Source")
