"""Quantities: read as Kubernetes reads them, written as people write them, and never smaller than what is meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couler_plugins.ir.quantities import cpu_text, memory_text, parse_quantity


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("512Mi", 512 * 2**20),
        ("2Gi", 2**31),
        ("1.5Gi", 1.5 * 2**30),
        ("1G", 1e9),
        ("128974848", 128974848),
        ("129e6", 129e6),
        ("1E", 1e18),
        ("1E3", 1000),
        ("250m", 0.25),
        ("100u", 1e-4),
        (".5", 0.5),
        ("+2", 2),
        (2, 2),
        (0.1, 0.1),
    ],
)
def test_quantities_are_read(text: object, number: float) -> None:
    assert parse_quantity(text) == pytest.approx(number)


@pytest.mark.parametrize(
    "text", ["", "a lot", "{{inputs.parameters.m}}", "$(params.m)", "-1", "1 Gi", "1e999", "1KI", True, None]
)
def test_what_is_no_quantity_is_unknown(text: object) -> None:
    assert parse_quantity(text) is None


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (512 * 2**20, "512Mi"),
        (512 * 2**20 + 1, "513Mi"),
        (2**30, "1Gi"),
        (1536 * 2**20, "1536Mi"),
        (3 * 2**40, "3072Gi"),
        (0, "1Mi"),
    ],
)
def test_memory_is_written_as_people_write_it(amount: int, text: str) -> None:
    assert memory_text(amount) == text


@pytest.mark.parametrize(
    ("cores", "text"), [(0.25, "250m"), (0.2501, "251m"), (2, "2"), (1.5, "1500m"), (0, "1m"), (0.1 + 0.2, "300m")]
)
def test_cores_are_written_as_people_write_them(cores: float, text: str) -> None:
    assert cpu_text(cores) == text


@given(st.integers(1, 2**50))
def test_memory_is_rounded_up_by_less_than_a_mebibyte(amount: int) -> None:
    read = parse_quantity(memory_text(amount))
    assert read is not None
    assert 0 <= read - amount < 2**20
