"""What code names: the dotted names that it reaches from its globals and imports, read from its bytecode."""

from __future__ import annotations

import dis
import inspect
import re
import sys
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

__all__ = ["ALL", "Names", "constants_of", "names_of", "returns_nothing"]

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
    codes = list(_all(code))
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


def _all(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _all(constant)


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
