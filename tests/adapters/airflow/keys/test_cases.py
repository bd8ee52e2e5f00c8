"""Every case beside its truth: no wrong hit, no task that fails or hangs by us, no needless miss."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.airflow.keys.case import Case
from adapters.airflow.keys.catalogue import CASES
from adapters.airflow.keys.judging import Fault, Server, judge
from adapters.airflow.keys.known import KNOWN
from support import sampled

pytestmark = pytest.mark.airflow


@pytest.fixture(scope="session")  # a worker may come back to this module
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if own.name.startswith("popen-") else own  # what the workers of pytest-xdist have in common
    started = Server(shared / "servers" / f"{own.name}-home")
    yield started
    started.close()


def parameters() -> Iterator[Any]:
    for case in CASES:
        marks: list[pytest.MarkDecorator] = []
        if case.share != "quick":
            marks.append(getattr(pytest.mark, case.share))
        if missing := [name for name in case.needs if importlib.util.find_spec(name) is None]:
            marks.append(pytest.mark.skip(reason=f"needs {', '.join(missing)}"))
        if case.name in KNOWN:
            marks.append(pytest.mark.xfail(raises=Fault, strict=True, reason=KNOWN[case.name]))
        yield pytest.param(case, id=case.name, marks=marks)


@pytest.mark.parametrize("case", sampled(parameters()))
def test_the_cache_gives_what_a_run_without_it_gives(case: Case, server: Server, tmp_path: Path) -> None:
    judge(case, server, tmp_path / "case")


def test_what_is_run_by_hand_is_not_run_with_the_slow_ones() -> None:
    marks = [{mark.name for mark in item.marks} for item in sampled(parameters())]
    assert {"long"} in marks
    assert not any({"long", "slow"} <= names for names in marks)


def test_names_are_unique_and_those_that_fail_are_there() -> None:
    names = [case.name for case in CASES]
    assert len(names) == len({*names})
    assert {*KNOWN} <= {*names}
