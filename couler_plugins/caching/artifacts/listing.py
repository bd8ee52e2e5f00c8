"""All files below a folder of an fsspec file system, or an error: never a part of them without a word."""

from __future__ import annotations

from typing import Any


def files_below(files: Any, folder: str) -> dict[str, dict[str, Any]]:
    """What fsspec says of each file below a folder, by its path.

    fsspec's own `find` leaves out folders that cannot be listed, as if there were nothing in them. Object stores have
    one of their own, in one request for many folders, which fails.

    Args:
        files: the file system.
        folder: the folder; there need not be one.

    Raises:
        OSError: a folder cannot be listed; a client library may raise something else.
    """
    if not walks(files):
        infos: dict[str, dict[str, Any]] = files.find(folder, detail=True)
        return infos
    infos, ahead = {}, [folder]
    while ahead:
        at = ahead.pop()
        try:
            inside = files.ls(at, detail=True)
        except OSError as error:
            refuse(error)
            continue
        for info in inside:
            path = str(info["name"]).rstrip("/")
            if info["type"] != "directory":
                infos[path] = info
            elif path != at:  # some name the folder itself
                ahead.append(path)
    return infos


def refuse(error: OSError) -> None:
    """Raises it, unless it says that there is no such folder by now."""
    if not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        raise error


def walks(files: Any) -> bool:
    """Whether the file system finds files by fsspec's own walk through the folders."""
    from fsspec import AbstractFileSystem
    from fsspec.asyn import AsyncFileSystem

    kind = type(files)
    return (kind._find is AsyncFileSystem._find) if files.async_impl else (kind.find is AbstractFileSystem.find)
