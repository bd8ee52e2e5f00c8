"""What several test modules share: where things are, and what is there. Import it as `support`."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

__all__ = [
    "AIRFLOW",
    "CORPUS",
    "GO",
    "ROOT",
    "SHARED",
    "at_least",
    "corpus_files",
    "corpus_paths",
    "examples",
    "first_of",
    "own_files",
    "sampled",
    "shared",
    "shared_files",
    "where_shared",
]

ROOT = Path(__file__).resolve().parents[1]
"""The repository."""

CORPUS = ROOT / "tests" / "corpus"
"""Our own workflows, a folder an engine: every feature that an adapter claims is in one of them."""

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
    """Return how many examples of so many a property test has: a quarter of them, or more with the profile `long`."""
    return max(1, number * settings().max_examples // 100)


def first_of(values: Iterable[object], count: int = 1) -> list[Any]:
    """Return parameters for `pytest.mark.parametrize`, of which all behind the first are `slow`.

    Args:
        values: each for one argument, or what `pytest.param` returns.
        count: how many are first.
    """
    return [value if number < count else _slow(value) for number, value in enumerate(values)]


def sampled(parameters: Iterable[Any], share: int = 12) -> list[Any]:
    """Return the parameters, of which all but a sample are `slow`.

    Args:
        parameters: what `pytest.param` returns, with ids; the ids alone say which of them are in the sample.
        share: one of so many is in the sample, and 10 at least.
    """
    everything = list(parameters)
    ranked = sorted((item.id for item in everything), key=lambda name: hashlib.sha256(name.encode()).digest())
    sample = set(ranked[: max(10, len(ranked) // share)])
    return [item if item.id in sample else _slow(item) for item in everything]


def _slow(value: object) -> Any:
    item: Any = value if isinstance(value, type(pytest.param())) else pytest.param(value)
    if any(mark.name == "long" for mark in item.marks):  # which is run by hand
        return item
    return pytest.param(*item.values, id=item.id, marks=(*item.marks, pytest.mark.slow))


def own_files(engine: str) -> list[Path]:
    """The files of our own corpus of an engine, in order."""
    return sorted(path for path in (CORPUS / engine).iterdir() if path.suffix in (".py", ".yaml"))


def corpus_paths(engine: str) -> list[Path]:
    """Our own corpus of an engine, widened by the shared one where it is."""
    return [*own_files(engine), *sorted((SHARED / "corpus" / engine).rglob("*.yaml"))]


def at_least(own: int, widened: int) -> int:
    """How many of something there have to be: in our own corpora, or with the shared ones."""
    return widened if (SHARED / "corpus").is_dir() else own


def corpus_files(engine: str) -> list[Any]:
    """Parameters for `pytest.mark.parametrize`: our own corpus of an engine, widened by the shared one where it is."""
    own: list[Any] = [pytest.param(path, id=f"own/{path.name}") for path in own_files(engine)]
    folder = f"corpus/{engine}"
    return [*own, *(shared_files(folder, "**/*.yaml") if (SHARED / folder).is_dir() else ())]


def where_shared(folder: str, parameters: Sequence[Any]) -> list[Any]:
    """The parameters where a folder of SHARED is; else the first one, as a skip that says what is missing."""
    if (SHARED / folder).is_dir():
        return list(parameters)
    first = getattr(parameters[0], "values", parameters[0])
    reason = f"needs {folder} in the shared folder; COULER_SHARED says where that is"
    values = first if isinstance(first, tuple) else (first,)
    return [pytest.param(*values, id="missing", marks=pytest.mark.skip(reason=reason))]
