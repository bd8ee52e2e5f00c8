"""The promise: an optimizer that is written once changes the workflows of every engine.

Four passes that know nothing of engines run over the corpora. `carrying` judges raw documents, without any adapter:
which files hold a step that could carry what a pass sets, and whether each such step does afterwards.
"""

from __future__ import annotations

import dataclasses
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from adapters.argo.crd import violations
from adapters.argo.judge import judge
from adapters.subjects import SUBJECTS, Subject, lift_file
from adapters.test_optimizing_laws import entry_of, runs_here, same_operations
from carrying import SETTINGS, bare
from conversions import JUDGES, plugins
from couler_airflow.bundle import DagBundle
from couler_airflow.lower import commit
from couler_airflow.moved import serialized
from couler_plugins import optimize
from couler_plugins.config import load_config
from couler_plugins.documents import read
from couler_plugins.errors import CoulerError, Unsupported
from couler_plugins.ir import replace, without_origin
from couler_plugins.plan import Decision, Plan
from default_passes import DefaultRequests, DefaultRetry, DefaultTimeout, Label
from documents.judge import apply, exactly
from ir.interpreter import MissingValueError, run
from optimizers.running import CONTEXT
from support import SHARED, own_files, where_shared

PASSES = {"retry": DefaultRetry(), "timeout": DefaultTimeout(), "requests": DefaultRequests(), "label": Label()}
LACKING = {("kfp", "timeout")}
"""What an engine has nothing of; its homes say why."""
LEAST, MOST = 0.9, 0.01
"""The share of files that are changed, of those with a step that can be, and of files that are refused."""
# KFP warns of itself when it loads what was written.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
each_setting = pytest.mark.parametrize("setting", SETTINGS)
each_engine = pytest.mark.parametrize("subject", [pytest.param(item, id=item.engine, marks=item.marks) for item in SUBJECTS])


class Outcome(NamedTuple):
    """What became of a file.

    Attributes:
        name: of the file.
        before, after: the steps that could carry what is set and do not.
        changed: whether it was changed.
        error: why it was refused.
        decisions: on it.
    """

    name: str
    before: Sequence[str]
    after: Sequence[str]
    changed: bool
    error: Exception | None
    decisions: tuple[Decision, ...] = ()


def optimized(subject: Subject, path: Path, setting: str) -> Plan:
    return PASSES[setting].run(lift_file(subject, path), CONTEXT)  # type: ignore[no-any-return]  # passes of the tutorial are untyped


def outcome(subject: Subject, path: Path, setting: str) -> Outcome:
    new = optimized(subject, path, setting)
    lowered, documents = subject.lowered(new)
    before = bare(subject.engine, [item.data for item in new.bundle.documents], setting)
    after = bare(subject.engine, [documents[number] for number in sorted(documents)], setting)
    return Outcome(path.name, before, after, bool(lowered.edits), lowered.refused.get(0), new.decisions)


def check(engine: str, setting: str, outcomes: Sequence[Outcome]) -> None:
    """The promise, for one engine and one pass."""
    able = [item for item in outcomes if item.before]
    whole = [item for item in able if item.changed and not item.after]
    refused = [item for item in outcomes if item.error is not None]
    missed = [(item.name, item.after[:3], item.error or reasons(item)) for item in able if item not in whole]
    print(f"{engine} {setting}: {len(outcomes)} files, {len(able)} able, {len(whole)} carry it everywhere, {len(refused)} refused")  # noqa: T201  # for `-s`
    if (engine, setting) in LACKING:
        assert not any(item.changed for item in outcomes)
    else:
        assert len(whole) >= LEAST * len(able) > 0, missed
    assert all(is_named(item.error) for item in refused)
    assert len(refused) <= MOST * len(outcomes), [(item.name, item.error) for item in refused]


def reasons(item: Outcome) -> list[str]:
    return sorted({decision.reason for decision in item.decisions if not decision.action})


def is_named(error: Exception | None) -> bool:
    return isinstance(error, Unsupported) and bool(error.engine and error.feature and error.hint)


@each_setting
@each_engine
def test_our_own_files_are_changed(subject: Subject, setting: str) -> None:
    check(subject.engine, setting, [outcome(subject, path, setting) for path in own_files(subject.engine)])


@pytest.mark.slow
@each_setting
@each_engine
def test_files_of_others_are_changed(subject: Subject, setting: str) -> None:
    files = [path for path in subject.files() if path not in own_files(subject.engine)]
    if not files:
        pytest.skip(f"needs {subject.folder} in the shared folder; COULER_SHARED says where that is")
    check(subject.engine, setting, [outcome(subject, path, setting) for path in files])


FIELD = ["argo", "tekton"]


@pytest.mark.slow
@each_setting
@pytest.mark.parametrize("engine", where_shared("corpus/field", FIELD))
def test_files_from_the_field_are_changed(engine: str, setting: str) -> None:
    check(engine, setting, list(from_the_field(engine, setting)))


def from_the_field(engine: str, setting: str) -> Iterator[Outcome]:
    """What becomes of each file with workflows, where all of its repository are looked at together."""
    logging.disable(logging.WARNING)
    try:
        for repository in sorted((SHARED / "corpus" / "field").iterdir()):
            result = optimize(repository, [PASSES[setting]], engine=engine, plugins=plugins(), config=load_config(environ={}))
            for file in result.files:
                if not file.workflows and file.error is None:
                    continue
                if file.original is None or isinstance(file.error, CoulerError) and not isinstance(file.error, Unsupported):
                    continue  # nobody can read it
                before = [item.data for item in read(file.original.encode(), file.name).documents]
                after = file.documents or before
                found = bare(engine, before, setting), bare(engine, after, setting)
                yield Outcome(file.name, *found, file.status == "changed", file.error, file.decisions)
    finally:
        logging.disable(logging.NOTSET)
