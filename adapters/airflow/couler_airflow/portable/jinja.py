"""Jinja as Python: what Airflow renders before a task runs, as a function that renders it where the task runs.

Source: https://jinja.palletsprojects.com/en/stable/extensions/#low-level-metadata for the nodes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from jinja2 import Environment, TemplateError, nodes

from couler_airflow.portable.context import FOREIGN, KNOWN, OBJECTS
from couler_airflow.portable.legality import refuse

FILTERS = {
    "upper": "str({}).upper()",
    "lower": "str({}).lower()",
    "trim": "str({}).strip()",
    "int": "int({})",
    "float": "float({})",
    "string": "str({})",
    "length": "len({})",
    "tojson": "_json.dumps({}, sort_keys=True)",
    "list": "list({})",
    "ds": "{}.strftime('%Y-%m-%d')",
    "ds_nodash": "{}.strftime('%Y%m%d')",
    "ts": "{}.isoformat()",
    "ts_nodash": "{}.strftime('%Y%m%dT%H%M%S')",
}
"""Filters without arguments: Jinja's, and Airflow's."""
MACROS = {"ds_add": "_ds_add"}
DS_ADD = """\
def _ds_add(ds, days):
    import datetime

    date = datetime.datetime.strptime(str(ds), "%Y-%m-%d") + datetime.timedelta(days=days)
    return date.strftime("%Y-%m-%d")
