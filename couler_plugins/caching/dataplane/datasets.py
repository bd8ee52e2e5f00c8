"""Data from outside that workflows read (the paper's Dataset, §4.2): what names one version of it, and its key.

An owner declares what tells versions apart. Nothing is fetched to find out whether something has changed: what has
another version is something else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from fnmatch import fnmatchcase
from urllib.parse import unquote

import msgspec

from couler_plugins.caching.keys import VERSION, digest
from couler_plugins.errors import InvalidInput

SHA256 = re.compile(r"[0-9a-f]{64}")
ETAG, SHA = "etag:", "sha256:"
TEXT = "couler.io/dataset"
"""The key of the URL in a text that stands for a dataset."""
SIGNED = ("http", "https")
WITH_USERS = (*SIGNED, "ftp", "hdfs", "s3", "sftp", "smb", "ssh", "webhdfs")
"""The schemes in which a user stands before the `@`. It is part of the place in others: a container (`abfss`), an
organization and its repository (`github`)."""
URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?:(?P<user>[^/?#]*)@)?(?P<place>[^?#]*)(?:\?(?P<query>[^#]*))?(?P<fragment>#.*)?",
    re.DOTALL | re.IGNORECASE,
)
"""The parts of a URL (RFC 3986, appendix B) as they are written: nothing is decoded."""


SIGNINGS = {
    "x-amz-signature": "x-amz-*",  # AWS Signature Version 4
    "awsaccesskeyid signature": "awsaccesskeyid signature expires x-amz-security-token",  # and Version 2
    "key-pair-id signature": "key-pair-id signature expires policy hash-algorithm",  # Amazon CloudFront
    "x-goog-signature": "x-goog-*",  # Google Cloud Storage, V4
    "googleaccessid signature": "googleaccessid signature expires",  # and V2
    # Azure's shared access signatures, of accounts, services and users.
    "sig sv": "sig sv ss srt sr sp st se sip spr si sdd ses skoid sktid skt ske sks skv saoid suoid scid",
}
"""How URLs are signed: by the parameters that all have that are signed so, those that say who may read, and how long.
Each service's documentation lists them, here in lower case. What says which content is meant is none of them."""


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
            hint = "say one of them, or declare it in the settings: [[cache.declare]] with url and version"
            raise InvalidInput("a dataset has either a version, an etag or a sha256", hint=hint)
        if self.sha256 and not SHA256.fullmatch(self.sha256):
            raise InvalidInput("this is no sha256", hint="it has 64 hexadecimal digits, in lower case")
        if not self.url or "::" in self.url:
            raise InvalidInput(f"{shown_url(self.url)!r} is not the URL of one file or folder")

    @property
    def label(self) -> str:
        """What names the version, in annotations and in the key of a step that reads it; see `labelled`."""
        return self.version or (f"{ETAG}{bare_etag(self.etag)}" if self.etag else f"{SHA}{self.sha256}")

    @property
    def key(self) -> str:
        """The key of this version; who may read it (a user, a password, a signature) is no part of it."""
        if self.sha256:
            return digest([VERSION, "dataset", "sha256", self.sha256])
        name = ["version", self.version] if self.version else ["etag", bare_etag(self.etag)]
        return digest([VERSION, "dataset", place_of(self.url), *name])


def labelled(url: str, label: str) -> Dataset:
    """Return the dataset that a URL and the label of a version mean: `etag:…`, `sha256:…`, or a version.

    Raises:
        InvalidInput: there is none.
    """
    for name, sign in (("etag", ETAG), ("sha256", SHA)):
        if label.startswith(sign):
            return Dataset(url=url, **{name: label.removeprefix(sign)})
    return Dataset(url=url, version=label)


def dataset_text(url: str, label: str) -> str:
    """Return a text that stands for a dataset until it is fetched; see `read_dataset`."""
    return json.dumps({TEXT: url, "version": label}, separators=(",", ":"))


def read_dataset(text: str | bytes | None) -> Dataset | None:
    """Return the dataset that a text stands for; None for any other text."""
    try:
        match json.loads(text or ""):
            case {"couler.io/dataset": str(url), "version": str(label), **others} if not others:
                return labelled(url, label)
    except (TypeError, ValueError, RecursionError, InvalidInput):
        pass
    return None


def bare_etag(text: str) -> str:
    """An entity tag without its quotes and without the mark of a weak one (RFC 9110, section 8.8.3)."""
    return text.strip().removeprefix("W/").strip('"')


def shown_url(url: str) -> str:
    """A URL as people may see it: without user and password, and without what a query says, which may be a secret."""
    parts = URL.fullmatch(url)
    if parts is None:
        return url
    place, _, password = (parts["user"] or "").partition(":")
    place = "" if parts["scheme"].lower() in WITH_USERS or not place else f"{place}{':…' if password else ''}@"
    # A password with a `/` in it, which no URL may have, is none to the pattern.
    before, _, after = parts["place"].rpartition("@")
    return f"{parts['scheme']}://{place}{after if ':' in before else parts['place']}{'?…' if parts['query'] else ''}"


def place_of(url: str) -> str:
    """What is read, whoever reads it: a path of this machine as a whole one, a URL without what gives access."""
    from fsspec.implementations.local import LocalFileSystem

    parts = URL.fullmatch(url)
    if parts is None or parts["scheme"] in LocalFileSystem.protocol:
        return str(LocalFileSystem._strip_protocol(url))
    scheme = parts["scheme"].lower()
    user = "" if parts["user"] is None or scheme in WITH_USERS else f"{parts['user']}@"
    query = parts["query"]
    if query and scheme in SIGNED:
        query = "&".join(_without_access(query.split("&"))) or None
    return f"{scheme}://{user}{parts['place']}{'' if query is None else f'?{query}'}{parts['fragment'] or ''}"


def _without_access(parameters: Sequence[str]) -> list[str]:
    """The parameters of a URL without those that sign it; where no signature is, `expires` may mean anything."""
    names = [unquote(parameter.partition("=")[0]).lower() for parameter in parameters]
    access = [name for marks, found in SIGNINGS.items() if {*marks.split()}.issubset(names) for name in found.split()]
    named = zip(names, parameters, strict=True)
    return [given for name, given in named if not any(fnmatchcase(name, pattern) for pattern in access)]
