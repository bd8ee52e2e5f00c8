"""The walk through everything that is evaluated when a module is loaded, one statement at a time."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import NamedTuple

from couler_plugins.caching.code.effects.abstract import Abstract, Code, Marks, Scope
from couler_plugins.caching.code.effects.calls import Evaluation
from couler_plugins.caching.code.effects.reads import Found, World
from couler_plugins.caching.code.effects.source import DEFINITIONS, Chain, bound_by, chains_of, imports_of, text_of
from couler_plugins.caching.code.names import called_name

LOOPS = (ast.For, ast.AsyncFor, ast.While)


class Record(NamedTuple):
    """A statement of a module, or the head of one that has others inside.

    Attributes:
        node: the statement.
        nodes: what it evaluates itself.
        outcome: what it does.
        around: the heads of the statements that it is in.
        branch: which of their parts it is in.
    """

    node: ast.stmt
    nodes: tuple[ast.AST, ...]
    outcome: Found
    around: tuple[Record, ...] = ()
    branch: str = ""

    @property
    def text(self) -> list[str]:
        """The statement, without what a formatter or a comment changes."""
        return [self.branch, *(text_of(node) for node in self.nodes)]

    @property
    def names(self) -> set[str]:
        """The names that it binds."""
        return {self.node.name} if isinstance(self.node, DEFINITIONS) else bound_by(*self.nodes)

    @property
    def loops(self) -> bool:
        """Whether it may be done several times."""
        return any(isinstance(one.node, LOOPS) for one in (self, *self.around))

    @property
    def chains(self) -> tuple[Chain, ...]:
        """The names that it reads."""
        return chains_of(*self.nodes)


class Walk(Evaluation):
    """Visits statements.

    Args:
        world: what all walks for a key share.
        scope: the names that the code sees.
        records: gathers the statements of a module; None within a function.
    """

    def __init__(self, world: World, scope: Scope, records: list[Record] | None = None) -> None:
        super().__init__(world, scope)
        self.records = records
        self._around: tuple[Record, ...] = ()

    def block(self, statements: Iterable[ast.stmt], branch: str = "") -> None:
        """Visit statements, one after the other."""
        for statement in statements:
            self._statement(statement, branch)

    def _statement(self, node: ast.stmt, branch: str) -> None:
        before = self.found
        self.found = Found()
        inside = list(self._head(node))
        heads = _heads(node) if inside and not isinstance(node, DEFINITIONS) else (node,)
        record = Record(node, heads, self.found, self._around, branch)
        if self.records is not None:
            self.records.append(record)
        before.add(self.found)
        before.results += self.found.results
        self.found = before
        around, outer = self._around, self.scope
        if isinstance(node, DEFINITIONS):
            self.scope = Scope(outer.source, outer.values, {}, outer)  # what is done in a class is done in any case
        elif not record.outcome.own:
            self._around = (*around, record)
        for name, statements in inside:
            self.block(statements, name)
        self.scope, self._around = outer, around

    def _head(self, node: ast.stmt) -> Iterable[tuple[str, list[ast.stmt]]]:
        """Evaluate what is in a statement itself, and return the statements inside of it that are evaluated as well."""
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                return self._function(node)
            case ast.ClassDef():
                self._class(node)
                return [("class", node.body)]
            case ast.If(test=test):
                self.evaluate(test)
                return [("then", [] if _main(test) else node.body), ("else", node.orelse)]
            case ast.While(test=test):
                self.evaluate(test)
                return [("while", node.body), ("else", node.orelse)]
            case ast.For() | ast.AsyncFor():
                self.assign(node.target, self.iterate(node.iter))
                return [("for", node.body), ("else", node.orelse)]
            case ast.With() | ast.AsyncWith():
                for item in node.items:
                    value = self.entered(self.evaluate(item.context_expr))
                    self.found.own = value is Marks.OWN
                    if item.optional_vars is not None:
                        self.assign(item.optional_vars, value)
                return [("with", node.body)]
            case ast.Try() | ast.TryStar():
                handlers = [(f"except {number}", handler.body) for number, handler in enumerate(node.handlers)]
                for handler in node.handlers:
                    if handler.type is not None:
                        self.evaluate(handler.type)
                    if handler.name:
                        self.scope.bind(handler.name, Marks.UNKNOWN)
                return [("try", node.body), *handlers, ("else", node.orelse), ("finally", node.finalbody)]
            case ast.Match(subject=subject):
                self.evaluate(subject)
                for case in node.cases:
                    for name in _captured(case.pattern):
                        self.scope.bind(name, Marks.UNKNOWN)
                    if case.guard is not None:
                        self.evaluate(case.guard)
                return [(f"case {ast.dump(case.pattern)}", case.body) for case in node.cases]
        self._plain(node)
        return []

    def _plain(self, node: ast.stmt) -> None:
        match node:
            case ast.Expr(value=value):
                self.evaluate(value, kept=False)
            case ast.Assign(value=value):
                result = self.evaluate(value)
                for target in node.targets:
                    self.assign(target, result)
            case ast.AnnAssign(value=value):
                if value is not None:
                    self.assign(node.target, self.evaluate(value))
            case ast.AugAssign(value=value, target=target):
                self.evaluate(value)
                if isinstance(target, ast.Name):
                    self.change_name(target.id)
                else:
                    self.assign(target, Marks.UNKNOWN)
            case ast.Delete():
                for target in node.targets:
                    self.assign(target, Marks.UNKNOWN)
            case ast.Return(value=value):
                if value is not None:
                    self.found.results.append(self.evaluate(value))
            case ast.Import() | ast.ImportFrom():
                self.found.imports.update(module for module, _ in imports_of(node, self.scope.source.package))
                self.imported(node)
            case _:
                for child in ast.iter_child_nodes(node):
                    if isinstance(child, ast.expr):
                        self.evaluate(child)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[tuple[str, list[ast.stmt]]]:
        defaults = [*node.args.defaults, *(item for item in node.args.kw_defaults if item is not None)]
        for default in defaults:
            self.evaluate(default)
        value = self._decorated(node, Code(node, self.scope))
        self.scope.bind(node.name, value)
        # Of a function that makes a workflow, all is done when the module is loaded.
        makes = value is Marks.OWN and any(called_name(item) == "dag" for item in node.decorator_list)
        return [("dag", node.body)] if makes else []

    def _class(self, node: ast.ClassDef) -> None:
        bases = [self.evaluate(base) for base in node.bases]
        keywords = [self.evaluate(item.value) for item in node.keywords]
        own = Marks.OWN if Marks.OWN in bases else Marks.UNKNOWN
        if own is not Marks.OWN:
            self.subclassed([*bases, *keywords])
        self.scope.bind(node.name, self._decorated(node, own))

    def _decorated(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, value: Abstract) -> Abstract:
        for decorator in reversed(node.decorator_list):
            value = self.decorate(decorator, value)
        return value


def _heads(node: ast.stmt) -> tuple[ast.AST, ...]:
    """What a statement evaluates itself."""
    match node:
        case ast.If(test=test) | ast.While(test=test):
            return (test,)
        case ast.For() | ast.AsyncFor():
            return (node.target, node.iter)
        case ast.With() | ast.AsyncWith():
            return (*node.items,)
        case ast.Match():
            guards = (case.guard for case in node.cases if case.guard is not None)
            return (node.subject, *(case.pattern for case in node.cases), *guards)
    return ()


def _captured(pattern: ast.pattern) -> Iterable[str]:
    for item in ast.walk(pattern):
        if isinstance(item, (ast.MatchAs, ast.MatchStar)) and item.name:
            yield item.name


def _main(test: ast.expr) -> bool:
    """Whether a test is true for programs alone: `__name__ == "__main__"`."""
    match test:
        case ast.Compare(left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]):
            return True
        case ast.Compare(left=ast.Constant(value="__main__"), ops=[ast.Eq()], comparators=[ast.Name(id="__name__")]):
            return True
    return False
