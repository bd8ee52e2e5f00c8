"""What a task's function reads of Airflow's context, told from its source, and what stands for it elsewhere."""

from __future__ import annotations

import ast
import datetime
from collections.abc import Collection, Mapping
from typing import NamedTuple

from couler_airflow.portable.closure import CONTEXT
from couler_airflow.portable.facts import DATES
from couler_airflow.portable.legality import refuse
from couler_airflow.pulls import named

HINT = "pass what it needs as an argument"
ALL = "*"
"""The key that stands for the whole context."""
MOMENTS = ("logical_date", "data_interval_start", "data_interval_end")
INSTANCE = ("ti", "task_instance")
RUN = ("conf", "run_id", "logical_date", "partition_key", "data_interval_start", "data_interval_end")
OBJECTS: Mapping[str, Collection[str]] = {
    **dict.fromkeys(INSTANCE, ("task_id", "dag_id", "run_id", "xcom_push", "xcom_pull")),
    "dag_run": (*RUN, "dag_id"),
    "dag": ("dag_id",),
    "task": ("task_id", "dag_id"),
}
"""Objects of the context, with those of their attributes that are known elsewhere."""
KNOWN = frozenset(
    [
        *OBJECTS,
        *MOMENTS,
        *DATES,
        "ts",
        "ts_nodash_with_tz",
        "run_id",
        "params",
        "task_instance_key_str",
        "partition_key",
        "templates_dict",
    ]
)
FOREIGN = frozenset(
    str.split(
        """
        asset_state_store conf conn exception expanded_ti_count inlet_events inlets macros map_index_template
        outlet_events outlets prev_data_interval_end_success prev_data_interval_start_success
        prev_end_date_success prev_start_date_success partition_date reason start_date
        task_reschedule_count task_state_store test_mode triggering_asset_events try_number var
        """
    )
)
"""Keys of the context that only Airflow knows anything of."""
SINGLE = (ast.If, ast.Assert, ast.BoolOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Expr)


class Uses(NamedTuple):
    """What a function reads.

    Attributes:
        keys: of the context.
        attributes: of the object that describes the run.
        pulls: the XComs that it pulls: the task, and the key.
    """

    keys: set[str]
    attributes: set[str]
    pulls: set[tuple[str, str]]


class Reader:
    """Reads what is taken of the context in one function.

    Args:
        task: the id of the task, for errors.
        names: those that are passed as arguments, and so are none of the context's.
    """

    def __init__(self, task: str, names: Collection[str]) -> None:
        self._task = task
        self._names = names
        self.uses = Uses(set(), set(), set())
        self._parents: dict[ast.AST, ast.AST] = {}
        self._aliases: dict[str, str] = {}

    def read(self, definition: ast.AST) -> Uses:
        """Return what a function, or a lambda, reads.

        Raises:
            Unsupported: it reads what only Airflow knows.
        """
        arguments: ast.arguments = definition.args  # type: ignore[attr-defined]  # it is one of these
        for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            if item.arg not in self._names and item.arg in KNOWN | FOREIGN:
                self._aliases[item.arg] = item.arg
        if arguments.kwarg is not None:
            self._aliases[arguments.kwarg.arg] = ALL
        self._parents = {child: node for node in ast.walk(definition) for child in ast.iter_child_nodes(node)}
        nodes = [node for node in ast.walk(definition) if isinstance(node, ast.expr)]
        while self._named(nodes):
            pass
        for node in nodes:
            if (key := self._key(node)) is not None:
                self._take(node, key)
        return self.uses

    def refusal(self, reason: str) -> Exception:
        """The error for something that the task does."""
        return refuse("Step.arguments", self._task, reason, HINT)

    def _named(self, nodes: list[ast.expr]) -> bool:
        """Give names their meanings that are assigned something of the context; whether there was a new one."""
        before = len(self._aliases)
        for node in nodes:
            parent = self._parents.get(node)
            if isinstance(parent, ast.Assign) and parent.value is node and (key := self._key(node)) is not None:
                for target in parent.targets:
                    if isinstance(target, ast.Name) and (key == ALL or key in OBJECTS or key in MOMENTS):
                        self._aliases[target.id] = key
        return len(self._aliases) > before

    def _key(self, node: ast.expr) -> str | None:
        """The key of the context that an expression stands for."""
        match node:
            case ast.Name(id=name, ctx=ast.Load()):
                return self._aliases.get(name)
            case ast.Call(func=ast.Name(id=name), args=[]) if name == CONTEXT:
                return ALL
            case ast.Subscript(value=value, slice=ast.Constant(value=str(key))) if self._key(value) == ALL:
                return key
            case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[ast.Constant(value=str(key)), *_]):
                return key if self._key(value) == ALL else None
        return None

    def _take(self, node: ast.expr, key: str) -> None:
        parent = self._parents.get(node)
        if key == ALL:
            if not self._is_looked_up(node, parent):
                raise self.refusal("takes all of the context")
            return
        if key in self._names:
            return
        if key not in KNOWN:
            if key in FOREIGN:
                raise self.refusal(f"reads {key} of the context, which only Airflow knows")
            return  # which is not there in Airflow, either
        self.uses.keys.add(key)
        if key in OBJECTS:
            self._take_object(key, parent)
        elif key in MOMENTS and isinstance(parent, ast.Attribute) and not hasattr(datetime.datetime, parent.attr):
            raise self.refusal(f"calls {parent.attr} of {key}, which Python's own dates do not have")

    def _is_looked_up(self, node: ast.expr, parent: ast.AST | None) -> bool:
        if isinstance(parent, ast.Attribute) and parent.attr == "get":
            call = self._parents.get(parent)
            return isinstance(call, ast.Call) and self._key(call) is not None
        if isinstance(parent, ast.Compare):
            tested = parent.left
            return node in parent.comparators and isinstance(tested, ast.Constant)
        return (isinstance(parent, ast.Subscript) and self._key(parent) is not None) or isinstance(parent, ast.Assign)

    def _take_object(self, key: str, parent: ast.AST | None) -> None:
        if isinstance(parent, ast.Attribute):
            if parent.attr not in OBJECTS[key]:
                raise self.refusal(f"reads {parent.attr} of {key}, which only Airflow knows")
            if parent.attr == "xcom_pull":
                self._pull(self._parents.get(parent))
            if key == "dag_run":
                self.uses.attributes.add(parent.attr)
        elif not isinstance(parent, (*SINGLE, ast.Assign)):
            raise self.refusal(f"hands {key} on")

    def _pull(self, call: ast.AST | None) -> None:
        if not isinstance(call, ast.Call):
            raise self.refusal("hands xcom_pull on")
        pull = named(call)
        is_plain = (pull.dag, pull.run, pull.past) == (None, None, False) and isinstance(pull.key, str)
        if not is_plain or not isinstance(pull.tasks, tuple) or not pull.tasks:
            raise self.refusal("pulls an XCom whose task or key only the run knows")
        if any(word.arg == "map_indexes" for word in call.keywords):
            raise self.refusal("pulls the XComs of some items of a loop")
        self.uses.pulls.update((task, str(pull.key)) for task in pull.tasks)
