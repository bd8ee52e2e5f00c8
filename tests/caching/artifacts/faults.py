"""Faults at the calls by which a process reaches its file system, for the files below one folder."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

__all__ = ["CALLS", "Faults", "mounted"]

CALLS = ("open", "read", "write", "fsync", "replace", "link", "unlink", "mkdir", "lstat", "scandir")
"""The calls that can be made to fail. `read` and `write` are those of files that were opened by `os.open`."""

Effect = Callable[[], None]


class Faults:
    """Makes calls fail, or slow, or write less than they were given, from a certain one on.

    `seen` counts the calls of each kind below the folder since the last `reset`.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = os.fspath(folder)
        self._effects: dict[str, tuple[int, int, Effect]] = {}
        self._short = False
        self.seen: dict[str, int] = {}
        self._ours: set[int] = set()
        for name in ("replace", "link", "unlink", "mkdir", "lstat", "scandir"):
            monkeypatch.setattr(os, name, self._by_path(name, getattr(os, name)))
        monkeypatch.setattr(os, "open", self._opening(os.open))
        monkeypatch.setattr(os, "fdopen", self._wrapping(os.fdopen))
        monkeypatch.setattr(os, "fsync", self._by_descriptor("fsync", os.fsync))

    def reset(self) -> None:
        """No faults, and nothing seen."""
        self._effects.clear()
        self._short = False
        self.seen = dict.fromkeys(CALLS, 0)

    def fail(self, call: str, error: int, *, at: int = 0, times: int = 1_000_000) -> None:
        """The calls from number `at` on, so many of them, fail with an `errno`."""

        def effect() -> None:
            raise OSError(error, os.strerror(error))

        self._effects[call] = (at, at + times, effect)

    def on(self, call: str, effect: Effect) -> None:
        """Something happens before each of these calls."""
        self._effects[call] = (0, 1_000_000, effect)

    def delay(self, call: str, seconds: float) -> None:
        self.on(call, lambda: time.sleep(seconds))

    def write_short(self) -> None:
        """Writes take half of what they are given, and a byte at least."""
        self._short = True

    def read_only(self) -> None:
        """Nothing can be written, made, moved or removed."""
        for call in ("write", "fsync", "replace", "link", "unlink", "mkdir"):
            self.fail(call, errno.EROFS)
        self._effects["open for writing"] = self._effects["write"]

    def happens(self, call: str) -> None:
        number = self.seen[call] = self.seen.get(call, 0) + 1
        first, end, effect = self._effects.get(call, (0, 0, None))
        if effect is not None and first < number <= end:
            effect()

    def write(self, file: io.FileIO, data: memoryview) -> int:
        self.happens("write")
        part = data[: max(1, len(data) // 2)] if self._short else data
        return io.FileIO.write(file, part)

    def _concerns(self, path: Any) -> bool:
        return isinstance(path, str | os.PathLike) and os.fspath(path).startswith(self._folder)

    def _by_path(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(path: Any, *args: Any, **kwargs: Any) -> Any:
            if self._concerns(path):
                self.happens(name)
            return call(path, *args, **kwargs)

        return wrapped

    def _by_descriptor(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(descriptor: int) -> Any:
            if descriptor in self._ours:
                self.happens(name)
            return call(descriptor)

        return wrapped

    def _opening(self, call: Callable[..., int]) -> Callable[..., int]:
        def wrapped(path: Any, flags: int, *args: Any, **kwargs: Any) -> int:
            ours = self._concerns(path)
            if ours:
                self.happens("open")
                if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                    self.happens("open for writing")
            descriptor = call(path, flags, *args, **kwargs)
            (self._ours.add if ours else self._ours.discard)(descriptor)
            return descriptor

        return wrapped

    def _wrapping(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(descriptor: int, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            if descriptor not in self._ours or "b" not in mode:
                return call(descriptor, mode, *args, **kwargs)
            raw = _File(descriptor, mode.replace("b", ""), self)
            if "r" in mode and kwargs.get("buffering", -1) != 0:
                return io.BufferedReader(raw)
            return raw

        return wrapped


class _File(io.FileIO):
    def __init__(self, descriptor: int, mode: str, faults: Faults) -> None:
        super().__init__(descriptor, mode)
        self._faults = faults

    def write(self, data: Any, /) -> int:
        return self._faults.write(self, memoryview(data))

    def readinto(self, buffer: Any, /) -> int | None:
        self._faults.happens("read")
        return super().readinto(buffer)


@contextlib.contextmanager
def mounted(folder: Path, size: int) -> Iterator[Path]:
    """A real file system of so many bytes at `folder`, or a skipped test where none can be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", os.fspath(folder)]
    if os.getuid() != 0 or subprocess.run(command, check=False, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", os.fspath(folder)], check=True)
