"""What the lint says depends on the release of Argo that a document is for."""

from __future__ import annotations

import pytest

from adapters.argo.lint_cases import CRON, GOOD, SPEC
from couler_argo.lint.lint import lint
from couler_argo.lint.report import Releases
from couler_argo.lint.rules import field_table
from couler_argo.plugin import ArgoAdapter, Options
from couler_plugins.documents import findings, read
from couler_plugins.engine_kit.crd.field_tables import FieldTable, kubernetes_fields
from couler_plugins.errors import InvalidInput
from couler_plugins.ir.bundle import Bundle

SCHEDULE = CRON + "  schedule: 0 0 * * *\n"
SCHEDULES = CRON + "  schedules: [0 0 * * *]\n"
HERE = "  - name: main\n"
MAIN = SPEC + "  - name: main\n    container: {image: alpine}\n"


def found(text: str, version: str) -> list[tuple[str, str]]:
    bundle = Bundle.of([read(text, "a.yaml")])
    return [(item.severity, item.code) for item in findings(bundle.documents, lint(bundle, Options(version=version)))]


@pytest.mark.parametrize(
    ("version", "first", "last"),
    [
        ("3.5", (3, 5), (3, 5)),
        ("v3.7.2", (3, 7), (3, 7)),
        ("3.x", (3, 0), (3, 99)),
        ("4", (4, 0), (4, 99)),
        ("", (3, 0), (4, 99)),
    ],
)
def test_a_version_stands_for_releases(version: str, first: tuple[int, int], last: tuple[int, int]) -> None:
    assert Releases.of(version) == (first, last)


def test_a_version_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidInput, match="no such version"):
        list(lint(Bundle.of([read(MAIN, "a.yaml")]), Options(version="2.9")))


@pytest.mark.parametrize("name", GOOD)
def test_what_is_right_is_right_without_a_version(name: str) -> None:
    assert found(GOOD[name], "") == []


