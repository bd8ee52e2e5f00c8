"""A time limit that holds, whatever swallows exceptions or waits on its way out."""

from __future__ import annotations

import contextlib
import signal
import time

import pytest

from couler_plugins.caching.dataplane.deadline import Expired, time_limit, without_limit


def slow(*, at_the_end: float = 0.0) -> None:
    with contextlib.suppress(Exception):
        try:
            time.sleep(10)
        finally:
            time.sleep(at_the_end)


def test_what_takes_longer_is_ended() -> None:
    started = time.monotonic()
    with pytest.raises(TimeoutError, match=r"longer than 0\.1 s"), time_limit(0.1):
        slow()
    assert time.monotonic() - started < 5


def test_what_waits_while_it_cleans_up_is_ended_too() -> None:
    started = time.monotonic()
    with pytest.raises(Expired), time_limit(0.1):
        slow(at_the_end=10)
    assert time.monotonic() - started < 3


def test_what_puts_things_in_order_comes_to_its_end() -> None:
    ended: list[float] = []

    def clean_up() -> None:
        with without_limit():
            time.sleep(1)
            ended.append(time.monotonic())
        time.sleep(10)

    with pytest.raises(Expired), time_limit(0.1):
        clean_up()
    assert ended
    with time_limit(0.1), without_limit():
        time.sleep(0.3)


@pytest.mark.slow
def test_time_can_be_given_again() -> None:
    with time_limit(2) as again:
        for _ in range(4):
            time.sleep(0.7)
            again()


def test_nothing_is_ended_after_the_block() -> None:
    with time_limit(1):
        pass
    time.sleep(1.2)
    with time_limit(None) as again:
        again()


def test_an_alarm_in_the_moment_in_which_the_block_ends_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    disarmed: list[object] = []
    setitimer = signal.setitimer

    def late(which: int, seconds: float, interval: float = 0.0) -> tuple[float, float]:
        if seconds == 0:
            disarmed.append(signal.getsignal(signal.SIGALRM))
            signal.raise_signal(signal.SIGALRM)
        return setitimer(which, seconds, interval)

    before = signal.signal(signal.SIGALRM, signal.SIG_IGN)
    monkeypatch.setattr(signal, "setitimer", late)
    try:
        with time_limit(60):
            pass
        assert setitimer(signal.ITIMER_REAL, 0) == (0.0, 0.0), "the timer goes on"
        assert signal.getsignal(signal.SIGALRM) is signal.SIG_IGN
    finally:
        setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert disarmed
