"""The promise: an optimizer that is written once changes the workflows of every engine.

Four passes that know nothing of engines run over the corpora. `carrying` judges raw documents, without any adapter:
which files hold a step that could carry what a pass sets, and whether each such step does afterwards.
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from adapters.argo.crd import violations
from adapters.argo.judge import judge, kinds
from adapters.kfp.test_protos import protos
from adapters.subjects import Subject, each_subject, lift_file, lower_and_write
from adapters.test_optimizing_laws import entry_of, runs_here, same_operations
from carrying import SETTINGS, bare
from conversions import JUDGES, plugins
from couler_airflow.airflow_compat import serialized
from couler_airflow.bundle import DagBundle
from couler_airflow.lower import commit
from couler_plugins import optimize
from couler_plugins.documents import read
from couler_plugins.errors import Unsupported
from couler_plugins.ir import Workflow, replace
from couler_plugins.options.config import load_config
from couler_plugins.plan import Decision, Plan
from default_passes import DefaultRequests, DefaultRetry, DefaultTimeout, Label
from documents.judge import apply, exactly
from ir.interpreter import MissingValueError, run
from optimizers.running import CONTEXT
from support import SHARED, own_files, where_shared

PASSES: dict[str, Any] = {
    "retry": DefaultRetry(),
    "timeout": DefaultTimeout(),
    "requests": DefaultRequests(),
    "label": Label(),
}
LEAST, WHOLE, MOST = 0.9, 0.9, 0.01
"""The shares of files that are changed and that carry it everywhere, of those with a step that could; of files that are
refused. A step that is called in one place and set in another file's keeps files from carrying it everywhere."""
# KFP warns of itself when it loads what was written.
pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning"),
    pytest.mark.sampled,
]
each_setting = pytest.mark.parametrize("setting", SETTINGS)
each_engine = pytest.mark.parametrize("subject", each_subject())


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
    lowered, _ = subject.lowered(new)
    before = bare(subject.engine, [item.data for item in new.bundle.documents], setting)
    after = bare(subject.engine, lowered.documents, setting)
    return Outcome(path.name, before, after, bool(lowered.edits), lowered.refused.get(0), new.decisions)


def check(engine: str, setting: str, outcomes: Sequence[Outcome]) -> None:
    """The promise, for one engine and one pass."""
    able = [item for item in outcomes if item.before]
    changed = [item for item in able if item.changed]
    everywhere = sum(not item.after for item in changed)
    refused = [item for item in outcomes if item.error is not None]
    counts = f"{len(able)} able, {len(changed)} changed, {everywhere} everywhere, {len(refused)} refused"
    print(f"{engine} {setting}: {len(outcomes)} files, {counts}")  # noqa: T201  # for `-s`
    missed = [(item.name, item.before[:3], item.error or reasons(item)) for item in able if not item.changed]
    assert len(changed) >= LEAST * len(able) > 0, missed
    partly = [(item.name, item.after[:3], reasons(item)) for item in changed if item.after]
    assert everywhere >= WHOLE * len(able), partly
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


@each_setting
@each_engine
def test_the_laws_hold_for_what_is_changed(subject: Subject, setting: str) -> None:
    changed = [laws_hold(subject, path, setting) for path in own_files(subject.engine)]
    assert any(changed)


NOTHING: Any = {"platforms": {"kubernetes": {"deploymentSpec": {"executors": {}}}}}
"""What the platform configuration is like that KFP goes without."""


def laws_hold(subject: Subject, path: Path, setting: str) -> bool:
    """Whether a file is changed by a pass; fails where that breaks a law, or the engine would refuse what was made."""
    old, new = lift_file(subject, path), optimized(subject, path, setting)
    lowered, _ = subject.lowered(new)
    if lowered.refused:
        return False
    before = [item.data for item in old.bundle.documents] + [NOTHING] * len(lowered.appended)
    for number, (data, made) in enumerate(zip(before, lowered.documents, strict=True)):
        edits = [traced.edit for traced in lowered.edits if traced.document == number]
        unaliased = json.loads(json.dumps(data))  # of YAML's anchors
        assert exactly(apply(unaliased, edits), made)  # locality
    assert all(traced.decision is not None for traced in lowered.edits)  # explained
    assert bool(lowered.edits) == any(item.action for item in new.decisions)
    assert all(item.reason and item.optimizer for item in new.decisions)
    again = subject.relifted(new, new.workflows)
    assert [subject.essence(item) for item in again] == [subject.essence(item) for item in new.workflows]  # identity
    twice = PASSES[setting].run(dataclasses.replace(old, originals=again, workflows=again), CONTEXT)
    assert twice.workflows == again  # determinism
    for workflow, changed in zip(old.workflows, new.workflows, strict=True):
        assert computes_the_same(workflow, changed)
    VALID[subject.engine](subject, new)
    return bool(lowered.edits)


