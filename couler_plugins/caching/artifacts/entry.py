"""Entries of the cache: outputs of a result, who made it, from what and when; and the errors for lost ones."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec

from couler_plugins.caching.artifacts.sources import blob_name, check_key, check_namespace, check_output
from couler_plugins.errors import EngineError, InvalidInput, restating
from couler_plugins.runs import Candidate


class Lost(EngineError):
    """A blob of a result is missing, damaged or cannot be read: the caller should go on as after a miss."""


class Damaged(Lost):
    """The blob itself is missing or wrong: reading it again would not help, and its entry is dropped."""


class Closed(OSError):
    """The cache was asked for something after it had been closed."""


LONGEST = 4 << 20
"""Bytes of the longest manifest that is written or read."""

VERSION = 1
Size = Annotated[int, msgspec.Meta(ge=0)]
Codec = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9-]{0,31}\Z")]
Time = Annotated[float, msgspec.Meta(ge=0, le=1e11)]
Text = Annotated[str, msgspec.Meta(max_length=1024)]


class Output(msgspec.Struct, frozen=True, kw_only=True):
    """One named output of a result.

    Attributes:
        name: its name among the outputs.
        codec: how the caller reads its bytes; a name, which the cache gives no meaning.
        bytes: its size.
        sha256: the digest of its bytes, in hexadecimal.
    """

    name: str
    codec: Codec = "bytes"
    bytes: Size
    sha256: str

    @property
    def blob(self) -> str:
        """The name of its blob, inside the namespace."""
        return blob_name(self.sha256)


class Meta(msgspec.Struct, frozen=True, kw_only=True):
    """Where a result comes from. Unknown is empty or None.

    Attributes:
        family: the workflow that made it.
        step: the step of that workflow.
        type: what steps of one kind share: an operation, a template, a program.
        spec: the hash of what the step is.
        run: the run that made it.
        seconds: how long computing it took.
        parents: the keys of the results that it was computed from.
        made_by: the program, user or pod that put it here.
        paths: where its outputs were, by the numbers that are their names; empty where they have names of their own.
    """

    family: Text = ""
    step: Text = ""
    type: Text = ""
    spec: Text = ""
    run: Text = ""
    seconds: Time | None = None
    parents: tuple[str, ...] = ()
    made_by: Text = ""
    paths: tuple[Text, ...] = ()


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """A result in the cache: its manifest.

    Attributes:
        version: the version of this form.
        namespace: the namespace that it belongs to.
        key: its key.
        outputs: its outputs.
        meta: where it comes from.
        created: when it was stored, in seconds since 1970.
    """

    version: Literal[1] = 1
    namespace: str
    key: str
    outputs: tuple[Output, ...]
    meta: Meta = Meta()
    created: Time = 0.0

    @property
    def bytes(self) -> int:
        """The bytes of its blobs; outputs of equal content share one."""
        return bytes_of([self])

    def output(self, name: str) -> Output:
        """The output of that name.

        Raises:
            Lost: there is none: another version of the step stored it.
        """
        for output in self.outputs:
            if output.name == name:
                return output
        names = ", ".join(output.name for output in self.outputs) or "none"
        raise Lost(f"the result has no output {name[:80]!r}", hint=f"its outputs: {names}")

    def path(self, output: Output) -> str:
        """Return where an output was; empty where nobody has said that."""
        paths, name = self.meta.paths, output.name
        return paths[int(name)] if name.isdecimal() and int(name) < len(paths) else ""

    def candidate(self, *, used: float | None = None, uses: int = 1) -> Candidate:
        """What a policy decides by.

        Args:
            used: when it was last made or asked for (default: when it was stored).
            uses: how often.
        """
        return Candidate(
            key=self.key,
            bytes=self.bytes,
            seconds=self.meta.seconds,
            family=self.meta.family,
            step=self.meta.step,
            type=self.meta.type,
            parents=self.meta.parents,
            created=self.created,
            used=self.created if used is None else used,
            uses=uses,
        )


def bytes_of(entries: Iterable[Entry]) -> int:
    """The bytes of the blobs of entries of one namespace; those of equal content are there once."""
    return sum({output.sha256: output.bytes for entry in entries for output in entry.outputs}.values())


class LaterVersion(ValueError):
    """A manifest that a later version of this cache made: it is neither read nor removed."""

    def __init__(self) -> None:
        super().__init__("it was made by a later version of the cache")


class _Header(msgspec.Struct):
    """What every version of a manifest has."""

    version: int


_encoder = msgspec.json.Encoder(order="deterministic")
_decoder = msgspec.json.Decoder(Entry)
_header = msgspec.json.Decoder(_Header)


def encode_entry(entry: Entry) -> bytes:
    """The manifest as JSON.

    Raises:
        ValueError: nobody would read one of that size.
    """
    data = _encoder.encode(entry)
    if len(data) > LONGEST:
        raise ValueError(f"its manifest would take {len(data)} bytes, more than {LONGEST}")
    return data


def decode_entry(data: bytes | str, *, trusted: bool = False) -> Entry:
    """A manifest that was read.

    Args:
        data: the JSON.
        trusted: whether it was checked before: what an index holds was.

    Raises:
        LaterVersion: it is one of a later version.
        ValueError: it is no manifest, or a name in it is not one.
    """
    try:
        entry = _decoder.decode(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    except msgspec.ValidationError:
        if _is_later(data):
            raise LaterVersion from None
        raise
    if not trusted:
        try:
            check_entry(entry)
        except InvalidInput as error:
            raise ValueError(error.message) from error
    return entry


def _is_later(data: bytes | str) -> bool:
    try:
        return _header.decode(data).version > VERSION
    except (ValueError, RecursionError):
        return False


def check_meta(meta: Meta) -> None:
    """Holds where a result comes from to its types, which nothing else does for what this process makes.

    Raises:
        InvalidInput: a text is too long, a number is none of seconds, or a parent is no key.
    """
    with restating(ValueError, "invalid metadata of a result"):
        msgspec.convert(msgspec.to_builtins(meta), Meta)
    for parent in meta.parents:
        check_key(parent)


def check_entry(entry: Entry) -> None:
    """Holds all names of an entry to the rules.

    Raises:
        InvalidInput: one of them breaks them, or two outputs differ in case only.
    """
    check_namespace(entry.namespace)
    check_key(entry.key)
    check_meta(entry.meta)
    folded = set()
    for output in entry.outputs:
        check_output(output.name)
        blob_name(output.sha256)
        folded.add(output.name.casefold())
    if len(folded) < len(entry.outputs):
        hint = "names that differ in case only are one name to some file systems"
        raise InvalidInput("two outputs have one name", hint=hint)
