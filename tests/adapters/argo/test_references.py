"""Argo's variables: taken apart and written again."""

from __future__ import annotations

from typing import Any
from typing import Literal as Literals

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.argo.objects import strings, tags
from adapters.subjects import ARGO, lift_file
from couler_argo.references import expression, native, value
from couler_argo.spelling import write, write_expression, write_native
from couler_plugins.errors import Unsupported
from couler_plugins.ir import ANY_STEP, Expression, FirstOf, Literal, Reference, map_references, references, replace
from couler_plugins.ir import without_origin as without

VARIABLES: dict[str, Reference] = {
    "inputs.parameters.p": Reference(to="input", kind="parameter", name="p"),
    "inputs.artifacts.a.path": Reference(to="input", kind="artifact", name="a", path=("path",)),
    "inputs.parameters": Reference(to="input", kind="parameter"),
    "outputs.parameters.o.path": Reference(to="output", kind="parameter", name="o", path=("path",)),
    "outputs.result": Reference(to="run", name="outputs", path=("result",)),
    "steps.a.outputs.result": Reference(to="output", step="a", kind="result", name="result"),
    "tasks.a-b.outputs.parameters.x_1": Reference(to="output", step="a-b", kind="parameter", name="x_1"),
    "tasks.a.outputs.parameters": Reference(to="output", step="a", kind="parameter"),
    "tasks.a.outputs.artifacts.x": Reference(to="output", step="a", kind="artifact", name="x"),
    "steps.a.outputs.exitCode": Reference(to="status", step="a", name="outputs.exitCode"),
    "steps.a.exitCode": Reference(to="status", step="a", name="exitCode"),
    "tasks.a.status": Reference(to="status", step="a", name="status"),
    "steps.a.ip": Reference(to="status", step="a", name="ip"),
    "item": Reference(to="item"),
    "item.k": Reference(to="item", name="k"),
    "workflow.parameters.p": Reference(to="parameter", kind="parameter", name="p"),
    "workflow.outputs.parameters.p": Reference(to="global", kind="parameter", name="p"),
    "workflow.outputs.artifacts.p": Reference(to="global", kind="artifact", name="p"),
    "workflow.name": Reference(to="run", name="workflow", path=("name",)),
    "workflow.labels.a-b": Reference(to="run", name="workflow", path=("labels", "a-b")),
    "pod.name": Reference(to="run", name="pod", path=("name",)),
    "retries": Reference(to="run", name="retries"),
    "lastRetry.exitCode": Reference(to="run", name="lastRetry", path=("exitCode",)),
    "cronworkflow.name": Reference(to="run", name="cronworkflow", path=("name",)),
    "not.known": Reference(to="unknown", name="not.known"),
    "": Reference(to="unknown"),
}


@pytest.mark.parametrize("name", VARIABLES)
def test_variables(name: str) -> None:
    scope = name.split(".", maxsplit=1)[0] if name.startswith(("steps", "tasks")) else "tasks"
    for text in (f"{{{{{name}}}}}", f"{{{{ {name} }}}}"):
        found = value(text)
        assert write(found) == text
        if VARIABLES[name].to == "unknown":  # kept as it is, to the space
            assert write(without(found)) == text
        else:
            assert found == VARIABLES[name]
            assert write(without(found), scope) == f"{{{{{name}}}}}"


def test_the_corpus_reads_back() -> None:
    for path in ARGO.files():
        for document in lift_file(ARGO, path).bundle.documents:
            for text in strings(document.data):
                found = value(text)
                assert write(found) == text
                assert sum(1 for _ in references(found)) >= sum(1 for tag in tags(text) if not tag.in_expression)
            assert write_native(native(document.data)) == document.data


