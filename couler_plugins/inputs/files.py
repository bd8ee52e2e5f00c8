"""Files on disk: where a path leads, and a file that is replaced whole or not at all."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from couler_plugins.errors import restating


def real_path(path: Path) -> Path:
    """The path without links; unlike `resolve()`, it bears links that lead in a circle."""
    return Path(os.path.realpath(path))


def replace_file(path: Path, text: str | bytes) -> Path:
    """Puts the text in place of a file (the one that it links to, if it is a link), keeping its mode."""
    target = real_path(path)
    content = text if isinstance(text, bytes) else text.encode()
    with restating(OSError, "it cannot be written", file=str(path)):
        target.parent.mkdir(parents=True, exist_ok=True)
        if target.exists() and not target.is_file():
            target.write_bytes(content)  # a device or a pipe cannot be replaced
            return path
        import tempfile  # with all that compresses: only for those who write files

        descriptor, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        try:
            with os.fdopen(descriptor, "wb") as stream:
                stream.write(content)
                os.fchmod(stream.fileno(), _mode(target))
            Path(name).replace(target)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    return path


def _mode(target: Path) -> int:
    if target.exists():
        return target.stat().st_mode & 0o7777
    mask = os.umask(0)  # the only way to ask for it
    os.umask(mask)
    return 0o666 & ~mask
