"""What a function holds already that another library than Python's caches."""

from __future__ import annotations

import types
from typing import Any

import pytest

from couler_plugins.caching.code.fingerprint import Fingerprint
from couler_plugins.caching.code.uncacheable import Uncacheable

cachetools = pytest.importorskip("cachetools")
pytest.importorskip("cachetools.func")

FUNCTION = """
import cachetools, cachetools.func
B = [1]
@{memo}
def f(n): return B[0] + {more}
"""
DICT, LRU, FUNC = "cachetools.cached({})", "cachetools.cached(cachetools.LRUCache(9))", "cachetools.func.lru_cache()"
TTL = "cachetools.cached(cachetools.TTLCache(9, 9999))"


def function(memo: str, *, of: int | None = None, more: int = 0) -> Any:
    """Return a function with a memo that was filled while a global had the value, or not at all."""
    module = types.ModuleType("steps_memo")
    exec(compile(FUNCTION.format(memo=memo, more=more), "steps_memo.py", "exec"), vars(module))
    if of is not None:
        module.B[0] = of
        module.f(1)
        module.B[0] = 1
    return module.f


def form(value: Any) -> Any:
    made = Fingerprint()
    found = made.form(value)
    assert made.objections == []
    return found


@pytest.mark.parametrize("memo", [DICT, LRU, FUNC])
def test_what_is_remembered_is_in_the_form(memo: str) -> None:
    assert form(function(memo, of=2)) == form(function(memo, of=2))
    assert len({str(form(function(memo, of=of))) for of in (None, 2, 3)}) == 3


@pytest.mark.parametrize("memo", [DICT, LRU, FUNC, TTL])
def test_the_code_of_what_is_cached_is_in_the_form(memo: str) -> None:
    assert form(function(memo)) == form(function(memo))
    assert form(function(memo)) != form(function(memo, more=1))


def test_what_is_remembered_for_a_time_is_refused() -> None:
    with pytest.raises(Uncacheable, match="holds something already"):
        Fingerprint().form(function(TTL, of=2))
