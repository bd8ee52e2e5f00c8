"""What steps hand on: files in a folder of the step, and what is in them."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from couler_plugins.caching.dataplane.contents import content_of, is_inside, open_plain
from couler_plugins.errors import InvalidInput
from couler_plugins.hookspecs.local import Ended, File, NotThere, Place
from couler_plugins.ir import Operation
from couler_plugins.running.local.roots import Root

RESULT = "result"


def names(operation: Operation) -> list[str]:
    """The names of the files that an operation's outputs become."""
    return [RESULT, *(_name(output.kind, output.name) for output in operation.outputs)]


def _name(kind: str, name: str) -> str:
    return f"{kind}.{name}"


def put(content: File | bytes, path: Path) -> None:
    """Puts an artifact in place, as a copy that its user may change.

    Raises:
        NotThere: it is not what it was.
        OSError: the disk failed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(content, bytes):
        path.write_bytes(content)
        return
    _copy(Path(content.path), path)
    if content_of(path) != content.content:
        raise NotThere("an artifact has been changed since it was made")


def take(places: Iterable[Place], printed: bytes, root: Root, folder: Path) -> None:
    """Copies what a program has left behind into a folder.

    Raises:
        NotThere: it has not left all that it declares, or left something that is neither file nor folder.
        OSError: the disk failed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / RESULT).write_bytes(printed)
    for place in places:
        target = folder / _name(place.kind, place.name)
        try:
            source = root.inside(place.path)
            if place.kind == "artifact":
                if source.exists() and not is_inside(source, root.folder):
                    raise NotThere(f"its artifact {place.name!r} is a link that leads out of its own folder")
                if source.exists():
                    content_of(source)  # refuses links that lead out of it, pipes and the like
                    _copy(source, target)
                elif not place.optional:
                    raise NotThere(f"it has not left the artifact {place.name!r} at {place.path}")
            elif source.is_file():
                with open_plain(source) as stream:
                    target.write_bytes(stream.read().removesuffix(b"\n"))
            elif place.default is None:
                raise NotThere(f"it has not left the parameter {place.name!r} at {place.path}")
            else:
                target.write_text(place.default, encoding="utf-8")
        except (ValueError, InvalidInput) as error:
            raise NotThere(f"its output {place.name!r}: {error}") from None


def contents(folder: Path) -> dict[str, str]:
    """What is in each file of a step's folder.

    Raises:
        InvalidInput: one of them is neither file nor folder.
        OSError: they cannot be read.
    """
    return {path.name: content_of(path) for path in sorted(folder.iterdir())}


def names_folder(folder: Path, named: Path) -> bool:
    """Tell whether the result or a parameter in a step's folder contains the name of another folder.

    Raises:
        OSError: one of them cannot be read.
    """
    name = os.fsencode(named)
    return any(
        name in path.read_bytes() for path in folder.iterdir() if not path.name.startswith(_name("artifact", ""))
    )


def ended_of(operation: Operation, folder: Path, texts: Mapping[str, str], code: int | None) -> Ended:
    """What a step that has succeeded left behind.

    Raises:
        OSError: it cannot be read.
    """
    parameters = {
        output.name: _text(folder / _name("parameter", output.name))
        for output in operation.outputs
        if output.kind == "parameter" and _name("parameter", output.name) in texts
    }
    artifacts = {
        output.name: File(str(folder / name), texts[name])
        for output in operation.outputs
        if output.kind == "artifact" and (name := _name("artifact", output.name)) in texts
    }
    result = _text(folder / RESULT) if RESULT in texts else None
    return Ended(outcome="succeeded", parameters=parameters, artifacts=artifacts, result=result, code=code)


def _text(path: Path) -> str:
    with open_plain(path) as stream:
        return stream.read().decode("utf-8", "surrogateescape")


def _copy(source: Path, target: Path) -> None:
    if stat.S_ISDIR(source.lstat().st_mode):
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    else:
        shutil.copy2(source, target)
