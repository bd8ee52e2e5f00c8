"""What the lint finds in Tekton's documents, where it says so, and what it says to do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapters.tekton.counts import objects
from adapters.tekton.lint_cases import ALL, CASES, GOOD, LINES, OLD_PIPELINE_RUN, PIPELINE, RUN, TASK
from adapters.tekton.lint_mutations import KINDS, Mutation, mutants
from adapters.tekton.older import for_v1beta1
from couler_plugins import api
from couler_plugins.documents import Document, Finding, findings, read, render
from couler_plugins.engine_kit.crd.field_tables import kubernetes_fields
from couler_plugins.engine_kit.durations import go_seconds
from couler_plugins.inputs.sources import Text
from couler_plugins.ir.bundle import Bundle
from couler_tekton.lint.codes import CODES
from couler_tekton.lint.fields import OBJECTS, Structure
from couler_tekton.lint.lint import lint
from couler_tekton.lint.older import OLDER
from couler_tekton.plugin import Options
from support import CORPUS, ROOT, SHARED, at_least, corpus_files, corpus_paths, first_of, where_shared

pytestmark = pytest.mark.sampled

WARNINGS = {"api-level", "duplicate-object", "missing-argument", "missing-workspace", "reread-value", "unknown-result"}
NOTES = {"ambiguous-reference", "field-case"}
SCHEMAS = SHARED / "schemas" / "tekton"
FEW = 3
"""In how many objects each mutation is tried."""


def found_in(text: str, options: Options | None = None) -> list[Finding]:
    bundle = Bundle.of([read(text, "a.yaml")])
    return findings(bundle.documents, lint(bundle, options))


@pytest.mark.parametrize("name", GOOD)
def test_nothing_is_found_in_good_documents(name: str) -> None:
    assert found_in(GOOD[name]) == []


@pytest.mark.parametrize("code", CODES)
def test_each_kind_of_finding_has_a_place_and_a_remedy(code: str) -> None:
    found = [finding for finding in found_in(CASES[code]) if finding.code == code]
    assert found
    severity = "warning" if code in WARNINGS else "note" if code in NOTES else "error"
    assert {finding.severity for finding in found} == {severity}
    assert all(finding.hint and finding.line for finding in found)
    if code in LINES:
        assert LINES[code] in CASES[code].splitlines()[(found[0].line or 0) - 1]


@pytest.mark.parametrize("code", sorted(CASES))
def test_one_thing_that_is_wrong_leads_to_few_remarks(code: str) -> None:
    assert len(found_in(CASES[code])) <= 4


def test_every_code_is_in_the_table_and_in_the_documentation() -> None:
    assert list(CODES) == sorted(CODES) == sorted(CASES)
    page = (ROOT / "docs" / "lint-tekton.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]
    assert rows == [f"| `{code}` | {meaning} |" for code, meaning in CODES.items()]


def test_every_code_is_what_some_mutation_leads_to() -> None:
    """In documents of the corpus, among the others of their files, as v1 and as v1beta1."""
    files = [
        [item for one in read(path.read_bytes(), "a.yaml").documents for item in objects(one.data)]
        for path in reversed(corpus_paths("tekton"))  # the shared ones first: a few of each kind are tried
    ]
    found = {code for kind in KINDS.values() for code in provoked(kind, [items for items in files if items])}
    rare = {"missing-workspace", "nested-result", "resources"}  # these take what only the shared corpus has
    elsewhere = {"ambiguous-reference", "duplicate-object", "reread-value"}  # which take a second object, and a text
    assert found | (rare if at_least(1, 0) else set()) == set(CODES) - elsewhere


def provoked(mutation: Mutation, files: list[list[Any]]) -> Iterator[str]:
    """The codes that are found in files where one object is broken, and not in them as they are."""
    able = [
        (items, number) for items in files for number, item in enumerate(items) if any(True for _ in mutation(item))
    ]
    for items, number in able[:: -(-len(able) // FEW) or 1]:
        before = codes(items)
        for broken in mutants(mutation, items[number], 2):
            whole = [*items[:number], broken, *items[number + 1 :]]
            yield from codes(whole) - before
            yield from codes(list(map(for_v1beta1, whole))) - before


def codes(items: list[Any]) -> set[str]:
    wrapped = tuple(Document("a.yaml", number, item, 1, "") for number, item in enumerate(items))
    return {remark.code for remark in lint(Bundle((), wrapped, (0,) * len(wrapped)))}


def test_a_level_makes_an_error_of_what_it_does_not_take() -> None:
    assert [finding.severity for finding in found_in(CASES["api-level"], Options(api="beta"))] == ["error"]
    assert found_in(CASES["api-level"], Options(api="alpha")) == []


@pytest.mark.parametrize(
    ("to", "severities"),
    [
        ("", ["warning"]),
        ("tekton", ["error"]),
        ("tekton{api=stable}", ["error"]),
        ("tekton{api=alpha}", []),
        ("argo{version=3.7}", ["warning"]),
    ],
)
def test_the_level_is_that_of_the_target(to: str, severities: list[str]) -> None:
    """Where nothing is said of the cluster, what only some take is a warning."""
    found = api.lint(Text(CASES["api-level"]), to=to)
    assert [finding.severity for finding in found.findings] == severities


def test_cluster_tasks_are_said_to_be_gone() -> None:
    text = PIPELINE.replace("taskRef:\n        name: build", "taskRef:\n        kind: ClusterTask\n        name: build")
    (finding,) = [one for one in found_in(text) if one.severity == "error"]
    assert (finding.code, finding.message) == ("custom-task", "Tekton has no ClusterTasks any more")
    assert "cluster" in finding.hint


def test_a_field_in_another_case_is_what_go_reads_it_as() -> None:
    old = "          - image: busybox\n            script: echo $(params.state)"
    assert old in ALL
    codes = {
        one.code for one in found_in(ALL.replace(old, f"{old.replace('image', 'Image')}\n            command: [a]"))
    }
    assert codes == {"field-case", "script-and-command"}


def test_what_is_read_otherwise_is_said_where_it_stands() -> None:
    text = ALL.replace("default: busybox", "default: 1.20").replace("{host: {type: string}}", "{on: {type: string}}")
    found = [(one.line, one.message) for one in found_in(text) if one.code == "reread-value"]
    lines = text.splitlines()
    assert found == [
        (lines.index("      default: 1.20") + 1, "1.20 is read as 1.2, which is another text"),
        (lines.index("      properties: {on: {type: string}}") + 1, "on is read as true, which is another text"),
    ]


def test_a_misspelled_name_is_named() -> None:
    (finding,) = found_in(CASES["unknown-task"])
    assert finding.hint == "did you mean 'build'?"


@pytest.mark.parametrize("path", corpus_files("tekton"))
def test_no_false_alarm_on_examples(path: Path) -> None:
    """At the level of its folder; one of the examples Tekton refuses itself, and one needs a cluster's default."""
    alpha = path.parent.name == "alpha" or path.is_relative_to(CORPUS)
    bundle = Bundle.of([read(path.read_bytes(), path.name)])
    codes = {
        remark.code for remark in lint(bundle, Options(api="alpha" if alpha else "beta")) if remark.severity != "note"
    }
    expected = {
        "compressed-results-pipeline.yaml": {"unknown-variable"},
        "default-workspaces.yaml": {"missing-workspace"},
    }
    assert codes == expected.get(path.name, set())


