"""Names and attributes that functions are given after they were made."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

from couler_plugins.caching.code.fingerprint import Fingerprint


def named(name: str) -> Any:
    def run() -> int:
        return 1

    run.__name__ = name
    return run


def tagged(tag: str) -> Any:
    made = functools.partial(int, "1")
    vars(made)["tag"] = tag
    return made


def cached(tag: str) -> Any:
    made = functools.lru_cache(named("run"))
    vars(made)["tag"] = tag
    return made


@pytest.mark.parametrize("make", [named, tagged, cached])
def test_what_a_function_is_given_is_in_its_form(make: Callable[[str], Any]) -> None:
    one, same, other = (Fingerprint().form(make(text)) for text in ("a", "a", "b"))
    assert one == same != other
