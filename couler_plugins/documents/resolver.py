"""What a YAML scalar means to Kubernetes.

Kubernetes reads YAML through sigs.k8s.io/yaml, that is goyaml v2 and then JSON. The rules below follow goyaml v2's
`resolve` step by step (its oddities included: `0b-1` is an integer, `08` a float, `1e999` a string), because a
manifest means what the cluster takes it for, not what a YAML specification says.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
import struct
from datetime import datetime

Scalar = str | int | float | bool | None

LETTERS = {letter: letter for letter in "yYnN"}
"""What goyaml v2 takes for booleans, where PyYAML and yaml.v3 see letters, and write them without quotes."""

_TAG = "tag:yaml.org,2002:"
_TRUE = ("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON")
_FALSE = ("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF")
_WORDS: dict[str, bool | float | None] = {
    **dict.fromkeys(_TRUE, True),
    **dict.fromkeys(_FALSE, False),
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_MAYBE_NUMBER = frozenset("0123456789+-.")
_INTEGER = re.compile(r"([-+]?)(?:0[bB]([01]+)|0[xX]([0-9a-fA-F]+)|0[oO]?([0-7]+)|(0|[1-9][0-9]*))")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_DOT_FLOAT = re.compile(r"\.[0-9](?:_?[0-9])*(?:[eE][-+]?[0-9](?:_?[0-9])*)?")
_SIGNED_BINARY = re.compile(r"0b([-+][01]+)")
_TIMESTAMP = re.compile(
    r"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2})"
    r"(?:(?:[Tt](?=.*(?:Z|[-+][0-9]{2}:[0-9]{2})$)| (?!.*[Z+-]))([0-9]{1,2}:[0-9]{1,2}:[0-9]{1,2})"
    r"(?:[.,][0-9]+)?(?:Z|[-+][0-9]{2}:[0-9]{2})?)?"
)
_INT64 = range(-(2**63), 2**63)
_UINT64_END = 2**64


class BadScalar(Exception):
    """A scalar (or key) that Kubernetes refuses; the message says why."""


def value_of(tag: str | None, text: str) -> Scalar:
    """The value of a scalar that stands as a value: as `resolve`, and JSON must be able to hold it.

    Raises:
        BadScalar: as `resolve`, or the value is NaN or infinite.
    """
    value = resolve(tag, text)
    if isinstance(value, float) and not math.isfinite(value):
        raise BadScalar(f"`{text}` is not a number that JSON can hold")
    return value


def resolve(tag: str | None, text: str) -> Scalar:
    """What a scalar means: unquoted (`tag` is None) or with an explicit tag (`!!int "12"`), whatever its quotes.

    Raises:
        BadScalar: the tag is not one of YAML's own, or the text cannot be what the tag says.
    """
    if tag is None:
        return _resolve_plain(text)
    name = tag.removeprefix(_TAG)
    if not tag.startswith(_TAG) or name not in ("str", "merge", "int", "float", "bool", "null", "timestamp", "binary"):
        raise BadScalar(f"unknown tag `{tag.replace(_TAG, '!!')}`")
    if name in ("str", "merge"):  # as a value, goyaml writes the text << as `!!merge <<`
        return text
    if name == "binary":
        return _binary(text)
    if name == "timestamp":
        if not _is_timestamp(text):
            raise BadScalar(f"`{text}` is not a timestamp")
        return text
    value = _resolve_plain(text)
    if name == "float" and type(value) is int and value in _INT64:
        return float(value)
    wanted = {"int": int, "float": float, "bool": bool, "null": type(None)}[name]
    if type(value) is not wanted:
        raise BadScalar(f"`{text}` is not a !!{name}")
    return value


def key_text(value: Scalar) -> str:
    """The mapping key, as sigs.k8s.io/yaml writes a resolved key into JSON.

    Raises:
        BadScalar: the key is null or an integer beyond int64.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _float32_text(value)
    if value is None:
        raise BadScalar("a key is null")
    if value not in _INT64:
        raise BadScalar(f"the key {value} is beyond the integers that Kubernetes takes as keys")
    return str(value)


def _resolve_plain(text: str) -> Scalar:
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in _MAYBE_NUMBER:
        return text
    if text[0] == ".":
        return _finite(text, text) if _DOT_FLOAT.fullmatch(text) else text
    digits = text.replace("_", "")
    if match := _INTEGER.fullmatch(digits):
        integer = _integer(match)
        if integer is not None:
            return integer
    if _FLOAT.fullmatch(digits):
        return _finite(digits, text)
    if match := _SIGNED_BINARY.fullmatch(digits):
        signed = int(match[1], 2)
        return signed if signed in _INT64 else text
    return text


def _integer(match: re.Match[str]) -> int | None:
    sign, binary, hexadecimal, octal, decimal = match.groups()
    if decimal is not None:
        if len(decimal) > 20:  # beyond uint64; Python's int() would be quadratic
            return None
        value = int(decimal)
    else:
        value = int(binary, 2) if binary else int(hexadecimal, 16) if hexadecimal else int(octal, 8)
    if sign == "-":
        value = -value
    in_range = value in _INT64 or (not sign and value < _UINT64_END)
    return value if in_range else None


def _finite(digits: str, text: str) -> float | str:
    """Go's ParseFloat fails on overflow, and goyaml then keeps the text."""
    value = float(digits)
    return value if math.isfinite(value) else text


def _binary(text: str) -> str:
    try:
        data = base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except (binascii.Error, ValueError):
        raise BadScalar("!!binary value contains invalid base64 data") from None
    # Go's JSON writer puts one U+FFFD for each byte that is not UTF-8; Python's "replace" one for each run.
    return re.sub("[\udc80-\udcff]", "\ufffd", data.decode("utf-8", "surrogateescape"))


def _is_timestamp(text: str) -> bool:
    match = _TIMESTAMP.fullmatch(text)
    if not match:
        return False
    try:
        datetime.strptime(match[1], "%Y-%m-%d")
        if match[2]:
            datetime.strptime(match[2], "%H:%M:%S")
    except ValueError:
        return False
    return True


def _float32_text(value: float) -> str:
    """Go's FormatFloat(value, 'g', -1, 32): the shortest digits that name the nearest 32-bit float."""
    if math.isnan(value):
        return ".nan"
    try:
        single: float = struct.unpack("f", struct.pack("f", value))[0]
    except OverflowError:
        single = math.copysign(math.inf, value)
    if math.isinf(single):
        return "-.inf" if single < 0 else ".inf"
    text = next(t for p in range(9) if _single(t := f"{single:.{p}e}") == single)
    mantissa, exponent = text.split("e")
    power = int(exponent)
    if -4 <= power < 6 or single == 0:
        return f"{single:.{max(0, len(mantissa.lstrip('-').replace('.', '')) - 1 - power)}f}"
    return f"{mantissa}e{'-' if power < 0 else '+'}{abs(power):02d}"


def _single(text: str) -> float:
    value: float = struct.unpack("f", struct.pack("f", float(text)))[0]
    return value
