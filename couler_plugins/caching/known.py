"""Results that are known before a run: a record of them, by key, which the user names.

A record is JSON of the schema `couler.known-results/v1`. What it holds is data: nothing in it is evaluated, and no
place that it names is looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from couler_plugins.errors import InvalidInput, restating

LARGEST = 64 * 1024 * 1024
"""How many bytes a record has at most."""

HINT = "give a record that `couler_kfp.known_runs` wrote"


class KnownArtifact(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An artifact that is there: where it is, and what is said of it."""

    uri: str
    metadata: dict[str, Any] = {}


class KnownResult(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one step made.

    Attributes:
        key: of what was run, on what; 64 hexadecimal digits.
        step: where that was, for people.
        parameters: values, by output.
        artifacts: by output.
    """

    key: str
    step: str = ""
    parameters: dict[str, Any] = {}
    artifacts: dict[str, KnownArtifact] = {}


class KnownResults(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, rename={"form": "schema"}):
    """A record.

    Attributes:
        form: its schema.
        results: what steps made.
        run: the run that made all of them; empty where their keys alone say what they are results of.
    """

    form: Literal["couler.known-results/v1"]
    results: list[KnownResult]
    run: str = ""


def read_known(path: str) -> Mapping[str, KnownResult]:
    """The results that a record holds, by key.

    Raises:
        InvalidInput: it cannot be read, is no record, or tells of two results with one key.
    """
    with restating(OSError, "it cannot be read", file=path, hint=HINT), Path(path).open("rb") as stream:
        content = stream.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise InvalidInput(f"it has more than {LARGEST:,} bytes", file=path, hint="leave out what is not needed")
    with restating(
        (msgspec.DecodeError, UnicodeDecodeError, RecursionError),
        "this is no record of known results",
        file=path,
        hint=HINT,
    ):
        record = msgspec.json.decode(content, type=KnownResults)
    results: dict[str, KnownResult] = {}
    for result in record.results:
        if results.setdefault(result.key, result) != result:
            message = f"it has two results with the key {result.key:.64}"
            raise InvalidInput(message, file=path, hint="a step that makes both of them is not pure")
    return results


def write_known(results: Iterable[KnownResult]) -> bytes:
    """A record, in the order of its keys."""
    distinct = {result.key: result for result in results}
    record = KnownResults(form="couler.known-results/v1", results=[distinct[key] for key in sorted(distinct)])
    return msgspec.json.format(msgspec.json.encode(record, order="sorted"), indent=2) + b"\n"
