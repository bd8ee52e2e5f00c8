"""Retries: which numbers Argo's texts are, what they become, and that nothing else is spelt anew."""

from __future__ import annotations

from typing import Any

import pytest

from adapters.subjects import ARGO
from couler_plugins.documents import read
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Expression,
    Literal,
    Native,
    Reference,
    Retry,
    Template,
    Value,
    from_json,
    replace,
    to_json,
    with_settings,
    without_origin,
)
from couler_plugins.plan import Plan
from couler_plugins.testing.subject import lift_source, lower_and_write, regenerate

TEXT = """apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: w}
spec:
  entrypoint: main
  templates:
  - name: main
    retryStrategy:
      limit: "2"  # of them
      expression: asInt(lastRetry.exitCode) > 1 && {{workflow.parameters.again}}
      backoff: {duration: 1m, factor: "2", cap: 90s, maxDuration: 1h}
    container: {image: i}
"""
BACKOFF, CONDITION = (line.strip() for line in reversed(TEXT.splitlines()[9:11]))
ALWAYS = Expression(language="expr", parts=("true",))
PASSED = Reference(to="input", kind="parameter", name="d")


def lifted(text: str = TEXT) -> Plan:
    return lift_source(ARGO, read(text, "w.yaml"))


def retry_of(plan: Plan) -> Retry:
    (operation,) = plan.workflows[0].operations
    assert operation.retry is not None
    return operation.retry


def changed(text: str = TEXT, **fields: Any) -> str:
    """The text that becomes of it with some fields of its retry changed."""
    plan = lifted(text)
    step = plan.map_steps(
        "me",
        lambda step: with_settings(step, retry=replace(step.retry or Retry(), **fields)),
        action="set",
        reason="to see",
    )
    lowered, texts = lower_and_write(ARGO, step)
    assert not lowered.refused
    return texts.texts.get(0, text)


def test_what_is_said_of_retries_is_typed() -> None:
    retry = retry_of(lifted())
    assert (retry.limit, retry.delay, retry.factor, retry.max_delay) == (
        Literal(value="2"),
        Literal(value=60),
        Literal(value=2),
        Literal(value=90),
    )
    assert retry.native_extra == Native.of({"backoff": {"maxDuration": "1h"}})
    assert isinstance(retry.condition, Expression)
    first, *_, last = (part for part in retry.condition.parts if not isinstance(part, str))
    assert first == Reference(to="run", name="lastRetry", path=("exitCode",))
    assert last == Template(parts=(Reference(to="parameter", kind="parameter", name="again"),))


@pytest.mark.parametrize(
    ("field", "spelt", "value"),
    [
        ("duration", "'60'", Literal(value=60)),
        ("duration", "1h30m", Literal(value=5400)),
        ("duration", "1.5s", Literal(value=1.5)),
        ("duration", "100ms", Literal(value=0.1)),
        ("duration", "'{{inputs.parameters.d}}'", PASSED),
        ("duration", "'{{inputs.parameters.d}}s'", Template(parts=(PASSED, "s"))),
        ("duration", "1d", Literal(value="1d")),  # Argo refuses these, and so does nobody but Argo
        ("duration", "-5s", Literal(value="-5s")),
        ("duration", "7ns", Literal(value="7ns")),
        ("duration", "9999999999999h", Literal(value="9999999999999h")),
        ("duration", "60", None),
        ("factor", "3", Literal(value=3)),
        ("factor", "'3'", Literal(value=3)),
        ("factor", "'{{inputs.parameters.d}}'", PASSED),
        ("factor", "'1.5'", Literal(value="1.5")),
        ("factor", "1.5", None),
        ("cap", "2m", Literal(value=120)),
    ],
)
def test_numbers_are_read_where_they_are_some(field: str, spelt: str, value: Value | None) -> None:
    """And each of them comes back from what is generated."""
    plan = lifted(
        TEXT.replace(
            'backoff: {duration: 1m, factor: "2", cap: 90s, maxDuration: 1h}', f"backoff: {{{field}: {spelt}}}"
        )
    )
    retry = retry_of(plan)
    name = {"duration": "delay", "factor": "factor", "cap": "max_delay"}[field]
    assert getattr(retry, name) == value
    assert (retry.native_extra is None) is (value is not None)
    bare = without_origin(plan.workflows[0])
    ((_, again),) = regenerate(ARGO, [bare])
    assert again.operations == bare.operations
    assert from_json(to_json(bare)).operations == bare.operations


@pytest.mark.parametrize(
    ("fields", "old", "new"),
    [
        ({"limit": Literal(value=5)}, 'limit: "2"', "limit: 5"),
        ({"delay": Literal(value=30)}, "duration: 1m", "duration: 30s"),
        ({"delay": Literal(value=0.25)}, "duration: 1m", "duration: 250ms"),
        ({"factor": Literal(value=3)}, 'factor: "2"', "factor: 3"),
        ({"factor": Literal(value=3.0)}, 'factor: "2"', "factor: 3"),
        ({"max_delay": Literal(value=3600)}, "cap: 90s", "cap: 3600s"),
        (
            {"condition": Expression(language="expr", parts=("true",))},
            TEXT.split("\n")[9].strip(),
            'expression: "true"',
        ),
        ({}, "", ""),
    ],
)
def test_an_edit_of_one_field_leaves_the_others_as_they_are_spelt(fields: Any, old: str, new: str) -> None:
    assert changed(**fields) == TEXT.replace(old, new)


def test_a_whole_retry_can_be_set() -> None:
    text = TEXT[: TEXT.index("    retryStrategy")] + "    container: {image: i}\n"
    condition = Expression(
        language="expr", parts=(Reference(to="run", name="lastRetry", path=("status",)), " == 'Error'")
    )
    again = changed(text, limit=Literal(value=3), delay=Literal(value=10), factor=Literal(value=2), condition=condition)
    (document,) = read(again, "w.yaml").documents
    assert document.data["spec"]["templates"][0]["retryStrategy"] == {
        "limit": 3,
        "expression": "lastRetry.status == 'Error'",
        "backoff": {"duration": "10s", "factor": 2},
    }


@pytest.mark.parametrize(
    ("fields", "feature"),
    [
        ({"factor": Literal(value=1.5)}, "Retry.factor"),
        ({"condition": Expression(language="cel", parts=("true",))}, "Expression"),
    ],
)
def test_what_argo_has_not_is_refused(fields: Any, feature: str) -> None:
    plan = lifted()
    (operation,) = plan.workflows[0].operations
    retry = replace(retry_of(plan), **fields)
    edited = replace(plan.workflows[0], operations=(replace(operation, retry=retry),))
    with pytest.raises(Unsupported) as caught:
        list(regenerate(ARGO, [without_origin(edited)]))
    assert (caught.value.feature, bool(caught.value.hint)) == (feature, True)
