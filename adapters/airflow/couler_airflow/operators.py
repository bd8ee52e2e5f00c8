"""What an operator's own code reads of the run and of itself, told from its source.

The methods that an operator has beside Airflow's own are looked at, in its class and those behind it. A method that
hands the context on to one of them is followed there; one that hands it to anything else takes all of it. What
decorators have put around a method is looked at like the method itself.
"""

from __future__ import annotations

import ast
import functools
import inspect
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from couler_plugins.caching.code.modules import is_library_code, module_of
from couler_plugins.caching.code.names import syntax_of
from couler_plugins.documents.mappings import by_key

BASES = ("airflow.sdk.", "airflow.models.", "airflow.utils.", "airflow.template.")
"""Where classes are that all operators have behind them."""
INSTANCE = ("ti", "task_instance")
PUSH = "xcom_push"
ALL = "*"
CONTEXT = "context"
STAGES = ("execute", "pre_execute", "post_execute", "on_kill")
"""Methods of all operators to which Airflow itself does nothing with the context."""
GIVEN = ("execute", "pre_execute", "post_execute", "execute_complete", "render_template_fields")
"""Methods that Airflow gives the context first, whatever they call it."""
WHOLE = frozenset({"__dict__", "__getattribute__", "__getstate__", "__reduce__", "__reduce_ex__", "_log"})
"""Attributes of an operator in which stand others, or what its code has put in the place of its log."""
LOGGING = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log", "isEnabledFor"})
"""What is done with a log that tells nothing of it."""


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


class Part(NamedTuple):
    """A function of a method: the method's own, or one that a decorator has put around another.

    Attributes:
        function: the function; None for something else, which nobody can look into.
        wrapped: what it is put around; None where it is the method's own.
        names: its parameters that are the context.
        stars: those of `*` and `**` that have the context in them.
        own: its parameter that is the operator.
    """

    function: types.FunctionType | None
    wrapped: Any = None
    names: tuple[str, ...] = ()
    stars: tuple[str, ...] = ()
    own: str | None = None

    @property
    def hands_on(self) -> bool:
        """Whether it is a library's decorator, which knows nothing of what it hands on."""
        return self.function is not None and self.wrapped is not None and is_library_code(self.function.__code__)


Methods = Mapping[str, Sequence[Part]]


def own_names(cls: type) -> set[str]:
    """Return the names of what an operator's class has beside Airflow's own."""
    return {name for base in _own(cls) for name in vars(base)}


@functools.lru_cache(maxsize=512)
def reads_of(cls: type, known_names: frozenset[str] = frozenset()) -> Reads:
    """Return what the methods of an operator's class read.

    Args:
        cls: the class.
        known_names: names of classes behind it that do no harm with a context that they hand on.
    """
    members = [(base, name, member) for base in _own(cls) for name, member in vars(base).items()]
    given_names = {*GIVEN, *_resumed(member for *_, member in members)}
    own = [
        (base, name, part) for base, name, member in members for part in _parts_of_member(member, name in given_names)
    ]
    methods = by_key((name, part) for _, name, part in own)
    reads = Reads()
    for base, name, part in own:
        read = _read(part, methods[name], methods)
        reads |= Reads(read.context - {ALL}, read.own) if base.__name__ in known_names else read
    return reads


def reads_of_hook(function: Callable[..., Any]) -> Reads:
    """Return what a hook reads, whose first parameter is the context."""
    plain = getattr(function, "__func__", function)
    parts = [*_parts(plain, place=1 if plain is not function else 0)]
    return functools.reduce(Reads.__or__, (_read(part, parts, {}) for part in parts), Reads())


def _own(cls: type) -> list[type]:
    return [base for base in cls.__mro__ if base is not object and not module_of(base).startswith(BASES)]


