"""Argo and Tekton accept what `guard` writes, and Argo's own expressions say what the local engine reads in them."""

from __future__ import annotations

import json
import re
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import SUBJECTS, lift_file
from couler_argo.retries import condition_of
from couler_plugins.documents import read
from oracles.argo_oracle import Call, Run, build
from oracles.argo_oracle import Oracle as Argo
from oracles.tekton_oracle import Oracle as Tekton
from oracles.tekton_oracle import build as build_tekton
from reliability.test_guard_conditions import ATTEMPTS, NEVER_BEGAN, NO_MEMORY, OF_PLUGINS, repeated, says_yes
from reliability.test_guard_corpus import ALL, guarded
from support import corpus_paths

pytestmark = pytest.mark.oracle
SUBJECT = {subject.engine: subject for subject in SUBJECTS}


@pytest.fixture(scope="session")
def argo(tmp_path_factory: pytest.TempPathFactory) -> Argo:
    return build(tmp_path_factory)


@pytest.fixture(scope="session")
def tekton(tmp_path_factory: pytest.TempPathFactory) -> Tekton:
    return build_tekton(tmp_path_factory)


@cache
def written(engine: str) -> list[tuple[Path, list[Any], list[Any]]]:
    """The documents of each corpus file, and what they are with nothing declared and with all of it."""
    result: list[tuple[Path, list[Any], list[Any]]] = []
    subject = SUBJECT[engine]
    for path in corpus_paths(engine):
        plan = lift_file(subject, path)
        before = [one.data for file in plan.bundle.files for one in file.documents]
        for rows in ((), (ALL,)):
            lowered, _ = subject.lowered(guarded(plan, subject.adapter, plan, *rows))
            texts = subject.adapter.dump(lowered).texts
            files = [read(texts.get(number, file.text), file.name) for number, file in enumerate(plan.bundle.files)]
            result.append((path, before, [one.data for file in files for one in file.documents]))
    return result


def test_argo_reads_conditions_as_the_local_engine_does(argo: Argo) -> None:
    tables = [repeated(), NEVER_BEGAN, NO_MEMORY, OF_PLUGINS]
    messages = [attempt.message for attempt in ATTEMPTS]
    attempts = [("-1" if one.exit_code is None else str(one.exit_code), "Failed", one.message) for one in ATTEMPTS]
    attempts += [("137", "Error", f"{one}\n{other}") for one, other in pairwise(messages)]
    answers = argo.decisions([condition_of(table) for table in tables], attempts)
    for table, answer in zip(tables, answers, strict=True):
        assert answer[: len(ATTEMPTS)] == [says_yes(table, attempt) for attempt in ATTEMPTS]
        assert 0 < sum(answer) < len(attempts)


def test_argo_accepts_guarded_workflows_and_evaluates_what_is_in_them(argo: Argo) -> None:
    cases = [(path, before, after) for path, before, after in written("argo") if before != after]
    old, new = (argo.judge(side) for side in ([one for _, one, _ in cases], [one for *_, one in cases]))
    for (path, *_), one, other in zip(cases, old, new, strict=True):
        assert [verdict.complaint for verdict in other] == [verdict.complaint for verdict in one], path
    text = json.dumps([after for _, _, after in cases])
    conditions = sorted({json.loads(f'"{one}"') for one in re.findall(r'"expression": "((?:[^"\\]|\\.)*)"', text)})
    own = [one for one in conditions if one.startswith("lastRetry.message matches '^")]
    answers = argo.decisions(own, [("1", "Failed", "main: Error (exit code 1)"), ("-1", "Error", "timeout")])
    assert answers == [[False, False]] * len(own)
    assert len(own) >= 2
    assert len(cases) >= 60


@pytest.mark.parametrize(("retries", "memory"), [("0", "2Gi"), ("1", "4Gi"), ("2", "8Gi"), ("3", "8Gi")])
def test_argo_fills_in_the_memory_of_an_attempt(argo: Argo, retries: str, memory: str) -> None:
    key = "{{=retries == '0' ? '2Gi' : retries == '1' ? '4Gi' : '8Gi'}}"  # what a patch of `guard` says
    template = {
        "name": "main",
        "container": {"image": "busybox"},
        "memoize": {"key": key, "cache": {"configMap": {"name": "cache"}}},
    }
    document = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "subject"},
        "spec": {"entrypoint": "main", "templates": [template]},
    }
    ((found,),) = argo.keys([Call([document], runs=[Run("main", locals={"retries": retries})])])
    assert found.key == memory


def test_tekton_accepts_guarded_pipelines(tekton: Tekton) -> None:
    cases = [(path, before, after) for path, before, after in written("tekton") if before != after]
    sides = [("alpha", before) for _, before, _ in cases], [("alpha", after) for _, _, after in cases]
    old, new = (tekton.judge(side) for side in sides)
    for (path, *_), one, other in zip(cases, old, new, strict=True):
        assert other == one, path
    assert len(cases) >= 20
