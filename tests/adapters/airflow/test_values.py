"""The results that texts pull, and Python values as IR values."""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import pytest

from couler_airflow.pulls import pieces
from couler_airflow.values import Values, module_name, seconds
from couler_plugins.ir import Expression, Literal, Native, Reference, Template, references

TASKS = {"a": None, "b": None, "group.c": None}


def pulled(text: str) -> list[tuple[str, str]]:
    """The tasks and keys that a text refers to; joined again it has to be the text itself."""
    found = pieces(text, TASKS, "dag")
    assert "".join(spelt(piece) for piece in found) == text
    return [(item.step, item.name) for item in references(tuple(item for item in found if not isinstance(item, str)))]


def spelt(piece: Any) -> str:
    match piece:
        case Expression():
            return "".join(map(spelt, piece.parts))
        case Reference():
            return piece.native
    return str(piece)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ ti.xcom_pull(task_ids='a') }}", [("a", "return_value")]),
        ("{{ti.xcom_pull('a')}}", [("a", "return_value")]),
        ('{{ task_instance.xcom_pull(task_ids="group.c", key="k") }}', [("group.c", "k")]),
        ("{{ ti.xcom_pull(task_ids=['a', 'b'])[0] | int }}", [("a", "return_value"), ("b", "return_value")]),
        ("{{ ti.xcom_pull(task_ids=('a',), key='x')['y'] }}", [("a", "x")]),
        (
            "{{ ti.xcom_pull(task_ids='a')['f(1)'] }} and {{ ti.xcom_pull('b') }}",
            [("a", "return_value"), ("b", "return_value")],
        ),
        ("{% if ti.xcom_pull(task_ids='a') %}x{% endif %}", [("a", "return_value")]),
        ("{{ task_instance.xcom_pull(task_ids='a', dag_id='dag', key='return_value') }}", [("a", "return_value")]),
        ("{{ ti.xcom_pull(task_ids='a', default=(1, ')')) }}", [("a", "return_value")]),
        ("{{ ti.xcom_pull(task_ids='a', dag_id='other') }}", []),
        ("{{ ti.xcom_pull(task_ids='nobody') }}", []),
        ("{{ ti.xcom_pull(task_ids=name) }}", []),
        ("{{ ti.xcom_pull(key='k') }}", []),
        ("{{ ti.xcom_pull(task_ids='a', key=name) }}", []),
        ("{{ ti.xcom_pull(task_ids='a' }}", []),
        ("ti.xcom_pull(task_ids='a')", []),
        ("{{ my_ti.xcom_pull(task_ids='a') }}", []),
        ("{{ ds }}", []),
        ("", []),
    ],
)
def test_what_a_text_pulls(text: str, expected: list[tuple[str, str]]) -> None:
    assert pulled(text) == expected


def test_a_block_that_is_one_pull_is_a_reference() -> None:
    (piece,) = pieces("{{ ti.xcom_pull(task_ids='a') }}", TASKS, "dag")
    assert piece == Reference(to="output", kind="result", step="a", name="return_value")
    (piece,) = pieces("{{ ti.xcom_pull(task_ids='a') | int }}", TASKS, "dag")
    assert isinstance(piece, Expression)


VALUES = Values(TASKS, "dag")


class Something:
    """An object that nobody can write down."""


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (None, Literal(value=None)),
        (True, Literal(value=True)),
        (1.5, Literal(value=1.5)),
        ("plain {{ ds }}", Literal(value="plain {{ ds }}")),
        ("{{ ti.xcom_pull('a') }}", Reference(to="output", kind="result", step="a", name="return_value")),
        ([1, "x", None], Native.of([1, "x", None])),
        (("a",), Native.of(["a"])),
        ({"b": {1}, "a": date(2024, 1, 2)}, Native.of({"b": [1], "a": "2024-01-02"})),
        ({3, 1, 2}, Native.of([1, 2, 3])),
        ([timedelta(hours=1), PurePosixPath("/x")], Native.of(["1:00:00", "/x"])),
        (
            [Something, Something(), len, partial(len)],
            Native.of([{"callable": "Something"}, {"object": "Something"}, {"callable": "len"}, {"object": "partial"}]),
        ),
    ],
)
def test_values(data: Any, expected: Any) -> None:
    found = VALUES.value(data)
    if isinstance(expected, Native):
        assert isinstance(found, Native)
        assert found.data == expected.data
    else:
        assert found == expected


def test_texts_in_structures_and_around_pulls() -> None:
    found = VALUES.value(["x", {'q"': "a \"{{ ti.xcom_pull('b') }}\" b"}])
    assert isinstance(found, Native)
    assert [item.step for item in references(found)] == ["b"]
    assert VALUES.value("a {{ ti.xcom_pull('b') }}") == Template(
        parts=("a ", Reference(to="output", kind="result", step="b", name="return_value"))
    )


def test_small_things() -> None:
    assert module_name("unusual_prefix_0123abc_my_dag_file") == "my_dag_file"
    assert module_name("airflow.operators") == "airflow.operators"
    assert (seconds(timedelta(minutes=1)), type(seconds(timedelta(minutes=1)))) == (60, int)
    assert seconds(timedelta(milliseconds=500)) == 0.5
