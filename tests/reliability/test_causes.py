"""Failures as engines write them are of the causes that the table says; what it does not know is never repeated."""

from __future__ import annotations

import re
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.hookspecs import Cause
from couler_plugins.plugins.checks import cause_problem
from couler_plugins.reliability.classification import LONGEST, UNKNOWN, classify
from couler_plugins.reliability.table import CAUSES
from couler_plugins.runs import Attempt
from reliability import recorded_argo, recorded_others, recorded_tekton

CASES = [*recorded_argo.CASES, *recorded_tekton.CASES, *recorded_others.CASES]
ROWS = {cause.name: cause for cause in (*CAUSES, UNKNOWN)}
SAYS_NOTHING = "it has no reasons, exit_codes or message that say anything: every failure would match it"
TRANSIENT = {"infrastructure", "throttled"}


@pytest.mark.parametrize(
    ("engine", "name", "attempt"), [pytest.param(*case, id=f"{case[0]}-{case[1]}") for case in CASES]
)
def test_a_failure_is_of_a_cause(engine: str, name: str, attempt: Attempt) -> None:
    assert classify(attempt, engine, CAUSES).name == name


def test_every_row_has_a_failure_that_is_recorded() -> None:
    assert {name for _, name, _ in CASES} == {cause.name for cause in CAUSES} | {"unknown"}


def test_rows_of_one_engine_do_not_speak_for_another() -> None:
    deleted = Attempt(message="pod deleted")
    assert [classify(deleted, engine, CAUSES).name for engine in ("argo", "tekton")] == ["pod-deleted", "unknown"]


def test_the_table_has_what_it_promises() -> None:
    assert max(Counter(cause.name for cause in CAUSES).values()) == 1
    assert sum(cause.cause_class in TRANSIENT for cause in CAUSES) >= 25
    assert [problem for cause in CAUSES if (problem := cause_problem(cause))] == []


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause.message], ids=lambda cause: str(cause.name))
def test_a_pattern_can_stand_in_an_expression(cause: Cause) -> None:
    """In `lastRetry.message matches '…'`, in YAML, and beside what Argo fills in."""
    assert not set(cause.message) & set("'\"\\\n`")
    assert "{{" not in cause.message
    assert cause.message.isascii()


@pytest.mark.parametrize("cause", [cause for cause in CAUSES if cause.message], ids=lambda cause: str(cause.name))
def test_a_pattern_takes_little_time_on_any_message(cause: Cause) -> None:
    words = re.split(r"[|()?:*+^$]|\[.*?\]", cause.message)
    texts = ["a" * LONGEST, "init: " * LONGEST, *((word + " ") * LONGEST for word in words if word)]
    began = time.process_time()
    for text in texts:
        classify(Attempt(message=text), (*cause.engines, "argo")[0], [cause])
    assert time.process_time() - began < 0.5 * len(texts)


noise = st.lists(st.sampled_from([attempt.message for _, _, attempt in CASES]) | st.text(max_size=20), max_size=4).map(
    "\n".join
)
engines = st.sampled_from(["argo", "kfp"])
codes = st.sampled_from([None, 0, 1, 64, 127, 137, 143, 255])
reasons = st.sampled_from(sorted({attempt.reason for _, _, attempt in CASES}))


@given(noise, noise, engines, codes, reasons)
def test_a_stop_is_a_stop_whatever_else_is_said(before: str, after: str, engine: str, code: Any, reason: str) -> None:
    message = f"{before}workflow shutdown with strategy:  Stop{after}"
    assert (
        classify(Attempt(message=message, exit_code=code, reason=reason), engine, CAUSES).cause_class not in TRANSIENT
    )
    cancelled = Attempt(message=before, exit_code=code, reason="TaskRunCancelled")
    assert classify(cancelled, "tekton", CAUSES).cause_class in {"stopped", "timeout"}


@given(noise, noise, st.sampled_from(["airflow", "argo", "kfp", "tekton"]), codes, st.booleans())
def test_lack_of_memory_is_never_transient(before: str, after: str, engine: str, code: Any, in_text: bool) -> None:
    message = f"{before}OOMKilled{after}" if in_text else before
    attempt = Attempt(message=message, exit_code=code, reason="Error" if in_text else "OOMKilled")
    assert classify(attempt, engine, CAUSES).cause_class not in TRANSIENT


@given(noise, st.sampled_from(["AirflowFailException", "ValueError", "TypeError"]))
def test_what_says_by_itself_that_it_fails_again_is_not_transient(message: str, reason: str) -> None:
    assert classify(Attempt(message=message, reason=reason), "airflow", CAUSES).cause_class not in TRANSIENT


def test_only_the_beginning_of_a_message_is_looked_at() -> None:
    message = "x" * LONGEST + "i/o timeout"
    assert classify(Attempt(message=message), "argo", CAUSES) is UNKNOWN
    assert classify(Attempt(message=message[11:]), "argo", CAUSES).name == "connection-timed-out"


@pytest.mark.parametrize(
    ("cause", "problem"),
    [
        (7, "7 is no Cause"),
        ({"name": "Odd"}, "the cause 'Odd': its name 'Odd' is not kebab-case"),
        ({"cause_class": "transient"}, "the cause 'odd': Invalid enum value 'transient' - at `$.cause_class`"),
        ({"reasons": "Evicted"}, "the cause 'odd': Expected `array`, got `str` - at `$.reasons`"),
        ({"exit_codes": ("1",)}, "the cause 'odd': Expected `int`, got `str` - at `$.exit_codes[0]`"),
        ({"source": " "}, "the cause 'odd': it has no source"),
        ({"message": ""}, f"the cause 'odd': {SAYS_NOTHING}"),
        ({"message": "(pod|)"}, f"the cause 'odd': {SAYS_NOTHING}"),
        ({"message": "", "reasons": ("",)}, f"the cause 'odd': {SAYS_NOTHING}"),
        (
            {"message": "a("},
            (
                "the cause 'odd': its message 'a(' is no regular expression: "
                "missing ), unterminated subpattern at position 1"
            ),
        ),
        ({"message": "(?=a)"}, "the cause 'odd': its message '(?=a)' has '(?', which RE2 does not read as Python does"),
        ({"message": "a++"}, "the cause 'odd': its message 'a++' has '++', which RE2 does not read as Python does"),
        ({"message": "(a|b)*c"}, "the cause 'odd': its message '(a|b)*c' repeats a group"),
        ({"message": "(?i)a(?:b|c)?d{2,3}[)]*"}, None),
        ({}, None),
    ],
)
def test_a_row_is_checked(cause: Any, problem: str | None) -> None:
    row = {"name": "odd", "cause_class": "throttled", "message": "a", "source": "s"}
    assert cause_problem(Cause(**{**row, **cause}) if isinstance(cause, dict) else cause) == problem


def test_few_failures_are_before_the_start() -> None:
    """What repeats steps that nobody has declared; a rejected pod may have run before its kubelet restarted."""
    early = {cause.name for cause in CAUSES if cause.before_start and cause.cause_class in TRANSIENT}
    of_argo = {"init-not-started", "init-killed", "inputs-throttled", "inputs-not-loaded"}
    assert early == {*of_argo, "not-scheduled"}
    assert all(cause.engines for cause in CAUSES if cause.before_start)
