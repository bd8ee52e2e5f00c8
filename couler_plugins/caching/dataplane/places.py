"""Places outside of a step's outputs that it reads or writes (a folder in a bucket, say): what is there, by digests.

What is read there is in the key of a result. What is written there is listed once the step has run, and the listing is
an output of the result like any other; a hit needs the same listing again. Nothing is ever written or deleted there.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from couler_plugins.caching.artifacts import Content, Entry
from couler_plugins.caching.dataplane.contents import resolved
from couler_plugins.caching.dataplane.datasets import URL
from couler_plugins.caching.dataplane.origins import Found, Origin
from couler_plugins.caching.dataplane.workspaces import MOST, Workspaces
from couler_plugins.caching.keys import PREFIX, digest, go_json
from couler_plugins.errors import CoulerError, EngineError, InvalidInput

READS, WRITES = "in", "out"
LISTED = "couler-places"
"""The output of a result that holds what the step has left at its places."""
IDENTITY = frozenset(
    {
        *("HOME", "PATH", "TMPDIR", "AWS_REGION", "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "GCE_METADATA_HOST"),
        *("AZURE_CLIENT_ID", "AZURE_TENANT_ID", "AZURE_FEDERATED_TOKEN_FILE", "AZURE_AUTHORITY_HOST"),
    }
)
"""What a cluster puts into every container of a pod, so that it has the identity of its service account."""
DIGESTS = ("sha256", "md5hash", "contentmd5", "etag")
"""What a file system may know of the bytes of an object, the best first; the etag of one that is written anew may be
another one for the same bytes."""
MOST_READ = 1 << 30
"""Bytes that are read of one place whose file system knows no digests."""
FORM = re.compile(r"([^=]+)=(in|out|in,out|out,in)=(.+)", re.DOTALL)
log = logging.getLogger(__name__)


class UnreadPlace(EngineError):
    """What is at a place is not known."""


class Place(msgspec.Struct, frozen=True):
    """A place of a step.

    Attributes:
        name: what its step calls it.
        words: whether the step reads what is there (`in`), writes it (`out`), or both.
        url: any URL that fsspec understands, or a path.
    """

    name: str
    words: frozenset[str]
    url: str


class Places:
    """The places of one step.

    Args:
        texts: each as `NAME=in|out|in,out=URL`.
        in_pod: whether this is a container of ours beside the step: the variables of the step begin with `PREFIX`, and
            a path is only that of the step where a volume is mounted.

    Raises:
        InvalidInput: one is not of that form, or a name is there twice.
    """

    def __init__(self, texts: Sequence[str], *, in_pod: bool = False) -> None:
        self.places = tuple(map(_parse, texts))
        self._in_pod = in_pod
        self._contents: dict[str, str] = {}
        if len({place.name for place in self.places}) < len(self.places):
            raise InvalidInput("a place is named twice")

    @property
    def written(self) -> list[Place]:
        """The places that are written, by name."""
        return sorted((place for place in self.places if WRITES in place.words), key=lambda place: place.name)

    def contents(self) -> dict[str, str]:
        """Return what is at the places that are read, by name; what is written as well is only looked at once.

        Raises:
            UnreadPlace: that cannot be told.
        """
        for place in self.places:
            if READS in place.words and (WRITES not in place.words or place.name not in self._contents):
                self._contents[place.name] = digest(self._listing(place))
        return dict(self._contents)

    def unwritten(self, contents: Mapping[str, str] | None = None) -> str:
        """Return what is at the places that are only read, which has to be the same after the step; empty for none.

        Args:
            contents: what `contents` has returned; these places are read unless given.

        Raises:
            UnreadPlace: that cannot be told.
        """
        only_read = [place for place in self.places if WRITES not in place.words]
        there = {place.name: contents[place.name] if contents else digest(self._listing(place)) for place in only_read}
        return digest(there) if there else ""

    def listed(self) -> dict[str, Content]:
        """Return what is at the places that are written, as an output of the result; nothing where there are none.

        Raises:
            UnreadPlace: that cannot be told, or nothing is there.
        """
        rows = [[place.name, self._listing(place)] for place in self.written]
        return {LISTED: Content(go_json(rows))} if rows else {}

    def holds(self, entry: Entry, listed: dict[str, Content] | None = None) -> bool:
        """Whether the places that are written are as the run of a result has left them; warns where they are not.

        Args:
            entry: the result.
            listed: what `listed` has returned; it is called unless given.
        """
        kept = {output.name: output.sha256 for output in entry.outputs}.get(LISTED)
        try:
            now = self.listed() if listed is None else listed
        except UnreadPlace as error:
            log.warning("a result is not reused: %s", error.message)
            return False
        for content in now.values():
            assert isinstance(content.value, bytes)
            if hashlib.sha256(content.value).hexdigest() != kept:
                log.warning("a result is not reused: what is at its places is not what its run has left there")
                return False
        return True

    def _listing(self, place: Place) -> list[list[Any]]:
        try:
            with _variables_of_step() if self._in_pod else contextlib.nullcontext():
                return _listing_of(place.url, in_pod=self._in_pod)
        except (CoulerError, OSError) as error:
            said = error.message if isinstance(error, CoulerError) else error.strerror or type(error).__name__
            missing = f" ({error.__cause__})" if isinstance(error.__cause__, ImportError) else ""
            raise UnreadPlace(f"the place {place.name!r}: {said}{missing}") from error


def _parse(text: str) -> Place:
    match = FORM.fullmatch(text)
    if match is None:
        hint = "write NAME=in=URL, NAME=out=URL or NAME=in,out=URL"
        raise InvalidInput(f"{text.partition('=')[0]!r:.80} is no place", hint=hint)
    return Place(match[1], frozenset(match[2].split(",")), match[3])


def _listing_of(url: str, *, in_pod: bool) -> list[list[Any]]:
    """What is at a URL: of each object its name there, how many bytes it has, and a digest; of a path, its content.

    Raises:
        CoulerError, OSError: it cannot be read, nothing is there, or too much.
    """
    from fsspec.implementations.local import LocalFileSystem

    parts = URL.fullmatch(url)
    if "::" in url:
        raise InvalidInput("this is a chain of URLs")
    if parts is None or parts["scheme"].lower() in LocalFileSystem.protocol:
        path = Path(LocalFileSystem._strip_protocol(url))
        # What is relative, or begins with `~`, is somewhere else in a container of ours.
        if in_pod and not ((parts["place"] if parts else url).startswith("/") and _on_volume(resolved(path))):
            raise InvalidInput("no volume of the step is mounted there")
        return [["", Workspaces(files={"": path}, outputs={}).contents()[""]]]
    origin = Origin(url)
    sources = origin.look()
    if "" in sources and origin.may_be_folder():
        raise InvalidInput("this may be a folder as well as a file")
    if not sources or len(sources) > MOST:
        raise InvalidInput(f"there are more than {MOST:,} objects there" if sources else "there is nothing there")
    unknown = {name: item for name, item in sources.items() if _digest(item) is None}
    if sum(int(item.facts.get("size") or 0) for item in unknown.values()) > MOST_READ:
        raise InvalidInput(f"there are no digests there, and more than {MOST_READ:,} bytes to read")
    return [[name, item.facts.get("size"), _digest(item) or _read(origin, item)] for name, item in sources.items()]


def _digest(item: Found) -> str | None:
    """The best digest that a file system tells of an object; a weak etag says nothing of its bytes."""
    tags = ((name, str(item.facts[name])) for name in DIGESTS if item.facts.get(name))
    return next((f"{name}:{tag.strip()}" for name, tag in tags if not tag.strip().startswith("W/")), None)


def _read(origin: Origin, item: Found) -> str:
    sha256, size = hashlib.sha256(), 0
    for piece in origin.pieces(item):
        size += len(piece)
        if size > MOST_READ:  # not every server tells the size
            raise InvalidInput(f"there is no digest there, and more than {MOST_READ:,} bytes to read")
        sha256.update(piece)
    return f"sha256:{sha256.hexdigest()}"


def _on_volume(path: Path) -> bool:
    """Whether a path is below something that is mounted, other than the root, which each container has of its own."""
    return path.is_absolute() and any(os.path.ismount(one) for one in (path, *path.parents) if one != Path("/"))


@contextlib.contextmanager
def _variables_of_step() -> Iterator[None]:
    """Has the variables of the step in the block, and what gives all of the pod its identity; none of the store."""
    from fsspec import config

    ours, settings = dict(os.environ), dict(config.conf)
    theirs = {name.removeprefix(PREFIX): text for name, text in ours.items() if name.startswith(PREFIX)}
    _replace(os.environ, {**{name: ours[name] for name in IDENTITY if name in ours}, **theirs})
    config.conf.clear()
    config.set_conf_env(config.conf)
    try:
        yield
    finally:
        _replace(os.environ, ours)
        _replace(config.conf, settings)


def _replace(mapping: Any, content: dict[str, Any]) -> None:
    mapping.clear()
    mapping.update(content)