def _resumed(members: Iterable[Any]) -> Iterator[str]:
    """Give the names of the methods, among others, that Airflow calls when what deferred itself comes back."""
    for member in members:
        code = getattr(inspect.unwrap(member) if callable(member) else member, "__code__", None)
        if isinstance(code, types.CodeType) and not {"defer", "TaskDeferred"}.isdisjoint(code.co_names):
            yield from (text for text in code.co_consts if isinstance(text, str))


def _parts_of_member(member: Any, is_given: bool) -> Iterator[Part]:
    inner = (getattr(member, part, None) for part in ("__func__", "fget", "fset", "func"))
    bound = not isinstance(member, staticmethod | classmethod)
    for value in (member, *inner):
        looked_at = callable(value) and not isinstance(value, type)
        if looked_at and (is_given or isinstance(inspect.unwrap(value), types.FunctionType)):
            yield from _parts(value, place=1 if is_given else None, bound=bound)


def _parts(function: Any, place: int | None, *, bound: bool = False) -> Iterator[Part]:
    """Give a function and those that it wraps, but for Airflow's own.

    Args:
        function: the function.
        place: which of its parameters is the context; None for the one of that name, if any.
        bound: whether its first parameter is the operator, whatever it is called.
    """
    plain = inspect.unwrap(function)
    takes = place is not None or (isinstance(plain, types.FunctionType) and CONTEXT in _parameters(plain))
    while function is not None:
        wrapped = getattr(function, "__wrapped__", None)
        if not isinstance(function, types.FunctionType):
            if takes and not isinstance(function, staticmethod | classmethod):
                yield Part(None)
        elif not str(function.__globals__.get("__name__", "")).startswith(BASES):
            yield _part(function, wrapped, place, takes and (place is not None or wrapped is not None), bound)
        function = wrapped


def _part(function: types.FunctionType, wrapped: Any, place: int | None, takes: bool, bound: bool) -> Part:
    code = function.__code__
    positional, parameters = code.co_varnames[: code.co_argcount], _parameters(function)
    names = {CONTEXT} & {*parameters} | ({*positional[place : place + 1]} if place is not None else set())
    stars = [*code.co_varnames[len(parameters) :]]
    listed = [stars.pop(0)] if code.co_flags & inspect.CO_VARARGS else []
    worded = [stars.pop(0)] if code.co_flags & inspect.CO_VARKEYWORDS else []
    listed = listed if place is None or len(positional) <= place else []
    worded = worded if CONTEXT not in names else []
    own = positional[0] if positional and (bound or place == 1 or positional[0] == "self") else None
    if bound and not positional and wrapped is None and code.co_flags & inspect.CO_VARARGS:
        own = code.co_varnames[len(parameters)]
    return Part(function, wrapped, tuple(sorted(names)), (*listed, *worded) if takes else (), own)


def _read(part: Part, chain: Sequence[Part], methods: Methods) -> Reads:
    tree = syntax_of(part.function.__code__) if part.function is not None else None
    if tree is None:
        return Reads(frozenset({ALL}), frozenset({ALL}))
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    context: set[str] = set()
    own: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            if node.id in part.names:
                context |= {*_taken(node, parents, part, chain, methods)}
            elif node.id in part.stars:
                context |= {*_taken_of_all(node, parents, part, methods)}
            elif node.id == part.own:
                own |= {*_of_itself(node, parents, part)}
    return Reads(frozenset(context), frozenset(own))


def _of_itself(node: ast.Name, parents: dict[ast.AST, ast.AST], part: Part) -> Iterator[str]:
    """Give the attributes that are read of an operator where it is named."""
    parent = parents.get(node)
    if isinstance(parent, ast.Attribute):
        if isinstance(parent.ctx, ast.Load):
            above = parents.get(parent)
            after = above.attr if isinstance(above, ast.Attribute) else ""
            if parent.attr in WHOLE or (parent.attr == "log" and after and after not in LOGGING):
                yield ALL
            else:
                yield "dag_id" if (parent.attr, after) == ("dag", "dag_id") else parent.attr
    elif isinstance(parent, ast.Call) and node in parent.args and isinstance(parent.func, ast.Name):
        second = parent.args[1] if len(parent.args) > 1 else None
        if parent.func.id in ("getattr", "hasattr") and isinstance(second, ast.Constant):
            yield ALL if second.value in WHOLE else str(second.value)
        elif parent.func.id not in ("type", "super", "isinstance", "setattr", "id") and not _is_wrapped(
            parent.func, part
        ):
            yield ALL
    elif not part.hands_on:
        yield ALL


