"""Clocks and chance behind what code calls: who asks, and whether a seed was given."""

from __future__ import annotations

import contextlib
import gzip
import importlib
import io
import logging
import random
import secrets
import tempfile
import time
import types
import uuid
import zipfile
from collections.abc import Callable
from typing import Any

import pytest

from couler_plugins.caching.reads import Facts, observe

with contextlib.suppress(ImportError):
    importlib.import_module("pendulum")  # what is wrapped was loaded before: Airflow always has it

NONE: dict[str, int] = {}
SEED = {"seed": 3}


def facts(run: Callable[[], Any]) -> Facts:
    with observe() as seen:
        run()
    return seen.facts


def numpy() -> Any:
    return pytest.importorskip("numpy").random


def pendulum() -> Any:
    return pytest.importorskip("pendulum")


def seed_later() -> None:
    random.random()
    random.seed(1)


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (random.random, "random"),
        (seed_later, "random"),
        (lambda: random.seed(NONE.get("seed")), "random"),
        (lambda: random.Random(NONE.get("seed")), "random"),
        (secrets.token_hex, "random"),
        (uuid.uuid4, "uuid"),
        (lambda: numpy().rand(), "numpy.random"),
        (lambda: numpy().default_rng(NONE.get("seed")), "random"),
        (lambda: numpy().RandomState(NONE.get("seed")), "random"),
    ],
)
def test_chance_is_told(run: Callable[[], Any], name: str) -> None:
    assert name in {fact.name for fact in facts(run).chances}


@pytest.mark.parametrize(
    "run",
    [
        lambda: (random.seed(SEED["seed"]), random.random()),
        lambda: random.Random(SEED["seed"]).random(),
        lambda: (numpy().seed(SEED["seed"]), numpy().rand()),
        lambda: numpy().default_rng(SEED["seed"]).random(),
        lambda: numpy().RandomState(SEED["seed"]).rand(),
        lambda: numpy().RandomState(seed=SEED["seed"] + 1).rand(),
        lambda: tempfile.TemporaryDirectory().cleanup(),
    ],
)
def test_what_has_a_seed_is_no_chance(run: Callable[[], Any]) -> None:
    assert facts(run).chances == ()


@pytest.mark.parametrize(
    ("run", "name"),
    [
        (lambda: gzip.compress(b"a"), "gzip"),
        (lambda: zipfile.ZipFile(io.BytesIO(), "w").writestr("a", "b"), "zipfile"),
        (lambda: pendulum().datetime(2024, 1, 1).diff(), "pendulum"),
        (lambda: pendulum().from_format("10:00", "HH:mm"), "pendulum"),
    ],
)
def test_libraries_that_ask_for_the_time_are_told(run: Callable[[], Any], name: str) -> None:
    [fact] = facts(run).clocks
    assert fact.name == name
    assert fact.place.startswith(f"{__file__}:")


@pytest.mark.parametrize(
    "run",
    [
        time.time,  # its name tells
        lambda: gzip.compress(b"a", mtime=0),
        lambda: logging.getLogger(__name__).warning("it is late"),
        lambda: pendulum().from_format("2024-01-02", "YYYY-MM-DD"),
        lambda: time.strftime("%Y", time.gmtime(0)),
    ],
)
def test_others_are_not(run: Callable[[], Any]) -> None:
    assert facts(run).clocks == ()


def test_all_is_as_it_was_afterwards() -> None:
    before = time.time, random.seed, vars(random.Random)["seed"]
    facts(time.time)
    assert before == (time.time, random.seed, vars(random.Random)["seed"])
    assert isinstance(time.time, types.BuiltinFunctionType)