def computes_the_same(before: Workflow, after: Workflow) -> bool:
    """Whether two workflows compute the same, as far as that can be told here; copies compute what they are of."""
    entry = before.entry or entry_of(before)
    if not runs_here(replace(before, entry=entry)):
        return True
    aliases = same_operations(before)
    by_source = {item.source: item.name for item in before.operations}
    copies = {item.name: aliases[by_source[item.source]] for item in after.operations}
    for failures in (0, 1):
        try:
            computed = run(replace(before, entry=entry), failures, aliases)
        except MissingValueError:  # of a run, which the judge does not know
            break
        if run(replace(after, entry=after.entry or entry), failures, copies) != computed:
            return False
    return True


def valid_argo(subject: Subject, plan: Plan) -> None:
    """The CRDs and our judge have nothing against it that they had not against the original."""
    before = [item.data for item in plan.bundle.documents]
    after = subject.lowered(plan)[0].documents
    assert not kinds(judge(after)) - kinds(judge(before))
    for old, new in zip(before, after, strict=True):
        assert not violations(new).keys() - violations(old).keys()


def valid_kfp(subject: Subject, plan: Plan) -> None:
    """KFP's protos have a place for all of it."""
    made = subject.lowered(plan)[0].documents
    assert list(protos([item for item in made if item.get("kind") != "Pipeline"]))  # that only names its versions


def valid_tekton(subject: Subject, plan: Plan) -> None:
    """Tekton's schemas and our lint find nothing that they did not find in the original."""
    lowered, written = lower_and_write(subject, plan)
    if lowered.edits:
        before, after = (JUDGES["tekton"](text) for text in (plan.bundle.files[0].text, written.texts[0]))
        assert not after or (before and after.count("; ") <= before.count("; ")), after


def valid_dags(subject: Subject, plan: Plan) -> None:
    """Airflow's scheduler reads what it serializes."""
    module = importlib.import_module("airflow.serialization.serialized_objects")
    assert isinstance(plan.bundle, DagBundle)
    done = commit(plan)
    try:
        for live in plan.bundle.live:
            read_again = getattr(module, "DagSerialization", module.SerializedDAG).from_dict(serialized(live.dag))
            assert set(read_again.task_dict) == set(live.dag.task_dict)
    finally:
        done.undo()


VALID = {"argo": valid_argo, "airflow": valid_dags, "kfp": valid_kfp, "tekton": valid_tekton}


@pytest.mark.slow
@each_setting
@each_engine
def test_files_of_others_are_changed(subject: Subject, setting: str) -> None:
    files = [path for path in subject.files() if path not in own_files(subject.engine)]
    if not files:
        pytest.skip(f"needs {subject.folder} in the shared folder; COULER_SHARED says where that is")
    check(subject.engine, setting, [outcome(subject, path, setting) for path in files])
    for path in files[::SAMPLE]:
        laws_hold(subject, path, setting)


SAMPLE = 3
"""Of so many files of others one is held to the laws."""
FIELD = ["argo", "tekton"]


@pytest.mark.slow
@each_setting
@pytest.mark.parametrize("engine", where_shared("corpus/field", FIELD))
def test_files_from_the_field_are_changed(engine: str, setting: str) -> None:
    check(engine, setting, list(from_the_field(engine, setting)))


def from_the_field(engine: str, setting: str) -> Iterator[Outcome]:
    """What becomes of each file with workflows, where all of its repository are looked at together."""
    logging.disable(logging.WARNING)  # what is beside workflows in their files is told for each
    settings = load_config(environ={})
    try:
        for folder in sorted((SHARED / "corpus" / "field").iterdir()):
            for file in optimize(folder, [PASSES[setting]], engine=engine, plugins=plugins(), config=settings).files:
                readable = file.error is None or isinstance(file.error, Unsupported)
                if readable and (file.workflows or file.error) and file.original is not None:
                    before = [item.data for item in read(file.original.encode(), file.name).documents]
                    able, left = (bare(engine, documents, setting) for documents in (before, file.documents or before))
                    yield Outcome(file.name, able, left, file.status == "changed", file.error, file.decisions)
    finally:
        logging.disable(logging.NOTSET)
