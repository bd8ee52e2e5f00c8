"""The lint, one manifest for each thing that it finds."""

from __future__ import annotations

import copy
import re
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.argo.lint_cases import CASES, GOOD
from couler_argo.lint.codes import CODES
from couler_argo.lint.lint import lint
from couler_argo.plugin import Options
from couler_plugins.documents import Document, Finding, Remark, findings, read, render
from couler_plugins.documents.collector import collector_paused
from couler_plugins.engine_kit.legalize.schedules import schedule_problem
from couler_plugins.ir.bundle import Bundle
from support import corpus_paths

MARK = re.compile(r"#([!?~]) (\S+) (\S+)$")
SEVERITIES = {"!": "error", "?": "warning", "~": "note"}
CORPUS = corpus_paths("argo")


NEWEST = "4.1"


def linted(*texts: str, version: str = NEWEST) -> list[Finding]:
    bundle = Bundle.of(read(text, f"{number}.yaml") for number, text in enumerate(texts))
    return findings(bundle.documents, lint(bundle, Options(version=version)))


def remarks(*data: Any) -> list[Remark]:
    """What is said of documents that no file holds."""
    documents = tuple(Document("a.yaml", number, item, 1, "") for number, item in enumerate(data))
    return list(lint(Bundle((), documents, (0,) * len(data)), Options(version=NEWEST)))


def expected(text: str) -> set[tuple[str, str, int | None, str]]:
    marks = ((number, MARK.search(line)) for number, line in enumerate(text.splitlines(), 1))
    return {(SEVERITIES[m[1]], m[2], number, m[3].replace("~", "spec.templates[0]")) for number, m in marks if m}


@pytest.mark.parametrize("name", CASES)
def test_what_is_found(name: str) -> None:
    found = linted(CASES[name])
    places = {(item.severity, item.code, place.line, render(place.path)) for item in found for place in item.places}
    assert places == expected(CASES[name])
    assert all(item.hint or item.severity == "note" for item in found)


@pytest.mark.parametrize("name", GOOD)
def test_nothing_is_found(name: str) -> None:
    assert linted(GOOD[name]) == []


def test_there_is_a_case_for_each_code() -> None:
    found = {code for text in CASES.values() for _, code, _, _ in expected(text)}
    assert CODES.keys() - found == {
        "annotation",
        "crd-limit",
        "document-size",
        "private-copy",
        "stale-key",
    }  # elsewhere


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("entrypoint misspelt", "did you mean 'leaf'?"),
        ("resources", "did you mean 'create'?"),
        ("references", "did you mean 'inputs.parameters.p'?"),
    ],
)
def test_hints_name_what_may_have_been_meant(name: str, hint: str) -> None:
    assert hint in [finding.hint for finding in linted(CASES[name])]


def test_a_value_that_yaml_takes_for_something_else_wants_quotes() -> None:
    (found,) = linted(CASES["entrypoint misspelt"].replace("leef", "on").replace("name: leaf", "name: 'on'"))
    assert (found.code, found.hint) == ("wrong-type", "put it into quotes")


def test_messages_name_the_template_and_the_step() -> None:
    messages = [finding.message for finding in linted(CASES["calls"])]
    assert "template 'main', step 'a': calls 'nowhere', which does not exist" in messages


def test_values_are_filled_in_before_they_are_judged() -> None:
    text = CASES["entrypoint misspelt"].replace("leef", "leaf").replace("image: alpine", 'image: "{{workflow.name}}"')
    assert linted(text) == []


def test_templates_are_looked_up_in_the_namespace_of_the_caller() -> None:
    def library(namespace: str, template: str) -> str:
        metadata = f"{{name: lib, namespace: {namespace}}}" if namespace else "{name: lib}"
        kind = "apiVersion: argoproj.io/v1alpha1\nkind: WorkflowTemplate\n"
        return f"{kind}metadata: {metadata}\nspec: {{templates: [{{name: {template}, suspend: {{}}}}]}}\n"

    caller = """\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {name: a, namespace: one}
spec:
  entrypoint: main
  templates:
  - name: main
    steps: [[{name: a, templateRef: {name: lib, template: wanted}}]]
"""
    assert linted(caller, library("one", "wanted"), library("two", "other")) == []
    assert linted(caller, library("", "wanted"), library("two", "other")) == []
    assert [item.code for item in linted(caller, library("two", "wanted"))] == ["outside-bundle"]
    assert [item.code for item in linted(caller, library("one", "other"), library("", "wanted"))] == [
        "unknown-template"
    ]


@pytest.mark.parametrize("text", ["* * * * *", "@daily", "@every 1h30m", "0 0 1-5/2,7 * mon-fri", "TZ=UTC 0 0 * * 0"])
def test_schedules(text: str) -> None:
    assert not schedule_problem(text)


@pytest.mark.parametrize(
    "text", ["", "* * * *", "60 * * * *", "*/0 * * * *", "5-1 * * * *", "@often", "@every x", "TZ=x"]
)
def test_bad_schedules(text: str) -> None:
    assert schedule_problem(text)


