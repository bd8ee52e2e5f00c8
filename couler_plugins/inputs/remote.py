"""Files at URLs that fsspec understands, read and written as a whole; no message holds credentials."""

from __future__ import annotations

import os
import re
from typing import Any

from couler_plugins.errors import CoulerError, EngineError, InvalidInput, install_hint
from couler_plugins.net.redacting import redact_url

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://.+", re.DOTALL)


def is_url(place: object) -> bool:
    """Whether a place is a URL and no path."""
    return isinstance(place, str) and _URL.fullmatch(place) is not None


def read_url(url: str, max_bytes: int) -> bytes | None:
    """What is at a URL; None where nothing is. No more than a byte over the most is read.

    Raises:
        InvalidInput: the URL is not understood, or what reads it is not installed.
        EngineError: it cannot be read.
    """
    try:
        files, place = _file_system(url)
        with files.open(place, "rb") as stream:
            content: bytes = stream.read(max_bytes + 1)
            return content
    except CoulerError:
        raise
    except Exception as error:  # file systems raise whatever their clients do
        # Of whatever fails over HTTP, fsspec says that there is nothing: the status is in the cause.
        if isinstance(error, FileNotFoundError) and getattr(error.__cause__, "status", 404) in (404, 410):
            return None
        raise _failure(url, "read", error) from error


def write_url(url: str, content: bytes) -> None:
    """Put a file at a URL, in the place of what is there.

    Raises:
        InvalidInput: the URL is not understood, or what writes it is not installed.
        EngineError: it cannot be written.
    """
    try:
        files, place = _file_system(url)
        files.pipe_file(place, content)
    except CoulerError:
        raise
    except Exception as error:
        raise _failure(url, "written", error) from error


def _file_system(url: str) -> tuple[Any, str]:
    import fsspec

    shown = redact_url(url)
    if "::" in url:
        raise InvalidInput(f"{shown} is a chain of URLs", hint="name one file")
    try:
        files, place = fsspec.core.url_to_fs(url, skip_instance_cache=True, use_listings_cache=False)
    except ImportError as error:
        raise InvalidInput(f"what reads {shown} is not installed", hint=install_hint("storage")) from error
    except ValueError as error:
        raise InvalidInput(f"{shown} is not a URL that fsspec understands") from error
    return files, place


def _failure(url: str, what: str, error: Exception) -> EngineError:
    cause = error.__cause__ or error
    reason = os.strerror(cause.errno) if isinstance(cause, OSError) and cause.errno else type(cause).__name__
    message = f"{redact_url(url)} cannot be {what}: {reason}"
    return EngineError(message, hint="check the network and your credentials")
