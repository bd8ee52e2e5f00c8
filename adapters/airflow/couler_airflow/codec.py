"""Results as bytes: JSON of what Airflow itself makes of values for XComs. Nothing is pickled or unpickled.

Reading imports classes only from `[core] allowed_deserialization_classes`, as Airflow does for XComs.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from couler_plugins.caching.code.uncacheable import Uncacheable
from couler_plugins.caching.dataplane.kept_outputs import KeptOutput

CODEC = "airflow-traces"
OUTPUT = "result"
"""The name of the one output that a result has in the cache."""


class Result(NamedTuple):
    """What a task has made.

    Attributes:
        value: what it returned.
        xcoms: what it pushed by itself, by key.
        outputs: what the files and folders were like that its owner has named, in the order of their paths.
    """

    value: Any
    xcoms: Mapping[str, Any]
    outputs: tuple[KeptOutput, ...] = ()


def encode_result(result: Result) -> bytes:
    """A result as it is stored.

    Raises:
        Uncacheable: a value in it cannot be serialised, or is not the same when it comes back.
    """
    try:
        data = _encode(result)
        same = _encode(decode_result(data)) == data
    except Exception as error:  # noqa: BLE001  # a value's own code may raise anything
        raise Uncacheable(_reason(result.value, error)) from None
    if not same:
        raise Uncacheable(f"a {type(result.value).__name__} does not come back as it was from an XCom")
    return data


def decode_result(data: bytes) -> Result:
    """What `encode_result` has encoded.

    Raises:
        ValueError: it is nothing of the kind.
        ImportError: it holds a class that this installation does not allow.
    """
    _, deserialize = _serde()
    try:
        envelope = json.loads(data)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if not (isinstance(envelope, list) and len(envelope) in (2, 3) and isinstance(envelope[1], dict)):
        raise ValueError("this is no result of a task")
    try:
        outputs = msgspec.convert(envelope[2] if envelope[2:] else (), tuple[KeptOutput, ...])
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from error
    value, xcoms = (deserialize(part) for part in envelope[:2])
    return Result(value, xcoms, outputs)


def _encode(result: Result) -> bytes:
    serialize, _ = _serde()
    parts = serialize([result.value, dict(result.xcoms)])
    if result.outputs:
        parts.append(msgspec.to_builtins(result.outputs))
    return json.dumps(parts, separators=(",", ":")).encode()


def _reason(value: Any, error: Exception) -> str:
    """What cannot be stored; the error's own text could hold the value."""
    return f"a {type(value).__name__} cannot be kept as an XCom ({type(error).__name__})"


def _serde() -> tuple[Any, Any]:
    try:
        from airflow.sdk import serde
    except ImportError:  # before Airflow 3.2
        serde = importlib.import_module("airflow.serialization.serde")
    return serde.serialize, serde.deserialize