def _taken(
    node: ast.Name, parents: dict[ast.AST, ast.AST], part: Part, chain: Sequence[Part], methods: Methods
) -> Iterator[str]:
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
        if not isinstance(call, ast.Call):
            yield ALL
        elif _is_wrapped(call.func, part):
            followed = [item for item in chain if item.function is part.wrapped]
            if not all(_receives(item, call, node, bound=False) for item in followed):
                yield ALL
        elif not (isinstance(call.func, ast.Attribute) and _is_self(call.func.value, part)):
            yield ALL
        elif call.func.attr not in STAGES or call.func.attr in methods:
            receivers = methods.get(call.func.attr, ())
            if not receivers or not all(_receives(item, call, node) for item in receivers):
                yield ALL


def _taken_of_all(node: ast.Name, parents: dict[ast.AST, ast.AST], part: Part, methods: Methods) -> Iterator[str]:
    """What is taken where all is named that a function was called with."""
    parent = parents.get(node)
    call = parents.get(parent) if parent is not None else None
    starred = isinstance(parent, ast.Starred) or (isinstance(parent, ast.keyword) and parent.arg is None)
    if part.hands_on:
        if isinstance(parent, ast.Subscript | ast.Attribute):
            yield ALL
    elif not (starred and isinstance(call, ast.Call)):
        yield ALL
    else:
        # As it was called: what stands before goes on in its place.
        places = code.co_varnames[: code.co_argcount] if (code := getattr(part.function, "__code__", None)) else ()
        before = tuple(getattr(argument, "id", "") for argument in call.args if not isinstance(argument, ast.Starred))
        name = call.func.attr if isinstance(call.func, ast.Attribute) and _is_self(call.func.value, part) else ""
        follows = name in GIVEN and (name in STAGES or name in methods)
        if not ((follows and before == places[1:]) or (_is_wrapped(call.func, part) and before == places)):
            yield ALL


def _is_wrapped(node: ast.expr, part: Part) -> bool:
    """Return whether a name stands for what a decorator has wrapped."""
    function = part.function
    if function is None or part.wrapped is None or not isinstance(node, ast.Name):
        return False
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    try:
        return node.id in cells and cells[node.id].cell_contents is part.wrapped
    except ValueError:
        return False


def _receives(part: Part, call: ast.Call, node: ast.Name, *, bound: bool = True) -> bool:
    """Return whether a function gets what is named in a call as its context, where it is looked at."""
    if part.function is None:
        return True  # all is taken there
    code = part.function.__code__
    positional = code.co_varnames[: code.co_argcount]
    if node not in call.args:
        named = any(word.value is node and word.arg == CONTEXT for word in call.keywords)
        return named and (CONTEXT in part.names or bool(part.stars))
    if any(isinstance(argument, ast.Starred) for argument in call.args):
        return False
    place = call.args.index(node) + (bound and (positional[:1] in (("self",), ("cls",)) or part.own is not None))
    return positional[place] in part.names if place < len(positional) else bool(part.stars)


def _parameters(function: types.FunctionType) -> tuple[str, ...]:
    code = function.__code__
    return code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]


def _key(key: Any, read: ast.AST, parents: dict[ast.AST, ast.AST]) -> Iterator[str]:
    if not (key in INSTANCE and getattr(parents.get(read), "attr", "") == PUSH):
        yield key if isinstance(key, str) else ALL


def _is_self(node: ast.expr, part: Part) -> bool:
    named, name = (node.func, "super") if isinstance(node, ast.Call) else (node, part.own or "self")
    return isinstance(named, ast.Name) and named.id == name