def _workflow(*templates: Any, **more: Any) -> Any:
    head = {"apiVersion": "argoproj.io/v1alpha1", "kind": "Workflow", "metadata": {"name": "w"}}
    return {**head, "spec": {"entrypoint": "main", "templates": list(templates), **more}}


LEAF = {
    "name": "leaf",
    "inputs": {"parameters": [{"name": "p"}]},
    "outputs": {"parameters": [{"name": "o", "valueFrom": {"path": "/o"}}]},
    "container": {"image": "alpine", "args": ["{{inputs.parameters.p}}"]},
}


def _task(number: int, needs: int | None, reads: int | None, root: str = "tasks") -> Any:
    value = "x" if reads is None else f"{{{{{root}.t{reads}.outputs.parameters.o}}}}"
    task = {"name": f"t{number}", "template": "leaf", "arguments": {"parameters": [{"name": "p", "value": value}]}}
    return task if needs is None else {**task, "depends": f"t{needs}"}


def test_the_limits_of_crds() -> None:
    tasks = [_task(number, None, None) for number in range(201)]
    ports = [{"name": f"p{number}", "value": "x"} for number in range(501)]
    metrics = [{"name": f"m{number}", "help": "h", "counter": {"value": "1"}} for number in range(101)]
    many = [{"name": f"l{number}", "suspend": {}} for number in range(198)]
    wide = {"name": "wide", "inputs": {"parameters": ports}, "metrics": {"prometheus": metrics}, "suspend": {}}
    found = remarks(_workflow({"name": "main", "dag": {"tasks": tasks}}, LEAF, wide, *many))
    assert {(item.severity, item.code) for item in found} == {("error", "crd-limit")}
    assert [render(item.path) for item in found] == [
        "spec.templates",
        "spec.templates[0].dag.tasks",
        "spec.templates[2].inputs.parameters",
        "spec.templates[2].metrics.prometheus",
    ]
    assert not remarks(_workflow({"name": "main", "dag": {"tasks": tasks[:200]}}, LEAF))


@pytest.mark.parametrize(("size", "severity"), [(600_000, None), (800_000, "warning"), (1_600_000, "error")])
def test_the_size_of_documents(size: int, severity: str | None) -> None:
    found = remarks(_workflow({"name": "main", "container": {"image": "alpine", "args": ["x" * size]}}))
    assert [(item.severity, item.code) for item in found] == ([(severity, "document-size")] if severity else [])


@pytest.mark.parametrize(
    ("size", "large"), [(1_000, set()), pytest.param(10_000, {"document-size"}, marks=pytest.mark.slow)]
)
@pytest.mark.parametrize("reads", ["the one before", "the first", "the one in the middle"])
def test_large_dags_take_no_time(reads: str, size: int, large: set[str]) -> None:
    def read_by(number: int) -> int:
        return {"the one before": number - 1, "the first": 0, "the one in the middle": number // 2}[reads]

    tasks = [_task(0, None, None), *(_task(n, n - 1, read_by(n)) for n in range(1, size))]
    start = time.process_time()
    with collector_paused():  # as the command does
        found = remarks(_workflow({"name": "main", "dag": {"tasks": tasks}}, LEAF))
    assert time.process_time() - start < size / 1_250  # an eighth of that; test machines are slow
    assert {item.code for item in found} == {"crd-limit"} | large


@pytest.mark.slow
def test_no_depth_of_calls_is_too_deep() -> None:
    calls = [{"name": f"t{n}", "steps": [[{"name": "a", "template": f"t{n + 1}"}]]} for n in range(5_000)]
    found = remarks(_workflow(*calls, {"name": "t5000", "suspend": {}}, entrypoint="t0"))
    assert [item.code for item in found] == ["crd-limit"]


def _places(data: Any) -> list[tuple[Any, Any]]:
    """Every place in some data, as its holder and its key."""
    found: list[tuple[Any, Any]] = []
    pending = [data]
    while pending:
        holder = pending.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else ()
        found += [(holder, key) for key in keys]
        pending += [holder[key] for key in keys]
    return found


JUNK: st.SearchStrategy[Any] = st.sampled_from(
    [None, [], {}, 3, -1, 1.5, True, "", "{{", "}}{{=", "{{item.x}}", [[]], [None], {"name": None}]
)


@given(st.data())
def test_nothing_that_is_written_makes_it_fail(data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(CORPUS))
    documents = [document.data for document in read(path.read_bytes(), path.name).documents]
    for _ in range(data.draw(st.integers(1, 4))):
        places = _places(documents)
        holder, key = places[data.draw(st.integers(0, len(places) - 1))]
        other, at = places[data.draw(st.integers(0, len(places) - 1))]
        junk = copy.deepcopy(data.draw(JUNK) if data.draw(st.booleans()) else other[at])
        holder[at if isinstance(holder, dict) and isinstance(at, str) and data.draw(st.booleans()) else key] = junk
    for remark in remarks(*documents):
        assert remark.code in CODES
        assert remark.message
