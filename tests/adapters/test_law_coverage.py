"""Each law runs on enough documents of each engine without anything but this repository; the tests say which law."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from adapters import test_laws, test_optimizing_laws
from adapters.subjects import SUBJECTS
from support import SHARED

LAWS = {1: "identity", 2: "locality", 3: "no silent loss", 4: "same meaning", 5: "determinism", 6: "explained"}
EACH, ALL = 20, 100
"""Files of every engine, and of all together, at least."""


def documents(number: int) -> Counter[str]:
    """The files that the tests of a law run over by default, by engine; those of the shared folder do not count."""
    files: set[tuple[str, str]] = set()
    for parameters in over(number):
        for parameter in parameters:
            subject, path = parameter.values
            marks = {mark.name for mark in parameter.marks}
            if not marks & {"slow", "skip"} and not path.is_relative_to(SHARED):
                files.add((subject.engine, str(path)))
    return Counter(engine for engine, _ in files)


def over(number: int) -> Iterator[list[Any]]:
    """The parameters of each test that is marked with a law."""
    for module in (test_laws, test_optimizing_laws):
        for test in vars(module).values():
            marks = list(getattr(test, "pytestmark", ())) if callable(test) else []
            if any(mark.name == "law" and mark.args == (number,) for mark in marks):
                yield from (mark.args[1] for mark in marks if mark.name == "parametrize")


@pytest.mark.parametrize("number", LAWS, ids=LAWS.values())
def test_each_law_runs_on_enough_documents(number: int) -> None:
    counts = documents(number)
    print(f"law {number}, {LAWS[number]}: {counts.total()} files: {dict(counts)}")  # noqa: T201  # for `-s`
    assert counts.keys() == {subject.engine for subject in SUBJECTS}
    assert min(counts.values()) >= EACH
    assert counts.total() >= ALL
