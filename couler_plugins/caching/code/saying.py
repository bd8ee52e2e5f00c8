"""Saying: what code only logs or prints, told from its syntax."""

from __future__ import annotations

import ast
import re
import types
from collections.abc import Iterable, Mapping
from typing import Any

from couler_plugins.caching.code.effects.effect_names import SAYS
from couler_plugins.caching.code.modules import is_library
from couler_plugins.caching.code.syntax import last_name

__all__ = ["are_loggers", "is_said", "local_name"]

Chain = tuple[str, ...]
Parents = dict[ast.AST, ast.AST]

LOGGER = re.compile(r"_*(?:\w+_)?(?:log|logger|logging|structlog|getlogger)", re.IGNORECASE)
"""How loggers are named, and what makes them."""
MAKERS = ("getLogger", "get_logger", "bind", "getChild")
CATCHERS = frozenset({"redirect_stdout", "redirect_stderr", "addHandler", "StringIO", "StreamHandler", "MemoryHandler"})
"""What makes a value of what is said."""
FORMATS = frozenset(
    {
        "str",
        "repr",
        "format",
        "int",
        "float",
        "round",
        "abs",
        "min",
        "max",
        "len",
        "divmod",
        "floor",
        "ceil",
        "timedelta",
    }
)
"""Functions that make a text or a number, and keep nothing."""
PLAIN = ("sep", "end", "flush")
STREAMS = ("stdout", "stderr")
KEEPING = (ast.stmt, ast.NamedExpr, ast.Lambda, ast.Await, ast.Yield, ast.YieldFrom, ast.comprehension)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def local_name(node: ast.AST, tree: ast.AST, parents: Parents) -> str:
    """Return the name of the function's own that a value is bound to; empty where something else holds it as well."""
    parent = parents.get(node)
    targets = parent.targets if isinstance(parent, ast.Assign) else [getattr(parent, "target", None)]
    if not isinstance(parent, (ast.Assign, ast.AnnAssign)) or parent.value is not node or len(targets) != 1:
        return ""
    [target] = targets
    scope = parents.get(parent)
    while scope is not None and not isinstance(scope, FUNCTIONS):
        scope = parents.get(scope)
    outer = {name for one in ast.walk(tree) if isinstance(one, (ast.Global, ast.Nonlocal)) for name in one.names}
    if not isinstance(target, ast.Name) or target.id in outer or scope is None or isinstance(scope, ast.ClassDef):
        return ""
    return target.id


def is_said(node: ast.AST, tree: ast.AST, parents: Parents, loggers: set[Chain]) -> bool:
    """Tell whether something is a part of a text that is logged or printed, and of nothing else.

    Args:
        node: the expression.
        tree: the syntax of the function that it is in.
        parents: the node around each node.
        loggers: gathers the names of what it is logged with, which may be the caller's own.
    """
    above = parents.get(node)
    while above is not None and not isinstance(above, KEEPING):
        if isinstance(above, ast.Call) and node is not above.func and last_name(above.func) not in FORMATS:
            return isinstance(parents.get(above), ast.Expr) and _says(above, tree, loggers)
        node, above = above, parents.get(above)
    return False


def are_loggers(chains: Iterable[Chain], scope: Mapping[str, Any]) -> bool:
    """Tell whether all of some names stand for what libraries log with, as far as they are globals."""
    return all(is_library(str(_origin(scope[root], path))) for root, *path in chains if root in scope)


def _origin(value: Any, path: Iterable[str]) -> str:
    for name in path:
        if not isinstance(value, types.ModuleType):
            break
        value = vars(value).get(name)
    if isinstance(value, types.ModuleType):
        return value.__name__
    named = value if isinstance(value, (types.FunctionType, types.BuiltinFunctionType, type)) else type(value)
    return str(named.__module__)


def _says(call: ast.Call, tree: ast.AST, loggers: set[Chain]) -> bool:
    """Tell whether a call writes to a log or to a terminal."""
    if any(last_name(node) in CATCHERS for node in ast.walk(tree)):
        return False
    if isinstance(call.func, ast.Name):
        loggers.add((call.func.id,))
        return call.func.id == "print" and all(item.arg in PLAIN or _is_terminal(item) for item in call.keywords)
    assert isinstance(call.func, ast.Attribute)
    base = call.func.value
    return call.func.attr in SAYS and _is_logger(base, tree, loggers)


def _is_terminal(item: ast.keyword) -> bool:
    return item.arg == "file" and ast.unparse(item.value) in {f"sys.{name}" for name in STREAMS}


def _is_logger(node: ast.expr, tree: ast.AST, loggers: set[Chain]) -> bool:
    if isinstance(node, ast.Call):
        if last_name(node.func) not in MAKERS:
            return False
        node = node.func if isinstance(node.func, ast.Name) else getattr(node.func, "value", node.func)
    if not LOGGER.fullmatch(last_name(node)):
        return False
    chain = ast.unparse(node).split(".")
    bound = [one for one in ast.walk(tree) if isinstance(one, ast.Name) and one.id == chain[0]]
    if any(isinstance(one.ctx, ast.Store) for one in bound):
        assignments = [one for one in ast.walk(tree) if isinstance(one, ast.Assign) and one.targets[0] in bound]
        makers = (one.value.func for one in assignments if isinstance(one.value, ast.Call))
        return len(chain) == 1 and [last_name(maker) in MAKERS for maker in makers] == [True]
    loggers.add(tuple(chain))
    arguments = {item.arg for item in ast.walk(tree) if isinstance(item, ast.arg)}
    return chain[0] == "self" or chain[0] not in arguments