EXPRESSIONS: dict[str, list[tuple[str, str]]] = {
    "tasks.a.outputs.parameters.x": [("output", "a")],
    "tasks['a-b'].outputs.parameters['x.y']": [("output", "a-b")],
    'steps["a"].outputs.result ?? "steps.no.outputs"': [("output", "a")],
    "tasks . a . status == 'Failed'": [("status", "a")],
    "'tasks.no' + `tasks.no` + \"it's tasks.no\"": [],
    "x.tasks.no.status": [],
    "mytasks.a.status": [],
    "tasks['a']?.outputs.result": [("status", "a")],
    "tasks?.a.outputs.result": [("status", ANY_STEP)],
    "tasks[inputs.parameters.which].outputs.result": [("status", ANY_STEP), ("input", "")],
    "{status: 1, tasks: 2}": [("status", ANY_STEP)],
    "filter(tasks, {.status == 'x'})": [("status", ANY_STEP)],
    "asInt(inputs.parameters.n) + 1e3 > 2": [("input", "")],
    "sprig.trim(inputs.parameters['it\\'s'])": [("input", "")],
    "": [],
    "a{{tasks.a.status}}b": [("status", "a")],
    "unclosed 'tasks.a": [("status", "a")],
}


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions(text: str) -> None:
    found = expression(text)
    assert [(reference.to, reference.step) for reference in references(found)] == EXPRESSIONS[text]
    assert write_expression(found) == text


def test_an_optional_member_stays_where_a_step_is_renamed() -> None:
    found = expression("steps['a']?.outputs?.result ?? 'x'")
    renamed = map_references(found, lambda reference: replace(reference, step="b-c", native=""))
    assert write_expression(renamed, "steps") == "steps['b-c']?.outputs?.result ?? 'x'"


@pytest.mark.parametrize("step", ["b", "b-c", "it's", 'say "x"', "1", "true"])
def test_renamed_in_every_spelling(step: str) -> None:
    def renamed(reference: Reference) -> Reference:
        return replace(reference, step=step, native="") if reference.step == "a" else reference

    found = map_references(expression("tasks['a'].status + tasks.a.outputs.result"), renamed)
    assert {reference.step for reference in references(expression(write_expression(found)))} == {step}


def test_other_tags_keep_their_spelling() -> None:
    found = value("{{ tasks.a.ip }}-{{ workflow.name }}-{{=  tasks['a'].ip + inputs.parameters['p'] }}")
    renamed = map_references(found, lambda item: replace(item, step="b", native="") if item.step == "a" else item)
    assert write(renamed) == "{{tasks.b.ip}}-{{ workflow.name }}-{{=  tasks.b.ip + inputs.parameters['p'] }}"


@pytest.mark.parametrize(
    "text",
    [
        "{{",
        "}}",
        "a {{ b",
        "{ {x}}",
        "{{{x}}}",
        "{{a}}}}",
        "{{a}} {{",
        "{{\n=1}}",
        "{{ =tasks.a.ip}}",
        "{{=}}",
        "{{='}}'}}",
    ],
)
def test_odd_braces(text: str) -> None:
    assert write(value(text)) == text
    assert write(without(value(text))) == text


def test_a_literal_that_looks_like_a_variable_is_refused() -> None:
    with pytest.raises(Unsupported, match="would take"):
        write(Literal(value="{{x}}"))


def test_values_that_lifting_does_not_make() -> None:
    chosen = FirstOf(values=(Reference(to="output", step="a-b", kind="parameter", name="x"), Literal(value="y")))
    assert write(chosen) == "{{=tasks['a-b'].outputs.parameters.x ?? \"y\"}}"
    bare = Expression(language="expr", parts=("1 + ", Reference(to="input", kind="parameter", name="p")))
    assert write(bare) == "{{=1 + inputs.parameters.p}}"
    assert write_expression(bare) == "1 + inputs.parameters.p"
    assert write_expression(value("{{inputs.parameters.a-b}}")) == "inputs.parameters['a-b']"
    kinds: tuple[Literals["secret"], Literals["workspace"]] = ("secret", "workspace")
    for to in kinds:
        with pytest.raises(Unsupported, match="no variable"):
            write(Reference(to=to, name="x"))


JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.text(),
        st.sampled_from(("{{a}}", '{{="x"}}', "{{'\"'", "}}")),
    ),
    lambda inner: st.one_of(st.lists(inner), st.dictionaries(st.text(), inner)),
    max_leaves=8,
)


@given(JSON)
def test_structures_read_back(data: Any) -> None:
    assert write_native(native(data)) == data
    assert native(write_native(native(data))) == native(data)
