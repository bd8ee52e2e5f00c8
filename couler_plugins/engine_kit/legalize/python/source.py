"""Functions read from their source: what they take and give, and whether they need anything from around them.

Nothing is executed: what a function is, is read off its syntax. It runs by itself in another process, so it
brings all with it that it needs: imports stand inside of it.
"""

from __future__ import annotations

import ast
import builtins
import inspect
import symtable
import textwrap
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from couler_plugins.engine_kit.legalize.python import runtime
from couler_plugins.engine_kit.legalize.python.annotations import HINT, KINDS, fields_of, is_none, kind_of, unquoted
from couler_plugins.engine_kit.legalize.python.functions import TYPES, Function, Kind, Parameter, constant_of, text_of
from couler_plugins.errors import InvalidInput

RESERVED = frozenset(runtime.__all__)
KNOWN = frozenset({*dir(builtins), "__name__"})
Definition = ast.FunctionDef | ast.AsyncFunctionDef


def function_from(
    function: Callable[..., Any], packages: Sequence[str] = (), outputs: Mapping[str, str] | None = None
) -> Function:
    """A function, as it stands in its file.

    Args:
        function: defined by `def` in a file.
        packages: what pip has to install before it runs.
        outputs: as for `function_from_text`.

    Raises:
        InvalidInput: it cannot run by itself somewhere else, or its source is nowhere to be found.
    """
    name = getattr(function, "__name__", repr(function))
    if not inspect.isfunction(function):
        raise _refusal(name, "is no function that was defined by def", "define it by def, at the top of a file")
    if function.__name__ == "<lambda>":
        raise _refusal(name, "is a lambda, which has no source of its own", "define it by def")
    if function.__code__.co_freevars:
        around = ", ".join(function.__code__.co_freevars)
        raise _refusal(name, f"takes {around} from the function around it", "pass it as a parameter")
    try:
        lines, first = inspect.getsourcelines(function)
    except (OSError, TypeError):
        hint = "define it in a file, or give its source as a text"
        raise _refusal(name, "has no source that can be found", hint) from None
    try:
        return function_from_text(textwrap.dedent("".join(lines)), packages, outputs)
    except InvalidInput as error:
        error.file = inspect.getsourcefile(function)
        error.line = first + (error.line or 1) - 1
        raise


