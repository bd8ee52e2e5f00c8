"""Modules as they are written: what binds their names, what they import, and the functions in them."""

from __future__ import annotations

import ast
import functools
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from couler_plugins.caching.code.modules import read_file

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
DISPLAYS = (ast.List, ast.Dict, ast.Set, ast.ListComp, ast.DictComp, ast.SetComp)
Chain = tuple[str, ...]


class Source:
    """A module as it is written.

    Args:
        tree: its syntax.
        package: its package, which relative imports start from.

    Attributes:
        displays: names that stand for a list, a dictionary or a set that the module has made itself.
        imports: the modules that it imports.
        unused: those of them whose name nothing in it reads: they are there for what they do.
        again: names that it binds more than once, or deletes.
        taken: names that stand for what others have made.
    """

    def __init__(self, tree: ast.Module, package: str) -> None:
        self.tree, self.package = tree, package
        self._functions: dict[tuple[int, str], ast.AST] = {}
        read: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, FUNCTIONS):
                lines = [node.lineno, *(item.lineno for item in getattr(node, "decorator_list", ()))]
                self._functions[min(lines), getattr(node, "name", "<lambda>")] = node
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                read.add(node.id)
        outside = list(_outside_of_functions(tree.body))
        bound = Counter(name for node in outside for name in _bound(node))
        self.again = frozenset(name for name, count in bound.items() if count > 1)
        assignments = (node for node in outside if isinstance(node, (ast.Assign, ast.AnnAssign)))
        shown = (node for node in assignments if isinstance(node.value, DISPLAYS))
        self.displays = frozenset(name for node in shown for name in bound_by(node)) - self.again
        imported = [item for node in outside for item in imports_of(node, package)]
        self.imports = frozenset(module for module, _ in imported)
        self.taken = frozenset(name for _, name in imported)
        exported = "__all__" in bound
        self.unused = frozenset(
            module for module, name in imported if name not in read and name != "*" and not exported
        )

    def function(self, line: int, name: str) -> ast.AST | None:
        """Return the syntax of a function; None where there is none with that name in that line."""
        return self._functions.get((line, name))


@functools.lru_cache(maxsize=1024)
def parse(data: bytes, package: str = "") -> Source:
    """Return a module as it is written.

    Args:
        data: its source.
        package: its package, which relative imports start from.

    Raises:
        SyntaxError: it is no Python.
        ValueError: it is no text.
    """
    return Source(ast.parse(data), package)


def source_at(path: str, package: str) -> Source | None:
    """Return the module in a file; None where it cannot be read."""
    try:
        return parse(read_file(Path(path)), package)
    except (OSError, ValueError, KeyError, SyntaxError):
        return None


def imports_of(node: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    """Give the modules that a statement imports, each with the name that it binds."""
    if isinstance(node, ast.Import):
        yield from ((alias.name, alias.asname or alias.name.partition(".")[0]) for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        parts = package.split(".") if package else []
        base = parts[: len(parts) - node.level + 1] if node.level else []
        module = ".".join([*base, *([node.module] if node.module else [])])
        for alias in node.names if module else ():
            yield module, alias.asname or alias.name
            if alias.name != "*":
                yield f"{module}.{alias.name}", alias.asname or alias.name  # it may be a module of the package


def bound_by(*nodes: ast.AST) -> set[str]:
    """Return the names that nodes bind or delete, functions and classes in them by their own name."""
    return {name for node in nodes for inner in _outside_of_functions([node]) for name in _bound(inner)}


def chains_of(*nodes: ast.AST) -> tuple[Chain, ...]:
    """Return the names in nodes, each once and with the attributes that are read of it: `("np", "random", "seed")`."""
    chains: dict[Chain, None] = {}
    waiting: list[ast.AST] = [*reversed(nodes)]
    while waiting:
        node = waiting.pop()
        path: list[str] = []
        inner = node
        while isinstance(inner, ast.Attribute):
            path.append(inner.attr)
            inner = inner.value
        if isinstance(inner, ast.Name):
            chains[inner.id, *reversed(path)] = None
        else:
            waiting += reversed(list(ast.iter_child_nodes(node)))
    return tuple(chains)


def text_of(node: ast.AST) -> str:
    """Return a node without what a formatter or a comment changes, and without documentation."""
    copy = node
    if isinstance(node, DEFINITIONS) and ast.get_docstring(node, clean=False) is not None:
        copy = type(node)(**{**dict(ast.iter_fields(node)), "body": node.body[1:]})
    return ast.dump(copy)


def _outside_of_functions(nodes: Iterable[ast.AST]) -> Iterator[ast.AST]:
    waiting = [*nodes]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, FUNCTIONS):
            waiting += ast.iter_child_nodes(node)


def _bound(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, (*DEFINITIONS, ast.ExceptHandler, ast.MatchAs, ast.MatchStar)) and node.name:
        yield node.name
    elif isinstance(node, ast.MatchMapping) and node.rest:
        yield node.rest
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from {alias.asname or alias.name.partition(".")[0] for alias in node.names}
