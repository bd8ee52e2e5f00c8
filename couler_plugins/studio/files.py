"""The files that a studio was opened with: nothing else is ever read or written."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from couler_plugins.documents import SourceFile, read
from couler_plugins.errors import CoulerError, InvalidInput
from couler_plugins.inputs.files import real_path, replace_file
from couler_plugins.inputs.sources import Input
from couler_plugins.options.config import Config

MOST_TEXTS = 200
"""How many texts are remembered, of all files; those that nobody has asked for longest are forgotten first."""


class Forbidden(InvalidInput):
    """A path that is none of the opened files."""


class Conflict(InvalidInput):
    """A file that somebody else has changed meanwhile."""


class OpenedFiles:
    """The files of one studio, by the path that the page calls them.

    Args:
        inputs: what was read when the studio was started.
        config: the settings.
    """

    def __init__(self, inputs: Sequence[Input], config: Config) -> None:
        self._config = config
        self.inputs = {item.relative.replace("\\", "/"): item for item in inputs}
        self._texts: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._read: dict[str, tuple[bytes, SourceFile]] = {}

    def opened(self, path: str) -> Input:
        """Return a file as it was when the studio was started.

        Raises:
            Forbidden: it is none of the opened files.
        """
        if path not in self.inputs:
            raise Forbidden(f"{path!r} is none of the opened files", hint="start the studio with it")
        return self.inputs[path]

    def current(self, path: str) -> Input:
        """Return a file as it is on disk now.

        Raises:
            Forbidden: it is none of the opened files.
            CoulerError: it cannot be read any more.
        """
        item = self.opened(path)
        if item.path is None:
            return item
        try:
            content = item.path.read_bytes()
        except OSError as error:
            raise InvalidInput(f"it cannot be read: {error.strerror}", file=item.name, hint="open it again") from error
        if path not in self._read or self._read[path][0] != content:
            self._read[path] = content, read(content, item.name, max_bytes=self._config.max_bytes)
        return replace_input(item, self._read[path][1])

    def text(self, path: str, base: str = "") -> tuple[str, str]:
        """Return the text of a file, and its digest.

        Args:
            path: the file.
            base: the digest of the text that is wanted; empty for what is on disk now.

        Raises:
            Conflict: the text of that digest is not known any more.
        """
        file = self.current(path).file
        text = file.text if file is not None else ""
        digest = digest_of(text)
        self._texts[path, digest] = text
        self._texts.move_to_end((path, digest))
        if len(self._texts) > MOST_TEXTS:
            self._texts.popitem(last=False)
        if base in ("", digest):
            return text, digest
        if (path, base) not in self._texts:
            raise Conflict("the file changed on disk", file=path, hint="apply your changes to the new text, or reload")
        self._texts.move_to_end((path, base))
        return self._texts[path, base], base

    def others(self, path: str) -> list[Input]:
        """Return the other files, as they are on disk now."""
        files = []
        for name in self.inputs:
            if name != path:
                try:
                    files.append(self.current(name))
                except CoulerError:
                    continue  # whoever opens it is told
        return files

    def save(self, path: str, base: str, text: str) -> str:
        """Write a file, and return its new digest.

        Raises:
            Conflict: it is not what the work started from.
            InvalidInput: it is no file, or cannot be written.
        """
        item = self.opened(path)
        _, digest = self.text(path)
        if digest != base:
            raise Conflict("the file changed on disk", file=path, hint="apply your changes to the new text, or reload")
        if item.path is None:
            raise InvalidInput("it is no file", file=path, hint="start the studio with a file")
        root = item.path.parents[len(Path(item.relative).parts) - 1]
        if not item.named and not real_path(item.path).is_relative_to(real_path(root)):
            raise Forbidden(
                "it is a link that leads out of the folder", file=path, hint="start the studio with the file"
            )
        replace_file(item.path, text)
        return self.text(path)[1]


def digest_of(text: str) -> str:
    """Return the digest of a text."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def replace_input(item: Input, file: SourceFile) -> Input:
    """Return a file with another content, at the same place."""
    return Input(name=item.name, relative=item.relative, path=item.path, file=_placed(file, item), named=item.named)


def _placed(file: SourceFile, item: Input) -> SourceFile:
    if item.file is None:
        return file
    return replace(file, place=item.file.place)
