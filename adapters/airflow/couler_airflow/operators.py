"""What an operator's own code reads of the run and of itself, told from its source.

The methods that an operator has beside Airflow's own are looked at, in its class and those behind it. A method that
hands the context on to one of them is followed there; one that hands it to anything else takes all of it.
"""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from couler_plugins.caching.code.modules import module_of
from couler_plugins.caching.code.syntax import syntax_of

__all__ = ["ALL", "Reads", "own_names", "reads_of", "reads_of_hook"]

BASES = ("airflow.sdk.", "airflow.models.", "airflow.utils.", "airflow.template.")
"""Where classes are that all operators have behind them."""
INSTANCE = ("ti", "task_instance")
PUSH = "xcom_push"
ALL = "*"
CONTEXT = "context"
Methods = Mapping[str, Sequence[types.FunctionType]]
STAGES = ("execute", "pre_execute", "post_execute", "on_kill")
"""Methods of all operators to which Airflow itself does nothing with the context."""


class Reads(NamedTuple):
    """What code reads.

    Attributes:
        context: the values of the run, by name; `*` for all of them.
        own: the attributes of the operator; `*` where it hands itself on.
    """

    context: frozenset[str] = frozenset()
    own: frozenset[str] = frozenset()

    def __or__(self, other: Reads) -> Reads:
        return Reads(self.context | other.context, self.own | other.own)


def own_names(cls: type) -> set[str]:
    """Return the names of what an operator's class has beside Airflow's own."""
    return {name for base in _own(cls) for name in vars(base)}


@functools.lru_cache(maxsize=512)
def reads_of(cls: type, known: frozenset[str] = frozenset()) -> Reads:
    """Return what the methods of an operator's class read.

    Args:
        cls: the class.
        known: names of classes behind it that do no harm with a context that they hand on.
    """
    own = [
        (base, name, function)
        for base in _own(cls)
        for name, member in vars(base).items()
        for function in _functions(member)
    ]
    methods: dict[str, list[types.FunctionType]] = {}
    for _, name, function in own:
        methods.setdefault(name, []).append(function)
    found = Reads()
    for base, _, function in own:
        read = _read(function, methods)
        found |= Reads(read.context - {ALL}, read.own) if base.__name__ in known else read
    return found


def reads_of_hook(function: Callable[..., Any]) -> Reads:
    """Return what a hook reads, whose first parameter is the context."""
    plain = inspect.unwrap(getattr(function, "__func__", function))
    if not isinstance(plain, types.FunctionType):
        return Reads(frozenset({ALL}))
    return _read(plain, {}, plain.__code__.co_varnames[:1])


def _own(cls: type) -> list[type]:
    return [base for base in cls.__mro__ if base is not object and not module_of(base).startswith(BASES)]


def _functions(member: Any) -> Iterator[types.FunctionType]:
    parts = [member, *(getattr(member, name, None) for name in ("__func__", "fget", "fset", "func"))]
    for part in parts:
        if callable(part) and not isinstance(part, type):
            plain = inspect.unwrap(part)
            if isinstance(plain, types.FunctionType):
                yield plain


def _read(function: types.FunctionType, methods: Methods, names: tuple[str, ...] = (CONTEXT,)) -> Reads:
    parameters = _parameters(function)
    tree = syntax_of(function)
    if tree is None:
        return Reads(frozenset({ALL}), frozenset({ALL}))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    context: set[str] = set()
    own: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id in names and node.id in parameters:
                context |= {*_taken(node, parents, methods)}
            elif node.id == "self" and parameters[:1] == ("self",):
                own |= {*_of_itself(node, parents)}
    return Reads(frozenset(context), frozenset(own))


def _of_itself(node: ast.Name, parents: dict[ast.AST, ast.AST]) -> Iterator[str]:
    """Give the attributes that are read of an operator where it is named."""
    parent = parents.get(node)
    if isinstance(parent, ast.Attribute):
        if isinstance(parent.ctx, ast.Load):
            above = parents.get(parent)
            follows = isinstance(above, ast.Attribute) and parent.attr == "dag" and above.attr == "dag_id"
            yield "dag_id" if follows else parent.attr
    elif isinstance(parent, ast.Call) and node in parent.args and isinstance(parent.func, ast.Name):
        second = parent.args[1] if len(parent.args) > 1 else None
        if parent.func.id in ("getattr", "hasattr") and isinstance(second, ast.Constant):
            yield str(second.value)
        elif parent.func.id not in ("type", "super", "isinstance", "setattr", "id"):
            yield ALL
    else:
        yield ALL


def _taken(node: ast.Name, parents: dict[ast.AST, ast.AST], methods: Methods) -> Iterator[str]:
    """What is taken of the context where it is named."""
    parent = parents.get(node)
    if isinstance(parent, ast.Subscript) and isinstance(parent.slice, ast.Constant):
        yield from _key(parent.slice.value, parent, parents)
    elif isinstance(parent, ast.Attribute) and parent.attr == "get":
        call = parents.get(parent)
        first = call.args[0] if isinstance(call, ast.Call) and call.args else None
        if isinstance(call, ast.Call) and isinstance(first, ast.Constant):
            yield from _key(first.value, call, parents)
        else:
            yield ALL
    else:
        call = parents.get(parent) if isinstance(parent, ast.keyword) else parent
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and _is_self(call.func.value)):
            yield ALL
        elif call.func.attr not in STAGES or call.func.attr in methods:
            followed = methods.get(call.func.attr, ())
            if not followed or not all(_receives(function, call, node) for function in followed):
                yield ALL


def _receives(function: types.FunctionType, call: ast.Call, node: ast.Name) -> bool:
    """Return whether a method gets what is named in a call as its context, where it is looked at."""
    parameters = _parameters(function)
    if node not in call.args:
        return any(word.value is node and word.arg == CONTEXT for word in call.keywords) and CONTEXT in parameters
    place = call.args.index(node) + (parameters[:1] in (("self",), ("cls",)))
    starred = any(isinstance(argument, ast.Starred) for argument in call.args)
    return not starred and parameters[place : place + 1] == (CONTEXT,)


def _parameters(function: types.FunctionType) -> tuple[str, ...]:
    code = function.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _key(key: Any, read: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[str]:
    above = parents.get(read)
    pushes = isinstance(above, ast.Attribute) and above.attr == PUSH
    if not (key in INSTANCE and pushes):
        yield key if isinstance(key, str) else ALL


def _is_self(node: ast.expr) -> bool:
    return _is_name(node, "self") or (isinstance(node, ast.Call) and _is_name(node.func, "super"))


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
