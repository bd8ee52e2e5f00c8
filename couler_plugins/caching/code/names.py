"""Names and texts in code: what it reaches from its globals and imports, and the texts that it holds."""

from __future__ import annotations

import ast
import dis
import inspect
import linecache
import re
import sys
import textwrap
import types
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, cast

from couler_plugins.caching.code.uncacheable import nested_code


def syntax_of(function: Any) -> ast.Module | None:
    """Return the syntax of a function, of what it wraps, or of a code object; None where it has no source.

    Args:
        function: the function, or its code; of anything else as well, as far as `inspect` knows its source.
    """
    try:
        return ast.parse(textwrap.dedent(_source_of(function)))
    except (OSError, TypeError, SyntaxError, ValueError, IndexError):
        return None


def last_name(node: ast.AST) -> str:
    """Return the last name of a dotted one, empty for all else."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def called_name(node: ast.AST) -> str:
    """Return the last name of a dotted one, or of what is called, once or more often."""
    return called_name(node.func) if isinstance(node, ast.Call) else last_name(node)


def _source_of(function: Any) -> str:
    plain = inspect.unwrap(function) if callable(function) else function
    code = getattr(plain, "__code__", plain)
    if isinstance(code, types.CodeType):
        linecache.checkcache(code.co_filename)
        lines = linecache.getlines(code.co_filename)[code.co_firstlineno - 1 :]
        if lines:
            return "".join(inspect.getblock(lines))
    return inspect.getsource(function)  # it is in an archive


FAST = re.compile(r"(LOAD|STORE)_FAST")
SAME = {
    **dict.fromkeys(("LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"), "LOAD_GLOBAL"),
    **dict.fromkeys(("LOAD_DEREF", "LOAD_CLASSDEREF", "LOAD_FROM_DICT_OR_DEREF"), "LOAD_FAST"),
    **dict.fromkeys(("LOAD_METHOD", "LOAD_SUPER_ATTR"), "LOAD_ATTR"),
    **dict.fromkeys(("STORE_DEREF", "STORE_NAME"), "STORE_FAST"),
    "DELETE_GLOBAL": "STORE_GLOBAL",
}
"""Instructions that do the same to a name, as far as it matters here."""

HAS_DOCSTRING = 0x4000000
"""The flag of code with documentation, from Python 3.14 on; before, the first constant is that or None."""
STORES = ("STORE_FAST", "STORE_GLOBAL")
IGNORED = ("CACHE", "PRECALL", "PUSH_NULL", "RESUME", "SWAP", "POP_TOP", "COPY", "EXTENDED_ARG", "NOP")

ALL = "__dict__"
"""The attribute that stands for all of them, where something is handed on as a whole."""


class Names(NamedTuple):
    """What some code names.

    Attributes:
        chains: globals with the attributes read of them: `("np", "random", "rand")`.
        imports: modules that it imports itself, with the attributes read of them: `("os", "environ")`.
        attributes: all attributes that it reads of anything but globals.
        written: globals that it assigns or deletes.
    """

    chains: tuple[tuple[str, ...], ...]
    imports: tuple[tuple[str, ...], ...]
    attributes: tuple[str, ...]
    written: tuple[str, ...]


def names_of(code: types.CodeType, package: str = "") -> Names:
    """The names in a code object and in those inside of it, each once and sorted.

    Args:
        code: the code.
        package: the package that relative imports start from.
    """
    codes = list(nested_code(code))
    aliases: dict[str, set[tuple[str, ...]]] = {}  # functions inside may give one name to several modules
    imports: set[tuple[str, ...]] = set()
    for one in codes:
        names, bound = _imports(one, package)
        imports |= names
        for name, module in bound.items():
            aliases.setdefault(name, set()).add(module)
    chains: set[tuple[str, ...]] = set()
    attributes: set[str] = set()
    written: set[str] = set()
    for one in codes:
        steps = list(_steps(one))
        passed = 0
        for number, (does, name) in enumerate(steps):
            if does == "LOAD_GLOBAL":
                chain = (name, *_attributes(steps, number))
                chains.add(chain)
                passed = number + len(chain)
            elif does == "LOAD_FAST" and name in aliases:
                read = tuple(_attributes(steps, number))
                imports |= {(*module, *(read or (ALL,))) for module in aliases[name]}
            elif does == "LOAD_ATTR" and number >= passed:
                attributes.add(name)
            elif does == "STORE_GLOBAL":
                written.add(name)
    return Names(tuple(sorted(chains)), tuple(sorted(imports)), tuple(sorted(attributes)), tuple(sorted(written)))


def constants_of(code: types.CodeType) -> tuple[Any, ...]:
    """Return the constants of code, with None in the place of its documentation."""
    constants = code.co_consts
    is_function = bool(code.co_flags & inspect.CO_OPTIMIZED) and not code.co_name.startswith("<")
    documented = is_function and bool(constants) and isinstance(constants[0], str)
    if sys.version_info >= (3, 14):
        documented = documented and bool(code.co_flags & HAS_DOCSTRING)
    return (None, *constants[1:]) if documented else constants


def returns_nothing(function: object) -> bool:
    """Return whether a function ends with None wherever it ends; False where that cannot be told."""
    code = getattr(function, "__code__", None)
    if not isinstance(code, types.CodeType) or code.co_flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
        return False
    steps = list(_steps(code))
    results = [
        step if step[0] == "RETURN_CONST" else steps[number - 1]
        for number, step in enumerate(steps)
        if step[0] in ("RETURN_CONST", "RETURN_VALUE")
    ]
    return bool(results) and all(does in ("LOAD_CONST", "RETURN_CONST") and value is None for does, value in results)


def _steps(code: types.CodeType) -> Iterator[tuple[str, Any]]:
    """What code does, one thing at a time: from Python 3.13 on one instruction may do two."""
    for item in dis.get_instructions(code):
        if item.opname in IGNORED:
            continue
        fast = FAST.findall(item.opname)
        if fast:
            names = item.argval if isinstance(item.argval, tuple) else (item.argval,)
            yield from ((f"{does}_FAST", name) for does, name in zip(fast, names, strict=True))
        else:
            yield SAME.get(item.opname, item.opname), item.argval


def _attributes(steps: list[tuple[str, Any]], number: int) -> Iterator[str]:
    """The attributes that are read of what a step loads, one of the other."""
    for does, name in steps[number + 1 :]:
        if does != "LOAD_ATTR":
            return
        yield name


def _imports(code: types.CodeType, package: str) -> tuple[set[tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """The modules (and what is taken from them) that code imports, and the local names that these get."""
    result: set[tuple[str, ...]] = set()
    bound: dict[str, tuple[str, ...]] = {}
    module, has_names = "", False
    constants: list[Any] = []
    imported: tuple[str, ...] | None = None  # what the next store binds
    for does, name in _steps(code):
        if does in ("LOAD_CONST", "LOAD_SMALL_INT"):
            constants.append(name)
        elif does == "IMPORT_NAME":
            level, names = constants[-2:]
            module, has_names = _absolute(name, level, package), bool(names)
            result |= {(module,), *((module, item) for item in names or ())}
            imported = (module,) if has_names else (module.partition(".")[0],)
        elif does == "IMPORT_FROM":
            # `import a.b as c` takes b from a as well, but it is the whole module that it names.
            imported = (module, name) if has_names else (module,)
        elif does in STORES and imported is not None:
            bound[name] = imported
            imported = None
    return result, bound


def _absolute(name: str, level: int, package: str) -> str:
    if not level:
        return name
    base = package.split(".")
    parts = base[: len(base) - level + 1]
    return ".".join([*parts, name] if name else parts)


EVALUATING = frozenset({"query", "eval"})
"""Methods of pandas, for which `@name` in a text is a global of the caller. Databases have such methods as well."""
TABLES = (tuple, frozenset, list, set, dict)
"""What texts are looked for in."""


def evaluated(
    code: types.CodeType, scope: Mapping[str, Any], chains: Iterable[Sequence[str]], attributes: Collection[str]
) -> Iterator[str]:
    """The attributes in code that may be methods which evaluate a text with names in it.

    Args:
        code: the code.
        scope: its globals.
        chains: those that it names, each with the attributes read of it.
        attributes: all that it reads of anything.
    """
    evaluating = EVALUATING.intersection(attributes)
    if not evaluating:
        return
    texts = [*texts_of(code), *texts_named(scope, chains)]
    for name in sorted(evaluating):
        # Where there is no text, one is handed in, unless it is `urlsplit(url).query`.
        if any("@" in text for text in texts) or (not texts and _is_called(code, name)):
            yield name


def texts_of(code: types.CodeType) -> Iterator[str]:
    """The texts among the constants of code, and of code inside of it; its documentation is none."""
    for constant in constants_of(code):
        yield from texts_of(constant) if isinstance(constant, types.CodeType) else _texts_in(constant)


def texts_named(scope: Mapping[str, Any], chains: Iterable[Sequence[str]]) -> Iterator[str]:
    """The texts in globals, and in tables of those.

    Args:
        scope: the globals.
        chains: those that are named, each with the attributes read of it.
    """
    for root, *path in chains:
        yield from _texts_in(_value(scope.get(root), path))


def _texts_in(value: object) -> Iterator[str]:
    waiting, seen = [value], set[int]()
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            yield item
        elif type(item) in TABLES and id(item) not in seen:
            seen.add(id(item))  # a table may hold itself
            waiting += item.values() if isinstance(item, dict) else cast("Iterable[object]", item)


def _value(value: Any, path: Sequence[str]) -> Any:
    """What a path names, as far as modules and classes hold it themselves."""
    for name in path:
        if not isinstance(value, (types.ModuleType, type)):
            break
        value = vars(value).get(name)
    return value


def _is_called(code: types.CodeType, name: str) -> bool:
    tree = syntax_of(code)
    calls = () if tree is None else (node.func for node in ast.walk(tree) if isinstance(node, ast.Call))
    return tree is None or any(isinstance(called, ast.Attribute) and called.attr == name for called in calls)
