"""What is stored, as a size that is known beforehand and chunks of bytes; and under which names.

A key is never a part of a path: its digest is, so that two keys that differ only in case stay apart on file systems
that do not tell cases apart.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

from couler_plugins.errors import InvalidInput

LAYOUT = "v1"
"""The version of the layout: the first part of every name in a store."""

NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9_-]|\.(?!\.)){0,62}(?<!\.)")
KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:@=+-]{0,254}")
OUTPUT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
SHA256 = re.compile(r"[0-9a-f]{64}")
PART = re.compile(r"(?!\.{1,2}(?:/|$))[A-Za-z0-9._-]{1,200}")


def check_namespace(text: str) -> str:
    """The namespace itself.

    Raises:
        InvalidInput: it is not 1 to 63 lower-case letters, digits, `-`, `_` and single dots inside.
    """
    hint = "use lower-case letters, digits, `-` and `_`, at most 63"
    return _check(NAMESPACE, text, "a namespace", hint)


def check_key(text: str) -> str:
    """The key itself.

    Raises:
        InvalidInput: it is not 1 to 255 letters, digits and `._:@=+-` with a letter or digit first.
    """
    return _check(KEY, text, "a key", "a key is what `couler cache key` prints, or letters, digits and `._:@=+-`")


def check_output(text: str) -> str:
    """The name of an output itself.

    Raises:
        InvalidInput: it is not 1 to 128 letters, digits and `._-`, or it starts with a dot.
    """
    return _check(OUTPUT, text, "the name of an output", "use letters, digits, `.`, `_` and `-`, at most 128")


def check_object(name: str) -> str:
    """An object's name itself, known to stay inside of its store.

    Raises:
        InvalidInput: a part of it is empty, `.`, `..`, or holds anything but letters, digits, `.`, `_` and `-`.
    """
    if not is_object(name):
        raise InvalidInput(f"{name[:80]!r} is no name of an object", hint="its parts are letters, digits and `._-`")
    return name


def is_object(name: str) -> bool:
    """Whether it is an object's name; others in a store are nobody's."""
    return all(PART.fullmatch(part) for part in name.split("/"))


def namespace_of(namespace: str) -> str:
    """The folder of a namespace, with a `/` at its end."""
    return f"{LAYOUT}/{namespace}/"


def namespaces_in(objects: Iterable[str]) -> set[str]:
    """The namespaces that objects of these names are in."""
    candidates = {parts[1] for name in objects if len(parts := name.split("/")) > 2 and parts[0] == LAYOUT}
    return {name for name in candidates if NAMESPACE.fullmatch(name)}


def entry_name(key: str, version: str = "") -> str:
    """Where the manifest of a key is, inside its namespace; `version` tells manifests of one key apart."""
    digest = hashlib.sha256(key.encode()).hexdigest()
    return f"entries/{digest[:2]}/{digest}{version and '-'}{version[:16]}.json"


def blob_name(sha256: str) -> str:
    """Where the bytes with this digest are, inside their namespace.

    Raises:
        InvalidInput: it is no sha256 in lower-case hexadecimal.
    """
    _check(SHA256, sha256, "a digest", "a digest is 64 hexadecimal digits")
    return f"blobs/{sha256[:2]}/{sha256}"


def temporary_name(token: str) -> str:
    """Where something is written aside, inside its namespace."""
    return f"tmp/{token}"


def temporary_beside(name: str) -> str:
    """A new name for what is written before it becomes the object `name`: in its namespace, for what is in one."""
    import secrets  # which imports more than most that need names need

    parts = name.split("/")
    return "/".join([*(parts[:2] if len(parts) > 2 else []), temporary_name(secrets.token_hex(12))])


def _check(pattern: re.Pattern[str], text: object, what: str, hint: str) -> str:
    if not isinstance(text, str) or not pattern.fullmatch(text):
        raise InvalidInput(f"{str(text)[:80]!r} cannot be {what}", hint=hint)
    return text


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
