"""Where files are kept between steps.

A file is kept under a name that is the hash of its content, so that runs and attempts do not get in each other's way,
and a place that was handed on holds the same for as long as it is there.
"""

import hashlib
import shutil
import tempfile
from pathlib import Path

import fsspec


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
    placed(file, place)
    return place


def placed(file: Path, place: str) -> None:
    """Copies a file to a URL or a path, where it is there as a whole or not at all."""
    with file.open("rb") as content:
        if "://" in place:
            with fsspec.open(place, "wb") as target:
                shutil.copyfileobj(content, target)
            return
        folder = Path(place).parent
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder, delete=False) as part:
            shutil.copyfileobj(content, part)
    Path(part.name).replace(place)


def scratch(name: str) -> Path:
    """A new local file of that name."""
    return Path(tempfile.mkdtemp()) / name
