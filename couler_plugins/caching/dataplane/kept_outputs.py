"""Outputs that were kept: whether they are in place as they were, and how those are put back that are not."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from couler_plugins.caching.artifacts import Content, Entry, Hit, Lost
from couler_plugins.caching.dataplane.contents import entries_of
from couler_plugins.caching.dataplane.outputs import FOLDER, contents, write_output
from couler_plugins.caching.dataplane.placing import Placement, placing
from couler_plugins.errors import InvalidInput


class KeptOutput(msgspec.Struct, frozen=True, array_like=True, forbid_unknown_fields=True):
    """What a file or folder was like when it was kept.

    Attributes:
        codec: what it is, see `outputs`.
        mode: its permissions; in a folder only executable bits are kept.
        sha256: the digest of a file's bytes, or of a folder's archive, in hexadecimal.
    """

    codec: Literal["file", "program", "folder"]
    mode: int
    sha256: str


Fetch = Callable[[Callable[["Hit"], None], Placement], None]
"""Calls something with the result that has the outputs; where nobody waits any more, it discards the placement."""


def named_contents(places: Sequence[Path]) -> dict[str, Content]:
    """Return what a cache is given to keep some outputs: their names are their numbers.

    Raises:
        InvalidInput: one of them is neither a file nor a folder, or has something in it that is neither.
        OSError: one of them is missing or cannot be read.
    """
    return contents({str(number): path for number, path in enumerate(places)})


def kept_outputs(entry: Entry, places: Sequence[Path]) -> tuple[KeptOutput, ...]:
    """Return what some outputs were like when an entry of `named_contents` was stored.

    Raises:
        Lost: the entry lacks one of them.
        OSError: one of them cannot be looked at.
    """
    outputs = ((entry.output(str(number)), _mode(path)) for number, path in enumerate(places))
    return tuple(KeptOutput(output.codec, mode, output.sha256) for output, mode in outputs)  # type: ignore[arg-type]


def put_back(kept: Sequence[KeptOutput], places: Sequence[Path], fetch: Fetch) -> list[Path]:
    """Put outputs back that are not as they were kept: all of them, or none; the others are not touched.

    Nothing is written through a link, and nothing goes that was not kept: who has put it there is not known.

    Args:
        kept: what they were like.
        places: where they are; only the last part of each may be a link.
        fetch: gives the result that they are in; it is not called where nothing is to be put back.

    Returns:
        the places of those that were put back.

    Raises:
        InvalidInput: something else is in the way.
        Lost: the result is not there, or not what was kept.
        OSError: something cannot be read or written; all is as it was.
    """
    missing = {str(number): path for number, path in enumerate(places) if not _is_in_place(kept[number], path)}
    if not missing:
        return []
    aside: dict[str, Path] = {}

    def write(hit: Hit) -> None:
        for name, path in missing.items():
            stored, wanted = hit.entry.output(name), kept[int(name)]
            if (stored.codec, stored.sha256) != (wanted.codec, wanted.sha256):
                raise Lost(f"the output {path} was kept with another content")
            aside[name] = placement.aside(path)
            write_output(hit, name, aside[name])

    with placing() as placement:
        fetch(write, placement)
        for name, path in missing.items():
            _check_names(path, aside[name])
            aside[name].chmod(kept[int(name)].mode)
        placement.commit()
    return list(missing.values())


def _is_in_place(kept: KeptOutput, path: Path) -> bool:
    """Tell whether an output is as it was kept.

    Raises:
        InvalidInput: what is there is of another kind.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return False
    if not (stat.S_ISDIR(mode) if kept.codec == FOLDER else stat.S_ISREG(mode)):
        raise InvalidInput(f"{path} is no {'folder' if kept.codec == FOLDER else 'regular file'}")
    (content,) = named_contents([path]).values()
    digest = hashlib.sha256()
    for chunk in content.value.chunks():  # type: ignore[union-attr]  # a source, of files and folders
        digest.update(chunk)
    return KeptOutput(content.codec, _mode(path), digest.hexdigest()) == kept  # type: ignore[arg-type]  # as above


def _check_names(path: Path, aside: Path) -> None:
    """Refuse to replace a folder that something has come into: what is not known is not removed."""
    if path.is_dir() and not path.is_symlink():
        foreign = {item.name for item in entries_of(path)} - {item.name for item in entries_of(aside)}
        if foreign:
            raise InvalidInput(f"{path} holds {min(foreign)!r} now, which was not there")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode) & 0o777
