"""Data from outside that workflows read (the paper's Dataset, §4.2): what names one version of it, and its key.

An owner declares what tells versions apart. Nothing is fetched to find out whether something has changed: what has
another version is something else.
"""

from __future__ import annotations

import re
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

import msgspec

from couler_plugins.caching.keys import VERSION, digest
from couler_plugins.errors import InvalidInput

__all__ = ["Dataset", "bare_etag", "shown_url"]

SHA256 = re.compile(r"[0-9a-f]{64}")
SIGNATURES = ("x-amz-", "x-goog-")
"""How the parameters of signed URLs begin (AWS Signature Version 4, Google Cloud's V4): they say who may read."""


class Dataset(msgspec.Struct, frozen=True, kw_only=True):
    """One version of a file or folder (a table, say) outside of the workflow; exactly one of the last three is given.

    Attributes:
        url: where it is: any URL that fsspec understands, or a path.
        version: a name that its owner gives to what is there now. Nobody can check it.
        etag: the server's own name for it, compared when it is fetched; quotes and a `W/` do not matter.
        sha256: the sha256 of its bytes, in hexadecimal, compared when it is fetched. It says all: the URL does not
            matter for the key.

    Raises:
        InvalidInput: what names the version is missing, or is given twice or wrongly, or the URL is a chain of several.
    """

    url: str
    version: str = ""
    etag: str = ""
    sha256: str = ""

    def __post_init__(self) -> None:
        """Checks what was given."""
        if sum(map(bool, (self.version, self.etag, self.sha256))) != 1:
            hint = "without one, nothing tells whether what was fetched before is still the same"
            raise InvalidInput("a dataset has either a version, an etag or a sha256", hint=hint)
        if self.sha256 and not SHA256.fullmatch(self.sha256):
            raise InvalidInput("this is no sha256", hint="it has 64 hexadecimal digits, in lower case")
        if not self.url or "::" in self.url:
            raise InvalidInput(f"{shown_url(self.url)!r} is not the URL of one file or folder")

    @property
    def key(self) -> str:
        """The key of this version; who may read it (a user, a password, a signature) is no part of it."""
        if self.sha256:
            return digest([VERSION, "dataset", "sha256", self.sha256])
        name = ["version", self.version] if self.version else ["etag", bare_etag(self.etag)]
        return digest([VERSION, "dataset", _without_access(self.url), *name])


def bare_etag(text: str) -> str:
    """An entity tag without its quotes and without the mark of a weak one (RFC 9110, section 8.8.3)."""
    return text.strip().removeprefix("W/").strip('"')


def shown_url(url: str) -> str:
    """A URL as people may see it: without user and password, and without what a query says, which may be a secret."""
    parts = urlsplit(url)
    bare = parts._replace(netloc=_host(parts), query="…" if parts.query else "", fragment="")
    return bare.geturl() if parts.scheme else url


def _without_access(url: str) -> str:
    parts = urlsplit(url)
    if not parts.scheme:
        return url
    query = [
        (name, text)
        for name, text in parse_qsl(parts.query, keep_blank_values=True)
        if not name.lower().startswith(SIGNATURES)
    ]
    return parts._replace(netloc=_host(parts), query=urlencode(query, quote_via=quote)).geturl()


def _host(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]
