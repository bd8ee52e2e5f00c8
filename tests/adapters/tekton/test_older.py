"""Documents of v1beta1: they are read and written as those of v1 are, and what is done to these is done to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from adapters.subjects import TEKTON, Subject, each_file, lift_source, lower_and_write
from adapters.tekton.caching.tasks import BASE, PIPELINE, WORKSPACE, cached, documents
from adapters.tekton.caching.test_corpus import S3, bounded, wrapped
from adapters.tekton.counts import objects
from adapters.tekton.older import for_v1beta1
from couler_plugins.documents import SourceFile, dump_yaml, read
from couler_plugins.ir import Literal, replace
from couler_plugins.testing import laws
from oracles.tekton_oracle import build

OLD_TASK = """\
apiVersion: tekton.dev/v1beta1
kind: Task
metadata:
  name: build
spec:
  steps:
    - name: make   # all of it
      image: busybox
      tty: true
      resources:
        limits: {memory: 1Gi}   # enough
"""
EXTRACT, API = "extract", "tekton{api=alpha}"


def older(text: str) -> str:
    """The documents of a text as v1beta1."""
    found = [document.data for document in read(text, "a.yaml").documents]
    return "---\n".join(dump_yaml(for_v1beta1(item) if any(objects(item)) else item) for item in found)


class OlderSubject(Subject):
    """The corpus, written for v1beta1."""

    def read(self, path: Path) -> SourceFile:
        return read(older(path.read_text()), path.name)


OLDER = OlderSubject(
    adapter=TEKTON.adapter,
    options=TEKTON.options,
    folder=TEKTON.folder,
    counted=TEKTON.counted,
    normal=TEKTON.normal,
    consistent=TEKTON.consistent,
    excused=TEKTON.excused,
    closed=TEKTON.closed,
    has_fields=TEKTON.has_fields,
)
every_fourth = pytest.mark.parametrize(("subject", "path"), each_file([OLDER])[::4])


@every_fourth
def test_the_laws_hold(subject: Subject, path: Path) -> None:
    laws.changes_nothing(subject, path)
    laws.lifts_everything(subject, path)
    laws.generates_the_same(subject, path)
    laws.keeps_unknown_fields(subject, path)


def test_resources_of_a_step_are_read_and_written_under_their_old_name() -> None:
    plan = lift_source(TEKTON, read(OLD_TASK, "a.yaml"))
    (workflow,) = plan.workflows
    (task,) = workflow.operations
    (step,) = task.containers
    assert step.limits == (("memory", Literal(value="1Gi")),)
    changed = replace(step, limits=(("memory", Literal(value="2Gi")),), requests=(("cpu", Literal(value="1")),))
    new = replace(workflow, operations=(replace(task, containers=(changed,)),))
    lowered, written = lower_and_write(TEKTON, plan.with_workflow(workflow, new))
    assert not lowered.refused
    (held,) = read(written.texts[0], "a.yaml").documents
    (said,) = held.data["spec"]["steps"]
    assert said["resources"] == {"limits": {"memory": "2Gi"}, "requests": {"cpu": "1"}}
    assert "computeResources" not in said
    assert "# all of it" in written.texts[0]


@pytest.mark.parametrize("pipeline", [S3, EXTRACT])
@every_fourth
def test_what_is_done_is_what_is_done_to_v1(subject: Subject, path: Path, pipeline: str) -> None:
    text = bounded(path)
    expected = cached(text, pipeline, API)
    result = cached(older(text), pipeline, API)
    assert [file.error for file in result.files] == [None]
    assert list(result.added_documents) == list(expected.added_documents)
    assert documents(result) == as_older(documents(expected), list(expected.added_documents))
    again = cached("---\n".join(map(dump_yaml, documents(result))), pipeline, API)
    assert not again.added_documents
    assert not any(file.edits for file in again.files)


def as_older(found: list[Any], added: list[Any]) -> list[Any]:
    """What v1beta1 would be changed to: new objects are of v1, whatever refers to them."""
    return [for_v1beta1(item) if any(objects(item)) and item not in added else item for item in found]


@pytest.mark.parametrize(("text", "pipeline"), [(BASE, WORKSPACE), (PIPELINE, S3)])
def test_tasks_look_their_results_up(text: str, pipeline: str) -> None:
    found = documents(cached(older(text), pipeline))
    assert len(list(wrapped(found))) == len(list(wrapped(documents(cached(text, pipeline))))) > 0
    assert "computeResources" not in dump_yaml([item for item in found if item["apiVersion"].endswith("v1beta1")])


@pytest.mark.oracle
@every_fourth
def test_tekton_accepts_what_is_made_of_what_it_accepts(
    tmp_path_factory: pytest.TempPathFactory, subject: Subject, path: Path
) -> None:
    oracle = build(tmp_path_factory)
    text = older(bounded(path))
    for pipeline in (S3, EXTRACT):
        before = [document.data for document in read(text, "a.yaml").documents]
        found = documents(cached(text, pipeline, API))
        old, new = oracle.judge([("alpha", before), ("alpha", found)])
        assert any(old) or not any(new), new
