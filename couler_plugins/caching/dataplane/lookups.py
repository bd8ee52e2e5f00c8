"""What the first and the last step of a task look up and keep, where its key is known only once it runs.

The arguments that its values come in as are those of a container. Kubernetes reads `$$` in them as `$`, so two values
of which one has a `$` may arrive as the same: such a result has no key. A list arrives as any number of arguments; what
ends it is a text of which there is one for each list, so that a value which is that text is noticed as well.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from couler_plugins.caching.keys import key
from couler_plugins.errors import InvalidInput

LONGEST = 16  # characters of a file with an exit code
SIGN = "$"
AGED = "~"
"""What stands between a key and an age; no key has it in it."""


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """What a result depends on.

    Attributes:
        spec: what is run, as the hash of it.
        texts: its values, as they arrived.
        contents: the contents of the files and folders that it reads, by name.
        lists: how many of the values are lists.
        end: the text that follows the last item of each list.
    """

    spec: str
    texts: Sequence[str]
    contents: Mapping[str, str]
    lists: int = 0
    end: str = ""


def key_of(values: Values) -> str:
    """The key of a result.

    Raises:
        InvalidInput: two results might have the same.
    """
    if any(SIGN in text for text in values.texts):
        raise InvalidInput("one of its values has a $ in it, which Kubernetes may have changed")
    if values.lists != (values.texts.count(values.end) if values.end else 0):
        raise InvalidInput("one of its values is the text that ends a list")
    contents = [f"{name}={content}" for name, content in sorted(values.contents.items())]
    return key(values.spec, [str(len(contents)), *contents, *values.texts])


def key_text(key: str, max_age: float | None) -> str:
    """What the first step hands on to the last one: a key, and how many seconds old its result may be."""
    return key if max_age is None else f"{key}{AGED}{math.ceil(max_age)}"


def read_key(text: str) -> tuple[str, float | None]:
    """The key in what the first step has handed on, and how many seconds old its result may be; None for any age."""
    key, _, age = text.partition(AGED)
    return key, float(age) if age.isdigit() else None


def went_well(codes: Sequence[Path]) -> bool:
    """Whether all steps that may fail have succeeded, by the files that their exit codes are in."""
    return all(path.is_file() and path.read_text(errors="replace")[:LONGEST].strip() == "0" for path in codes)
