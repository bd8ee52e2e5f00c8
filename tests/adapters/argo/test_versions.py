"""Spellings of Argo 3 and Argo 4."""

from __future__ import annotations

import pytest

from adapters.argo.crd import violations
from adapters.subjects import ARGO, lift_file, lift_source
from couler_argo.plugin import Options
from couler_plugins.documents import read
from couler_plugins.errors import InvalidInput, Unsupported
from couler_plugins.ir import without_origin
from couler_plugins.plan import Lowered, Plan
from documents.judge import apply, exactly

THREE = """\
apiVersion: argoproj.io/v1alpha1
kind: CronWorkflow
metadata: {name: c}
spec:
  schedule: "* * * * *"   # every minute
  workflowSpec:
    entrypoint: main
    synchronization: {semaphore: {configMapKeyRef: {name: s, key: k}}}
    templates:
    - name: main
      synchronization:
        mutex: {name: m}   # one at a time
      container: {image: i}
"""


def lowered(text: str, version: str) -> tuple[Lowered, str]:
    plan = lift_source(ARGO, read(text, "w.yaml"))
    result = ARGO.adapter.lower(plan, Options(version=version))
    for error in result.refused.values():
        raise error
    return result, ARGO.adapter.dump(result).texts.get(0, text)


def test_four_takes_lists() -> None:
    result, _ = lowered(THREE, "4.1")
    data = result.changed[0]
    assert data["spec"]["schedules"] == ["* * * * *"]
    assert data["spec"]["workflowSpec"]["synchronization"] == {
        "semaphores": [{"configMapKeyRef": {"name": "s", "key": "k"}}]
    }
    assert data["spec"]["workflowSpec"]["templates"][0]["synchronization"] == {"mutexes": [{"name": "m"}]}
    assert violations(read(THREE, "w").documents[0].data)
    assert not violations(data)
    assert len(result.decisions) == 3
    assert exactly(apply(read(THREE, "w").documents[0].data, [item.edit for item in result.edits]), data)
    assert all(item.decision is not None for item in result.edits)


def test_there_and_back() -> None:
    _, four = lowered(THREE, "4")
    three, _ = lowered(four, "3.5")
    assert exactly(three.changed[0], read(THREE, "w").documents[0].data)
    assert not lowered(four, "v4.1")[0].changed
    assert not lowered(THREE, "3")[0].changed
    assert not lowered(THREE, "")[0].changed


def test_several_mutexes_are_too_many_for_three() -> None:
    text = lowered(THREE, "4")[1].replace("- name: m\n", "- name: m\n        - name: n\n")
    with pytest.raises(Unsupported, match="one mutex") as error:
        lowered(text, "3.5")
    for both_known in ("3.6", "3.7", "v3.7.2"):
        assert not lowered(text, both_known)[0].changed
    assert (error.value.step, error.value.file) == ("main", "w.yaml")


def test_a_schedule_beside_schedules_is_refused() -> None:
    text = THREE.replace("  schedule: ", "  schedules: ['0 * * * *']\n  schedule: ")
    assert text != THREE
    with pytest.raises(Unsupported, match="both given"):
        lowered(text, "4.1")


@pytest.mark.parametrize("version", ["2", "5.0", "latest", "4.one"])
def test_unknown_versions(version: str) -> None:
    with pytest.raises(InvalidInput, match="no such version"):
        lowered(THREE, version)


def test_the_corpus_is_written_for_four() -> None:
    for path in ARGO.files():
        assert not ARGO.adapter.lower(lift_file(ARGO, path), Options(version="4.1")).changed


def test_a_template_without_origin_is_respelled_too() -> None:
    (workflow,) = lift_source(ARGO, read(THREE, "w")).workflows
    plan = Plan(bundle=ARGO.adapter.load(()), originals=(), workflows=(without_origin(workflow),))
    (document,) = ARGO.adapter.lower(plan, Options(version="4.1")).added
    assert not violations(document)
