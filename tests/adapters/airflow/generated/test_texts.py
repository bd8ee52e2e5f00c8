"""No text of a workflow becomes code, or is rendered: a pod gets what the manifest says, character by character."""

from __future__ import annotations

import ast
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.airflow.generated.corpus import written
from adapters.airflow.generated.dag_runs import GeneratedRun
from adapters.airflow.generated.test_random import executed
from adapters.airflow.generated.worlds import outcome_of
from couler_airflow.generating.texts import Jinja, spelt
from couler_plugins.errors import Unsupported
from couler_plugins.ir import (
    Argument,
    Axis,
    Call,
    Container,
    EnvVar,
    Graph,
    Literal,
    Loop,
    Native,
    Operation,
    Port,
    Reference,
    Step,
    Template,
    Workflow,
)
from couler_plugins.ir.bundle import Bundle
from couler_plugins.plan import Plan
from support import examples

pytestmark = pytest.mark.airflow
HOSTILE = (
    "{{ params.x }}",
    "{% raw %}{{ x }}{% endraw %}",
    "{# gone #}",
    "{{{{",
    "{",
    "a{",
    "}}",
    "'''; import os; '",
    '"""',
    "\\",
    "\\n",
    "line\nline\n",
    "\r\n",
    "\r",
    "run.sh",
    "pod.yaml",
    "x.json\n",
    "\u2028",
    "{{ '}}' }}",
    "%}",
    "{%- x -%}",
    "",
    "\x00\x1f",
    "{\n",
    "{{\r",
)
pieces = st.one_of(st.sampled_from(HOSTILE), st.text(alphabet="{}%#'\"\\\n\r ax.", max_size=8), st.text(max_size=6))
texts = st.lists(pieces, max_size=4).map("".join)
quick = settings(max_examples=examples(60), suppress_health_check=[HealthCheck.too_slow])


def workflow(value: Any, env: Any, loop: Loop | None = None) -> Workflow:
    """One pod with these texts in it."""
    container = Container(
        image=Literal(value="busybox"),
        command=(Literal(value="echo"),),
        args=(value, Reference(to="input", kind="parameter", name="x")),
        env=(EnvVar(name="E", value=env),),
    )
    inputs = (Port(name="x", value=env),)
    operation = Operation(name="pod", kind="container", inputs=inputs, containers=(container,))
    arguments = (Argument(name="x", value=Reference(to="item")),) if loop else ()
    step = Step(name="s", call=Call(name="pod"), loop=loop, arguments=arguments)
    graph = Graph(name="main", steps=(step,))
    port = Port(name="x", value=Literal(value="VALUE"))
    entry = Step(name="entry", call=Call(name="main"))
    return Workflow(
        name="w", engine="toy", kind="Toy", parameters=(port,), entry=entry, graphs=(graph,), operations=(operation,)
    )


def generated(item: Workflow) -> str:
    return written(item, Plan(bundle=Bundle.of(()), originals=(), workflows=(item,)))


def started(item: Workflow) -> list[Any]:
    return GeneratedRun(executed(generated(item)), lambda leaf: outcome_of(leaf, 0)).started


@quick
@given(texts, texts)
def test_a_text_stays_as_it_is(text: str, env: str) -> None:
    (leaf,) = started(workflow(Literal(value=text), Literal(value=env)))
    assert leaf.command == ("echo", text, env)
    assert leaf.env == (("E", env),)


@quick
@given(texts, texts)
def test_a_text_around_a_parameter_stays_as_it_is(before: str, after: str) -> None:
    value = Template(parts=(before, Reference(to="parameter", kind="parameter", name="x"), after))
    (leaf,) = started(workflow(value, value))
    assert leaf.command[1] == f"{before}VALUE{after}"
    assert leaf.env == (("E", f"{before}VALUE{after}"),)


