"""Which names the source of a function looks up outside of it, by Python's own symbol tables."""

from __future__ import annotations

import ast
import builtins
import symtable

__all__ = ["needed_names"]

KNOWN = frozenset({*dir(builtins), "__name__"})


def needed_names(source: str) -> set[str]:
    """The names that have to be around a function, built-in ones left out.

    Annotations do not count: they are not evaluated where it runs.

    Args:
        source: the definition of the function.
    """
    bare = _WithoutAnnotations().visit(ast.parse(source))
    pending = symtable.symtable(ast.unparse(bare), "function", "exec").get_children()
    names: set[str] = set()
    while pending:
        table = pending.pop()
        names.update(item.get_name() for item in table.get_symbols() if item.is_global())
        pending += table.get_children()
    return names - KNOWN


class _WithoutAnnotations(ast.NodeTransformer):
    """Takes annotations off, in functions and of variables."""

    def visit_arg(self, node: ast.arg) -> ast.arg:
        return ast.arg(arg=node.arg)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        node.annotation = ast.Constant(value=None)
        return self.generic_visit(node)
