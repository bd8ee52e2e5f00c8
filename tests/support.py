"""What several test modules share: where things are, and what is there. Import it as `support`."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

__all__ = ["AIRFLOW", "GO", "ROOT", "SHARED", "examples", "first_of", "sampled", "shared", "shared_files"]

ROOT = Path(__file__).resolve().parents[1]
"""The repository."""

SHARED = Path(os.environ.get("COULER_SHARED", ROOT.parent / "shared"))
"""Real workflows and schemas that are no part of the repository; tests that need them are skipped without."""

GO = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
"""The Go tool, for tests marked `oracle`."""

AIRFLOW = find_spec("airflow") is not None
"""Whether Airflow is installed, for tests marked `airflow`."""


def shared(*parts: str) -> Path:
    """A file or folder in SHARED; skips the test where it is missing."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(parts)} in the shared folder; COULER_SHARED says where that is")
    return path


def shared_files(folder: str, *patterns: str) -> list[Any]:
    """Return parameters for `pytest.mark.parametrize`: the files in a folder of SHARED, each named by its path there.

    All but a sample of them are `slow`. Where the folder is missing, the one parameter is a skip that says so.
    """
    root = SHARED / folder
    if not root.is_dir():
        reason = f"needs {folder} in the shared folder; COULER_SHARED says where that is"
        return [pytest.param(root, id="missing", marks=pytest.mark.skip(reason=reason))]
    files = sorted(path for pattern in patterns for path in root.glob(pattern) if path.is_file())
    return sampled(pytest.param(path, id=path.relative_to(root).as_posix()) for path in files)


def examples(number: int) -> int:
    """Return how many examples of so many a property test has: a quarter of them, but with the profile `long`."""
    return max(1, number * settings().max_examples // 100)


def first_of(values: Iterable[object], count: int = 1) -> list[Any]:
    """Return parameters for `pytest.mark.parametrize`, of which all behind the first are `slow`."""
    return [
        value if number < count else pytest.param(value, marks=pytest.mark.slow) for number, value in enumerate(values)
    ]


def sampled(parameters: Iterable[Any], share: int = 8) -> list[Any]:
    """Return the parameters, of which all but a sample are `slow`.

    Args:
        parameters: what `pytest.param` returns, with ids; the ids alone say which of them are in the sample.
        share: one of so many is in the sample, and 15 at least.
    """
    everything = list(parameters)
    ranked = sorted((item.id for item in everything), key=lambda name: hashlib.sha256(name.encode()).digest())
    sample = set(ranked[: max(15, len(ranked) // share)])
    return [
        item if item.id in sample else pytest.param(*item.values, id=item.id, marks=(*item.marks, pytest.mark.slow))
        for item in everything
    ]
