"""Files of split workflows: how they were split, so that a later split can follow, and what they were read from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from couler_plugins.errors import InvalidInput, restating
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Part

SCHEMA = "couler.plan/v1"
HINT = "give a file that --save-plan wrote"


class PlanFile(msgspec.Struct, kw_only=True):
    """The file.

    Attributes:
        schema: which form it has.
        parts: of all workflows, those of one in an order in which they may start.
    """

    schema: str
    parts: list[Part]


def parts_text(parts: Iterable[Part]) -> str:
    """The text of a file with these parts."""
    data = msgspec.json.encode(PlanFile(schema=SCHEMA, parts=list(parts)))
    return msgspec.json.format(data, indent=1).decode() + "\n"


def read_parts(path: str, max_bytes: int) -> tuple[Part, ...]:
    """The parts that a file keeps.

    Raises:
        InvalidInput: it cannot be read, is too large, or is no such file.
    """
    with restating(OSError, "it cannot be read", file=path, hint=HINT), Path(path).open("rb") as stream:
        data = stream.read(max_bytes + 1)
    if len(data) > max_bytes:
        raise InvalidInput(f"it is larger than {max_bytes:,} bytes", file=path, hint="raise --max-bytes")
    with restating((msgspec.MsgspecError, UnicodeDecodeError), "it keeps no plan", file=path, hint=HINT):
        file = msgspec.json.decode(data, type=PlanFile)
    if file.schema != SCHEMA:
        raise InvalidInput(f"it has the schema {file.schema!r:.60}, not {SCHEMA}", file=path, hint=HINT)
    steps = [(part.workflow, step) for part in file.parts for step in part.steps]
    if len(set(steps)) < len(steps):
        raise InvalidInput("it has a step in two parts", file=path, hint=HINT)
    return tuple(file.parts)


LABEL = "couler.io/original"
CHUNK = 800_000
"""Characters of text in one ConfigMap at most; those that take more than one byte count with theirs. Kubernetes allows
a mebibyte."""
NAME, PLACE, COUNT, DIGEST = (f"couler.io/{key}" for key in ("file", "chunk", "chunks", "sha256"))


def kept(base: str, namespace: str, file: str, text: str) -> tuple[dict[str, Any], ...]:
    """ConfigMaps that keep a text.

    Args:
        base: what the workflow is called.
        namespace: where it lives; empty where that is decided when it is submitted.
        file: the path of the file that the text is of, below the folder of the call.
        text: all of it.
    """
    chunks = list(_chunks(text))
    digest = hashlib.sha256(text.encode()).hexdigest()
    return tuple(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": f"{base}-original" if len(chunks) == 1 else f"{base}-original-{number}",
                **({"namespace": namespace} if namespace else {}),
                "labels": {LABEL: base},
                "annotations": {NAME: file, PLACE: str(number), COUNT: str(len(chunks)), DIGEST: digest},
            },
            "data": {"text": chunk},
        }
        for number, chunk in enumerate(chunks)
    )


def originals(bundle: Bundle) -> dict[str, str]:
    """The texts that ConfigMaps of a bundle keep, by the names of their files.

    Raises:
        InvalidInput: one is not whole, is not what was kept, or has the name of another one.
    """
    result: dict[tuple[str, ...], dict[str, _Chunk]] = {}
    for document in bundle.documents:
        for item in _objects(document.data):
            match item:
                case {
                    "kind": "ConfigMap",
                    "metadata": {"labels": {"couler.io/original": base}, "annotations": dict(facts)},
                    "data": {"text": str(text)},
                }:
                    key = str(base), str(facts.get(NAME)), str(facts.get(DIGEST))
                    result.setdefault(key, {})[str(facts.get(PLACE))] = _Chunk(facts, text, document.file)
    texts: dict[str, str] = {}
    for (base, *_), chunks in result.items():
        name, text = _whole(base, chunks)
        if texts.setdefault(name, text) != text:
            hint = "give the ConfigMaps of one of them at a time"
            raise InvalidInput(f"two originals are called {name!r}", file=next(iter(chunks.values())).file, hint=hint)
    return texts


class _Chunk(NamedTuple):
    facts: dict[str, Any]
    text: str
    file: str


def _objects(data: Any) -> list[Any]:
    """A document, or what is in it where it is a list, as `kubectl get` prints one."""
    items = data.get("items") if isinstance(data, dict) and data.get("kind") == "List" else None
    return items if isinstance(items, list) else [data]


def _whole(base: str, chunks: dict[str, _Chunk]) -> tuple[str, str]:
    """The name of a file and its text, from all its chunks."""
    any_chunk = next(iter(chunks.values()))
    wanted = [str(number) for number in range(len(chunks))]
    text = "".join(chunks[place].text for place in wanted if place in chunks)
    if any(place not in chunks for place in wanted) or str(any_chunk.facts.get(COUNT)) != str(len(chunks)):
        reason, hint = "is not all here", "give all of its ConfigMaps"
    elif hashlib.sha256(text.encode()).hexdigest() != any_chunk.facts.get(DIGEST):
        reason, hint = "is not what was kept", "its ConfigMaps were edited: use your own copy of the manifest"
    else:
        return str(any_chunk.facts.get(NAME, base)), text
    raise InvalidInput(f"the original of {base!r} {reason}", file=any_chunk.file, hint=hint)


def _chunks(text: str) -> Iterator[str]:
    """The text in pieces of at most that many bytes, each character whole."""
    start = size = 0
    for end, character in enumerate(text):
        width = 1 if character < "\x80" else len(character.encode())
        if size + width > CHUNK:
            yield text[start:end]
            start, size = end, 0
        size += width
    yield text[start:]
