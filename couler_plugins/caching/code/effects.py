"""What a module does to others when it is loaded: settings, registrations and patches that no name of it tells.

`decimal.getcontext().prec = 5`, `pd.set_option(…)`, `import patches`: any code may see these, so they are in the key of
all that comes from the module. What only binds a name of the module is no effect: who reads the name has its value.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from couler_plugins.caching.code.syntax import syntax_of

__all__ = ["Effect", "Loading", "decorators_of", "loading_of"]

SETS = re.compile(
    r"_?(?:set|reg|conf|enabl|disabl|use|patch|install|init|add|updat|seed|activ|load_|basic|filter|append)"
)
"""How functions of libraries are named whose result is kept although they do something else."""

PLAIN = (
    *("property", "staticmethod", "classmethod", "abstractmethod", "cached_property", "contextmanager", "wraps"),
    *("asynccontextmanager", "lru_cache", "cache", "total_ordering", "singledispatch", "singledispatchmethod"),
    *("dataclass", "define", "frozen", "mutable", "attrs", "s", "final", "override", "overload", "runtime_checkable"),
    *("retry", "validate_call", "field_validator", "model_validator", "validator", "root_validator", "computed_field"),
    *(
        "field_serializer",
        "model_serializer",
        "jit",
        "njit",
        "vectorize",
        "unique",
        "dataclass_transform",
        "deprecated",
    ),
    *("cached", "never", "setter", "getter", "deleter", "register"),
)
"""Decorators that change what a name stands for, and nothing else; `register` what a function of the module knows."""

SAYS = frozenset({"print", "debug", "info", "warning", "error", "exception", "log", "critical"})
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Effect(NamedTuple):
    """A statement that may do something outside of its module.

    Attributes:
        text: the statement, without what a formatter or a comment changes.
        roots: the first names of what it calls or assigns to; where all stand for an engine's own, it is none.
        names: all names that it reads.
    """

    text: str
    roots: tuple[str, ...]
    names: tuple[str, ...]


class Loading(NamedTuple):
    """What happens when a module is loaded.

    Attributes:
        effects: its own.
        imports: the modules that it imports.
        unused: those of them whose name nothing in it reads: they are there for what they do.
    """

    effects: tuple[Effect, ...]
    imports: tuple[str, ...]
    unused: tuple[str, ...]


@functools.lru_cache(maxsize=1024)
def loading_of(data: bytes, package: str, engine: tuple[str, ...] = ()) -> Loading:
    """Return what the loading of a module does.

    Args:
        data: its source.
        package: its package, which relative imports start from.
        engine: the packages of an engine whose workflows the module may write down; that is no effect.

    Raises:
        SyntaxError: it is no Python.
        ValueError: it is no text.
    """
    tree = ast.parse(data)
    reader = _Reader(tree, package, engine)
    effects = [effect for statement in tree.body for effect in reader.effects(statement)]
    return Loading(tuple(effects), tuple(sorted(reader.imports)), tuple(sorted(reader.unused)))


def decorators_of(function: object) -> list[Effect]:
    """Return what stands above a function in its source, as far as there is one, with the names that it reads."""
    tree = syntax_of(function)
    node = tree.body[0] if tree is not None and tree.body else None
    found = node.decorator_list if isinstance(node, DEFINITIONS) else []
    return [Effect(_text(item), (), _names(item)) for item in found]


class _Reader:
    def __init__(self, tree: ast.Module, package: str, engine: tuple[str, ...]) -> None:
        self.imports: set[str] = set()
        self.unused: set[str] = set()
        self._own: set[str] = set()
        """Names that stand for what is the engine's."""
        read = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
        exported = any(isinstance(node, ast.Name) and node.id == "__all__" for node in ast.walk(tree))
        for node in _outside_of_functions(tree.body):
            for module, bound in _imports(node, package):
                self.imports.add(module)
                if module.partition(".")[0] in engine:
                    self._own.add(bound)
                elif bound not in read and bound != "*" and not exported:
                    self.unused.add(module)

    def effects(self, statement: ast.stmt) -> Iterator[Effect]:
        """Give the effects of a statement."""
        if isinstance(statement, DEFINITIONS):
            yield from self._definition(statement)
        elif isinstance(statement, (ast.Import, ast.ImportFrom, ast.Pass, ast.Global)):
            return
        elif isinstance(statement, (ast.With, ast.AsyncWith)) and self._is_own(statement.items[0].context_expr):
            self._bind(item.optional_vars for item in statement.items)
            for inner in statement.body:
                yield from self.effects(inner)
        elif isinstance(statement, (ast.Assign, ast.AnnAssign)):
            yield from self._assignment(statement)
        elif isinstance(statement, ast.Expr):
            yield from self._expression(statement)
        elif isinstance(statement, ast.AugAssign):
            if not isinstance(statement.target, ast.Name):
                yield self._effect(statement, [statement.target])
        elif isinstance(statement, ast.If) and _is_main(statement.test):
            return
        else:
            inside = _statements(ast.iter_child_nodes(statement))
            nested = [effect for item in inside for effect in self.effects(item)]
            if nested:
                roots = [root for effect in nested for root in effect.roots]
                yield Effect(_text(statement), tuple(roots), _names(statement))

    def _definition(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[Effect]:
        decorators = [item.func if isinstance(item, ast.Call) else item for item in node.decorator_list]
        if any(self._is_own(item) for item in decorators):
            self._own.add(node.name)
            for inner in node.body:  # of a function that makes a workflow, all is done when the module is loaded
                if not isinstance(inner, ast.Return):
                    yield from self.effects(inner) if _last(decorators[0]) == "dag" else ()
            return
        doing = [item for item in decorators if _last(item) not in PLAIN and _root(item) != node.name]
        if isinstance(node, ast.ClassDef):
            yield from (effect for inner in node.body for effect in self.effects(inner))
        if doing:
            yield Effect(
                _text(node), tuple(filter(None, map(_root, doing))), (node.name, *_names(*node.decorator_list))
            )

    def _assignment(self, statement: ast.Assign | ast.AnnAssign) -> Iterator[Effect]:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        value = statement.value
        if value is None:
            return
        if self._is_own(value):
            self._bind(targets)
            return
        flat = [part for target in targets for part in _flat(target)]
        others = [target for target in flat if not isinstance(target, ast.Name)]
        calls = [node.func for node in ast.walk(value) if isinstance(node, ast.Call)]
        doing = [call for call in calls if SETS.match(_last(call)) and "." in ast.unparse(call)]
        if others or doing:
            yield self._effect(statement, [*others, *doing])

    def _expression(self, statement: ast.Expr) -> Iterator[Effect]:
        value = statement.value
        if isinstance(value, (ast.Await, ast.Yield)):
            value = value.value or value
        if isinstance(value, ast.Call):
            if _last(value.func) in SAYS or self._is_own(value):
                return
            yield self._effect(statement, [value.func])
        elif any(isinstance(node, ast.Call) for node in ast.walk(value)) and not self._is_own(value):
            yield self._effect(statement, [node.func for node in ast.walk(value) if isinstance(node, ast.Call)])

    def _effect(self, statement: ast.stmt, acting: Iterable[ast.expr]) -> Effect:
        return Effect(_text(statement), tuple(filter(None, map(_root, acting))), _names(statement))

    def _is_own(self, node: ast.expr) -> bool:
        """Return whether an expression is about tasks and workflows: it begins with a name of the engine."""
        if isinstance(node, ast.BinOp):
            return self._is_own(node.left) or self._is_own(node.right)
        if isinstance(node, (ast.List, ast.Tuple)):
            return bool(node.elts) and all(map(self._is_own, node.elts))
        root = _root(node)
        return root in self._own or (isinstance(node, ast.Call) and any(map(self._is_own, node.args)))

    def _bind(self, targets: Iterable[ast.expr | None]) -> None:
        for target in targets:
            self._own |= {part.id for part in _flat(target) if isinstance(part, ast.Name)} if target else set()


def _outside_of_functions(statements: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in statements:
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            yield from _outside_of_functions(ast.iter_child_nodes(node))


def _imports(node: ast.AST, package: str) -> Iterator[tuple[str, str]]:
    """The modules that a statement imports, each with the name that it binds."""
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


def _statements(nodes: Iterable[ast.AST]) -> Iterator[ast.stmt]:
    for node in nodes:
        if isinstance(node, ast.ExceptHandler):
            yield from node.body
        elif isinstance(node, ast.stmt):
            yield node


def _flat(target: ast.expr) -> Iterator[ast.expr]:
    if isinstance(target, (ast.Tuple, ast.List)):
        for part in target.elts:
            yield from _flat(part)
    elif isinstance(target, ast.Starred):
        yield from _flat(target.value)
    else:
        yield target


def _root(node: ast.AST) -> str:
    """The first name of an expression: `pd` of `pd.DataFrame.total`."""
    while True:
        if isinstance(node, ast.Name):
            return node.id
        if isinstance(node, (ast.Attribute, ast.Subscript, ast.Starred, ast.Await)):
            node = node.value
        elif isinstance(node, ast.Call):
            node = node.func
        else:
            return ""


def _last(node: ast.AST) -> str:
    """The last name of an expression: `total` of `pd.DataFrame.total(…)`."""
    if isinstance(node, ast.Call):
        return _last(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _names(*nodes: ast.AST) -> tuple[str, ...]:
    found = (item.id for node in nodes for item in ast.walk(node) if isinstance(item, ast.Name))
    return tuple(dict.fromkeys(found))


def _text(node: ast.AST) -> str:
    return ast.dump(node)


def _is_main(test: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id == "__name__" for node in ast.walk(test))
