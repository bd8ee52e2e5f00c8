"""What compiled code of other libraries opens without an event: their functions of Python tell the paths."""

from __future__ import annotations

from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from couler_plugins.caching.reads.events import absolute_path
from couler_plugins.caching.reads.recorder import Recorder


def _note_font(
    recorder: Recorder, frame: FrameType, outcome: None, font_made: Any, font: Any = None, *args: Any, **more: Any
) -> None:
    if (isinstance(font, (str, bytes)) or hasattr(font, "__fspath__")) and (path := absolute_path(recorder, font)):
        recorder.read(path)


def _note_library(recorder: Recorder, frame: FrameType, outcome: None, ffi: Any, name: Any, *args: Any) -> None:
    recorder.notes.tell("native", name if isinstance(name, str) else "cffi")


CALLS: Final[tuple[tuple[str, str, Callable[..., None]], ...]] = (
    ("PIL.ImageFont", "FreeTypeFont.__init__", _note_font),
    ("cffi.api", "FFI.dlopen", _note_library),
)
"""As those of `arrow`."""
