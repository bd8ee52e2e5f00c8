"""Functions with clocks and chance in them, some of which are no part of what they return."""

from __future__ import annotations

import datetime
import io
import random
import time
from logging import getLogger
from typing import Any

log = getLogger(__name__)


class Own:
    sample = 3

    def today(self) -> int:
        return 5


class Delegate:
    def __init__(self, to: Any) -> None:
        self.to = to

    def __getattr__(self, name: str) -> Any:
        return getattr(self.to, name)


class Day(datetime.date):
    pass


class Clock:
    def __init__(self) -> None:
        self.now = datetime.datetime.now


class Audit:
    def __init__(self) -> None:
        self.rows: list[Any] = []

    def info(self, *row: Any) -> None:
        self.rows.append(row)


class Job:
    def kept(self) -> float:
        self.started = time.time()
        return self.started

    def logged(self) -> int:
        started = time.time()
        self.log.info("it took %s s", round(time.time() - started))  # type: ignore[attr-defined]  # as operators have
        return 1


audit_log = Audit()
OWN, DELEGATE, DAY, CLOCK = Own(), Delegate(1), Day(2026, 1, 1), Clock()


def logged() -> int:
    started = time.time()
    total = sum(range(10))
    log.info("it took %.1f s", time.time() - started)
    return total


def logged_by_name() -> int:
    started = time.perf_counter()
    seconds = time.perf_counter() - started
    print(f"{seconds:.1f} s")  # noqa: T201  # as people do
    return 1


def returned() -> float:
    started = time.time()
    return time.time() - started


def logged_and_returned() -> float:
    started = time.time()
    seconds = time.time() - started
    log.info("%s", seconds)
    return seconds


def start_returned() -> float:
    started = time.time()
    log.info("%s", time.time() - started)
    return started


def decided() -> int:
    started = time.time()
    if time.time() - started > 1:
        return 1
    return 0


def said_value() -> list[str]:
    started = time.time()
    return [str(log.info("%s", time.time() - started))]  # type: ignore[func-returns-value]  # nobody writes that, and yet


def kept_in_an_item() -> dict[str, float]:
    row = {"a": 1.0}
    row["at"] = time.time()
    return row


def kept_by_another_name() -> float:
    started = time.time()
    log.info("%s", time.time() - started)
    kept = started
    return kept + 1


def kept_in_a_class() -> float:
    class Row:
        at = time.time()

    return Row.at


def said_to_a_buffer() -> str:
    buffer = io.StringIO()
    print(f"at {time.time()}", file=buffer)
    return buffer.getvalue()


def said_to_an_own_log() -> list[Any]:
    audit_log.info("%s", time.time())
    return audit_log.rows


def said_to_an_own_log_made_here() -> list[Any]:
    log = Audit()
    log.info("%s", time.time())
    return log.rows


def said_and_kept() -> float:
    log.info("%s", kept := time.time())
    return kept


def logged_by_an_own_logger() -> int:
    import logging

    logger = logging.getLogger(__name__)
    logger.info("it is %s", datetime.datetime.now(tz=datetime.UTC).isoformat())
    return 1


def other_clock() -> float:
    started = time.time()
    log.info("%s", time.time() - started)
    return time.monotonic()


def seeded() -> float:
    chance = random.Random(7)
    return chance.random()


def seeded_module() -> float:
    random.seed(7)
    return random.random()


def seeded_too_late() -> float:
    drawn = random.random()
    random.seed(7)
    return drawn


def unseeded() -> float:
    chance = random.Random()
    return chance.random()


def seeded_with_none() -> float:
    return random.Random(None).random()


def seeded_and_not() -> float:
    return random.Random(1).random() + random.random()


def shuffled() -> list[int]:
    items = [1, 2, 3]
    random.Random(4).shuffle(items)
    return items


def shuffled_by_chance() -> list[int]:
    items = [1, 2, 3]
    random.shuffle(items)
    return items


def fitted() -> float:
    from sklearn.linear_model import Ridge

    return float(Ridge(solver="cholesky").fit([[1], [2]], [1, 2]).predict([[3]])[0])


def fitted_by_chance() -> float:
    from sklearn.linear_model import Ridge

    return float(Ridge(solver="sag").fit([[1], [2]], [1, 2]).predict([[3]])[0])


def fitted_as_told(**more: str) -> float:
    from sklearn.linear_model import Ridge

    return float(Ridge(**more).fit([[1], [2]], [1, 2]).predict([[3]])[0])


def named() -> int:
    return OWN.sample + OWN.today()


def named_as_a_clock() -> Any:
    return CLOCK.now()


def delegated() -> Any:
    return DELEGATE.now()


def inherited() -> Any:
    return DAY.today()


def handed_on() -> list[random.Random]:
    return [random.Random(1), *map(random.Random, [None])]


def clock_handed_on() -> float:
    from time import time

    started = time()
    log.info("it took %.1f s", time() - started)
    clock = time
    return clock()


def module_handed_on() -> float:
    import time as module

    clocks = module
    return clocks.time()