OLD_FINDINGS = [
    ("timeout: 1h", "timeout: -1h", "error", "timeout", "timeout: -1h"),
    ("timeout: 1h", "timeout: 1h\n  timeouts: {pipeline: 1h}", "error", "timeout", "timeout: 1h"),
    ("workspace: data", "workspace: date", "error", "unknown-workspace", "workspace: date"),
    ("workspace: data", "workspace: source", "", "", ""),  # the webhook takes the names that tasks give them, too
    ("- name: data", "- name: date", "error", "unknown-workspace", "workspace: data"),
    ("pipelineTaskName: build", "pipelineTaskName: built", "warning", "unknown-task", "pipelineTaskName: built"),
    ("requests: {cpu", "request: {cpu", "error", "unknown-field", "request: {cpu"),
    ("image: busybox, resources", "resources", "warning", "missing-field", "aside"),
    ("name: aside", "name: tekton-log-results", "error", "invalid-name", "tekton-log-results"),
    ("          steps:", "          resources: {}\n          steps:", "error", "removed-field", "resources: {}"),
    ("        taskSpec:", "        resources: {}\n        taskSpec:", "error", "removed-field", "resources: {}"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "severity", "code", "line"), OLD_FINDINGS)
def test_v1beta1_has_rules_of_its_own(old: str, new: str, severity: str, code: str, line: str) -> None:
    text = OLD_PIPELINE_RUN.replace(old, new, 1)
    found = found_in(text)
    assert [(finding.severity, finding.code) for finding in found] == ([(severity, code)] if code else [])
    assert all(line in text.splitlines()[(finding.line or 0) - 1] for finding in found)


