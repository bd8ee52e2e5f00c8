"""Who runs a trial, and until when that is to be believed."""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

import msgspec

__all__ = ["is_left", "signature"]


def _processes() -> str:
    """What tells apart whose process numbers mean the same: pods may share their node's name, and not its processes."""
    with contextlib.suppress(OSError):
        return f"{socket.gethostname()} {Path('/proc/self/ns/pid').readlink()}"
    return socket.gethostname()


HOST = _processes()


class _Signature(msgspec.Struct, frozen=True):
    host: str
    process: int
    until: float


def signature(until: float) -> str:
    """This process's signature, good until a time in seconds since 1970."""
    return msgspec.json.encode(_Signature(HOST, os.getpid(), until)).decode()


def is_left(text: str, now: float) -> bool:
    """Whether who signed is gone: its time is over, or it was a process of this host that is no more."""
    try:
        signed = msgspec.json.decode(text, type=_Signature)
    except msgspec.DecodeError:
        return False  # somebody else's trial
    return signed.until < now or (signed.host == HOST and not _is_alive(signed.process))


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