"""
OPERATORS = {"eq": "==", "ne": "!=", "lt": "<", "lteq": "<=", "gt": ">", "gteq": ">=", "in": "in", "notin": "not in"}
BINARY = {"Add": "+", "Sub": "-", "Mul": "*", "Div": "/", "FloorDiv": "//", "Mod": "%", "And": "and", "Or": "or"}
FUNCTIONS = ("range",)
JINJA = re.compile(r"\{[{%#]")
ENVIRONMENT = Environment(autoescape=False)  # noqa: S701  # Airflow's renders no pages, either


def has_jinja(text: str) -> bool:
    """Return whether there is something in a text that Airflow renders."""
    return JINJA.search(text) is not None


class Translation:
    """Translates texts of one task.

    Args:
        task: the id of the task, for errors.
        dag: the id of its DAG.
        use: gives what stands for a key of the context; with an attribute, for that of the object.
        pull: gives what stands for an XCom, by task and key.
        define: takes a definition that is needed around.
    """

    def __init__(
        self,
        task: str,
        dag: str,
        use: Callable[[str, str], str],
        pull: Callable[[str, str], str],
        define: Callable[[str], None],
    ) -> None:
        self._task = task
        self._dag = dag
        self._use = use
        self._pull = pull
        self._define = define
        self._local: list[str] = []

    def expression(self, text: str) -> tuple[list[str], str]:
        """Return the lines that render a text, and the expression that it is then.

        Raises:
            Unsupported: there is something in it that only Airflow renders.
        """
        try:
            template = ENVIRONMENT.parse(text)
        except TemplateError as error:
            raise self._refusal(f"has Jinja that cannot be read: {error}") from None
        if all(isinstance(node, nodes.Output) for node in template.body):
            parts = [self._text(part) for node in template.body for part in node.nodes]  # type: ignore[attr-defined]
            return [], " + ".join(parts) or "''"
        return ["_parts = []", *self._statements(template.body)], "''.join(_parts)"

    def _refusal(self, reason: str) -> Exception:
        return refuse("Step.arguments", self._task, reason, "leave it to the task itself")

    def _unknown(self, node: nodes.Node) -> Exception:
        return self._refusal(f"has Jinja that only Airflow renders: a {type(node).__name__} in line {node.lineno}")

    def _statements(self, body: list[nodes.Node]) -> Iterator[str]:
        for node in body:
            match node:
                case nodes.Output():
                    yield from (f"_parts.append({self._text(part)})" for part in node.nodes)
                case nodes.For(target=nodes.Name(name=name)) if not (node.else_ or node.test or node.recursive):
                    yield f"for {name} in {self._value(node.iter)}:"
                    self._local.append(name)
                    yield from self._block(node.body)
                    self._local.pop()
                case nodes.If():
                    yield f"if {self._value(node.test)}:"
                    yield from self._block(node.body)
                    for other in node.elif_:
                        yield f"elif {self._value(other.test)}:"
                        yield from self._block(other.body)
                    if node.else_:
                        yield "else:"
                        yield from self._block(node.else_)
                case nodes.Assign(target=nodes.Name(name=name)):
                    yield f"{name} = {self._value(node.node)}"
                    self._local.append(name)
                case _:
                    raise self._unknown(node)

    def _block(self, body: list[nodes.Node]) -> Iterator[str]:
        yield from (f"    {line}" for line in [*self._statements(body)] or ["pass"])

    def _text(self, node: nodes.Node) -> str:
        return repr(node.data) if isinstance(node, nodes.TemplateData) else f"str({self._value(node)})"

    def _value(self, node: nodes.Node) -> str:
        match node:
            case nodes.Const():
                return repr(node.value)
            case nodes.Name():
                return self._name(node.name)
            case nodes.List() | nodes.Tuple():
                return f"[{', '.join(map(self._value, node.items))}]"
            case nodes.Dict():
                return "{" + ", ".join(f"{self._value(i.key)}: {self._value(i.value)}" for i in node.items) + "}"
            case nodes.Getattr() | nodes.Getitem():
                return self._part(node)
            case nodes.Call():
                return self._call(node)
            case nodes.Filter():
                return self._filter(node)
            case nodes.Compare():
                rest = (f"{OPERATORS[item.op]} {self._value(item.expr)}" for item in node.ops)
                return f"({self._value(node.expr)} {' '.join(rest)})"
            case nodes.CondExpr() if node.expr2 is not None:
                return f"({self._value(node.expr1)} if {self._value(node.test)} else {self._value(node.expr2)})"
            case nodes.Not():
                return f"(not {self._value(node.node)})"
            case nodes.Concat():
                return f"({' + '.join(f'str({self._value(item)})' for item in node.nodes)})"
            case nodes.BinExpr() if type(node).__name__ in BINARY:
                return f"({self._value(node.left)} {BINARY[type(node).__name__]} {self._value(node.right)})"
        raise self._unknown(node)

    def _name(self, name: str) -> str:
        if name in self._local or name in FUNCTIONS:
            return name
        if name in FOREIGN:
            raise self._refusal(f"reads {name} in a template, which only Airflow knows")
        if name not in KNOWN:
            raise self._refusal(f"reads {name} in a template, which is nothing that is known")
        if name in OBJECTS:
            raise self._refusal(f"hands {name} on in a template")
        return self._use(name, "")

    def _part(self, node: Any) -> str:
        key = node.attr if isinstance(node, nodes.Getattr) else getattr(node.arg, "value", None)
        if isinstance(node.node, nodes.Name) and node.node.name not in self._local:
            name = node.node.name
            if name == "params" and isinstance(key, str):
                return self._use("params", key)
            if name in OBJECTS:
                if not isinstance(key, str) or key not in OBJECTS[name] or key.startswith("xcom"):
                    raise self._refusal(f"reads {key} of {name} in a template, which only Airflow knows")
                return self._use(name, key)
            if name == "macros" and key in MACROS:
                self._define(DS_ADD)
                return MACROS[key]
        value = self._value(node.node)
        return f"{value}[{self._value(node.arg)}]" if isinstance(node, nodes.Getitem) else f"{value}.{key}"

    def _call(self, node: nodes.Call) -> str:
        if node.dyn_args is not None or node.dyn_kwargs is not None:
            raise self._unknown(node)
        if isinstance(node.node, nodes.Getattr) and getattr(node.node.node, "name", "") in ("ti", "task_instance"):
            return self._pulled(node)
        arguments = [*map(self._value, node.args), *(f"{item.key}={self._value(item.value)}" for item in node.kwargs)]
        return f"{self._value(node.node)}({', '.join(arguments)})"

    def _pulled(self, node: nodes.Call) -> str:
        try:
            words = {
                name: item.as_const() for name, item in zip(("task_ids", "dag_id", "key"), node.args, strict=False)
            }
            words |= {item.key: item.value.as_const() for item in node.kwargs}
        except nodes.Impossible:
            raise self._refusal("pulls an XCom in a template whose name only the run knows") from None
        if getattr(node.node, "attr", "") == "xcom_push" and words.keys() == {"key", "value"}:
            return f"{self._use('ti', '')}.xcom_push(key={words['key']!r}, value={words['value']!r})"
        tasks, key = words.pop("task_ids", None), words.pop("key", "return_value")
        if words.get("dag_id") == self._dag:
            del words["dag_id"]
        if getattr(node.node, "attr", "") != "xcom_pull" or any(words.values()) or not tasks:
            raise self._refusal("does more in a template than to pull an XCom of a task that it names")
        if isinstance(tasks, str):
            return self._pull(tasks, str(key))
        return f"[{', '.join(self._pull(task, str(key)) for task in tasks)}]"

    def _filter(self, node: nodes.Filter) -> str:
        if node.name in FILTERS and not (node.args or node.kwargs) and node.node is not None:
            return FILTERS[node.name].format(self._value(node.node))
        raise self._refusal(f"has the filter {node.name} in a template")
