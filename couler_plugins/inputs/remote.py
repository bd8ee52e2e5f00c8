"""Files at URLs that fsspec understands, read and written as a whole; no message holds credentials."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterator
from typing import Any

from couler_plugins.errors import CoulerError, EngineError, InvalidInput, restating
from couler_plugins.net.redacting import redact_url
from couler_plugins.options.fields import Size


def is_url(place: object) -> bool:
    """Whether a place is a URL and no path."""
    return isinstance(place, str) and re.match(r"[A-Za-z][A-Za-z0-9+.-]+://.", place) is not None


def read_url(url: str, max_bytes: int, *, is_optional: bool = False) -> bytes:
    """What is at a URL, or at a path; nothing where nothing is, if that may be.

    Raises:
        InvalidInput: the URL is not understood, what reads it is not installed, or there is nothing, or too much.
        EngineError: it cannot be read.
    """
    with _plain_errors(url, "read"):
        files, place = _file_system(url)
        try:
            with files.open(place, "rb") as stream:
                content = bytes(stream.read(max_bytes + 1))
        except FileNotFoundError as error:
            # Of whatever fails over HTTP, fsspec says that there is nothing: the status is in the cause.
            if getattr(error.__cause__, "status", 404) not in (404, 410):
                raise
            content = None
    if content is None and not is_optional:
        raise InvalidInput("there is nothing at this URL", file=redact_url(url), hint="check the URL")
    if content is not None and len(content) > max_bytes:
        raise InvalidInput(
            f"it has more than {Size(max_bytes)}", file=redact_url(url), hint="allow more with --max-bytes"
        )
    return content or b""


def write_url(url: str, content: bytes) -> None:
    """Put a file at a URL, in the place of what is there.

    Raises:
        InvalidInput: the URL is not understood, or what writes it is not installed.
        EngineError: it cannot be written.
    """
    with _plain_errors(url, "written"):
        files, place = _file_system(url)
        files.pipe_file(place, content)


@contextlib.contextmanager
def _plain_errors(url: str, what: str) -> Iterator[None]:
    """Has failures of file systems, which raise whatever their clients do, without what these say of credentials."""
    try:
        yield
    except CoulerError:
        raise
    except Exception as error:
        cause = error.__cause__ or error
        reason = os.strerror(cause.errno) if isinstance(cause, OSError) and cause.errno else type(cause).__name__
        message = f"{redact_url(url)} cannot be {what}: {reason}"
        raise EngineError(message, hint="check the network and your credentials") from error


def _file_system(url: str) -> tuple[Any, str]:
    import fsspec

    with (
        restating(ValueError, f"{redact_url(url)} is not a URL that fsspec understands", reason=False),
        restating(ImportError, f"what reads {redact_url(url)} is not installed", reason=False, extra="storage"),
    ):
        files, place = fsspec.core.url_to_fs(url, skip_instance_cache=True, use_listings_cache=False)
    return files, place
