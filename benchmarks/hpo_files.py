"""Data sets that somebody else brings: CSV files with a header, and what is learned in the last column."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

__all__ = ["is_of_classes", "read_columns"]

CLASSES = 20
"""A target of more different whole numbers is taken for a quantity."""


def read_columns(file: Path) -> tuple[list[list[float]], list[float]]:
    """The features of each row, and what is learned; texts are numbered in the order that they come in.

    Raises:
        SystemExit: it is no table of at least two columns.
    """
    with file.open(newline="", encoding="utf-8") as lines:
        rows = [row for row in csv.reader(lines) if row][1:]
    if not rows or {len(row) for row in rows} != {len(rows[0])} or len(rows[0]) < 2:
        raise SystemExit(f"{file} is no table: a header, and rows of as many columns, two at least")
    columns = [_numbers(column) for column in zip(*rows, strict=True)]
    return [list(row) for row in zip(*columns[:-1], strict=True)], columns[-1]


def is_of_classes(target: Sequence[float]) -> bool:
    """Whether what is learned are classes, and no quantity."""
    return all(value.is_integer() for value in target) and len(set(target)) <= CLASSES


def _numbers(column: Sequence[str]) -> list[float]:
    try:
        return [float(text) if text.strip() else 0.0 for text in column]
    except ValueError:
        known: dict[str, Any] = {}
        return [float(known.setdefault(text, len(known))) for text in column]
