"""Takes credentials out of text before anybody reads it."""

from __future__ import annotations

import re

HIDDEN = "***"

USER = re.compile(r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]*://)[^/\s?#'\"]*@")
"""The part of a URL before the host. A password may hold an `@`, so it ends at the last one before the path."""

SECRETIVE = re.compile(r"(\b[A-Za-z][A-Za-z0-9+.-]*://)[^\s'\"@?#]*:[^\s'\"]*@")
"""The same where a secret holds `/`, `?` or `#` as well: everything up to an `@` with a colon before it."""

SETTING = re.compile(
    r"(?P<name>(?:password|passwd|passphrase|pwd|secret|token|signature|credential|connection_?string|\bkey|\bsig"
    r"|(?:access|account|api|private|session|shared)_?key)[\w-]*)(?<!error)"
    r"(?P<is>['\"]?\s*[=:]\s*['\"]?)[^\s&'\",;})]+",
    re.IGNORECASE,
)
"""A parameter of a URL, an option or a message whose name says that it is secret; no name of an error."""

HEADER = re.compile(
    r"(?P<before>\bauthorization['\"]?\s*[:=]\s*['\"]?(?:[a-z]+\s+)?|\bbearer\s+(?=\S*\d)"
    r"|(?<!\S)--(?:password|passphrase|secret|token)\s+)[^\s'\",;})]{4,}",
    re.IGNORECASE,
)
"""What comes after a scheme of HTTP, or after an option, with no sign between."""


def redact(text: object) -> str:
    """The text without users, passwords, tokens and signatures of the URLs and options in it.

    >>> redact("cannot reach s3://AKIA:se/cret@bucket/x?token=abc&region=eu")
    'cannot reach s3://***@bucket/x?token=***&region=eu'
    """
    text = HEADER.sub(rf"\g<before>{HIDDEN}", _without_users(str(text)))
    return SETTING.sub(rf"\g<name>\g<is>{HIDDEN}", text)


def redact_url(url: str) -> str:
    """A URL without its credentials, whatever is in them: nothing is shown before an `@` that has a colon before it.

    >>> redact_url("postgresql://me:p w'd@host/db?password=x")
    'postgresql://***@host/db?password=***'
    """
    scheme, separator, rest = url.partition("://")
    user, _, place = rest.rpartition("@")
    return redact(f"{scheme}{separator}{HIDDEN}@{place}" if ":" in user else url)


def _without_users(text: str) -> str:
    return USER.sub(rf"\g<scheme>{HIDDEN}@", SECRETIVE.sub(rf"\1{HIDDEN}@", text))