@pytest.mark.parametrize(
    ("name", "old", "new", "place", "hint"),
    [
        ("a", "  name: build\n", "  name: build\n  annotation: {a: b}\n", "metadata.annotation", "'annotations'"),
        ("a", "  name: build\n", "  name: build\n  description: a\n", "metadata.description", "remove it"),
        ("a", "      command: [make]", "      resources: {}\n      command: [make]", "resources", "'computeResources'"),
        (
            "a",
            "[{name: digest}]",
            "[{name: digest, of: a}]",
            "results[0].of",
            "the fields here are description, name, ",
        ),
        ("a", "emptyDir: {}", "emptyDir: {sizeLimits: 1Gi}", "spec.volumes[0].emptyDir.sizeLimits", "'sizeLimit'"),
        ("b", "spec:\n", "spec:\n  taskRunTemplate: {podTemplate: {toleration: []}}\n", "toleration", "'tolerations'"),
        (
            "b",
            "spec:\n",
            "spec:\n  taskRunTemplate: {podTemplate: {affinity: {nodeAfinity: {}}}}\n",
            "spec.taskRunTemplate.podTemplate.affinity.nodeAfinity",
            "'nodeAffinity'",
        ),
    ],
)
def test_unknown_fields_of_kubernetes_are_found(name: str, old: str, new: str, place: str, hint: str) -> None:
    text = {"a": TASK, "b": RUN}[name].replace(old, new, 1)
    (finding,) = (item for item in found_in(text) if item.severity == "error")
    assert (finding.code, render(finding.path).endswith(place)) == ("unknown-field", True)
    assert hint in finding.hint


def test_long_names_of_pipelines_as_code_are_prefixes() -> None:
    long = RUN.replace("generateName: main-", f"name: {'a' * 70}")
    assert "invalid-name" in {item.code for item in found_in(long)}
    annotated = long.replace("metadata:\n", "metadata:\n  annotations: {pipelinesascode.tekton.dev/on-event: x}\n", 1)
    assert "invalid-name" not in {item.code for item in found_in(annotated)}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1h30m", 5400.0),
        ("0", 0.0),
        ("-5s", -5.0),
        ("1.5m", 90.0),
        ("10", None),
        ("", None),
        ("1d", None),
        ("+2s", 2.0),
    ],
)
def test_durations(text: str, value: float | None) -> None:
    assert go_seconds(text) == value


VERSIONED = [pytest.param("v1beta1", kind) for kind in OLDER] + [pytest.param("v1", kind) for kind in OBJECTS]


@pytest.mark.parametrize(
    ("version", "kind"),
    where_shared("schemas/tekton", first_of(VERSIONED, 4)),
)
def test_the_fields_are_those_of_the_schemas(version: str, kind: str) -> None:
    path = SCHEMAS / f"300-{kind.lower()}.yaml"
    versions = {held["name"]: held for held in yaml.safe_load(path.read_text())["spec"]["versions"]}
    held = versions["v1beta1" if kind == "StepAction" else version]
    shape = (OLDER if version == "v1beta1" else OBJECTS)[kind]
    compare(shape, held["schema"]["openAPIV3Schema"]["properties"]["spec"], kind)


def compare(shape: Any, schema: Any, place: str) -> None:
    """That a shape has the fields of a schema, as far as both look into them."""
    if isinstance(shape, list) and "type" in schema:  # the schema does not look into volumes
        assert schema["type"] == "array", place
        compare(shape[0], schema["items"], place)
    elif isinstance(shape, dict) and "*" not in shape and "properties" in schema:
        assert set(shape) == set(schema["properties"]), place
        for key, inner in shape.items():
            compare(inner, schema["properties"][key], f"{place}.{key}")
    elif isinstance(shape, Structure):
        compare_structure(shape.name, schema, place)
    elif isinstance(shape, str) and shape and "type" in schema:
        types = {"string": ("a text", "a duration"), "boolean": ("true or false",), "integer": ("a whole number",)}
        types |= {"object": ("a mapping",), "array": ("a list",)}
        assert shape in types[schema["type"]], place


def compare_structure(name: str, schema: Any, place: str) -> None:
    """That the table of Kubernetes' structures has whatever a schema has."""
    if "properties" not in schema:
        return
    fields = kubernetes_fields().fields(name)
    assert set(schema["properties"]) <= set(fields), place
    for key, inner in schema["properties"].items():
        if field := fields[key].structure:
            compare_structure(field, inner.get("items", inner), f"{place}.{key}")