def function_from_text(source: str, packages: Sequence[str] = (), outputs: Mapping[str, str] | None = None) -> Function:
    """The function that a text defines.

    Args:
        source: one definition, and nothing else.
        packages: what pip has to install before it runs.
        outputs: kinds by name, where it gives several values, as a mapping; None where its annotation says all.

    Raises:
        InvalidInput: the text is something else, or the function needs something from around it.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:  # null bytes, or nested too deeply
        reason = f"this is no Python: {getattr(error, 'msg', error)}"
        raise InvalidInput(reason, line=getattr(error, "lineno", None), hint="give one function, by def") from None
    match tree.body:
        case [ast.FunctionDef() | ast.AsyncFunctionDef() as definition]:
            try:
                return _Reader(definition, source).function(packages, outputs)
            except RecursionError:
                raise _refusal(definition.name, "is nested too deeply", "make it simpler") from None
    hint = "give its definition alone; put imports and helpers into it"
    raise InvalidInput("the source is something else than one function", line=1, hint=hint)


def _refusal(name: str, reason: str, hint: str, line: int | None = None) -> InvalidInput:
    return InvalidInput(f"the function {name!r} {reason}", line=line, step=name, hint=hint)


class _Reader:
    def __init__(self, definition: Definition, source: str) -> None:
        self._definition = definition
        self._name = definition.name
        self._source = source

    def function(self, packages: Sequence[str], outputs: Mapping[str, str] | None) -> Function:
        self._check()
        inputs = tuple(self._parameters())
        return Function(
            name=self._name,
            source=self._source.strip("\n") + "\n",
            inputs=inputs,
            outputs=self._declared(outputs) if outputs is not None else self._outputs(),
            packages=tuple(packages),
        )

    def _refuse(self, node: ast.AST, reason: str, hint: str) -> InvalidInput:
        return _refusal(self._name, reason, hint, getattr(node, "lineno", None))

    def _check(self) -> None:
        definition = self._definition
        if isinstance(definition, ast.AsyncFunctionDef):
            raise self._refuse(definition, "is async", "define it by def, and run what is async inside of it")
        if definition.decorator_list:
            raise self._refuse(definition, "has decorators, which are not there where it runs", "take them off")
        if self._name in RESERVED:
            raise self._refuse(definition, "has a name that is used around it", "give it another name")
        if any(isinstance(node, (ast.Yield, ast.YieldFrom)) for node in _own(definition)):
            raise self._refuse(definition, "is a generator", "return a list")
        needed = needed_names(self._source)
        if self._name in needed:
            hint = "define what calls itself inside of it"
            raise self._refuse(self._first(self._name), "calls itself, and has another name where it runs", hint)
        if unknown := sorted(needed):
            hint = "import modules inside of it, and pass all else as parameters"
            reason = f"needs {', '.join(unknown)} from around it"
            raise self._refuse(self._first(unknown[0]), reason, hint)

    def _first(self, name: str) -> ast.AST:
        """Where it says this name first."""
        for node in ast.walk(self._definition):
            if (isinstance(node, ast.Name) and node.id == name) or (
                isinstance(node, ast.Global) and name in node.names
            ):
                return node
        return self._definition

    def _parameters(self) -> Iterator[Parameter]:
        arguments = self._definition.args
        for other in (arguments.vararg, arguments.kwarg):
            if other is not None:
                raise self._refuse(other, f"takes any number of arguments ({other.arg})", "name each parameter")
        if arguments.posonlyargs:
            item = arguments.posonlyargs[0]
            raise self._refuse(item, "has parameters without names", "take the / out of its parameters")
        plain: list[ast.expr | None] = [None] * (len(arguments.args) - len(arguments.defaults))
        defaults = [*plain, *arguments.defaults, *arguments.kw_defaults]
        for item, default in zip([*arguments.args, *arguments.kwonlyargs], defaults, strict=True):
            yield self._parameter(item, default)

    def _parameter(self, item: ast.arg, default: ast.expr | None) -> Parameter:
        value = self._constant(item.arg, default)
        kind, optional = self._kind(item.annotation, item.arg) if item.annotation else (_kind_of_data(value), False)
        if kind is None:
            raise self._refuse(item, f"does not say of what type {item.arg!r} is", f"annotate it: {item.arg}: str")
        if value is None:
            if default is not None and not optional:
                raise self._refuse(item, f"has None for {item.arg!r}", "annotate it as one that may be None: … | None")
            return Parameter(item.arg, kind, optional=default is not None)
        try:
            return Parameter(item.arg, kind, constant_of(text_of(value), kind), optional=True)
        except ValueError:
            raise self._refuse(item, f"has a default of {item.arg!r} that is no {kind}", "give another") from None

    def _constant(self, name: str, default: ast.expr | None) -> Any:
        if default is None:
            return None
        try:
            value = ast.literal_eval(default)
            text_of(value)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            reason = f"has a default of {name!r} that is no constant of JSON"
            raise self._refuse(default, reason, "write the constant, or take None and choose inside") from None
        return value

    def _declared(self, outputs: Mapping[str, str]) -> tuple[tuple[str, Kind], ...]:
        declarations: list[tuple[str, Kind]] = []
        for name, annotation in outputs.items():
            kind = next((kind for kind in KINDS.values() if annotation == kind), KINDS.get(annotation))
            if kind is None or not name.isidentifier():
                reason = f"is to give {name!r} of the type {annotation!r}"
                raise self._refuse(self._definition, reason, f"name outputs like variables, and {HINT}")
            declarations.append((name, kind))
        return tuple(declarations)

    def _outputs(self) -> tuple[tuple[str, Kind], ...]:
        returns = self._definition.returns
        gives = [node for node in _own(self._definition) if isinstance(node, ast.Return)]
        if returns is None:
            supplied = [node for node in gives if node.value is not None and not is_none(node.value)]
            if supplied:
                reason = "returns a value, and does not say of what type"
                raise self._refuse(supplied[0], reason, f"annotate it: def {self._name}(…) -> str")
            return ()
        returns = unquoted(returns)
        if is_none(returns):
            return ()
        try:
            fields = fields_of(returns)
        except ValueError as error:
            hint = 'write NamedTuple("Outputs", [("name", str), ("other", int)])'
            raise self._refuse(returns, f"has a NamedTuple that cannot be read: {error}", hint) from None
        if fields is not None:
            return fields
        kind, optional = self._kind(returns, "what it returns")
        if optional:
            raise self._refuse(returns, "may return None", "return a list or a dict, which can be empty")
        return (("result", kind),)

    def _kind(self, annotation: ast.expr, what: str) -> tuple[Kind, bool]:
        try:
            return kind_of(annotation)
        except ValueError as error:
            raise self._refuse(annotation, f"has {error} as the type of {what}", HINT) from None


def _own(definition: Definition) -> Iterator[ast.AST]:
    """The nodes of a function that are not those of functions inside of it."""
    pending: deque[ast.AST] = deque(definition.body)
    while pending:
        node = pending.popleft()
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)):
            pending += ast.iter_child_nodes(node)


def _kind_of_data(value: Any) -> Kind | None:
    kinds = (kind for kind in KINDS.values() if type(value) is TYPES[kind])
    return next(kinds, None)


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