@pytest.mark.parametrize(
    ("text", "version", "severity", "code"),
    [
        # one schedule: up to 3.7; a list: from 3.6 on
        (SCHEDULE, "3.4", "", ""),
        (SCHEDULE, "3.5", "", ""),
        (SCHEDULE, "3.7", "", ""),
        (SCHEDULE, "3.x", "", ""),
        (SCHEDULE, "4.0", "error", "old-spelling"),
        (SCHEDULE, "", "note", "old-spelling"),
        (SCHEDULES, "3.6", "", ""),
        (SCHEDULES, "4.1", "", ""),
        (SCHEDULES, "", "", ""),
        (SCHEDULES, "3.5", "error", "unknown-field"),
        (SCHEDULE + "  schedules: [0 0 * * *]\n", "3.7", "error", "cron-schedule"),
        (CRON + "  schedule: 61 0 * * *\n", "3.5", "error", "cron-schedule"),
        (CRON, "3.5", "error", "cron-schedule"),
        (CRON, "3.7", "warning", "cron-schedule"),
        (CRON, "4.0", "error", "cron-schedule"),
        (SCHEDULE + "  timezone: Europe/Nowhere\n", "3.5", "warning", "cron-timezone"),
        (SCHEDULE + "  timezone: Europe/Nowhere\n", "3.7", "error", "cron-timezone"),
        (CRON + "  schedule: '@every 1.5h'\n", "3.7", "", ""),
        # locks, priorities
        (MAIN + "    synchronization: {mutex: {name: a}}\n", "3.5", "", ""),
        (MAIN + "    synchronization: {mutex: {name: a}}\n", "4.1", "error", "old-spelling"),
        (MAIN + "    synchronization: {mutexes: [{name: a}]}\n", "3.5", "error", "unknown-field"),
        (MAIN + "    synchronization: {mutexes: [{name: a, database: true}]}\n", "3.6", "error", "unknown-field"),
        (MAIN + "    priority: 3\n", "3.6", "", ""),
        (MAIN + "    priority: 3\n", "3.7", "error", "old-spelling"),
        (MAIN + "    priority: 3\n", "", "note", "old-spelling"),
        (MAIN + "    annotations: {a: b}\n", "3.6", "error", "unknown-field"),
        (MAIN + "    annotations: {a: b}\n", "", "", ""),
        (MAIN + "    podResources: {limits: {cpu: 1}}\n", "4.0", "error", "unknown-field"),
        (MAIN + "    podResources: {limits: {cpu: 1}}\n", "4.1", "", ""),
        # what only the full CRDs refuse
        (MAIN + "    memoize: {key: k, cache: {configMap: {name: c}}}\n", "3.7", "", ""),
        (MAIN + "    memoize: {key: k, cache: {configMap: {name: c}}}\n", "4.0", "error", "crd-rule"),
        (MAIN + "    memoize: {key: k, cache: {configMap: {name: c}}}\n", "", "note", "crd-rule"),
        (MAIN.replace("spec:\n", "spec:\n  parallelism: 0\n"), "3.7", "warning", "crd-rule"),
        (MAIN.replace("spec:\n", "spec:\n  parallelism: 0\n"), "4.0", "error", "crd-rule"),
        # names
        (MAIN + "    sidecars: [{name: wait, image: a}]\n", "4.0", "warning", "reserved-name"),
        (MAIN + "    sidecars: [{name: wait, image: a}]\n", "4.1", "error", "reserved-name"),
        (MAIN + "    sidecars: [{name: supervisor, image: a}]\n", "4.0", "", ""),
        (MAIN + "    metrics: {prometheus: [{name: 'a:b', help: h, counter: {value: '1'}}]}\n", "3.5", "", ""),
        (
            MAIN + "    metrics: {prometheus: [{name: 'a:b', help: h, counter: {value: '1'}}]}\n",
            "3.6",
            "error",
            "metric",
        ),
        (
            MAIN + "    metrics: {prometheus: [{name: 'a-b', help: h, counter: {value: '1'}}]}\n",
            "3.5",
            "error",
            "metric",
        ),
    ],
)
def test_each_release_has_its_own_rules(text: str, version: str, severity: str, code: str) -> None:
    assert found(text, version) == ([(severity, code)] if code else [])


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("image: alpine", "imagee: x, image: a", "Container has no field 'imagee'", "did you mean 'image'?"),
        ("image: alpine", "Image: x, image: a", "Container has no field 'Image'", "did you mean 'image'?"),
        ("image: alpine", "image: a, env: [{nme: a}]", "EnvVar has no field 'nme'", "did you mean 'name'?"),
        (HERE, HERE + "    retryStrategy: {limits: 3}\n", "RetryStrategy has no field 'limits'", "'limit'"),
        (HERE, HERE + "    volumeMounts: []\n", "Template has no field 'volumeMounts'", "it belongs in container, "),
        ("{generateName: a-}", "{name: a, annotation: {}}", "ObjectMeta has no field 'annotation'", "'annotations'"),
        ("spec:\n", "spec:\n  affinity: {nodeafinity: {}}\n", "Affinity has no field", "'nodeAffinity'"),
        ("spec:\n", "spec:\n  hooks: {exit: {templat: m}}\n", "LifecycleHook has no field", "'template'"),
        ("spec:\n", "spec:\n  etc: 1\n", "WorkflowSpec has no field 'etc'", "remove it"),
        ("spec:\n", "spec:\n  podGC: {when: x}\n", "PodGC has no field 'when'", "the fields here are delete"),
    ],
)
def test_unknown_fields_are_found_anywhere(old: str, new: str, message: str, hint: str) -> None:
    text = MAIN.replace(old, new, 1)
    bundle = Bundle.of([read(text, "a.yaml")])
    (item,) = findings(bundle.documents, lint(bundle))
    assert (item.severity, item.code) == ("error", "unknown-field")
    assert item.message.startswith(message)
    assert hint in item.hint


def test_what_nobody_looks_into_is_left_alone() -> None:
    text = (
        MAIN
        + "    plugin: {any: {thing: 1}}\n    nodeSelector: {any: thing}\n    podSpecPatch: '{}'\nstatus: {any: 1}\n"
    )
    bundle = Bundle.of([read(text, "a.yaml")])
    assert "unknown-field" not in {remark.code for remark in lint(bundle)}


def test_fields_inside_of_steps_are_dropped_where_no_crd_looks() -> None:
    step = "[{name: a, inline: {container: {image: a}}, continueOn: {fail: true}}]"
    text = SPEC + f"  - {{name: main, steps: [{step}]}}\n"
    assert found(text, "4.1") == [("error", "unknown-field")]
    assert found(text, "3.7") == found(text, "") == [("warning", "unknown-field")]
    inner = text.replace("image: a}}, continueOn: {fail: true}", "image: a, imagee: b}}")
    assert found(inner, "4.1") == [("warning", "unknown-field")]


@pytest.mark.parametrize("table", [field_table(), kubernetes_fields()])
def test_every_structure_that_is_named_is_in_the_tables(table: FieldTable) -> None:
    for name in table.structures:
        for field in table.fields(name).values():
            assert not field.structure or table.fields(field.structure)


def test_every_kind_is_in_the_table() -> None:
    for group in ArgoAdapter.groups:
        assert set(group.kinds) <= set(field_table().structures)