@quick
@given(st.lists(texts, min_size=1, max_size=3))
def test_an_item_stays_as_it_is(items: list[str]) -> None:
    loop = Loop(axes=(Axis(name="item", values=Native.of(items)),))
    found = started(workflow(Literal(value="x"), Literal(value="y"), loop))
    assert [leaf.command[2] for leaf in found] == items


@quick
@given(texts, texts)
def test_names_are_ids_and_no_code(name: str, other: str) -> None:
    """Whatever things are called, the file has the same shape, and the ids are those that Airflow takes."""

    def named(name: str, other: str) -> str:
        pod = Operation(name=name, kind="container", containers=(Container(image=Literal(value=name)),))
        steps = (Step(name=f"a{name}", call=Call(name=name)), Step(name=f"b{other}", call=Call(name=name)))
        graph = Graph(name=f"graph {other}", steps=steps)
        entry = Step(name=other, call=Call(name=graph.name))
        return generated(
            Workflow(name=f"w{name}", engine=other, kind=name, entry=entry, graphs=(graph,), operations=(pod,))
        )

    source = named(name, other)
    assert shape(source) == shape(named("plain", "other"))
    assert len(executed(source).task_dict) == 2


def shape(source: str) -> list[str]:
    """The kinds of nodes of a file; a text that is not to be rendered is one like any other."""

    class Unwrapped(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:  # ast's own spelling
            self.generic_visit(node)
            return node.args[0] if isinstance(node.func, ast.Name) and node.func.id == "literal" else node

        def visit_alias(self, node: ast.alias) -> ast.alias | None:
            return None if node.name == "literal" else node

    return [type(node).__name__ for node in ast.walk(Unwrapped().visit(ast.parse(source)))]


@given(st.lists(st.one_of(texts, st.just(Jinja("1 + 1"))), max_size=4))
def test_a_rendered_text_is_a_string_that_jinja_completes(parts: list[Any]) -> None:
    from couler_airflow.generating.texts import joined

    text = joined(*((part,) for part in parts))
    assert isinstance(spelt(text, jinja=True), str)


def test_two_names_that_look_alike_become_two_ids() -> None:
    pod = Operation(name="pod", kind="container", containers=(Container(image=Literal(value="x")),))
    names = ("a b", "a_b", "a.b", "A_B", "é", "è")
    graph = Graph(name="main", steps=tuple(Step(name=name, call=Call(name="pod")) for name in names))
    entry = Step(name="entry", call=Call(name="main"))
    source = generated(Workflow(name="w", engine="toy", kind="Toy", entry=entry, graphs=(graph,), operations=(pod,)))
    assert sorted(executed(source).task_dict) == ["A_B", "_", "_-2", "a_b", "a_b-2", "a_b-3"]


def test_a_group_and_a_task_do_not_share_an_id() -> None:
    pod = Operation(name="pod", kind="container", containers=(Container(image=Literal(value="x")),))
    inner = Graph(name="inner", steps=(Step(name="b", call=Call(name="pod")),))
    steps = (Step(name="a", call=Call(name="inner")), Step(name="a.b", call=Call(name="pod")))
    graph = Graph(name="main", steps=steps)
    entry = Step(name="entry", call=Call(name="main"))
    source = generated(
        Workflow(name="w", engine="toy", kind="Toy", entry=entry, graphs=(graph, inner), operations=(pod,))
    )
    assert sorted(executed(source).task_dict) == ["a.b", "a_b"]


def test_call_trees_that_explode_are_refused() -> None:
    pod = Operation(name="g0", kind="container", containers=(Container(image=Literal(value="x")),))
    graphs = tuple(
        Graph(name=f"g{n + 1}", steps=tuple(Step(name=s, call=Call(name=f"g{n}")) for s in "ab")) for n in range(40)
    )
    entry = Step(name="entry", call=Call(name="g40"))
    item = Workflow(name="w", engine="toy", kind="Toy", entry=entry, graphs=graphs, operations=(pod,))
    with pytest.raises(Unsupported) as caught:
        generated(item)
    assert caught.value.feature == "Workflow.graphs"
