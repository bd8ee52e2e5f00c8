"""Clocks and chance that are no part of a result, and those that are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import idiom_samples as samples
from couler_plugins.caching.code.fingerprint import Fingerprint


def rules(function: Callable[[], Any]) -> set[str]:
    forms = Fingerprint()
    forms.form(function)
    return {item.rule for item in forms.objections}


@pytest.mark.parametrize(
    "function",
    [
        *(samples.logged, samples.logged_by_name, samples.seeded, samples.seeded_module, samples.shuffled),
        *(samples.fitted, samples.named, samples.logged_by_an_own_logger, samples.Job.logged),
    ],
)
def test_what_is_no_part_of_a_result_is_no_objection(function: Callable[[], Any]) -> None:
    assert rules(function) == set()


@pytest.mark.parametrize(
    ("function", "rule"),
    [
        *(
            (function, "clock")
            for function in (
                samples.returned,
                samples.logged_and_returned,
                samples.start_returned,
                samples.decided,
                samples.other_clock,
                samples.kept_in_an_item,
                samples.kept_by_another_name,
                samples.kept_in_a_class,
                samples.Job.kept,
                samples.said_to_a_buffer,
                samples.said_to_an_own_log,
                samples.said_to_an_own_log_made_here,
                samples.said_and_kept,
            )
        ),
        (samples.said_value, "clock"),
        *(
            (function, "randomness")
            for function in (
                samples.seeded_too_late,
                samples.unseeded,
                samples.seeded_with_none,
                samples.seeded_and_not,
                samples.handed_on,
            )
        ),
        *((function, "randomness") for function in (samples.shuffled_by_chance, samples.fitted_by_chance)),
        (samples.fitted_as_told, "randomness"),
        *((function, "clock") for function in (samples.clock_handed_on, samples.module_handed_on)),
        *((function, "clock") for function in (samples.named_as_a_clock, samples.delegated, samples.inherited)),
    ],
)
def test_what_may_be_one_is(function: Callable[[], Any], rule: str) -> None:
    assert rules(function) == {rule}
