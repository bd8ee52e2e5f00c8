"""The laws of every adapter, over the whole corpus of its engine (see `adapters.subjects` for how to add one)."""

from __future__ import annotations

from pathlib import Path

import pytest

from adapters.subjects import GENERATORS, Subject, each_file
from couler_plugins.testing import laws

every_file = pytest.mark.parametrize(("subject", "path"), each_file())
every_generator = pytest.mark.parametrize(("subject", "path"), each_file(GENERATORS))


@pytest.mark.law(1)
@every_file
def test_lifting_and_lowering_changes_nothing(subject: Subject, path: Path) -> None:
    laws.changes_nothing(subject, path)


@pytest.mark.law(1)
@every_file
def test_everything_that_is_there_is_lifted(subject: Subject, path: Path) -> None:
    laws.lifts_everything(subject, path)


@pytest.mark.law(3)
@every_file
def test_a_workflow_without_an_origin_is_written_anew_or_refused(subject: Subject, path: Path) -> None:
    laws.writes_anew_or_refuses(subject, path)


@pytest.mark.law(1)
@every_generator
def test_what_is_generated_is_the_same(subject: Subject, path: Path) -> None:
    laws.generates_the_same(subject, path)


@pytest.mark.law(1)
@pytest.mark.law(2)
@every_generator
def test_unknown_fields_survive(subject: Subject, path: Path) -> None:
    laws.keeps_unknown_fields(subject, path)
