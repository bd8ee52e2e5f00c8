"""What owners say of caching, and what holds."""

from __future__ import annotations

import pytest

from couler_plugins.caching.declarations import Declaration, resolve, said_in
from couler_plugins.hookspecs.caching import Objection, Said, SourcePlace

A, B, C = "the step", "the template", "the workflow"


def rule(*said: tuple[str, str], assume_pure: bool = False) -> str:
    found = resolve([Said(*item) for item in said], assume_pure=assume_pure)
    return found.rule if isinstance(found, Objection) else f"{found.where}: {found.max_age}"


@pytest.mark.parametrize("assume_pure", [False, True])
@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ([(A, "pure")], "the step: None"),
        ([(A, "pure"), (B, "always")], "the step: None"),
        ([(A, "always"), (B, "pure")], "always"),
        ([(A, "ttl=1h"), (B, "ttl=2h")], "the step: 3600"),
        ([(A, "pure"), (B, "never")], "never"),
        ([(A, "pure"), (B, "pure"), (C, "never")], "never"),
        ([(A, "never"), (B, "pure")], "never"),
        ([(A, "nonsense"), (B, "never")], "never"),
        ([(A, "nonsense"), (B, "pure")], "unknown-declaration"),
        ([(A, "pure"), (B, "nonsense")], "the step: None"),
    ],
)
def test_what_holds(said: list[tuple[str, str]], wanted: str, assume_pure: bool) -> None:
    assert rule(*said, assume_pure=assume_pure) == wanted


def test_where_nothing_is_said() -> None:
    assert rule() == "not-declared"
    assert rule(assume_pure=True) == "--assume-pure: None"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1s", 1),
        ("2m", 120),
        ("3h", 10_800),
        ("4d", 345_600),
        ("1d1h1m1s", 90_061),
        ("1h1h", 7_200),
        ("0s", 0),
        ("36500d", 3_153_600_000),
    ],
)
def test_times_to_live(text: str, seconds: int) -> None:
    assert resolve([Said(A, f"ttl={text}")], assume_pure=False) == Declaration(A, seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " pure",
        "pure ",
        "PURE",
        "ttl",
        "ttl=",
        "ttl=1",
        "ttl=h",
        "ttl=1.5h",
        "ttl=-1h",
        "ttl=1h ",
        "ttl=1h\n",
        "ttl=1y",
        "ttl=36501d",
        "true",
    ],
)
def test_words_that_there_are_not(text: str) -> None:
    found = resolve([Said(A, text)], assume_pure=True)
    assert isinstance(found, Objection)
    assert found.rule == "unknown-declaration"
    assert repr(text) in found.reason


def test_a_word_that_is_nearly_one_is_told_with_its_line() -> None:
    source = (2, "metadata")
    (said,) = said_in("the template 'a'", {"couler.io/cache.main.a": "pur"}, ".main.a", source=source)
    found = resolve([said], assume_pure=True)
    assert isinstance(found, Objection)
    assert found.reason.endswith("none of pure, ttl=24h, always, never (did you mean 'pure'?)")
    assert (found.seen, found.place) == ("couler.io/cache.main.a", SourcePlace.of(source))
